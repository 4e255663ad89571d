"""What both kinds of scan do, whatever ends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mbuscli.errors import MbuscliError

if TYPE_CHECKING:
    from mbuscli.render.report import Output


@contextmanager
def finished(output: Output, finish: Callable[[bool], None]) -> Iterator[None]:
    """Call `finish`, with true if the scan came to its end, so that what was found so far is written."""
    try:
        yield
    except (KeyboardInterrupt, MbuscliError):
        finish(False)
        raise
    finally:
        output.streams.end_progress()
    finish(True)

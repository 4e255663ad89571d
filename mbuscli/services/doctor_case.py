"""What the examination of an installation looks at, and what each look finds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

from mbuscli.errors import MbuscliError

State: TypeAlias = Literal["ok", "warning", "failed", "skipped"]
# What stands behind a port that was named.
Kind: TypeAlias = Literal["converter", "stick", "modem"]


class Screen(NamedTuple):
    """Where the program writes to. `encoding`: of stdout; `colour`: whether it is used."""

    encoding: str
    is_terminal: bool
    columns: int
    colour: bool


class Case(NamedTuple):
    """What is asked of an examination.

    `port`: the one that the user named, and that may be spoken to; `kind`: what stands behind it, None if it
    is to be guessed from its USB texts.
    """

    screen: Screen
    environ: Mapping[str, str] = os.environ
    port: str | None = None
    kind: Kind | None = None


class Finding(NamedTuple):
    """One thing that was looked at. `hint`: commands to run, or what to do; `subject`: which of several."""

    state: State
    text: str
    hint: tuple[str, ...] = ()
    subject: str | None = None


Look: TypeAlias = Callable[[Case], Iterator[Finding]]


def found_error(error: MbuscliError, subject: str | None = None, state: State = "failed") -> Finding:
    """An error as what was found."""
    return Finding(state, error.text, error.hint or (f"mbuscli help errors {error.name}",), subject)


def found_bug(error: Exception) -> Finding:
    """A check that threw what it should not have thrown, and where."""
    if isinstance(error, OSError) and error.strerror:
        what = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    else:
        what = f"{type(error).__name__}: {error}"
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    code = "" if place is None else place.tb_frame.f_code.co_filename
    where = "" if place is None else f" ({os.path.basename(code)}, line {place.tb_lineno})"
    return Finding("failed", f"the check itself failed: {what}{where}", ("this is a bug: report this line",))


def without_home(text: str, environ: Mapping[str, str]) -> str:
    """`text` with the home folder as ~, so that it can be shown to others; a shell still understands it."""
    home = (environ.get("HOME") or os.path.expanduser("~")).rstrip("/\\")
    if not home or home == "~":
        return text
    # A shell expands no ~ inside quotes.
    text = text.replace(f"'{home}{os.sep}", f"~{os.sep}'")
    text = text.replace(home + os.sep, f"~{os.sep}")
    return text.removesuffix(home) + "~" if text.endswith(home) else text

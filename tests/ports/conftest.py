"""Real pseudo-terminals for the tests of the ports."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

import pytest


class Terminal:
    """A fresh pty: the test plays the device at `master`, the port opens `path`."""

    def __init__(self) -> None:
        import tty

        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)

    def unplug(self) -> None:
        for name in ("master", "_slave"):
            if (fd := getattr(self, name)) is not None:
                os.close(fd)
                setattr(self, name, None)

    def heard(self, count: int) -> bytes:
        """The next `count` octets that the port sent."""
        data = b""
        while len(data) < count:
            assert select.select([self.master], [], [], 5)[0], f"only {data!r} of {count} octets came"
            data += os.read(self.master, count - len(data))
        return data


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    pytest.importorskip("termios")
    line = Terminal()
    yield line
    line.unplug()

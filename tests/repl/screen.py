"""The shell at a pseudo-terminal: keys in, and what it shows as text, escape sequences left out."""

from __future__ import annotations

import os
import re
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.program import COMMAND, GOLDEN, environment

_LAUNCHER = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
_LIMIT_S = 40
_WHERE_IS_THE_CURSOR = b"\x1b[6n"
_FORWARD = re.compile(r"\x1b\[(\d*)C")
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>78()][0-9A-B]?)")
PROMPT = "mbuscli> "


class Screen:
    """One shell. `expect` looks at what was shown since the last thing that was expected."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self._master = master
        self._raw = b""
        self._seen = 0

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def expect(self, wanted: str) -> str:
        """Wait until this is shown; all that was shown up to there."""
        deadline = time.monotonic() + _LIMIT_S
        while (at := self.text.find(wanted, self._seen)) < 0:
            assert self._read(deadline - time.monotonic()), f"waited for {wanted!r}, saw {self.rest!r}"
        shown = self.text[self._seen : at + len(wanted)]
        self._seen = at + len(wanted)
        return shown

    def run(self, line: str, shows: str) -> None:
        """Type a line, and wait until what it puts out is there."""
        self.type(line + "\r")
        self.expect(shows)

    def end(self) -> int:
        """The exit code, after the end."""
        deadline = time.monotonic() + _LIMIT_S
        while self._read(deadline - time.monotonic()):
            pass
        return self.process.wait(_LIMIT_S)

    @property
    def rest(self) -> str:
        """What was shown since."""
        return self.text[self._seen :]

    @property
    def text(self) -> str:
        """All that was ever shown."""
        return _ESCAPE.sub("", _FORWARD.sub(lambda match: " " * int(match[1] or 1), self.raw))

    @property
    def raw(self) -> str:
        """The same with its escape sequences."""
        return self._raw.decode("utf-8", "replace")

    def _read(self, timeout_s: float) -> bool:
        if not select.select([self._master], [], [], max(timeout_s, 0))[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux: the last one has closed the terminal
            return False
        if _WHERE_IS_THE_CURSOR in data:
            os.write(self._master, b"\x1b[1;1R")
        self._raw += data
        return bool(data)


@contextmanager
def shell(folder: Path, *args: str, columns: int = 80, **environ: str) -> Iterator[Screen]:
    """`mbuscli shell` with its files in `folder`, once its prompt is there."""
    import fcntl
    import pty
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    settings = environment(
        TERM="xterm",
        COLUMNS=str(columns),
        MBUSCLI_STATE_DIR=str(folder / "state"),
        MBUSCLI_CONFIG_DIR=str(folder / "config"),
        **environ,
    )
    process = subprocess.Popen(
        [sys.executable, "-c", _LAUNCHER, *COMMAND, "shell", *args],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        cwd=GOLDEN,
        env=settings,
    )
    os.close(slave)
    try:
        screen = Screen(process, master)
        screen.expect(PROMPT)
        yield screen
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(master)

"""Runs the program at a terminal, where it may ask for secrets."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.cli.program import COMMAND, GOLDEN, environment

# The pseudo-terminal becomes the controlling one, so that /dev/tty is it.
LAUNCHER = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
_LIMIT_S = 40


class Screen(NamedTuple):
    """All that the terminal showed, echo included, and the exit code."""

    text: str
    code: int


def run_at_terminal(
    *args: str, answers: Sequence[tuple[str, str]] = (), cwd: Path = GOLDEN, **environ: str
) -> Screen:
    """Run `mbuscli` at a pseudo-terminal; each answer is typed when its prompt (a regular expression) shows."""
    import pty

    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, *COMMAND, *args],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        cwd=cwd,
        env=environment(TERM="xterm", **environ),
    )
    os.close(slave)
    shown = ""
    try:
        for prompt, answer in answers:
            shown = _read_until(master, shown, prompt)
            os.write(master, answer.encode() + b"\n")
        shown = _read_until(master, shown, None)
        return Screen(shown, child.wait(_LIMIT_S))
    finally:
        child.kill()
        child.wait()
        os.close(master)


def _read_until(master: int, shown: str, prompt: str | None) -> str:
    """Read on until the prompt stands at the end, or, without one, until the program has ended."""
    deadline = time.monotonic() + _LIMIT_S
    while prompt is None or not re.search(f"{prompt}$", shown):
        ready, _, _ = select.select([master], [], [], deadline - time.monotonic())
        assert ready, f"waited for {prompt!r}, saw {shown!r}"
        try:
            data = os.read(master, 4096)
        except OSError:  # Linux: the last one has closed the terminal
            data = b""
        if not data:
            assert prompt is None, f"ended before {prompt!r}: {shown!r}"
            break
        shown += data.decode("utf-8", "replace")
    return shown

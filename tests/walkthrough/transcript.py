"""Screens of a walk-through, one after the other, compared with those that were looked at and accepted.

A file in tests/golden/walkthrough holds the screens under the names of their steps. To accept new ones:
MBUSCLI_GOLDEN=write pytest tests/walkthrough, and look at the difference.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.program import GOLDEN
from tests.walkthrough.tmux import LIMIT_S, Terminal, variables

FOLDER = GOLDEN / "walkthrough"
# What makes a test a walk-through.
WALK = [
    pytest.mark.skipif(
        sys.platform == "win32" or not shutil.which("tmux") or not shutil.which("bash"),
        reason="there is no tmux, or no bash to run in it",
    ),
    # Radio meters take their time to send.
    pytest.mark.timeout(180),
]
# What differs from run to run keeps its length, so that lines break where they did.
_MASKS = (
    # The last part of the home folder's name, also where the terminal has broken the line in it.
    (re.compile(r"(?<=mbuscli-walk-)(\w\n?){8}"), lambda found: re.sub(r"\w", "0", found[0])),
    (re.compile(r"\b20\d\d-\d\d-\d\d(?= \d\d:\d\d)"), "2026-01-31"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "10:00:00"),
    (re.compile(r"(?<=2026-01-31 )\d\d:\d\d\b(?!:)|^\d\d:\d\d(?=  )", re.MULTILINE), "10:00"),
    (re.compile(r"(?<= in )\d+ s\b"), "N s"),
)


class Transcript:
    """The screens of one walk-through."""

    def __init__(self, name: str) -> None:
        self._path = FOLDER / f"{name}.txt"
        self._parts: list[str] = []

    def add(self, step: str, screen: str) -> None:
        """The next screen; its paths, times and process ids are masked."""
        for pattern, text in _MASKS:
            screen = pattern.sub(text, screen)
        self._parts.append(f"=== {step}\n{screen}")

    def check(self) -> None:
        """All of it is as it was accepted."""
        text = "\n".join(self._parts)
        if os.environ.get("MBUSCLI_GOLDEN") == "write":
            FOLDER.mkdir(exist_ok=True)
            self._path.write_text(text, encoding="utf-8")
        assert text == self._path.read_text(encoding="utf-8")


@contextmanager
def simulated(terminal: Terminal, link: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A bus, plugged in as `link` in the terminal's home folder while it is needed; it may end before."""
    path = terminal.home / link
    child = program(terminal, "simulate", "--link", str(path), "--quiet", *words)
    try:
        deadline = time.monotonic() + LIMIT_S
        while not path.exists():
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield child
    finally:
        child.terminate()
        child.wait(LIMIT_S)


def program(terminal: Terminal, *words: str) -> subprocess.Popen[bytes]:
    """The program, running beside the terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "mbuscli", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=variables(terminal.home),
        cwd=terminal.home,
    )


def write_list(folder: Path, rows: Sequence[str]) -> None:
    """A list of meters, `route.csv`."""
    (folder / "route.csv").write_text("\n".join(("id,name,place", *rows, "")), encoding="utf-8")

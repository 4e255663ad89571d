"""What commands print, word for word.

A file in tests/golden holds commands (`$ mbuscli ...`), what they wrote to stdout, what they wrote to
stderr (`! `) and their exit code (`= `). To accept new output: MBUSCLI_GOLDEN=write pytest tests/cli
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from tests.cli.program import GOLDEN, run

_PROMPT = "$ mbuscli "
_TIME = re.compile(r'("time": ?)"\d{4}-\d\d-\d\dT[^"]*"')


def play(command: str) -> list[str]:
    """The transcript of one command; the time of reception, which is the clock's, is masked."""
    result = run(*shlex.split(command))
    lines = [_PROMPT + command, *_TIME.sub(r'\1"TIME"', result.out).splitlines()]
    lines += [f"! {line}".rstrip() for line in result.err.splitlines()]
    return [*lines, f"= {result.code}", ""]


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.txt")), ids=lambda file: file.stem)
def test_transcript(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    commands = [line.removeprefix(_PROMPT) for line in text.splitlines() if line.startswith(_PROMPT)]
    played = "\n".join(line for command in commands for line in play(command))
    if os.environ.get("MBUSCLI_GOLDEN") == "write":
        file.write_text(played, encoding="utf-8")
    assert commands
    assert played == text

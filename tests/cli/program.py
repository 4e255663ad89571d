"""Runs the program as a user does: in a process of its own, with pipes for its streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
COMMAND = [sys.executable, "-m", "mbuscli"]


class Result(NamedTuple):
    """What a run left behind."""

    out: str
    err: str
    code: int


def environment(**changes: str) -> dict[str, str]:
    """The environment of a run: nothing of the developer's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP") if name in os.environ}
    fixed = {
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "80",
        "TZ": "UTC",
        "LC_ALL": "C",
    }
    return {**kept, **fixed, **changes}


def run(*args: str, stdin: bytes = b"", cwd: Path = GOLDEN, **environ: str) -> Result:
    """Run `mbuscli` with these arguments."""
    done = subprocess.run(
        [*COMMAND, *args], input=stdin, capture_output=True, cwd=cwd, env=environment(**environ), timeout=50
    )
    return Result(done.stdout.decode("utf-8"), done.stderr.decode("utf-8"), done.returncode)

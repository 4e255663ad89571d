"""Ports that cannot be opened: not permitted, and held by somebody else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.walkthrough.tmux import terminal
from tests.walkthrough.transcript import WALK, Transcript

pytestmark = WALK

# Somebody without rights, who may still read the interpreter, wherever that is installed.
NOBODY = 65534
AS_NOBODY = (
    *("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"),
    *("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"),
)
HOLDER = """
import fcntl, os, sys
port = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(port, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def may_change_user() -> bool:
    """True if this process can be nobody, and is refused then what nobody is refused."""
    if sys.platform == "win32" or os.getuid() or not shutil.which("setpriv"):
        return False
    check = "import os; os.stat('/'); raise SystemExit(os.access(os.devnull + '/../mem', os.W_OK))"
    return subprocess.run([*AS_NOBODY, sys.executable, "-c", check], capture_output=True).returncode == 0


@contextmanager
def pseudo_port() -> Iterator[str]:
    """A pseudo-terminal nobody serves."""
    import pty

    near, far = pty.openpty()
    try:
        yield os.ttyname(far)
    finally:
        os.close(near)
        os.close(far)


@pytest.mark.skipif(not may_change_user(), reason="this takes root and setpriv")
def test_no_permission() -> None:
    """Who owns the port, and what to do about it; told to somebody who is not root."""
    transcript = Transcript("no_permission")
    with pseudo_port() as port, terminal() as screen:
        os.chown(port, 0, 0)
        os.chmod(port, 0o600)
        (screen.home / "ttyUSB0").symlink_to(port)
        os.chown(screen.home, NOBODY, NOBODY)
        (screen.home / "as-nobody").write_text(f'#!/bin/sh\nexec {" ".join(AS_NOBODY)} -- "$@"\n')
        (screen.home / "as-nobody").chmod(0o755)
        text = screen.run("./as-nobody mbuscli scan --port ~/ttyUSB0")
        transcript.add("the port is root's", text)
        transcript.add("sniff", screen.run("./as-nobody mbuscli sniff --port ~/ttyUSB0"))
    transcript.check()


def test_the_port_is_held() -> None:
    """Who has it."""
    with pseudo_port() as port, terminal() as screen:
        (screen.home / "ttyUSB0").symlink_to(port)
        (screen.home / "hold.py").write_text(HOLDER)
        holder = subprocess.Popen(
            [sys.executable, str(screen.home / "hold.py"), port],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            text = screen.run("mbuscli scan --port ~/ttyUSB0")
        finally:
            holder.kill()
            holder.communicate()
    # This process has it too, as it made it.
    assert f"(pid {holder.pid})" in text
    assert re.search(rf"kill (\d+ )*{holder.pid}\b", text)
    assert text.endswith("[3] $\n")

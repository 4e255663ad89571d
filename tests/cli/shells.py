"""Real shells at a pseudo-terminal: type, press TAB, look."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mbuscli.manual.files import SCRIPTS
from tests.cli.program import COMMAND, ROOT, environment
from tests.cli.terminal import LAUNCHER

_LIMIT_S = 40
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?<>=]*[a-zA-Z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0AB]|[=>])|\r")
_READY = "ready=>"
_SCRIPTS = ROOT / "mbuscli" / "manual" / "shells"

# What each shell does first: a prompt to wait for, and our script.
_SET_UP = {
    "bash": "PS1='{ready} '; bind 'set bell-style none'; . {script}",
    "zsh": "PS1='{ready} '; unsetopt prompt_sp beep; autoload -U compinit; compinit -u -D; . {script}",
    "fish": "function fish_prompt; echo '{ready} '; end; function fish_greeting; end; source {script}",
}
_RC_NAMES = {"bash": "bashrc", "zsh": ".zshrc", "fish": "config.fish"}
SHELLS = tuple(_SET_UP)


def _start(name: str, rc: Path) -> list[str]:
    """How the shell is started with nothing of the user's."""
    return {
        "bash": ["bash", "--noprofile", "--rcfile", str(rc), "-i"],
        "zsh": ["zsh", "--no-globalrcs", "-i"],
        "fish": ["fish", "--no-config", "--interactive", "--init-command", f"source {rc}"],
    }[name]


class Shell:
    """A shell with our completion; `typed` sends keys and gives back what showed."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
        import pty

        put_program(folder / "bin")
        rc = folder / _RC_NAMES[name]
        rc.write_text(_SET_UP[name].format(ready=_READY, script=_SCRIPTS / SCRIPTS[name]) + "\n")
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        own = {"HOME": str(folder), "ZDOTDIR": str(folder), "PATH": path}
        self.master, slave = pty.openpty()
        _set_size(slave)
        self._child = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, shutil.which(name) or name, *_start(name, rc)[1:]],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            cwd=folder,
            env=environment(TERM="xterm", LC_ALL="C.UTF-8", **own),
        )
        os.close(slave)
        try:
            self.shown_until(re.escape(_READY))
        except BaseException:
            self.close()
            raise

    def typed(self, keys: str, until: str) -> str:
        """Type, and read until the pattern has shown; what showed, without the terminal's escapes."""
        os.write(self.master, keys.encode())
        return self.shown_until(until)

    def shown_until(self, until: str) -> str:
        """What shows from now on, up to the pattern."""
        shown = ""
        deadline = time.monotonic() + _LIMIT_S
        while not re.search(until, shown):
            ready, _, _ = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"waited for {until!r}, saw {shown!r}"
            shown += _ESCAPES.sub("", os.read(self.master, 65536).decode("utf-8", "replace"))
        return shown

    def close(self) -> None:
        """End the shell."""
        self._child.kill()
        self._child.wait()
        os.close(self.master)


def put_program(folder: Path) -> None:
    """`mbuscli` for PATH, of this tree."""
    folder.mkdir()
    script = folder / "mbuscli"
    words = " ".join(f'"{word}"' for word in COMMAND)
    script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    script.chmod(0o755)


def _set_size(terminal: int) -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))

"""A real terminal: a private tmux server with one pane of a fixed size, in which a person's shell runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cli.program import ROOT

LIMIT_S = 30.0
PROMPT = re.compile(r"^\[\d+\] \$$")
_PAUSE_S = 0.03
# The prompt shows the exit code; each prompt also adds a line to a file, which tells it from the one before.
_SHELL = """
PS1='[$?] $ '
PROMPT_COMMAND='echo >> "$HOME/.prompts"'
"""


class Terminal:
    """A pane with bash in it. `home` is an empty home folder; its path has always the same length."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._words = ["tmux", "-S", str(home / ".tmux"), "-f", os.devnull]
        self._prompts = 0
        # tmux gives a pane the PATH of whoever asks for it.
        self._environ = variables(home)
        _install(home)

    def open(self, size: tuple[int, int], prefix: Sequence[str]) -> None:
        """Start the server and the shell; to be closed, also if this fails."""
        home = self.home
        shell = [
            *prefix,
            shutil.which("bash") or "bash",
            "--noprofile",
            "--rcfile",
            str(home / ".bashrc"),
            "-i",
        ]
        columns, lines = size
        # What tmux itself says in its last line would hide one of the screen's.
        self._tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), "cat")
        self._tmux("set-option", "-g", "status", "off")
        self._tmux("set-option", "-g", "default-terminal", "screen-256color")
        self._tmux("set-option", "-g", "history-limit", "5000")
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))
        self._tmux("respawn-pane", "-k", "-c", str(home), shlex.join(shell))
        self._until_prompt()

    def close(self) -> None:
        """End the server and all that runs in it; returns when the shell is gone, which writes its history."""
        asked = subprocess.run([*self._words, "display-message", "-p", "#{pane_pid}"], capture_output=True)
        subprocess.run([*self._words, "kill-server"], capture_output=True)
        deadline = time.monotonic() + LIMIT_S
        while asked.stdout.strip() and _is_alive(int(asked.stdout)) and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)

    def run(self, command: str) -> str:
        """Type a command on a clear screen, and all that stands there when the next prompt has come."""
        self.start(command)
        return self.finish()

    def start(self, command: str) -> None:
        """Type a command on a clear screen."""
        self.keys("C-l")
        self.wait(lambda text: PROMPT.match(text.strip()) is not None, "a clear screen")
        self._tmux("clear-history")
        self.type(command)

    def finish(self) -> str:
        """Everything since the command was typed, once the next prompt stands."""
        self._until_prompt()
        return self.screen(history=True)

    def type(self, text: str) -> None:
        """Type a line and press Enter."""
        self._tmux("send-keys", "-l", text)
        self.keys("Enter")

    def keys(self, *names: str) -> None:
        """Press keys by tmux's names: `q`, `Enter`, `C-c`, `Tab` ..."""
        self._tmux("send-keys", *names)

    def screen(self, *, history: bool = False) -> str:
        """What the pane shows, without blanks at the ends of lines; `history`: with what has scrolled away."""
        text = self._tmux("capture-pane", "-p", *(("-S", "-") if history else ()))
        return "".join(f"{line.rstrip()}\n" for line in text.rstrip().split("\n"))

    def wait(self, fits: str | Callable[[str], bool], what: str = "", limit_s: float = LIMIT_S) -> str:
        """The screen as soon as it fits (a regular expression, or any condition)."""
        check = fits if callable(fits) else lambda text: re.search(fits, text, re.MULTILINE) is not None
        deadline = time.monotonic() + limit_s
        while not check(text := self.screen()):
            assert time.monotonic() < deadline, f"waited for {what or fits!r}, the screen is:\n{text}"
            time.sleep(_PAUSE_S)
        return text

    def _until_prompt(self) -> None:
        done = self.home / ".prompts"

        def there(text: str) -> bool:
            if not done.exists() or done.stat().st_size <= self._prompts:
                return False
            lines = text.rstrip().split("\n")
            return PROMPT.match(lines[-1]) is not None

        self.wait(there, "a prompt")
        self._prompts = done.stat().st_size

    def _tmux(self, *args: str) -> str:
        done = subprocess.run(
            [*self._words, *args], capture_output=True, text=True, env=self._environ, timeout=LIMIT_S
        )
        assert done.returncode == 0, (args, done.stderr)
        return done.stdout


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def variables(home: Path) -> dict[str, str]:
    """An environment with nothing of the developer's settings in it; `mbuscli` is this tree's."""
    return {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "TERM": "screen-256color",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SHELL": "/bin/sh",
        "PAGER": "cat",
    }


def _install(home: Path) -> None:
    """The command, and what the shell reads when it starts."""
    (home / "bin").mkdir()
    program = home / "bin" / "mbuscli"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mbuscli "$@"\n')
    program.chmod(0o755)
    (home / ".bashrc").write_text(_SHELL)


@contextmanager
def terminal(size: tuple[int, int] = (80, 24), prefix: Sequence[str] = ()) -> Iterator[Terminal]:
    """A terminal while it is needed. `prefix`: words before the shell, as of `setpriv`."""
    home = Path(tempfile.mkdtemp(prefix="mbuscli-walk-", dir="/tmp"))
    found = Terminal(home)
    try:
        found.open(size, prefix)
        yield found
    finally:
        found.close()
        shutil.rmtree(home, ignore_errors=True)

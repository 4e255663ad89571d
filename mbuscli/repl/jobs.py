"""Commands that run in the background: what they put out is said above the prompt."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from typing import TextIO, cast

from mbuscli.cli.exit_codes import MEANINGS, ExitCode
from mbuscli.errors import Reason, UsageError
from mbuscli.render.streams import Streams, output_of_thread, terminal_width
from mbuscli.render.text import folded
from mbuscli.repl.console import Console

# Longer than a stick takes to be put back.
_PATIENCE_S = 10.0
COMMANDS = ("sniff",)


class _Lines(io.TextIOBase):
    """A text stream whose lines are said."""

    def __init__(self, console: Console, *, is_talk: bool) -> None:
        self._console = console
        self._is_talk = is_talk
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        if lines:
            self._console.say("\n".join(lines), is_talk=self._is_talk)
        return len(text)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return sys.stdout.encoding or "ascii"

    def isatty(self) -> bool:
        return False


class JobStreams(Streams):
    """The streams of a job. Its progress is no line: it is where a job that shall stop finds out."""

    def __init__(self, console: Console, stop: threading.Event) -> None:
        out, err = (cast(TextIO, _Lines(console, is_talk=is_talk)) for is_talk in (False, True))
        super().__init__(out, err, os.environ)
        self.above_prompt = True
        self._stop = stop

    def words(self, text: str) -> None:
        """As Streams says, of the terminal that the lines come to."""
        self.data(_fitted(text, sys.stdout))

    def complain(self, text: str) -> None:
        """As Streams says, of the terminal that the lines come to."""
        super().complain(_fitted(text, sys.stderr))

    def progress(self, text: str) -> None:
        """KeyboardInterrupt, as if somebody had pressed Ctrl-C, when the job shall stop."""
        if self._stop.is_set():
            raise KeyboardInterrupt


def _fitted(text: str, stream: TextIO) -> str:
    return folded(text, terminal_width()) if stream.isatty() and not text.startswith("{") else text


class Job(threading.Thread):
    """One command in the background. `line` is what the user typed."""

    def __init__(self, number: int, line: str, run: Callable[[], int], console: Console) -> None:
        super().__init__(name=f"job {number}", daemon=True)
        self.number = number
        self.line = line
        self._run = run
        self._console = console
        self._ending = threading.Event()
        self._was_told = False

    def run(self) -> None:
        with output_of_thread(JobStreams(self._console, self._ending)):
            code = self._run()
        meaning = MEANINGS.get(ExitCode(code), "")
        how = "ended" if code == ExitCode.DONE else f"ended with {code} ({meaning})"
        self._console.say(_fitted(f"[{self.number}] {self.line}: {how}", sys.stderr), is_talk=True)

    def stop(self) -> None:
        """Let it end as Ctrl-C does, its files whole and its port given back; returns when it has."""
        self._ending.set()
        self.join(_PATIENCE_S)


class Jobs:
    """The jobs of a shell."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._jobs: dict[int, Job] = {}
        self._last = 0

    @property
    def running(self) -> list[Job]:
        """Those that have not ended."""
        return [job for job in self._jobs.values() if job.is_alive()]

    def start(self, line: str, run: Callable[[], int]) -> Job:
        """Begin one."""
        self._last += 1
        job = self._jobs[self._last] = Job(self._last, line, run, self._console)
        job.start()
        return job

    def stop(self, number: int | None = None) -> list[Job]:
        """Stop one, or the last that was begun; the jobs stopped. UsageError if there is none."""
        running = {job.number: job for job in self.running}
        if not running or (number is not None and number not in running):
            what = "nothing runs in the background" if number is None else f"there is no job {number}"
            raise UsageError(what, reason=Reason.INVALID, hint=("jobs lists them",))
        job = running[max(running) if number is None else number]
        job.stop()
        return [job]

    def stop_all(self) -> None:
        """Stop whatever runs."""
        for job in self.running:
            job.stop()

"""A program, or several joined by pipes, that this one starts and whose output it reads as a port."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections import deque
from contextlib import suppress
from typing import IO, NamedTuple

from mbuscli.errors import PortError, Reason, UsageError
from mbuscli.ports.base import NOTHING, Received
from mbuscli.ports.feed import Feed
from mbuscli.ports.realtime import RealTimePort

# A receiver needs a moment to release its radio.
END_PATIENCE_S = 2.0
# What came out of stderr in front of the end arrives a little later than the end of stdout.
_LAST_WORDS_S = 1.0
_MOST_WORDS = 20
_LONGEST_WORD = 400


class Ended(NamedTuple):
    """How a program ended: exit code (negative: the signal's number), None while it runs; its last words."""

    program: str
    code: int | None
    words: tuple[str, ...]


class ChildPort(RealTimePort):
    """The output of a command line such as `rtl_sdr -f 868.95M - | rtl_wmbus`.

    Nothing runs before `start`. A `|` joins programs; no shell is involved. `read` raises PortError
    `port.closed` when the output ends. Closing ends every program, with all that it has started.
    """

    def __init__(self, name: str, command: str | None = None) -> None:
        """`command`: what the user wants to be started instead of what the driver would."""
        super().__init__(name, baud=0)
        self.command = command
        self._stages: list[_Stage] = []
        self._feed: Feed | None = None

    def start(self, command: str) -> None:
        """Start the programs, in place of those that run. Raises UsageError, PortError `port.missing`,
        `port.permission` and `port.failed`."""
        self._check_open()
        programs = split_pipeline(command)
        self._end_all()
        source: IO[bytes] | None = None
        try:
            for program in programs:
                stage = _Stage(program, source)
                self._stages.append(stage)
                source = stage.stdout
        except PortError:
            self._end_all()
            raise
        if source is not None:
            fd = source.fileno()
            self._feed = Feed(lambda size: os.read(fd, size))

    @property
    def is_running(self) -> bool:
        """True while every program runs."""
        return bool(self._stages) and all(stage.code() is None for stage in self._stages)

    def words(self) -> list[str]:
        """What the programs have written to stderr last, oldest first, program by program."""
        return [word for stage in self._stages for word in tuple(stage.words)]

    def ended(self) -> list[Ended]:
        """How the programs ended, in the order of the pipeline."""
        return [Ended(stage.program, stage.code(), tuple(stage.words)) for stage in self._stages]

    def write(self, data: bytes) -> None:
        self._check_open()
        raise PortError(f"{self.name} is only read: nothing can be sent", reason=Reason.UNSUPPORTED)

    def set_baud(self, baud: int) -> None:
        """A program has no rate."""
        self._check_open()

    def _send(self, data: bytes, deadline: float) -> None:
        """Never reached: `write` refuses."""

    def _receive(self, timeout_s: float) -> Received:
        if self._feed is None:
            raise PortError(f"{self.name} has not been started", reason=Reason.CLOSED)
        data = self._feed.take(timeout_s)
        if data is None:
            self._check_open()
            raise self._over()
        return Received(data) if data else NOTHING

    def _release(self) -> None:
        self._end_all()

    def _over(self) -> PortError:
        for stage in reversed(self._stages):
            stage.await_last_words(_LAST_WORDS_S)
        ended = self.ended()
        told = [_how(end) for end in ended if end.code]
        text = "; ".join(told) or f"{ended[-1].program} ended"
        return PortError(f"{self.name}: {text}", reason=Reason.CLOSED)

    def _end_all(self) -> None:
        stages, self._stages = self._stages, []
        feed, self._feed = self._feed, None
        if feed is not None:
            feed.stop()
        for stage in stages:
            stage.terminate()
        for stage in stages:
            stage.end()
        if feed is not None:
            feed.thread.join(END_PATIENCE_S)
            if feed.thread.is_alive():
                return  # something that got away from its group holds the pipe
        for stage in stages:
            stage.stdout.close()


class _Stage:
    """One program of the pipeline; in a session of its own, so that Ctrl-C is for us alone to handle."""

    def __init__(self, words: list[str], source: IO[bytes] | None) -> None:
        self.program = words[0]
        self.words: deque[str] = deque(maxlen=_MOST_WORDS)
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL if source is None else source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=os.name == "posix",
            )
        except (OSError, ValueError) as error:
            raise _not_started(self.program, error) from error
        if source is not None:
            # Ours has to go: the program in front shall notice when its reader ends.
            source.close()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.stdout = self._process.stdout
        self._stderr = self._process.stderr
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def code(self, timeout_s: float = 0.0) -> int | None:
        """The exit code, after at most `timeout_s`; None while it runs."""
        if self._process.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
                # Helpers of the program that outlive it. Later, its number may be another's.
                self._signal_group(signal.SIGKILL)
        return self._process.returncode

    def terminate(self) -> None:
        """Ask the program, and all that it has started, to end."""
        if self.code() is None and not self._signal_group(signal.SIGTERM):
            self._process.terminate()

    def end(self) -> None:
        """Wait for the end that was asked for; then make it end."""
        if self.code(END_PATIENCE_S) is None:
            self._process.kill()
            self._signal_group(signal.SIGKILL)
            self._process.wait()
        self._listener.join(END_PATIENCE_S)
        if not self._listener.is_alive():
            self._stderr.close()

    def await_last_words(self, timeout_s: float) -> None:
        self.code(timeout_s)
        self._listener.join(timeout_s)

    def _signal_group(self, number: int) -> bool:
        """False where there are no groups of processes."""
        if os.name != "posix":
            return False
        with suppress(OSError):
            os.killpg(self._process.pid, number)
        return True

    def _listen(self) -> None:
        """Lines of stderr; progress that only returns to the start of its line counts as lines too."""
        with suppress(OSError, ValueError):
            while line := self._stderr.readline(_LONGEST_WORD):
                for word in line.decode("utf-8", "replace").splitlines():
                    if word.strip():
                        self.words.append(word.strip())


def split_pipeline(command: str) -> list[list[str]]:
    """The words of each program of a command line. Raises UsageError `usage.invalid`."""
    lexer = shlex.shlex(command, posix=os.name == "posix", punctuation_chars="|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    programs: list[list[str]] = [[]]
    try:
        for word in lexer:
            if set(word) == {"|"}:
                programs += [[] for _ in word]
            else:
                programs[-1].append(word)
    except ValueError as error:
        raise _bad_command(command, str(error).lower()) from None
    if not all(programs):
        raise _bad_command(command, "a program is missing in it")
    return programs


def _how(end: Ended) -> str:
    assert end.code is not None
    how = f"ended with exit code {end.code}" if end.code > 0 else f"was ended by signal {-end.code}"
    return f"{end.program} {how}" + (f": {end.words[-1]}" if end.words else "")


def _not_started(program: str, error: Exception) -> PortError:
    if isinstance(error, FileNotFoundError):
        return PortError(
            f"{program} is not installed, or not where programs are looked for (PATH)", reason=Reason.MISSING
        )
    if isinstance(error, PermissionError):
        return PortError(f"{program} may not be run by you", reason=Reason.PERMISSION)
    cause = getattr(error, "strerror", None) or str(error)
    return PortError(f"{program} cannot be started: {cause}", reason=Reason.FAILED)


def _bad_command(command: str, cause: str) -> UsageError:
    return UsageError(
        f"{command!r} is no command line: {cause}",
        reason=Reason.INVALID,
        hint=["for example: rtl_sdr -f 868.95M -s 1600000 - | rtl_wmbus -p S"],
    )

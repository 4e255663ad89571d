"""The shell without its prompt: runs lines, scripts and jobs in one session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mbuscli.cli.exit_codes import MEANINGS, ExitCode, Verdict
from mbuscli.cli.main import guarded
from mbuscli.cli.shell_tree import run, with_session
from mbuscli.errors import InputError, Reason, UsageError
from mbuscli.ports import opener
from mbuscli.ports.kept import Keeper
from mbuscli.render.streams import standard_streams
from mbuscli.render.text import inert
from mbuscli.repl import jobs
from mbuscli.repl.console import Console
from mbuscli.repl.history import History
from mbuscli.repl.masking import without_secrets
from mbuscli.repl.session import Session
from mbuscli.repl.words import command_words

_LONGEST_SCRIPT = 1 << 20
_LONGEST_LINE = 1 << 16
# A script that runs itself ends here.
_DEEPEST = 10
_IN_BACKGROUND = "--background"
# After these nobody wants the next line to be run.
_ENDINGS = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)


class Shell:
    """One run of the shell. `is_over`: the user has left it, or the system wants it to end. `was_warned`: of
    what would be stopped by leaving it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.console = Console()
        self.jobs = jobs.Jobs(self.console)
        self.history = History()
        self.is_over = False
        self.was_warned = False
        self._depth = 0

    def run_line(self, line: str) -> int:
        """Run one line; its exit code, 0 if there is nothing in it: the last one's stays on show then."""
        words: list[str] = []

        def run_it() -> int | None:
            typed, in_background = command_words(line)
            words.extend(typed)
            return self._run_words(typed, in_background, line) if typed else ExitCode.DONE

        code = guarded(run_it, words)
        self.session.last_code = code if words or code else self.session.last_code
        if code == ExitCode.TERMINATED:
            self.is_over = True
        return code

    def run_file(self, name: str, *, keep_going: bool) -> int:
        """Run the commands in a file; the exit code of the line that failed. InputError if it is unusable."""
        from mbuscli.settings.files import read_file

        if self._depth >= _DEEPEST:
            raise InputError(f"{name} is run by a script that it runs itself", reason=Reason.INVALID)
        try:
            text = read_file(Path(name), _LONGEST_SCRIPT).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(f"{name} is no text in UTF-8", reason=Reason.UNRECOGNISED) from None
        return self._run_lines(text.splitlines(), name, keep_going)

    def run_stream(self, stream: BinaryIO, *, keep_going: bool) -> int:
        """Run the lines of standard input as they come. A command may read on in it, as in other shells."""
        return self._run_lines(_lines_of(stream), "standard input", keep_going)

    def _run_lines(self, lines: Iterable[str], name: str, keep_going: bool) -> int:
        verdict = Verdict()
        self._depth += 1
        try:
            for number, line in enumerate(lines, 1):
                code = self.run_line(line)
                if code in _ENDINGS:
                    return code
                verdict.add(ExitCode(code))
                if code:
                    _tell_failure(f"{name}:{number}", line, ExitCode(code), keep_going)
                    if not keep_going:
                        return code
                if self.is_over:
                    break
        finally:
            self._depth -= 1
        return verdict.code

    def _run_words(self, words: list[str], in_background: bool, line: str) -> int:
        from mbuscli.repl.builtins import BUILTINS

        builtin = BUILTINS.get(words[0])
        if builtin is not None and words[1:2] not in (["-h"], ["--help"]):
            if in_background:
                raise _not_in_background(words[0])
            return builtin.run(self, words[1:])
        if builtin is not None:
            return BUILTINS["help"].run(self, words[:1])
        if _IN_BACKGROUND in words:
            words.remove(_IN_BACKGROUND)
            in_background = True
        if in_background:
            return self._run_in_background(words, line)
        with self.console.held():
            return run(with_session(words, self.session.values, self.session.meter), self.session)

    def _run_in_background(self, words: list[str], line: str) -> int:
        if words[0] not in jobs.COMMANDS:
            raise _not_in_background(words[0])
        # Above a prompt nobody can be asked, and a table that grows cannot be drawn.
        values = {"output": "table", **self.session.values, "no_input": True}
        full = with_session(words, values, None)
        shown = without_secrets(line).strip().removesuffix("&").replace(_IN_BACKGROUND, "").strip()
        job = self.jobs.start(shown, lambda: run(full, self.session))
        standard_streams().talk(f"[{job.number}] {inert(shown)}: runs in the background")
        return ExitCode.DONE


@contextmanager
def open_shell() -> Iterator[Shell]:
    """A shell whose ports stay open until the end of the block."""
    keeper = Keeper()
    shell = Shell(Session(keeper))
    opener.keeper = keeper
    try:
        yield shell
    finally:
        shell.jobs.stop_all()
        opener.keeper = None
        keeper.close()


def _lines_of(stream: BinaryIO) -> Iterator[str]:
    """The lines, none of them read before it is its turn."""
    while data := stream.readline(_LONGEST_LINE):
        yield data.decode("utf-8-sig", "replace")


def _tell_failure(place: str, line: str, code: ExitCode, goes_on: bool) -> None:
    what = inert(without_secrets(line.strip()))
    rest = "" if goes_on else "; what follows is not run"
    standard_streams().complain(f"{inert(place)}: {what}: exit code {code}, {MEANINGS[code]}{rest}")


def _not_in_background(name: str) -> UsageError:
    return UsageError(
        f"{name} does not run in the background", reason=Reason.INVALID, hint=("sniff --port sim:stick &",)
    )

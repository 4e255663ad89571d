"""The prompt: the only part of the shell that needs a terminal, and prompt_toolkit."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import History as PromptHistory
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.render.streams import standard_streams
from mbuscli.render.text import inert
from mbuscli.repl.toolbar import toolbar

if TYPE_CHECKING:
    from mbuscli.repl.history import History
    from mbuscli.repl.shell import Shell

_PROMPT = "mbuscli> "
# Lines that come at once are written at once, with the prompt redrawn only once.
_REST_S = 0.1
# How soon it is noticed that an idle port is gone.
_LOOK_S = 1.0
_COLOURS = Style.from_dict({"bottom-toolbar": "noreverse bg:#303030 #d0d0d0"})
_NO_COLOURS = Style.from_dict({"bottom-toolbar": "noreverse"})


def run_prompt(shell: Shell) -> int:
    """Ask for lines and run them until the user leaves; the exit code of the shell."""
    streams = standard_streams()
    prompt = _Prompt(shell, colour=streams.colour)
    streams.talk("TAB completes, help lists what there is, Ctrl-C stops a command, Ctrl-D leaves")
    watch = _Watch(shell)
    watch.start()
    try:
        while not shell.is_over:
            line = prompt.ask()
            if line is None:
                if _may_leave(shell):
                    break
                continue
            with suppress(KeyboardInterrupt):
                shell.run_line(line)
    finally:
        watch.end()
    return ExitCode.TERMINATED if shell.session.last_code == ExitCode.TERMINATED else ExitCode.DONE


def _may_leave(shell: Shell) -> bool:
    """False, once, while something runs in the background."""
    running = shell.jobs.running
    if not running or shell.was_warned:
        return True
    shell.was_warned = True
    jobs = ", ".join(inert(job.line) for job in running)
    standard_streams().talk(f"still in the background: {jobs}; Ctrl-D again stops it and leaves")
    return False


class _Prompt:
    def __init__(self, shell: Shell, *, colour: bool) -> None:
        self._shell = shell
        self._lock = threading.Lock()
        self._is_due = False
        self._session: PromptSession[str] = PromptSession(
            _PROMPT,
            history=_Kept(shell.history),
            completer=_Completer(shell),
            complete_while_typing=False,
            complete_in_thread=True,
            enable_history_search=True,
            auto_suggest=AutoSuggestFromHistory(),
            bottom_toolbar=self._toolbar,
            style=_COLOURS if colour else _NO_COLOURS,
            color_depth=None if colour else ColorDepth.DEPTH_1_BIT,
        )

    def ask(self) -> str | None:
        """The line typed, None for Ctrl-D."""
        with self._shell.console.prompting(self._wake):
            while True:
                try:
                    return self._session.prompt()
                except KeyboardInterrupt as end:
                    if type(end) is not KeyboardInterrupt:  # SIGTERM
                        raise
                except EOFError:
                    return None

    def _toolbar(self) -> str:
        width = self._session.app.output.get_size().columns
        return toolbar(self._shell.session, self._shell.jobs.running, width)

    def _wake(self) -> None:
        """Something waits to be said; called from any thread."""
        loop = self._session.app.loop
        with self._lock:
            if self._is_due or loop is None:
                return
            self._is_due = True
        # A prompt that has just ended says it itself.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(loop.call_later, _REST_S, self._say)
            return
        self._is_due = False

    def _say(self) -> None:
        self._is_due = False
        run_in_terminal(self._shell.console.flush)


class _Kept(PromptHistory):
    """Our history as the prompt takes it, the newest line first."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._history.lines)

    def append_string(self, string: str) -> None:
        """What can be recalled is what may be kept."""
        kept = self._history.add(string)
        if kept.strip() and self._loaded_strings[:1] != [kept]:
            self._loaded_strings.insert(0, kept)

    def store_string(self, string: str) -> None:
        """Done by `append_string`."""


class _Completer(Completer):
    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        from mbuscli.repl.completer import candidates

        found, length = candidates(self._shell, document.text_before_cursor)
        for each in found:
            if each.kind == "file":
                yield from _files(each.text, complete_event)
            else:
                yield Completion(each.text, -length, display=each.text, display_meta=each.help)


def _files(text: str, event: CompleteEvent) -> Iterable[Completion]:
    from prompt_toolkit.completion import PathCompleter

    return PathCompleter(expanduser=True).get_completions(Document(text), event)


class _Watch(threading.Thread):
    """Keeps idle ports empty, and says when one is gone."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(name="idle ports", daemon=True)
        self._shell = shell
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_LOOK_S):
            for error in self._shell.session.keeper.look_after():
                self._shell.console.say(inert(f"{error.text}; the next command opens it again"), is_talk=True)

    def end(self) -> None:
        """Stop looking."""
        self._over.set()
        self.join()

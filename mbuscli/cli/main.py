"""The entry point: parses, runs one command, and turns whatever happens into an exit code and a message."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mbuscli import __version__
from mbuscli.cli.commands import LazyCommands, LazyGroup
from mbuscli.cli.exit_codes import ExitCode, exit_code_of
from mbuscli.errors import MbuscliError, Reason, UsageError
from mbuscli.render.streams import (
    OutputClosedError,
    replace_closed_streams,
    silence,
    stdout_failure,
    terminal_width,
)

if TYPE_CHECKING:
    from mbuscli.cli.defaults import CommandDefaults

_PROGRAM = "mbuscli"
_HELP_WIDTH, _NARROW = 100, 60
_COMPLETION = "_MBUSCLI_COMPLETE"
_EPILOG = """\b
First steps without any hardware:
  mbuscli scan --port sim:
  mbuscli read 1 --port sim:

\b
More:
  mbuscli COMMAND --help   options, examples and exit codes of a command
  mbuscli help             exit codes, output, ports, keys, errors by name
"""


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends a command as Ctrl-C does, so that the bus is left quiet and files are whole."""


class UserDefaults:
    """The user's settings as click asks for them, a command each. Nothing is read before an option of a
    command is left open, and little then, unless there is a file."""

    def __init__(self) -> None:
        self._found: CommandDefaults | None = None
        self._is_known = False

    def get(self, _command: str) -> UserDefaults:
        """Those of a command, for its context."""
        return UserDefaults()

    def __contains__(self, name: str) -> bool:
        return self[name] is not None

    def __getitem__(self, name: str) -> Any:
        ctx = click.get_current_context()
        # Help and TAB show what is built in, and do not stumble over a file that is wrong.
        if ctx.parent is None or ctx.resilient_parsing:
            return None
        if not self._is_known:
            self._found, self._is_known = _settings(ctx), True
        return None if self._found is None else self._found.value(name)


def _settings(ctx: click.Context) -> CommandDefaults | None:
    from mbuscli.settings.paths import CONFIG_NAME, config_path

    try:
        os.stat(config_path(CONFIG_NAME))
    except (OSError, MbuscliError):
        return None
    from mbuscli.cli.defaults import CommandDefaults

    return CommandDefaults(ctx)


@click.group(
    cls=LazyGroup,
    commands=LazyCommands(),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "default_map": UserDefaults()},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name=_PROGRAM)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Scan, read and decode M-Bus meters."""
    if ctx.invoked_subcommand is None:
        from mbuscli.cli.first_run import tell_next_steps

        click.echo(ctx.get_help())
        tell_next_steps()


def run() -> NoReturn:
    """The program; exits with the codes of `exit_codes`."""
    signal.signal(signal.SIGTERM, _terminate)
    if (closed := replace_closed_streams()) is not None:
        sys.exit(_fail(closed, sys.argv))
    sys.exit(main())


def main(args: Sequence[str] | None = None, **context: Any) -> int:
    """Run one command and return its exit code; `args` None means those of the process.

    `context`: more of click's context, such as `obj`.
    """
    if _COMPLETION in os.environ:
        from mbuscli.cli.tab import answer

        return answer(cli, os.environ[_COMPLETION])
    words = list(sys.argv[1:] if args is None else args)
    # Without a width click imports shutil, and with it three compression libraries.
    width = min(terminal_width(), _HELP_WIDTH)
    if width < _NARROW:
        from mbuscli.cli.help_format import HelpFormatter

        click.Context.formatter_class = HelpFormatter
    settings = {"prog_name": _PROGRAM, "standalone_mode": False, "terminal_width": width, **context}
    return guarded(lambda: cli.main(args, **settings), words)


def guarded(action: Callable[[], Any], words: list[str]) -> int:
    """What `action` returns as an exit code. Whatever it raises becomes a message and a code; `words` are the
    user's, which say how errors are to look."""
    try:
        return int(action() or 0)
    except OutputClosedError:
        return ExitCode.DONE
    except SystemExit:
        # So does click end, with 1, when the reader of its help is gone.
        return ExitCode.DONE
    except (click.Abort, KeyboardInterrupt) as end:
        cause = end.__cause__ if isinstance(end, click.Abort) else end
        return ExitCode.TERMINATED if isinstance(cause, Terminated) else ExitCode.INTERRUPTED
    except click.ClickException as error:
        return _fail(_usage_error(error), words)
    except MbuscliError as error:
        return _fail(error, words)
    except OSError as error:
        # So click's own output ends; whatever else is written tells which file it is.
        if error.errno == errno.ENOSPC and error.filename is None:
            silence(sys.stdout)
            return _fail(stdout_failure(error.strerror or str(error)), words)
        return _fail(_bug(error), words, ExitCode.UNEXPECTED)
    except Exception as error:  # noqa: BLE001  the last resort: one line instead of a traceback
        return _fail(_bug(error), words, ExitCode.UNEXPECTED)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _fail(error: MbuscliError, words: list[str], code: ExitCode | None = None) -> int:
    from mbuscli.render.messages import error_json, error_text
    from mbuscli.render.streams import standard_streams

    if "--debug" in words or os.environ.get("MBUSCLI_DEBUG"):
        import traceback

        standard_streams().complain(_discreet(traceback.format_exc().rstrip()))
    streams = standard_streams()
    if _wants_json(words):
        streams.complain(error_json(error, ascii_only=streams.ascii_err))
    else:
        streams.complain(error_text(error))
    return exit_code_of(error) if code is None else code


def _usage_error(error: click.ClickException) -> UsageError:
    hint = []
    ctx = getattr(error, "ctx", None)
    if ctx is not None:
        hint.append(f"{ctx.command_path} --help")
    text = error.format_message().rstrip(".")
    return UsageError(_discreet(" ".join(text.split())), reason=Reason.INVALID, hint=hint)


def _bug(error: Exception) -> MbuscliError:
    return MbuscliError(
        _discreet(f"unexpected {type(error).__name__}: {error}"),
        reason=Reason.UNEXPECTED,
        hint=["run it again with --debug, and report what it shows"],
    )


def _discreet(text: str) -> str:
    """The message without what may be a key that was typed in the wrong place."""
    from mbuscli.settings.redact import redact

    return redact(text)


def _wants_json(words: list[str]) -> bool:
    """True if errors are read by a program; looks at the words, as parsing them may be what failed."""
    given = [
        value for before, word in zip(["", *words], words, strict=False) for value in _formats(before, word)
    ]
    chosen = given[-1] if given else os.environ.get("MBUSCLI_OUTPUT") or _usual_format(words)
    return chosen in ("json", "ndjson")


def _formats(before: str, word: str) -> list[str]:
    """The format that a word names, behind the word `before`."""
    if before in ("-o", "--output"):
        return [word]
    for option in ("--output=", "-o"):
        if word.startswith(option) and word != option:
            return [word.removeprefix(option)]
    return []


def _usual_format(words: list[str]) -> object:
    """What the file of settings says of the command."""
    from mbuscli.settings.paths import CONFIG_NAME, config_path

    try:
        os.stat(config_path(CONFIG_NAME))
        from mbuscli.settings.config import read_config
        from mbuscli.settings.config_table import BY_KEY, COMMANDS

        command = next((word for word in words if word in COMMANDS), None)
        found = read_config().find(BY_KEY["output"], command) if command is not None else None
    except (OSError, MbuscliError):
        return None
    return None if found is None else found.value

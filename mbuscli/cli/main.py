"""The entry point: parses, runs one command, and turns whatever happens into an exit code and a message."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from mbuscli import __version__
from mbuscli.cli.commands import LazyCommands, LazyGroup
from mbuscli.cli.exit_codes import MEANINGS, ExitCode, exit_code_of
from mbuscli.errors import MbuscliError, Reason, UsageError
from mbuscli.render.streams import OutputClosedError, terminal_width

_PROGRAM = "mbuscli"
_HELP_WIDTH = 100
_COMPLETION = "_MBUSCLI_COMPLETE"
_EPILOG = """\b
First steps without any hardware:
  mbuscli scan --port sim:
  mbuscli read 1 --port sim:
\b
Exit codes:
""" + "\n".join(f"{code:5d}  {meaning}" for code, meaning in MEANINGS.items())


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends a command as Ctrl-C does, so that the bus is left quiet and files are whole."""


@click.group(
    cls=LazyGroup,
    commands=LazyCommands(),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name=_PROGRAM)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Scan, read and decode M-Bus meters."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run() -> NoReturn:
    """The program; exits with the codes of `exit_codes`."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())


def main(args: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `args` None means those of the process."""
    words = list(sys.argv[1:] if args is None else args)
    try:
        # Without a width click imports shutil, and with it three compression libraries.
        width = min(terminal_width(), _HELP_WIDTH)
        code = cli.main(args, prog_name=_PROGRAM, standalone_mode=False, terminal_width=width)
        return int(code or 0)
    except OutputClosedError:
        return ExitCode.DONE
    except SystemExit as end:
        # Completion ends this way; so does click, with 1, when the reader of its help is gone.
        return int(end.code or 0) if _COMPLETION in os.environ else ExitCode.DONE
    except (click.Abort, KeyboardInterrupt) as end:
        cause = end.__cause__ if isinstance(end, click.Abort) else end
        return ExitCode.TERMINATED if isinstance(cause, Terminated) else ExitCode.INTERRUPTED
    except click.ClickException as error:
        return _fail(_usage_error(error), words)
    except MbuscliError as error:
        return _fail(error, words)
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
    for before, word in zip(["", *words], words, strict=False):
        value = word if before in ("-o", "--output") else word.removeprefix("--output=").removeprefix("-o")
        if value in ("json", "ndjson") and (value != word or before in ("-o", "--output")):
            return True
    return False

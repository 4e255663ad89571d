"""`mbuscli help`: commands, topics and names of errors, explained offline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_topic
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.errors import Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.render.streams import Streams

_MAX_WIDTH = 100
_ERRORS = "errors"
_USUAL_HEIGHT = 24
_MOST_NEAR = 3


@click.command("help")
@click.argument("words", nargs=-1, metavar="[TOPIC | COMMAND | ERROR]...", shell_complete=complete_topic)
@click.option("--no-pager", is_flag=True, help="Print long help without a pager.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...], no_pager: bool) -> ExitCode:
    """Explain a command, a topic or an error by its name.

    Topics tell what concerns all commands: exit-codes, output, ports, keys, environment, config, scripts,
    errors. The name of an error stands in brackets behind its message. Nothing is fetched from a network. On
    a terminal long help is shown by the program in PAGER.

    \b
    Examples:
      mbuscli help exit-codes
      mbuscli help scan
      mbuscli help keys add
      mbuscli help port.permission

    Exit codes: 0 done, 2 there is no such command, topic or error.
    """
    from mbuscli.render.streams import standard_streams

    streams = standard_streams()
    _show(_text(ctx.find_root(), words), streams, pager=not no_pager)
    return ExitCode.DONE


def _text(root: click.Context, words: tuple[str, ...]) -> str:
    from mbuscli.manual.files import topic_names

    if not words:
        return f"{root.get_help()}\n\n{_topic_list()}"
    first, *rest = words
    if first == _ERRORS and rest:
        return "\n\n".join(_error_text(name) for name in rest)
    if len(words) == 1 and first in topic_names():
        return _topic_text(first)
    if len(words) == 1 and "." in first:
        return _error_text(first)
    return _command_text(root, words)


def _topic_list() -> str:
    """The topics with their titles, in the form of help."""
    from mbuscli.cli.help_topics import load_topic
    from mbuscli.manual.files import topic_names

    rows = [f"  {name:<12} {load_topic(name).title.partition(': ')[2]}" for name in topic_names()]
    return "\n".join(["Topics (mbuscli help TOPIC):", *rows])


def _topic_text(name: str) -> str:
    from mbuscli.cli.commands import COMMANDS
    from mbuscli.cli.help_topics import load_topic
    from mbuscli.manual.markup import to_text

    text = to_text(load_topic(name), _width())
    return f"{text}\n\nThe command: mbuscli {name} --help" if name in COMMANDS else text


def _error_text(name: str) -> str:
    from mbuscli.cli.help_topics import error_topic
    from mbuscli.manual.errors_table import ERRORS
    from mbuscli.manual.markup import to_text

    wanted = name.strip("[]").casefold()
    if wanted not in ERRORS:
        raise _unknown(
            "error", name, list(ERRORS), "all of them: mbuscli help errors", _named_in_part(wanted)
        )
    return to_text(error_topic(wanted), _width())


def _command_text(root: click.Context, words: tuple[str, ...]) -> str:
    """The help of a command, or of a command in a group."""
    from mbuscli.manual.files import topic_names

    ctx = root
    for depth, word in enumerate(words):
        commands = getattr(ctx.command, "commands", {})
        if word not in commands:
            known = list(commands) if depth else [*commands, *topic_names()]
            what = f"command of {ctx.info_name}" if depth else "command, topic or error"
            errors = [] if depth else _named_in_part(word.casefold())
            raise _unknown(what, word, known, "all of them: mbuscli help", errors)
        ctx = click.Context(
            commands[word], info_name=word, parent=ctx, terminal_width=root.terminal_width, color=root.color
        )
    return ctx.get_help()


def _named_in_part(name: str) -> list[str]:
    """Some errors with this reason, or these words in their reason: who types one rarely knows its layer."""
    from mbuscli.manual.errors_table import ERRORS

    reason = name.rpartition(".")[2].replace(" ", "-")
    return [error for error in ERRORS if reason in error][:_MOST_NEAR] if len(reason) > 2 else []


def _unknown(what: str, name: str, known: list[str], where: str, otherwise: list[str]) -> UsageError:
    from difflib import get_close_matches

    near = get_close_matches(name.casefold(), dict.fromkeys(known), _MOST_NEAR) or otherwise
    hints = [f"did you mean {' or '.join(near)}?"] if near else []
    return UsageError(f"there is no {what} {name!r}", reason=Reason.UNRECOGNISED, hint=(*hints, where))


def _width() -> int:
    from mbuscli.render.streams import terminal_width

    return min(terminal_width(), _MAX_WIDTH)


def _show(text: str, streams: Streams, *, pager: bool) -> None:
    """Through a pager if it is longer than the terminal, and only there."""
    if pager and streams.out_is_terminal and text.count("\n") + 2 > _height():
        click.echo_via_pager(text + "\n", color=False)
    else:
        streams.data(text)


def _height() -> int:
    import sys

    try:
        return os.get_terminal_size(sys.stdout.fileno()).lines or _USUAL_HEIGHT
    except (OSError, ValueError):
        return _USUAL_HEIGHT

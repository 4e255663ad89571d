"""The commands as our own shell uses them: run, completed, and given what the session has set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from mbuscli.cli.commands import COMMANDS
from mbuscli.cli.main import cli, main

if TYPE_CHECKING:
    from mbuscli.cli.met import Session
    from mbuscli.cli.tab import Candidate
    from mbuscli.settings.config_kinds import Value


class _Takes(NamedTuple):
    """A command that takes a meter as its first argument. `others`: how many arguments follow, at least.

    `instead`: options that say by themselves which meters are meant.
    """

    others: int = 0
    instead: tuple[str, ...] = ()


# Lists such as the journal's are left whole: who looks through them does not mean one meter.
_TAKE_METER = {
    "read": _Takes(instead=("--all", "--list")),
    "set-address": _Takes(others=1, instead=("--plan",)),
    "set-baud": _Takes(others=1),
    "set-clock": _Takes(),
    "reset": _Takes(),
    "send": _Takes(),
    "keys add": _Takes(),
    "inventory plot": _Takes(),
}


def run(words: Sequence[str], session: Session) -> int:
    """Run one command as the program does; its exit code."""
    return main(words, obj=session)


def complete(words: Sequence[str], incomplete: str, session: Session) -> list[Candidate]:
    """What may stand behind these words of a line, as at the prompt of a shell."""
    from mbuscli.cli.tab import candidates

    return candidates(cli, ["mbuscli", *words], incomplete, session)


def is_command(name: str) -> bool:
    """True for a command of the program."""
    return name in COMMANDS


def help_words(words: Sequence[str]) -> list[str]:
    """The words that show the help of a command, or of a topic where the program has topics."""
    if words and words[0] not in COMMANDS and "help" in COMMANDS:
        return ["help", *words]
    return [*words, "--help"]


def with_session(words: list[str], values: Mapping[str, Value], meter: str | None) -> list[str]:
    """The words with what is set in the session, wherever they leave it open.

    Options come as if they were typed, so that they win over the environment and the file of settings.
    """
    found = _Call.find(words)
    if found is None:
        return words
    added = [word for key, value in values.items() for word in found.option_words(key, value)]
    if meter is not None:
        added += found.meter_words(meter)
    return [*words[: found.place], *added, *words[found.place :]]


class _Call:
    """A command with what was typed behind it. `place`: of its first argument in the line."""

    def __init__(self, command: click.Command, path: list[str], place: int, given: Mapping[str, object]):
        self._command = command
        self._path = path
        self._given = given
        self.place = place

    @classmethod
    def find(cls, words: list[str]) -> _Call | None:
        """None where there is no such command, or its words are wrong: running it says so."""
        ctx = click.Context(cli, info_name="mbuscli")
        command: click.Command = cli
        path: list[str] = []
        while isinstance(command, click.Group):
            name = words[len(path)] if len(path) < len(words) else ""
            below = command.get_command(ctx, name)
            if below is None:
                # Options of the group come first, or it is called by itself.
                if not path:
                    return None
                break
            command, path = below, [*path, name]
            ctx = click.Context(command, ctx, name)
        try:
            given, _, _ = command.make_parser(ctx).parse_args(words[len(path) :])
        except click.UsageError:
            return None
        return cls(command, path, len(path), given)

    def option_words(self, key: str, value: Value) -> list[str]:
        """The option that a setting stands for; nothing if the command has it already, or has none."""
        from mbuscli.settings.config_table import BY_KEY

        setting = BY_KEY[key]
        if self._path[0] not in setting.commands:
            return []
        param = next((param for param in self._command.params if setting.option in param.opts), None)
        if not isinstance(param, click.Option) or param.name in self._given:
            return []
        if param.is_flag:
            off = param.secondary_opts[:1]
            return [setting.option] if value is True else off
        values = value if isinstance(value, list) else [value]
        return [word for each in values for word in (setting.option, str(each))]

    def meter_words(self, meter: str) -> list[str]:
        """The selected meter, if the command takes one and was given none."""
        arguments = self._arguments()
        plot = arguments == ["plot"]
        takes = _TAKE_METER.get(" ".join([*self._path, *(["plot"] if plot else [])]))
        if takes is None or len(arguments) - plot != takes.others:
            return []
        named = {name for param in self._command.params for name in param.opts if param.name in self._given}
        if named & set(takes.instead):
            return []
        if plot:
            self.place += 1 if self._path else 0
        return [meter]

    def _arguments(self) -> list[str]:
        words: list[str] = []
        for param in self._command.params:
            value = self._given.get(param.name or "")
            if isinstance(param, click.Argument) and value:
                words += [value] if isinstance(value, str) else _texts(value)
        return words


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, (tuple, list)) else []

"""The commands: a static table for `--help` and TAB, each command's file imported when it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """Section and one-line help of a command; its file is `mbuscli/cli/<name>.py`, with _ for -."""

    section: str
    help: str


COMMANDS = {
    "scan": Entry("Look", "Find the meters on a wired bus."),
    "read": Entry("Look", "Read meters by address, those of a list, or all of the bus."),
    "sniff": Entry("Look", "Listen to radio meters with a stick: who is heard, how well, what they read."),
    "inventory": Entry("Look", "Show, filter, export and plot what `mbuscli sniff` has heard."),
    "report": Entry("Look", "Make a handover page of a day's work, to print and to hand over."),
    "ports": Entry("Look", "List the serial ports of this computer."),
    "sticks": Entry("Look", "List the radio sticks, and what they hear."),
    "decrypt": Entry("Decode", "Decode telegrams from hexadecimal or a log, and decrypt them."),
    "set-address": Entry("Change", "Give a meter another address, and prove it."),
    "set-baud": Entry("Change", "Set the baud rate of a meter, and look for it there."),
    "set-clock": Entry("Change", "Set the clock of a meter from this computer's."),
    "reset": Entry("Change", "Reset a meter's application, or choose what it sends."),
    "send": Entry("Change", "Send any command or frame, and show the answer."),
    "lora-join": Entry("Change", "Join a LoRaWAN network, and prove that link and keys work."),
    "journal": Entry("Change", "List what was written into meters, and how to undo it."),
    "keys": Entry("Setup", "Keep the keys of meters in a key ring."),
    "meters": Entry("Setup", "List, show, test and begin meter drivers."),
    "config": Entry("Setup", "Set options once and for all, and see what holds."),
    "profile": Entry("Setup", "Keep buses, sticks and modems under names."),
    "doctor": Entry("Setup", "Check computer, files and devices, and say how to mend them."),
    "shell": Entry("Setup", "Run commands one after the other, with the port kept open."),
    "help": Entry("Setup", "Explain a command, a topic or an error by its name."),
    "completion": Entry("Setup", "Complete commands, options and values at TAB: the script for your shell."),
    "simulate": Entry("Setup", "Serve a simulated bus, stick or modem for training and tests."),
}


def completed_by(name: str) -> Callable[..., Any]:
    """The function of `mbuscli/cli/complete.py` with this name, for `shell_complete=`: only TAB needs it."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        return getattr(import_module("mbuscli.cli.complete"), name)(ctx, param, incomplete)

    return complete


class LazyCommands(MutableMapping[str, click.Command]):
    """Commands by name: iterating imports nothing, indexing imports one file.

    As `commands=` of a click group this keeps suggestions for misspelt names, which click takes from there.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            if name not in COMMANDS:
                raise KeyError(name)
            command: click.Command = import_module(f"mbuscli.cli.{name.replace('-', '_')}").command
            self._loaded[name] = command
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class LazyGroup(click.Group):
    """A group that lists and completes its commands from the table."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click. It takes a short option for a long one first, and loads difflib to suggest another name:
        so the one that nearly every program gives is spelt out."""
        end = args.index("--") if "--" in args else len(args)
        words = ["--output" if word == "-o" else word for word in args[:end]]
        return super().parse_args(ctx, words + args[end:])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by section, in the order of the table."""
        width = max(map(len, COMMANDS))
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            with formatter.section(section):
                formatter.write_dl(
                    [
                        (name.ljust(width), entry.help)
                        for name, entry in COMMANDS.items()
                        if entry.section == section
                    ]
                )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands with their help; options as click completes them."""
        from click.shell_completion import CompletionItem

        items = [
            CompletionItem(name, help=entry.help)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return items + click.Command.shell_complete(self, ctx, incomplete)

"""The table of commands and the commands agree."""

from __future__ import annotations

import click
import pytest
from click.shell_completion import ShellComplete

from mbuscli.cli.commands import COMMANDS, LazyCommands
from mbuscli.cli.main import cli
from tests.cli.program import run


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_what_the_table_says(name: str) -> None:
    command = LazyCommands()[name]
    assert command.name == name
    assert command.get_short_help_str(200).rstrip(".") == COMMANDS[name].help.rstrip(".")
    assert "Examples:" in (command.help or "")
    assert "Exit codes:" in (command.help or "")


def test_the_mapping() -> None:
    commands = LazyCommands()
    assert list(commands) == list(COMMANDS)
    assert len(commands) == len(COMMANDS)
    with pytest.raises(KeyError):
        commands["absent"]
    other = click.Command("other")
    commands["scan"] = other
    assert commands["scan"] is other
    del commands["scan"]
    assert commands["scan"].name == "scan"


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ([], "", set(COMMANDS)),
        ([], "sc", {"scan"}),
        (["scan"], "--ra", {"--range"}),
        (["scan", "-o"], "nd", {"ndjson"}),
    ],
)
def test_completion(words: list[str], incomplete: str, expected: set[str]) -> None:
    complete = ShellComplete(cli, {}, "mbuscli", "_MBUSCLI_COMPLETE")
    assert {item.value for item in complete.get_completions(words, incomplete)} == expected


def test_completion_in_a_shell() -> None:
    result = run(_MBUSCLI_COMPLETE="bash_complete", COMP_WORDS="mbuscli rea", COMP_CWORD="1")
    assert (result.out, result.code) == ("word\tread\n", 0)

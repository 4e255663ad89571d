"""The commands as the shell uses them: what is set and selected comes in where a line leaves it open."""

from __future__ import annotations

import pytest

from mbuscli.cli.shell_tree import complete, help_words, with_session
from mbuscli.ports.kept import Keeper
from mbuscli.repl.session import Session

METER = "12345678.KAM.1B.16"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("read", f"read {METER}"),
        ("read --quiet", f"read {METER} --quiet"),
        ("read 5", "read 5"),
        ("read --all", "read --all"),
        ("read --list x.csv", "read --list x.csv"),
        ("set-address 5 --yes", f"set-address {METER} 5 --yes"),
        ("set-address 4 5", "set-address 4 5"),
        ("set-address --plan x.csv", "set-address --plan x.csv"),
        ("set-baud 9600", f"set-baud {METER} 9600"),
        ("set-clock", f"set-clock {METER}"),
        ("reset", f"reset {METER}"),
        ("reset 5", "reset 5"),
        ("send --request", f"send {METER} --request"),
        ("keys add", f"keys add {METER}"),
        ("keys list", "keys list"),
        ("keys", "keys"),
        ("inventory", "inventory"),
        ("inventory plot", f"inventory plot {METER}"),
        ("journal", "journal"),
        ("scan", "scan"),
        ("nosuch", "nosuch"),
        ("--version", "--version"),
        ("read --nosuch", "read --nosuch"),
    ],
)
def test_the_selected_meter(line: str, expected: str) -> None:
    assert with_session(line.split(), {}, METER) == expected.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("scan", "scan --port COM3 --timeout 1.5 --retries 1 --unit"),
        ("scan --port sim:", "scan --timeout 1.5 --retries 1 --port sim:"),
        ("scan -p sim:", "scan --timeout 1.5 --retries 1 -p sim:"),
        ("sniff", "sniff --port sim:stick"),
        ("sniff --port auto", "sniff --port auto"),
        ("lora-join", "lora-join"),
        ("keys list", "keys list"),
        ("ports", "ports"),
    ],
)
def test_options_reach_the_commands_that_mean_the_same_by_them(line: str, expected: str) -> None:
    """A wired port is never a stick's: nobody asks a bus whether it is a stick."""
    values = {"port": "COM3", "timeout_s": 1.5, "stick_port": "sim:stick", "retries": 1}
    assert with_session(line.split(), values, None) == expected.removesuffix(" --unit").split()


def test_kinds_of_values() -> None:
    values = {"quiet": True, "unit": ["kWh", "l"], "verbose": False}
    assert with_session(["read", "1"], values, None) == [
        "read",
        "--quiet",
        "--unit",
        "kWh",
        "--unit",
        "l",
        "1",
    ]
    assert with_session(["read", "1", "-q", "--unit", "J"], values, None) == [
        "read",
        "1",
        "-q",
        "--unit",
        "J",
    ]


def test_help() -> None:
    assert help_words(["read"]) == ["read", "--help"]
    assert help_words(["keys", "add"]) == ["keys", "add", "--help"]


def test_completion_knows_the_meters_of_the_session() -> None:
    session = Session(Keeper())
    session.meet(METER)
    assert METER in [each.text for each in complete(["read"], "1234", session)]
    assert METER not in [each.text for each in complete(["read"], "1234", Session(Keeper()))]

"""`mbuscli sticks`: who is there, in every format, with the exit code that says how it went."""

from __future__ import annotations

import csv
import io
import json

import pytest

from mbuscli.cli.main import main
from mbuscli.ports.serial_port import PresentPort
from mbuscli.services import stick_list
from tests.cli.program import run

EVIL = PresentPort("/dev/ttyUSB7", "x", "S\x1b[1m", 0x0403, 0x6001, "=cmd", "FT232R\x1b[2J\u202e")


@pytest.fixture
def one_converter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stick_list, "present_ports", lambda: [EVIL])
    monkeypatch.setattr(stick_list, "_programs", list)


def test_named_ports() -> None:
    result = run("sticks", "sim:stick?family=cul", "sim:stick?family=im871a", "-o", "table")
    assert result.code == 0
    assert result.err == ""
    assert result.out == (
        "sim:stick?family=cul  nanoCUL868, firmware 1.67\n"
        "  hears C1 and T1 at once\n"
        "  or instead S1\n"
        "  because: V at 38400 baud, answered with a version that names a CUL\n"
        "\n"
        "sim:stick?family=im871a  iM871A, firmware 15, number 12345678\n"
        "  hears C1 and T1 at once\n"
        "  or instead T1 or C1 or S1 or S1-m or T2 or C2\n"
        "  because: device info at 57600 baud, answered\n"
    )


@pytest.mark.parametrize(
    ("ports", "code", "states"),
    [
        (["sim:stick?family=rawtty"], 4, ["silent"]),
        (["/dev/does-not-exist"], 3, ["error"]),
        (["sim:stick?family=cul", "sim:stick?family=rawtty"], 8, ["stick", "silent"]),
        (["sim:stick?family=what"], 2, ["error"]),
    ],
)
def test_exit_codes(ports: list[str], code: int, states: list[str]) -> None:
    result = run("sticks", *ports, "-o", "json")
    assert result.code == code
    assert [row["state"] for row in json.loads(result.out)["sticks"]] == states
    errors = [json.loads(line)["error"]["name"] for line in result.err.splitlines()]
    assert len(errors) == states.count("error")


@pytest.mark.usefixtures("one_converter")
def test_a_converter_is_listed_and_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {}
    for form in ("table", "plain", "tsv", "csv", "ndjson", "json"):
        assert main(["sticks", "-o", form]) == 0
        shown[form] = capsys.readouterr().out
        assert "\x1b" not in shown[form]
        assert "\u202e" not in shown[form]
    (row,) = json.loads(shown["json"])["sticks"]
    assert (row["port"], row["state"], row["hears"], row["family"]) == ("/dev/ttyUSB7", "unasked", [], None)
    assert json.loads(shown["ndjson"]) == {"schema": "mbuscli/1", "event": "stick", **row}
    (cells,) = csv.DictReader(io.StringIO(shown["csv"]))
    assert list(cells) == list(row)
    assert "/dev/ttyUSB7  not asked\n" in shown["table"]
    assert "if it is a stick: mbuscli sticks /dev/ttyUSB7" in shown["table"]


def test_fields_and_plain() -> None:
    result = run("sticks", "sim:stick?family=cul", "--fields", "port,family,hears", "-o", "plain")
    assert result.out == "sim:stick?family=cul\tcul\tC1 T1; S1\n"


@pytest.mark.usefixtures("one_converter")
def test_without_any_stick_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sticks", "-o", "plain"]) == 0
    assert "no radio stick was found" in capsys.readouterr().err

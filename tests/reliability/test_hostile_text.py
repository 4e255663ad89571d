"""Text from outside that tries to steer a terminal, a table's markup, a spreadsheet or a log: through every
command and format that can show it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.cli import main as program
from mbuscli.cli.options import FORMATS
from mbuscli.devices.modems.base import Command, Downlink, Failed, Identity
from mbuscli.errors import InputError, Reason
from mbuscli.ports import serial_port
from mbuscli.ports.serial_port import PresentPort
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.render.lora_view import LoraReport
from mbuscli.render.messages import error_text
from mbuscli.render.report import Output
from mbuscli.render.streams import Streams
from mbuscli.render.text import contained
from mbuscli.services.lora_steps import (
    Accepted,
    Advice,
    Found,
    Heard,
    Noted,
    NotJoined,
    NotSent,
    Planned,
    Uplink,
    Waiting,
)
from mbuscli.telegram import decode
from tests.fuzz.shown import Page, check, show, streams, written
from tests.reliability.kept_files import at_home

# Clipboard, colour, C1, bidi, separators, markup, an emoji's name, a formula, columns, lines, zero width.
EVIL = "=\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\u202ex\u2066\u2028[/][link=http://x]a[/link]:smile:\t=1+1\r\n@y\x7f\ufeff"
# What can stand in a name that is one line of a file.
LINE = EVIL.replace("\r\n", "")
HEX = "7802FC0348522574440D81037C034C412300"


class Shown:
    """What a run wrote, to both streams."""

    def __init__(self, out: str, err: str, code: int) -> None:
        self.out, self.err, self.code = out, err, code


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Shown]:
    """Runs in this process, at home in `tmp_path`; the last gate of the streams is open, so that it hides nothing."""
    at_home(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Streams, "_contained", lambda _self, text: text)

    def one(*words: str) -> Shown:
        code = program.main(list(words))
        shown = capsys.readouterr()
        assert code != 1, shown.err
        return Shown(shown.out, shown.err, code)

    return one


def assert_inert(shown: Shown, form: str) -> None:
    check(shown.out, form)
    is_json = form in ("json", "ndjson")
    for line in shown.err.splitlines():
        check(line, "talk")
        if is_json and line.startswith("{"):
            json.loads(line)


def in_every_format(run: Callable[..., Shown], *words: str) -> None:
    for form in FORMATS:
        assert_inert(run(*words, "-o", form), form)


# -- telegrams -----------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(st.text(max_size=20), st.binary(max_size=30))
def test_text_of_a_meter(text: str, octets: bytes) -> None:
    vif = text.encode("latin-1", "replace")[:12]
    lvar = octets[:30]
    data = b"\x02\xfc" + bytes((len(vif),)) + vif + b"\x34\x12" + b"\x0d\xfd\x11" + bytes((len(lvar),)) + lvar
    header = bytes.fromhex("78563412") + b"\x2d\x2c\x1b\x16\x01\x00\x00\x00"
    show([decode(encode_long(8, 5, 0x72, header + data))])


# -- files ---------------------------------------------------------------------------------------------------


def _toml(text: str) -> str:
    """As a string of TOML: JSON's escapes, and those that it lacks."""
    return json.dumps(text).replace("\x7f", "\\u007f")


def keys(folder: Path) -> list[tuple[str, ...]]:
    (folder / "keys.toml").write_text(
        f'[[key]]\nmeters = "12345678"\nkey = "{"11" * 16}"\nname = {_toml(EVIL)}\nnote = {_toml(EVIL)}\n'
    )
    (folder / "keys.toml").chmod(0o600)
    return [
        ("keys", "list"),
        ("keys", "check"),
        ("keys", "remove", "nobody", "-y"),
        ("keys", "remove", EVIL, "-y"),
    ]


def a_broken_ring(folder: Path) -> list[tuple[str, ...]]:
    (folder / "keys.toml").write_text(f"{_toml(EVIL)} = 1\n[[key]]\nmeters = {_toml(EVIL)}\n")
    (folder / "keys.toml").chmod(0o600)
    return [("keys", "list"), ("keys", "check")]


def a_journal(folder: Path) -> list[tuple[str, ...]]:
    row = dict.fromkeys(
        ("key", "time", "command", "port", "meter", "target", "old", "new", "outcome", "note"), EVIL
    )
    line = json.dumps({**row, "baud": 2400, "frames": [EVIL], "undo": [EVIL, "a b"]})
    (folder / "journal.ndjson").write_text(line + "\n")
    return [("journal",)]


def a_configuration(folder: Path) -> list[tuple[str, ...]]:
    (folder / "config.toml").write_text(
        f"[defaults]\n{_toml(EVIL)} = {_toml(EVIL)}\nport = {_toml(EVIL)}\n[profile.{_toml(EVIL)}]\nport = {_toml(EVIL)}\n"
        f"[profile.good]\nport = {_toml(EVIL)}\n"
    )
    return [
        ("config", "list"),
        ("config", "list", "--all"),
        ("config", "get", "port"),
        ("profile", "list"),
        ("scan", "--port", "good"),
        ("scan",),
    ]


def a_driver(folder: Path) -> list[tuple[str, ...]]:
    (folder / "meters").mkdir(exist_ok=True)
    (folder / "meters" / "own.toml").write_text(
        f'name = "own"\ntitle = {_toml(EVIL)}\nserves = ["KAM.1B.16"]\n'
        f'[[field]]\nname = "total_m3"\nabout = {_toml(EVIL)}\nquantity = "volume"\n'
    )
    return [
        ("meters", "list"),
        ("meters", "show", "own"),
        ("meters", "test", "own"),
        ("decrypt", "-v", "1444" + "2D2C785634121B16" + "7A01000000" + "04132A000000"),
    ]


def a_broken_driver(folder: Path) -> list[tuple[str, ...]]:
    (folder / "meters").mkdir(exist_ok=True)
    (folder / "meters" / "bad.toml").write_text(f"{_toml(EVIL)} = {_toml(EVIL)}\n")
    return [("meters", "list"), ("decrypt", HEX)]


def a_meter_list(folder: Path) -> list[tuple[str, ...]]:
    quoted = '"' + LINE.replace('"', '""') + '"'
    (folder / "list.csv").write_text(
        f"meter number;new address;name;location\n12345678;7;{quoted};{quoted}\n{quoted};x;{quoted};{quoted}\n",
        encoding="utf-8",
    )
    return [
        ("scan", "--port", "sim:", "--range", "1-2", "--list", "list.csv"),
        ("read", "--port", "sim:", "--list", "list.csv"),
        ("set-address", "--plan", "list.csv", "--port", "sim:", "--dry-run"),
        ("keys", "import", "list.csv"),
    ]


def a_capture(folder: Path) -> list[tuple[str, ...]]:
    damage = {
        "time": "2026-01-31T10:00:00+01:00",
        "event": "damage",
        "error": EVIL,
        "text": EVIL,
        "line": "00",
    }
    other = {"time": EVIL, "raw": HEX, "rssi_dbm": EVIL, "mode": EVIL, "frame_format": EVIL, "port": EVIL}
    (folder / "walk.ndjson").write_text(
        "".join(json.dumps(row) + "\n" for row in (damage, other, {"raw": EVIL}))
    )
    return [("decrypt", "walk.ndjson")]


def a_scenario(folder: Path) -> list[tuple[str, ...]]:
    (folder / "bus.toml").write_text(
        f"[[meter]]\nname = {_toml(EVIL)}\nid = {_toml(EVIL)}\n{_toml(EVIL)} = 1\n"
    )
    return [("scan", "--port", "sim:bus.toml", "--range", "1-2")]


def lorawan_keys(folder: Path) -> list[tuple[str, ...]]:
    (folder / "device.keys").write_text(f"[{LINE}]\n{LINE}={LINE}\n", encoding="utf-8")
    return [
        ("decrypt", "--lorawan", "40BC1A01260001000147", "--lorawan-keys", "device.keys"),
        ("decrypt", "--lorawan", "40BC1A012600010001470102030405", "--lorawan-keys", f"{LINE}={LINE}"),
    ]


def file_names(folder: Path) -> list[tuple[str, ...]]:
    name = LINE.replace("/", "_")
    (folder / name).write_text(f"nothing\n{HEX}\n", encoding="utf-8")
    (folder / "taken.db").write_bytes(b"x" * 5000)
    return [
        ("decrypt", f"./{name}"),
        ("decrypt", f"./{name}.missing"),
        ("decrypt", HEX, "--key-file", f"./{name}"),
        ("decrypt", HEX, "--keys", f"./{name}"),
        ("scan", "--port", f"replay:{name}"),
        ("scan", "--port", f"sim:{name}.toml"),
        ("scan", "--port", "sim:", "--range", "1-1", "--capture", f"./{name}/x"),
        ("inventory", "--inventory", f"./{name}"),
        ("inventory", "--inventory", "taken.db"),
        ("keys", "import", f"./{name}"),
        ("read", "--port", "sim:", "--list", f"./{name}"),
    ]


def arguments(folder: Path) -> list[tuple[str, ...]]:
    return [
        ("scan", "--port", EVIL),
        ("scan", "--port", f"tcp://{EVIL}:1"),
        ("scan", "--port", f"id:{EVIL}"),
        ("scan", "--port", f"sim:?{EVIL}"),
        ("read", EVIL, "--port", "sim:"),
        ("decrypt", EVIL),
        ("keys", "add", EVIL, "--key", "11" * 16),
        ("keys", "add", "12345678", "--name", EVIL, "--key", "11" * 16),
        ("send", EVIL, "--port", "sim:"),
        ("inventory", EVIL),
        ("meters", "show", EVIL),
        ("lora-join", "--port", EVIL),
        ("sniff", "--port", EVIL),
        ("profile", "show", EVIL),
        ("config", "set", "port", EVIL),
        ("help", EVIL),
    ]


FILES = [
    keys,
    a_broken_ring,
    a_journal,
    a_configuration,
    a_driver,
    a_broken_driver,
    a_meter_list,
    a_capture,
    a_scenario,
    lorawan_keys,
    file_names,
    arguments,
]


@pytest.mark.timeout(120)
@pytest.mark.skipif(os.name == "nt", reason="such names of files")
@pytest.mark.parametrize("make", FILES, ids=lambda make: make.__name__)
def test_out_of_files(
    make: Callable[[Path], list[tuple[str, ...]]], run: Callable[..., Shown], tmp_path: Path
) -> None:
    from mbuscli.services.readings import registry

    for words in make(tmp_path):
        registry.cache_clear()
        if words[0] in ("config", "profile", "help") or "--baud" in words:
            assert_inert(run(*words), "plain")
            continue
        in_every_format(run, *words)
    registry.cache_clear()


@pytest.mark.parametrize("word", [EVIL, f"-{EVIL}", f"--{EVIL}", f"--output={EVIL}", f"--fields={EVIL}"])
def test_words_that_no_command_knows(word: str, run: Callable[..., Shown]) -> None:
    for words in (
        (word,),
        ("scan", word),
        ("decrypt", HEX, "-o", "json", word),
        ("scan", "--port", "sim:", "--baud", word),
    ):
        shown = run(*words)
        for line in (*shown.out.splitlines(), *shown.err.splitlines()):
            check(line, "talk")


# -- devices -------------------------------------------------------------------------------------------------


def test_what_adapters_call_themselves(run: Callable[..., Shown], monkeypatch: pytest.MonkeyPatch) -> None:
    evil = PresentPort(f"/dev/tty{EVIL}", EVIL, EVIL, 0x0403, 0x6001, EVIL, EVIL)
    monkeypatch.setattr(serial_port, "present_ports", lambda: [evil])
    in_every_format(run, "ports")
    in_every_format(run, "sticks")
    in_every_format(run, "scan", "--port", "/dev/ttyNOSUCH")


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_modem_says(form: str) -> None:
    out = streams()
    report = LoraReport(Output(form, None, out))
    uplink = Uplink(5, b"a", True)
    advice = (Advice("counter", True, EVIL, (EVIL, EVIL)),)
    for step in (
        Found(EVIL, Identity(EVIL, EVIL, EVIL, None, EVIL), ("A",)),
        Planned((Command(b"a", EVIL, EVIL),)),
        Waiting(EVIL, 1.0),
        Noted(EVIL),
        Noted(EVIL, warning=True),
        Accepted(b"abcd", 1.0, False),
        Heard(Downlink(1, EVIL.encode()), 1.0),
        NotJoined(Failed("modem", EVIL), 1.0, 2, advice),
        NotSent(uplink, Failed("modem", EVIL), advice),
    ):
        report.add(step)
    report.finish()
    check(written(out.out), form)
    check(written(out.err), "talk")


# -- errors --------------------------------------------------------------------------------------------------


@given(st.text())
def test_errors(text: str) -> None:
    error = InputError(text, reason=Reason.INVALID, hint=(text, text))
    for line in error_text(error, where=text).split("\n"):
        check(line, "talk")


def _failing(*_: object, **__: object) -> NoReturn:
    raise RuntimeError(EVIL)


@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_a_bug(
    debug: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The traceback is the work of others: here the last gate counts."""
    at_home(tmp_path, monkeypatch)
    monkeypatch.setattr("mbuscli.services.input.pieces_of_arguments", _failing)
    assert program.main(["decrypt", HEX, *debug]) == 1
    for line in capsys.readouterr().err.split("\n"):
        check(line.replace("\t", " "), "talk")


# -- the last gate -------------------------------------------------------------------------------------------


@given(st.text(), st.booleans())
def test_nothing_gets_past_the_streams(text: str, colour: bool) -> None:
    out, err = Page(), Page()
    gate = Streams(out, err, {"FORCE_COLOR": "1"} if colour else {})
    gate.data(text)
    gate.complain(text)
    gate.talk(text)
    for page in (out, err):
        for line in page.getvalue().split("\n"):
            check(line.replace("\t", ""), "talk")


def test_colours_pass_where_they_are_on() -> None:
    assert contained("\x1b[1;31mred\x1b[0m\x1b[2J\n", colour=True) == "\x1b[1;31mred\x1b[0m\\x1b[2J\n"
    assert contained("\x1b[31mred", colour=False) == "\\x1b[31mred"
    assert contained("\U000e0041\ufff9\u180e", colour=True) == "\\U000e0041\\ufff9\\u180e"

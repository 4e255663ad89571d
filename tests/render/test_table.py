"""Meter blocks and scan tables: complete at every width, inert, and without colour where none is wanted."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.protocol.wired.frames import encode_long
from mbuscli.render.rows import scan_row
from mbuscli.render.streams import Streams
from mbuscli.render.table import cells_table, scan_lines, telegram_table
from mbuscli.render.text import UNSAFE
from mbuscli.services.readings import readings_of
from mbuscli.telegram import Telegram, decode

HEADER = bytes.fromhex("7856341267 2D 1B 16 2A 04 0000".replace(" ", ""))
VOLUME = bytes.fromhex("0C1367452301")


def streams(encoding: str = "utf-8", **environ: str) -> Streams:
    return Streams(io.TextIOWrapper(io.BytesIO(), encoding), io.TextIOWrapper(io.BytesIO()), environ)


def telegram(records: bytes) -> Telegram:
    return decode(encode_long(0x08, 5, 0x72, HEADER + records))


def block(shown: Telegram, to: Streams, *, verbose: bool = True) -> str:
    return telegram_table(shown, readings_of(shown), to, verbose=verbose)


def text_record(text: str) -> bytes:
    octets = text.encode("latin-1")[::-1][:100]
    return b"\x0d\xfd\x11" + bytes((len(octets),)) + octets


@given(st.text(alphabet=st.characters(max_codepoint=0xFF), min_size=1))
def test_text_of_a_meter_is_neither_markup_nor_control(text: str) -> None:
    shown = block(telegram(text_record(text)), streams())
    assert not UNSAFE.search(shown.replace("\n", ""))


@pytest.mark.parametrize(
    "text", ["[/]", "[red]x[/red]", "[link=http://x]y[/link]", ":smile:", "\x1b]52;c;x\x07"]
)
def test_markup_is_shown_as_text(text: str) -> None:
    shown = block(telegram(text_record(text)), streams())
    assert text.replace("\x1b", "\\x1b").replace("\x07", "\\x07") in shown


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = "".join(chr(65 + index % 26) for index in range(100))
    shown = block(telegram(text_record(text) + VOLUME + b"\x0f" + bytes(range(100))), streams())
    assert all(len(line) <= columns for line in shown.split("\n"))
    letters = "".join(shown.split())
    assert "…" not in shown
    assert sum(letters.count(letter) for letter in text[:26]) >= 200
    assert "1 234.567" in shown


def test_colour_is_never_the_only_carrier() -> None:
    damaged = telegram(VOLUME + bytes.fromhex("0C13FF"))
    plain = block(damaged, streams(NO_COLOR="1"))
    assert "status: power low" in plain
    assert "problem: " in plain
    assert "\x1b" not in plain
    assert "\x1b[31m" in block(damaged, streams(FORCE_COLOR="1"))


def test_readings_come_first_and_records_on_request() -> None:
    shown = block(telegram(VOLUME), streams(), verbose=False)
    assert "total_m3" in shown
    assert "1234.567" in shown
    assert "quantity" not in shown
    both = block(telegram(VOLUME), streams())
    assert both.index("total_m3") < both.index("quantity")


def test_ascii_frames_and_units() -> None:
    shown = block(telegram(VOLUME), streams("cp1252"))
    assert shown.isascii()
    assert "m3" in shown


def test_a_value_that_is_none_shows_why() -> None:
    assert "(no number: BCD digits" in block(telegram(bytes.fromhex("0C13670523A1")), streams())


@pytest.mark.parametrize("columns", [80, 160])
def test_scan_rows_line_up(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    first = scan_lines(scan_row(5, "meter", telegram(VOLUME), ""), streams(), header=True).split("\n")
    other = scan_lines(scan_row(250, "collision", None, "word " * 30), streams(), header=False).split("\n")
    assert all(len(line) <= columns for line in first + other)
    assert first[0].index("state") == first[2].index("meter") == other[0].index("collision")
    assert " ".join(other).count("word") == 30


def test_chosen_columns() -> None:
    shown = cells_table(("quantity", "value"), [("[b]", 5), ("x", None)], streams())
    assert "[b]" in shown


def test_a_scan_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    first = scan_lines(scan_row(5, "meter", telegram(VOLUME), ""), streams(), header=True).split("\n")
    other = scan_lines(scan_row(250, "collision", None, "word " * 30), streams(), header=False).split("\n")
    assert all(len(line) <= 40 for line in first + other)
    assert first[2].split()[:4] == ["5", "12345678", "cold", "water,"]
    assert first[2].index("cold") == other[0].index("collision")
    assert " ".join(other).count("word") == 30


ROWS = (("05607210.EMH.00.02", "heat cost allocator", "18 462.771 kWh"), ("Flat 1", "", "not encrypted"))


@pytest.mark.parametrize("columns", [40, 41, 42, 45, 48, 50, 55, 80])
def test_columns_break_between_words_or_become_lines(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = cells_table(("meter", "type", "reading"), ROWS, streams())
    assert all(len(line) <= columns for line in shown.split("\n"))
    for word in ("05607210.EMH.00.02", "allocator", "18 462.771", "kWh", "encrypted"):
        assert word in shown
    assert shown.startswith("meter" if columns > 40 else "05607210")


def test_what_is_empty_takes_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = cells_table(("meter", "type", "reading"), ROWS, streams()).split("\n")
    assert shown[shown.index("Flat 1") + 1 :] == ["  reading  not encrypted"]

"""The annotated dump on a screen and as rows."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mbuscli.render.explain import explain_rows, explain_text
from mbuscli.render.json import dump_document
from mbuscli.telegram import decode
from tests.telegram.samples import SAMPLES, SHOWN, Sample

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "explain"
WIDTHS = (80, 160)
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", SHOWN)
def test_transcript(name: str) -> None:
    """To accept new output: MBUSCLI_GOLDEN=write pytest tests/render"""
    telegram = SHOWN[name].decode()
    shown = [f"# {width} columns\n\n{explain_text(telegram, width, False)}\n" for width in WIDTHS]
    text = "\n".join(shown)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("MBUSCLI_GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 60, 80, 119, 120, 160, 250])
@pytest.mark.parametrize("name", SAMPLES)
def test_wraps_and_never_cuts(name: str, width: int) -> None:
    sample = SAMPLES[name]
    for with_key in (True, False):
        telegram = sample.decode(with_key=with_key)
        text = explain_text(telegram, width, False)
        assert max(map(len, text.splitlines())) <= width
        words = "".join(text.split())
        for row in explain_rows(telegram):
            longest = max(row["meaning"].split(), key=len)
            assert longest in words


@pytest.mark.parametrize("name", SAMPLES)
def test_colour_adds_nothing_but_colour(name: str) -> None:
    telegram = SAMPLES[name].decode()
    plain, coloured = explain_text(telegram, 80, False), explain_text(telegram, 80, True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert [line.rstrip() for line in _ESCAPE.sub("", coloured).splitlines()] == plain.splitlines()


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("name", SAMPLES)
def test_every_octet_is_on_the_screen(name: str, with_key: bool) -> None:
    telegram = SAMPLES[name].decode(with_key=with_key)
    rows = explain_rows(telegram)
    assert bytes.fromhex("".join(row["raw"] for row in rows)) == telegram.raw
    assert bytes.fromhex("".join(row["clear"] for row in rows)) == telegram.clear
    shown = explain_text(telegram, 80, False)
    for row in rows:
        assert bytes.fromhex(row["raw"])[:4].hex(" ").upper() in shown


def test_rows_are_json() -> None:
    rows = explain_rows(SAMPLES["mode_5"].decode())
    assert list(rows[0]) == ["offset", "raw", "clear", "layer", "group", "name", "clause", "meaning"]
    assert '"clear": "2F2F"' in dump_document(rows)


def test_meter_text_cannot_act_on_the_terminal() -> None:
    # The unit is text of the meter: an escape sequence and a right-to-left mark's first octet.
    octets = bytes.fromhex("78027C05") + b"m0\x9b[\x1b"[::-1] + bytes.fromhex("0100")
    octets += bytes.fromhex("0DFD1108") + b"\x1b]0;a\x07\x85b"[::-1]
    for colour in (True, False):
        text = _ESCAPE.sub("", explain_text(decode(octets), 80, colour))
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
        assert "\\x1b" in text
        assert "\\x9b" in text


def test_ascii_terminal() -> None:
    text = explain_text(SAMPLES["wired"].decode(), 80, False, ascii_only=True)
    assert text.isascii()
    assert "28504.27 m3" in text


def test_long_closed_data_fills_the_width() -> None:
    text = explain_text(SAMPLES["mode_5"].decode(with_key=False), 80, False)
    assert "  15  59 23 C9 5A AA 26 D1 B2 E7 49 3B 01 3E C4 A6 F6 D3 52 9B 52 0E DF F0 EA" in text


def test_verdict_ends_the_dump() -> None:
    text = explain_text(SAMPLES["mode_5"].decode(with_key=False), 80, False)
    assert "no key is known" in text.split("WHAT IS WRONG OR IN DOUBT")[1]
    assert "WHAT IS WRONG" not in explain_text(SAMPLES["mode_5"].decode(), 80, False)


def test_key_octets_are_nowhere() -> None:
    sample = SAMPLES["mode_7"]
    text = explain_text(sample.decode(), 160, False).replace(" ", "")
    assert sample.key is not None
    assert sample.key.lower() not in text.lower()


def test_one_octet() -> None:
    assert "1 byte;" in explain_text(Sample("E5").decode(), 80, False)

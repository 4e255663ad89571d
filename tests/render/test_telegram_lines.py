"""Lines written from templates are the lines that `dump_line` writes."""

from __future__ import annotations

import json

import pytest

from mbuscli.protocol.wired.frames import encode_long
from mbuscli.render.json import dump_line
from mbuscli.render.rows import UNKNOWN, Origin, telegram_row
from mbuscli.render.telegram_lines import TelegramLines
from mbuscli.telegram import decode
from mbuscli.telegram.plans import Plans
from tests.meters.test_plan import METER

LISTS = (
    "0C1367452301 046D0A8B3F3C 426C1F3C 02FD171200 0406E8030000 0259B005 026E0500",
    "0C13AAAAAAAA 046DFFFFFFFF 426CFFFF 02FD171200 04060000FFFF 02590080 026E0080",
    "055BCDCCCC3D 04FD3A01000000 0DFD0B03412522 0F1B5B2541 00",
    "04937D01000000 043B00000000 0C7812345678 07792D2C12345678AABB 04BE5801020304 04108000FFFF",
)


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("origin", [UNKNOWN, Origin("2026-01-31T10:00:00Z", "COM3", "T1", -71.5, 2400)])
def test_a_line_is_the_line_of_the_row(ascii_only: bool, origin: Origin) -> None:
    plans, lines = Plans(), TelegramLines(ascii_only=ascii_only)
    for records in LISTS * 4:
        data = METER + bytes((7, 4, 0, 0)) + bytes.fromhex(records)
        telegram = decode(encode_long(8, 5, 0x72, data), plans=plans)
        expected = dump_line(telegram_row(telegram, origin), ascii_only=ascii_only)
        assert lines.line(telegram, origin) == expected
        assert json.loads(expected)["records"]
    assert telegram.laid is not None


def test_strengths_that_are_equal_but_written_otherwise() -> None:
    lines = TelegramLines()
    telegram = decode(
        bytes.fromhex("2C442D2C785634121B168D20910000000000")[:11] + b"\x00" * 34, layer="wireless"
    )
    for rssi_dbm in (-71, -71.0, -71.5, None):
        origin = Origin(rssi_dbm=rssi_dbm)
        assert lines.line(telegram, origin) == dump_line(telegram_row(telegram, origin))

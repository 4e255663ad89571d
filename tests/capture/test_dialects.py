"""Each line format: what was heard comes out as it was written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.capture.cul import parse_cul
from mbuscli.capture.dialects import Dialects, unframe
from mbuscli.capture.heard import Heard
from mbuscli.protocol.receivers.stream import rssi_dbm
from mbuscli.protocol.wireless.frame_format import encode_format_a, encode_format_b, strip_crcs
from tests.capture import telegrams as lines
from tests.capture.telegrams import ISO, TELEGRAMS

TELEGRAM = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")


def parse(line: str) -> Heard:
    heard = Dialects().parse(line)
    assert heard is not None
    return heard


def error_of(line: str) -> str:
    heard = parse(line)
    assert heard.error is not None
    assert heard.data == b""
    return f"{heard.error.name}: {heard.error.text}"


@given(TELEGRAMS, st.sampled_from(("T1", "C1", "S1", "N1a")))
def test_rtl_wmbus(telegram: bytes, mode: str) -> None:
    heard = parse(lines.rtl_wmbus(telegram, mode=mode))
    assert heard == Heard(telegram, "rtl_wmbus", ISO, -71.0, mode, "none", "wireless")


def test_rtl_wmbus_lines_in_the_field() -> None:
    heard = parse("T1;1;1;2019-04-03 19:00:42.000;97;148;88888888;0x6e44010688888888;0x00")
    assert (heard.data.hex(), heard.rssi_dbm, heard.time) == (
        "6e44010688888888",
        None,
        "2019-04-03T19:00:42.000",
    )
    assert (
        error_of(lines.rtl_wmbus(TELEGRAM, crc_ok=0))
        == "link.crc: rtl_wmbus found a wrong CRC in this telegram"
    )
    assert (
        error_of("T1;1;1;2019-04-03 19:00")
        == "input.too-short: the line of rtl_wmbus is cut: there is no telegram in it"
    )
    assert error_of(lines.rtl_wmbus(TELEGRAM)[:-1]).startswith("input.odd-hex: the line of rtl_wmbus is cut")
    assert Dialects().parse("C1;44;12") is None


@given(TELEGRAMS.filter(lambda telegram: len(telegram) <= 252))
def test_an_l_field_that_counts_crcs_of_format_b(telegram: bytes) -> None:
    printed = encode_format_b(telegram)[:1] + telegram[1:]
    assert parse(lines.rtl_wmbus(printed, mode="C1")).data == telegram
    assert parse(lines.rtl_433_json(printed, "C")).data == telegram
    # Where there is no format B a telegram that is two bytes short was cut.
    assert parse(lines.rtl_wmbus(printed, mode="T1")).data == printed
    assert parse(lines.rtl_433_json(printed, "T")).data == printed


@given(TELEGRAMS, st.sampled_from("TCS"))
def test_rtl_433(telegram: bytes, mode: str) -> None:
    expected = Heard(telegram, "rtl_433", ISO, None, f"{mode}1", "none", "wireless")
    assert parse(lines.rtl_433_json(telegram, mode)) == expected
    table = Dialects()
    assert table.parse(lines.RTL_433_HEADER) == Heard(b"", "rtl_433")
    assert table.parse(lines.rtl_433_row(telegram, mode)) == expected
    assert table.parse(lines.rtl_433_row(b"", mode, model="Acurite-Tower")) == Heard(b"", "rtl_433")


@given(TELEGRAMS, st.sampled_from("TC"))
def test_rtl_433_that_leaves_the_last_crc(telegram: bytes, mode: str) -> None:
    printed = bytes((telegram[0] - 2,)) + telegram[1:] + encode_format_a(telegram)[-2:]
    assert parse(lines.rtl_433_json(printed, mode)).data == telegram


def test_rtl_433_rows_without_their_header() -> None:
    row = f"2026-01-31 10:00:00,,,Wireless-MBus,C,33225544,104,7,Water,SEN,68,24,{TELEGRAM.hex()},CRC"
    assert parse(row).data == TELEGRAM
    assert Dialects().parse("2026-01-31 10:00:00,,,Wireless-MBus,C") is None


def test_rtl_433_of_other_sensors_and_damage() -> None:
    assert parse(lines.rtl_433_json(TELEGRAM, "T", model="Acurite-Tower")) == Heard(b"", "rtl_433")
    assert error_of('{"model":"Wireless-MBus","mode":"T"}').startswith("input.too-short")
    assert error_of('{"model":"Wireless-MBus","mode":7,"data":[1]}').startswith("input.")
    assert error_of('{"model":"Wireless-MBus","data":"18z4"}').startswith("input.not-hex")


@given(TELEGRAMS)
def test_wmbusmeters(telegram: bytes) -> None:
    assert parse(lines.wmbusmeters(telegram)) == Heard(telegram, "wmbusmeters", after_s=12.0)
    assert parse("(wmbus) " + lines.wmbusmeters(telegram)).data == telegram


@given(TELEGRAMS, st.none() | st.integers(0, 255))
def test_cul(telegram: bytes, rssi: int | None) -> None:
    dbm = None if rssi is None else ((rssi ^ 0x80) - 0x80) / 2 - 74
    heard = parse(lines.cul(telegram, "A", rssi=rssi))
    assert heard == Heard(encode_format_a(telegram), "cul", None, dbm, None, "A", "wireless")
    if len(telegram) <= 252:
        heard = parse(lines.cul(telegram, "B", rssi=rssi))
        assert heard == Heard(encode_format_b(telegram), "cul", None, dbm, None, "B", "wireless")


def test_cul_by_hand() -> None:
    heard = parse("b1844AE4C4455223368075F787A55000000041389E20100023B0000D0C668B0")
    assert (strip_crcs(heard.data, frame_format="A").telegram, heard.rssi_dbm) == (TELEGRAM, -114.0)
    heard = parse("bY1A44AE4C4455223368077A55000000041389E20100023B0000C6B468B0")
    assert (strip_crcs(heard.data, frame_format="B").telegram, heard.rssi_dbm) == (TELEGRAM, -114.0)


@given(TELEGRAMS, st.sampled_from("AB"), st.data())
def test_cul_that_was_truncated(telegram: bytes, frame_format: str, data: st.DataObject) -> None:
    line = lines.cul(telegram[:1] + telegram[1:], frame_format if len(telegram) <= 252 else "A", rssi=None)
    heard = parse(line[: data.draw(st.integers(26, len(line) - 1))])
    assert heard.error is not None
    assert heard.error.text.startswith("truncated by the stick's firmware")


def test_a_truncated_cul_line_counts_its_bytes() -> None:
    text = error_of(lines.cul(TELEGRAM, "A", rssi=None)[:-5])
    assert text == "link.too-short: truncated by the stick's firmware: 26 of 29 bytes came"


def test_what_only_looks_like_a_cul() -> None:
    assert parse_cul("b144" + "00" * 60) is None
    assert parse_cul("b" + "ab" * 60) is None
    assert parse_cul("b1844") is None


@given(
    st.lists(TELEGRAMS, min_size=1, max_size=3), st.booleans(), st.none() | st.integers(0, 229), st.booleans()
)
def test_im871a(telegrams: list[bytes], stamp: bool, rssi: int | None, crc: bool) -> None:
    data = b"".join(lines.im871a(telegram, stamp=stamp, rssi=rssi, crc=crc) for telegram in telegrams)
    dbm = None if rssi is None else -100 + 0.5 * (rssi - 45)
    assert unframe(data) == [
        Heard(telegram, "im871a", rssi_dbm=dbm, frame_format="none", layer="wireless")
        for telegram in telegrams
    ]
    assert unframe(data[:-1]) is None


def test_im871a_by_hand() -> None:
    (heard,) = unframe(bytes.fromhex("A5C20309472D2C57277971340C4C6807")) or []
    assert (heard.data.hex(), heard.rssi_dbm) == ("09472d2c57277971340c", -84.5)
    (heard,) = unframe(bytes.fromhex("A5C20309472D2C5727797134004C6807")) or []
    assert heard.error is not None
    assert heard.error.name == "link.crc"
    assert unframe(bytes.fromhex("A5010F00 A5011008330015177856 3412")) == [Heard(b"", "im871a")] * 2
    (heard,) = unframe(lines.im871a(TELEGRAM, stamp=False, rssi=255, crc=True)) or []
    assert (heard.data, heard.rssi_dbm) == (TELEGRAM, None)


@given(st.lists(TELEGRAMS, min_size=1, max_size=3), st.none() | st.integers(0, 255))
def test_amber(telegrams: list[bytes], rssi: int | None) -> None:
    heard = unframe(b"".join(lines.amber(telegram, rssi) for telegram in telegrams))
    assert heard is not None
    for item, telegram in zip(heard, telegrams, strict=True):
        assert (item.dialect, item.rssi_tail, item.frame_format) == ("amber", True, "none")
        if rssi is None:
            assert item.data == telegram
        else:
            assert item.data == bytes((telegram[0] + 1,)) + telegram[1:] + bytes((rssi,))


def test_amber_by_hand() -> None:
    (heard,) = (
        unframe(bytes.fromhex("FF03191844AE4C".replace("031918", "0319") + TELEGRAM[4:].hex() + "1255")) or []
    )
    assert heard.data == b"\x19" + TELEGRAM[1:] + b"\x12"
    assert rssi_dbm(0x12) == -65.0
    assert rssi_dbm(0xB0) == -114.0
    assert unframe(bytes.fromhex("FF8401007A FF0A02008077")) == [Heard(b"", "amber")] * 2
    damaged = bytearray(lines.amber(TELEGRAM, 0x12))
    damaged[7] ^= 1
    (heard,) = unframe(bytes(damaged)) or []
    assert heard.error is not None
    assert heard.error.name == "link.checksum"


@given(TELEGRAMS)
def test_json_of_our_own(telegram: bytes) -> None:
    row = {"schema": "mbuscli/1", "event": "telegram", "time": f"{ISO}+01:00", "raw": telegram.hex().upper()}
    link = {"layer": "wireless", "mode": "T1", "rssi_dbm": -71.5}
    assert parse(json.dumps({**row, "link": link})) == Heard(
        telegram, "mbuscli", f"{ISO}+01:00", -71.5, "T1", "none", "wireless"
    )
    assert parse(json.dumps(row)).layer == "auto"
    assert parse(json.dumps({"time": 1.5, "dir": "rx", "data": telegram.hex()})) == Heard(
        telegram, "mbuscli", goes_on=True
    )
    assert parse(json.dumps({"_": "decode", "telegram": telegram.hex(), "key": "00" * 16})).data == telegram


def test_json_without_a_telegram() -> None:
    assert parse('{"time":0,"dir":"baud","data":"2400"}') == Heard(b"", "mbuscli")
    assert parse('{"event":"asking","address":7}') == Heard(b"", "mbuscli")
    for line in ('{"a":1}', "{", "{}", '{"raw":7}', "[" * 100_000, '{"a":' * 100_000):
        assert Dialects().parse(line) is None
    strange = parse('{"raw":"1844","link":{"mode":"<b>","rssi_dbm":true},"time":"2026-99-99 10:00:00"}')
    assert strange == Heard(bytes.fromhex("1844"), "mbuscli")


@given(st.text(min_size=1))
def test_any_line_is_heard_or_not(line: str) -> None:
    for table in (Dialects(), with_columns()):
        table.parse(line)


def with_columns() -> Dialects:
    table = Dialects()
    table.parse(lines.RTL_433_HEADER)
    return table


EXAMPLES = (
    lines.rtl_wmbus(TELEGRAM),
    lines.rtl_433_json(TELEGRAM, "T"),
    lines.rtl_433_row(TELEGRAM, "C"),
    lines.wmbusmeters(TELEGRAM),
    lines.cul(TELEGRAM, "A"),
    lines.cul(TELEGRAM, "B"),
)


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_truncation_is_read_or_refused(line: str) -> None:
    for end in range(1, len(line)):
        with_columns().parse(line[:end])


@given(st.binary())
def test_any_octets_are_unframed_or_not(data: bytes) -> None:
    for start in (b"", b"\xa5", b"\xff"):
        unframe(start + data)

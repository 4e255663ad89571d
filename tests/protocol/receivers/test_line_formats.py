"""Lines of text that receivers write: what was heard comes out as it was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mbuscli.protocol.receivers import cul, rtl_433, rtl_wmbus
from mbuscli.protocol.receivers.lines import LONGEST_LINE, LineSplitter, LineTelegram
from mbuscli.protocol.wireless.frame_format import encode_format_a, encode_format_b
from tests.capture.telegrams import TELEGRAMS

TELEGRAM = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")
TIME = "2026-01-31 10:00:00.123456"


@given(st.binary(max_size=200), st.lists(st.integers(1, 20)))
def test_lines_are_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    splitter = LineSplitter()
    lines = []
    at = 0
    for size in [*cuts, len(data)]:
        lines += splitter.feed(data[at : at + size])
        at += size
    lines += splitter.flush()
    assert lines == [line for line in data.replace(b"\r", b"\n").split(b"\n") if line]
    assert splitter.held == 0


def test_a_line_without_end_takes_no_memory() -> None:
    splitter = LineSplitter()
    lines: list[bytes] = []
    for _ in range(10):
        lines += splitter.feed(b"x" * (LONGEST_LINE // 2))
        assert splitter.held <= LONGEST_LINE
    assert [len(line) for line in lines] == [LONGEST_LINE]
    assert splitter.feed(b"rest\nb1844\n") == [b"b1844"]


@given(TELEGRAMS, st.sampled_from(("T1", "C1", "S1")), st.integers(-199, -1))
def test_rtl_wmbus(telegram: bytes, mode: str, rssi: int) -> None:
    line = rtl_wmbus.encode_line(telegram, mode, TIME, rssi)
    assert rtl_wmbus.parse_line(line) == LineTelegram(telegram, TIME.replace(" ", "T"), rssi, mode)
    bad = rtl_wmbus.parse_line(rtl_wmbus.encode_line(telegram, mode, TIME, rssi, crc_ok=False))
    assert bad is not None
    assert bad.data == b""
    assert bad.error is not None
    assert bad.error.name == "link.crc"
    for size in range(len(line)):
        cut = rtl_wmbus.parse_line(line[:size])
        assert cut is None or cut.error is not None or cut.data != telegram


@given(TELEGRAMS, st.sampled_from(("T1", "C1", "S1")))
def test_rtl_433(telegram: bytes, mode: str) -> None:
    line = rtl_433.encode_json_line(telegram, mode, TIME)
    assert rtl_433.parse_json_line(line) == LineTelegram(telegram, TIME.replace(" ", "T"), None, mode)
    assert rtl_433.parse_json_line(line[:-1]) is None


def test_what_rtl_433_22_11_printed_of_the_test_telegram() -> None:
    """Format B is right there; of format A the last CRC is left and L is two too small."""
    b = '{"model":"Wireless-MBus","mode":"C","M":"SEN","id":33225544,"data_length":23,"data":"%s","mic":"CRC"}'
    for told in (TELEGRAM.hex(), "16" + TELEGRAM.hex()[2:] + "d0c6"):
        assert rtl_433.parse_json_line(b % told) == LineTelegram(TELEGRAM, None, None, "C1")


@given(TELEGRAMS.filter(lambda telegram: len(telegram) <= 252), st.sampled_from("AB"), st.integers(-138, -11))
def test_cul(telegram: bytes, frame_format: str, dbm: int) -> None:
    data = encode_format_a(telegram) if frame_format == "A" else encode_format_b(telegram)
    assert cul.parse_received(cul.encode_received(data, frame_format, dbm)) == (data, frame_format, dbm, None)
    assert cul.parse_received(cul.encode_received(data, frame_format, None)) == (
        data,
        frame_format,
        None,
        None,
    )


def test_the_lines_of_the_sheet() -> None:
    a = cul.parse_received("b1844AE4C4455223368075F787A55000000041389E20100023B0000D0C668B0")
    b = cul.parse_received("bY1A44AE4C4455223368077A55000000041389E20100023B0000C6B468B0")
    assert a == (encode_format_a(TELEGRAM), "A", -114.0, None)
    assert b == (encode_format_b(TELEGRAM), "B", -114.0, None)


@given(TELEGRAMS.filter(lambda telegram: len(telegram) <= 252), st.text("b0123456789ABCDEFY V.", max_size=80))
def test_a_line_of_a_cul_behind_one_that_broke_off(telegram: bytes, before: str) -> None:
    line = cul.encode_received(encode_format_a(telegram), "A", -71)
    merged = cul.parse_merged("x" + before + line)
    assert merged is not None
    assert (merged.data, merged.rssi_dbm) == (encode_format_a(telegram), -71)
    assert cul.parse_merged("x" + before) is None

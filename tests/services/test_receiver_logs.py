"""Logs of receivers, mixed line by line: every telegram is found, every line that is none is told."""

from __future__ import annotations

import contextlib
import io
import tracemalloc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mbuscli.errors import InputError
from mbuscli.protocol.wired.framer import find_frames
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.protocol.wireless.frame_format import encode_format_a, encode_format_b
from mbuscli.services.input import Piece, pieces_of_arguments, pieces_of_stream
from tests.capture import telegrams as lines
from tests.capture.telegrams import ISO, TELEGRAMS

TELEGRAM = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")
FRAME = encode_long(0x08, 5, 0x78, bytes.fromhex("0C1367452301"))


def pieces(text: str) -> list[Piece]:
    return list(pieces_of_stream(io.BytesIO(text.encode()), "file"))


def dress(data: bytes) -> list[str]:
    """Plain hexadecimal as people paste it."""
    return [
        data.hex(),
        data.hex(" ").upper(),
        data.hex("_", 2),
        data.hex(":"),
        "0x" + data.hex(),
        " ".join(f"0x{octet:02X}" for octet in data),
        f"|{data[:11].hex()}|{data[11:].hex()}|",
        f"10:00:00 RX < {data.hex(' ')} ok",
        f"[{lines.STAMP}] {data.hex()}",
    ]


@given(TELEGRAMS.filter(lambda telegram: len(telegram) <= 252))
def test_plain_hexadecimal_in_any_dress(telegram: bytes) -> None:
    a, b = encode_format_a(telegram), encode_format_b(telegram)
    for data in (telegram, a, b, b"\x54\xcd" + a, b"\x54\x3d" + b):
        for line in dress(data):
            assert [piece.data for piece in pieces(line)] == [data], line
    for line in dress(telegram[1:]):
        # Without L it may also read as something else, but it is handed on as a whole.
        assert [piece.data for piece in pieces(line)] == [telegram[1:]], line


def log(telegram: bytes) -> list[str]:
    """One line of each format, for the same telegram."""
    return [
        telegram.hex(),
        lines.rtl_wmbus(telegram),
        lines.rtl_433_json(telegram, "T"),
        lines.RTL_433_HEADER,
        lines.rtl_433_row(telegram, "T"),
        lines.wmbusmeters(telegram),
        lines.cul(telegram, "A"),
        lines.im871a(telegram, stamp=False, rssi=76, crc=True).hex(),
        lines.amber(telegram, 0x12).hex(" "),
        f'{{"raw":"{telegram.hex()}","link":{{"layer":"wireless"}}}}',
        f"{lines.STAMP} {lines.cul(telegram, 'A', rssi=None)}",
    ]


@given(st.lists(TELEGRAMS.flatmap(lambda telegram: st.sampled_from(log(telegram))), min_size=1, max_size=30))
def test_a_mixed_file(rows: list[str]) -> None:
    """A line says the same alone and among others, apart from its number; wired frames do not disturb."""
    expected = []
    for number, row in enumerate(rows):
        alone = [] if row == lines.RTL_433_HEADER else pieces(row)
        expected += [(piece.data, piece.dialect, 3 * number + 2) for piece in alone]
    text = "\n".join(f"# comment\n{row}\n{FRAME.hex(' ')}" for row in rows)
    found = [(piece.data, piece.dialect, piece.line) for piece in pieces(text) if piece.data != FRAME]
    assert found == expected


def test_what_a_line_tells_of_reception() -> None:
    found = {piece.dialect: piece for piece in pieces("\n".join(log(TELEGRAM)))}
    facts = {name: (piece.time, piece.rssi_dbm, piece.mode) for name, piece in found.items()}
    assert facts == {
        "hex": (None, None, None),
        "rtl_wmbus": (ISO, -71.0, "T1"),
        "rtl_433": (ISO, None, "T1"),
        "wmbusmeters": (None, None, None),
        "cul": (ISO, None, None),
        "im871a": (None, -84.5, None),
        "amber": (None, None, None),
        "mbuscli": (None, None, None),
    }
    (piece,) = pieces(f"[2026-01-31 10:00:00,5]: RX {FRAME.hex(' ')}")
    assert (piece.time, piece.data) == ("2026-01-31T10:00:00.5", FRAME)
    (piece,) = pieces(f"10:00:00 {FRAME.hex(' ')}")
    assert (piece.time, piece.data) == (None, FRAME)


def test_every_line_that_is_none_is_told_with_its_number() -> None:
    rows = [
        "rtl_wmbus: exiting",
        TELEGRAM.hex(),
        "-----",
        lines.rtl_wmbus(TELEGRAM, crc_ok=0),
        "",
        "# comment",
        lines.cul(TELEGRAM, "A", rssi=None)[:-5],
        TELEGRAM.hex()[:-1],
        '{"model":"Acurite-Tower","id":7}',
        '{"weather":"fine"}',
        FRAME.hex(),
        "RX E5",
        "a word",
    ]
    found = pieces("\n".join(rows))
    assert [(piece.line, piece.error and piece.error.name) for piece in found] == [
        (1, "input.unrecognised"),
        (2, None),
        (3, "input.unrecognised"),
        (4, "link.crc"),
        (7, "link.too-short"),
        (8, "input.odd-hex"),
        (10, "input.unrecognised"),
        (11, None),
        (13, "input.unrecognised"),
    ]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=10))
def test_any_text_lines_never_raise(rows: list[str]) -> None:
    text = "\n".join([FRAME.hex(), *rows])
    with contextlib.suppress(InputError):
        for piece in pieces(text):
            assert piece.data or piece.error
            assert piece.line is None or piece.line <= text.count("\n") + 1


def test_a_file_without_telegrams_gets_one_word() -> None:
    with pytest.raises(InputError, match="no M-Bus telegram"):
        pieces("words\n" * 90)
    stream = pieces_of_stream(io.BytesIO(b"words of a readme file\n" * 101), "file")
    assert [next(stream).line for _ in range(101)] == list(range(1, 102))


@given(TELEGRAMS, st.integers(1, 12))
def test_a_wired_frame_that_breaks_off_takes_no_radio_telegram_along(telegram: bytes, cut: int) -> None:
    # By chance the telegram's first octets are the missing ones.
    joined = find_frames(FRAME[:-cut] + telegram)[0]
    assume(joined.frame is None or len(joined.raw) != len(FRAME))
    found = [piece.data for piece in pieces(f"{FRAME[:-cut].hex(' ')}\n{telegram.hex()}\n{FRAME.hex()}")]
    assert found[-2:] == [telegram, FRAME]
    stick = lines.im871a(telegram, stamp=False, rssi=76, crc=True)
    found = [piece.data for piece in pieces(f"{FRAME[:-cut].hex(' ')}\n{stick.hex()}\n{FRAME.hex()}")]
    assert found[-2:] == [telegram, FRAME]


@given(st.integers(1, 14))
def test_a_capture_of_a_port_cuts_where_it_likes(at: int) -> None:
    rows = [
        '{"time":0,"dir":"baud","data":"2400"}',
        '{"time":0.1,"dir":"tx","data":"105B056016"}',
        f'{{"time":0.2,"dir":"rx","data":"{FRAME[:at].hex()}"}}',
        f'{{"time":0.3,"dir":"rx","data":"{FRAME[at:].hex()}"}}',
    ]
    assert [(piece.data, piece.line) for piece in pieces("\n".join(rows))] == [
        (bytes.fromhex("105B056016"), 2),
        (FRAME, 3),
    ]


def test_lines_of_logs_as_arguments() -> None:
    for line in (lines.rtl_wmbus(TELEGRAM), lines.wmbusmeters(TELEGRAM)):
        assert [piece.data for piece in pieces_of_arguments(line.split())] == [TELEGRAM]
    stick = lines.im871a(TELEGRAM, stamp=True, rssi=76, crc=True)
    (piece,) = pieces_of_arguments([stick.hex()])
    assert (piece.data, piece.rssi_dbm) == (TELEGRAM, -84.5)
    (piece,) = pieces_of_arguments([lines.cul(TELEGRAM, "A")])
    assert piece.rssi_dbm == -114.0


class Growing(io.BytesIO):
    """A log that is written while it is read."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._rows = [f"{row}\n".encode() for row in [*log(TELEGRAM), "nothing here", FRAME.hex(" ")]]

    def readline(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        return self._rows[self._left % len(self._rows)] if self._left >= 0 else b""


def test_memory_does_not_grow_with_the_file() -> None:
    peaks = []
    for count in (2_000, 20_000):
        tracemalloc.start()
        found = sum(piece.error is None for piece in pieces_of_stream(Growing(count), "log"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found > count * 0.8
    # Python keeps up to 2,000 freed tuples of each size; a hundred bytes a line would be two million.
    assert peaks[1] < peaks[0] + 400_000

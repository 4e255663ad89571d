"""Compact and format frames: the worked example of EN 13757-3:2018 annex G, and what must be refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import Reason
from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.application.compact_table import KNOWN_FORMATS
from mbuscli.protocol.application.records import parse_records
from mbuscli.protocol.checksum import crc_en13757
from mbuscli.telegram import decode

FULL = bytes.fromhex("780202D20402152E16022A3423")
FORMAT = bytes.fromhex("6908313B02020215022A")
COMPACT = bytes.fromhex("79313B42A6D2042E163423")

# Signatures as they stand on the wire, of four of the built-in formats.
SIGNATURES = {0: "EDA8", 2: "D436", 9: "7422", 18: "2D05"}


def values(frame: bytes, formats: Formats | None = None) -> list[object]:
    return [record.value for record in decode(frame, formats=formats).records]


def test_check_value_of_the_crc() -> None:
    assert crc_en13757(b"123456789") == 0xC2B7


@pytest.mark.parametrize("number", SIGNATURES)
def test_signatures_of_built_in_formats(number: int) -> None:
    signature = crc_en13757(bytes.fromhex(KNOWN_FORMATS[number]))
    assert signature.to_bytes(2, "little").hex().upper() == SIGNATURES[number]


def test_format_frame_teaches_compact_frames() -> None:
    formats = Formats()
    unknown = decode(COMPACT, formats=formats)
    assert [problem.reason for problem in unknown.problems] == [Reason.SIGNATURE_UNKNOWN]
    assert unknown.records == []
    announced = decode(FORMAT, formats=formats)
    assert [record.header.raw.hex() for record in announced.records] == ["0202", "0215", "022a"]
    assert all(record.value is None and record.error for record in announced.records)
    assert values(COMPACT, formats) == values(FULL)


def test_full_frame_teaches_compact_frames() -> None:
    formats = Formats()
    expected = values(FULL, formats)
    telegram = decode(COMPACT, formats=formats)
    assert [record.value for record in telegram.records] == expected
    for record in telegram.records:
        assert COMPACT[record.offset : record.offset + len(record.raw)] == record.raw


@given(st.integers(0, 8 * len(COMPACT) - 1))
def test_no_flipped_bit_gives_values(bit: int) -> None:
    formats = Formats()
    decode(FULL, formats=formats)
    damaged = bytearray(COMPACT)
    damaged[bit // 8] ^= 1 << bit % 8
    if damaged[0] != 0x79:
        return
    telegram = decode(bytes(damaged), formats=formats)
    assert telegram.is_damaged
    assert not telegram.records


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("79313B42", Reason.HEADER_TRUNCATED),
        ("6908313B0202", Reason.HEADER_TRUNCATED),
        ("6908323B02020215022A", Reason.CRC),
        ("6904313B", Reason.HEADER_TRUNCATED),
    ],
)
def test_damaged_frames(frame: str, reason: Reason) -> None:
    telegram = decode(bytes.fromhex(frame))
    assert [problem.reason for problem in telegram.problems] == [reason]


@pytest.mark.parametrize("headers", ["0F", "02022F0215", "84"])
def test_a_format_must_be_record_headers(headers: str) -> None:
    octets = bytes.fromhex(headers)
    frame = b"\x69" + bytes((2 + len(octets),)) + crc_en13757(octets).to_bytes(2, "little") + octets
    telegram = decode(frame)
    assert [problem.reason for problem in telegram.problems] == [Reason.RECORD_TRUNCATED]


def test_text_of_variable_length_fits_a_compact_frame() -> None:
    formats = Formats()
    full = bytes.fromhex("0DFD11 03 434241 011305".replace(" ", ""))
    decode(b"\x78" + full, formats=formats)
    headers = b"".join(record.header.raw for record in parse_records(full).records)
    data = bytes.fromhex("03434241" + "05")
    frame = (
        b"\x79" + crc_en13757(headers).to_bytes(2, "little") + crc_en13757(full).to_bytes(2, "little") + data
    )
    assert values(frame, formats) == values(b"\x78" + full)


def test_learning_is_bounded() -> None:
    formats = Formats()
    for number in range(5000):
        formats.learn(number.to_bytes(2, "big"))
    assert len(formats._headers) <= 2000

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.wired.fields import describe_a_field, describe_c_field
from mbuscli.protocol.wired.frames import (
    ACK_FRAME,
    MAX_DATA,
    MAX_FRAME,
    Frame,
    FrameKind,
    decode_frame,
    encode_ack,
    encode_long,
    encode_short,
)

octet = st.integers(0, 255)


def test_ack() -> None:
    assert decode_frame(encode_ack()) == ACK_FRAME


@given(octet, octet)
def test_short_round_trip(c_field: int, a_field: int) -> None:
    assert decode_frame(encode_short(c_field, a_field)) == Frame(FrameKind.SHORT, c_field, a_field)


@given(octet, octet, octet, st.binary(max_size=MAX_DATA))
def test_long_round_trip(c_field: int, a_field: int, ci_field: int, data: bytes) -> None:
    kind = FrameKind.LONG if data else FrameKind.CONTROL
    raw = encode_long(c_field, a_field, ci_field, data)
    assert decode_frame(raw) == Frame(kind, c_field, a_field, ci_field, data)
    assert len(raw) <= MAX_FRAME


def test_the_longest_frame_and_one_more() -> None:
    assert len(encode_long(0x08, 1, 0x72, bytes(MAX_DATA))) == MAX_FRAME
    with pytest.raises(DecodeError) as caught:
        encode_long(0x08, 1, 0x72, bytes(MAX_DATA + 1))
    assert caught.value.name == "link.too-long"


# Frames printed in the standard's and meters' documentation.
@pytest.mark.parametrize(
    ("raw", "made"),
    [
        ("10 40 01 41 16", encode_short(0x40, 1)),
        ("10 7B FE 79 16", encode_short(0x7B, 254)),
        ("68 06 06 68 53 FE 51 01 7A 08 25 16", encode_long(0x53, 0xFE, 0x51, bytes((0x01, 0x7A, 8)))),
        ("68 03 03 68 53 FE B8 09 16", encode_long(0x53, 0xFE, 0xB8)),
    ],
)
def test_known_frames(raw: str, made: bytes) -> None:
    assert made == bytes.fromhex(raw)


@pytest.mark.parametrize(
    ("raw", "reason", "offset"),
    [
        ("", Reason.TOO_SHORT, 0),
        ("FF", Reason.START_BYTE, 0),
        ("E5E5", Reason.TOO_LONG, 1),
        ("1040014116FF", Reason.TOO_LONG, 5),
        ("10400142 16", Reason.CHECKSUM, 3),
        ("10400141 17", Reason.STOP_BYTE, 4),
        ("68 03 04 68 53 FE B8 09 16", Reason.LENGTH_MISMATCH, 2),
        ("68 03 03 10 53 FE B8 09 16", Reason.START_BYTE, 3),
        ("68 02 02 68 53 FE 51 16", Reason.LENGTH_MISMATCH, 1),
        ("68 03 03 68 53 FE B8 0A 16", Reason.CHECKSUM, 7),
        ("68 03 03 68 53 FE B8 09 00", Reason.STOP_BYTE, 8),
    ],
)
def test_refusals_name_the_octet(raw: str, reason: Reason, offset: int) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_frame(bytes.fromhex(raw))
    assert (caught.value.reason, caught.value.offset) == (reason, offset)


@given(octet, octet, octet, st.binary(max_size=20))
def test_every_truncation_is_refused(c_field: int, a_field: int, ci_field: int, data: bytes) -> None:
    raw = encode_long(c_field, a_field, ci_field, data)
    for size in range(len(raw)):
        with pytest.raises(DecodeError) as caught:
            decode_frame(raw[:size])
        assert caught.value.reason is Reason.TOO_SHORT


@given(st.binary(max_size=300))
def test_nothing_but_decode_error(data: bytes) -> None:
    error: DecodeError | None = None
    try:
        decode_frame(data)
    except DecodeError as caught:
        error = caught
    assert error is None or 0 <= (error.offset or 0) <= len(data)


@given(st.binary(max_size=20), st.integers(0, 8 * 29 - 1))
def test_every_single_bit_error_is_seen(data: bytes, bit: int) -> None:
    raw = bytearray(encode_long(0x08, 1, 0x72, data))
    raw[bit // 8 % len(raw)] ^= 1 << bit % 8
    with pytest.raises(DecodeError):
        decode_frame(bytes(raw))


@pytest.mark.parametrize(
    ("c_field", "text"),
    [
        (0x40, "SND_NKE"),
        (0x53, "SND_UD FCB=0"),
        (0x73, "SND_UD FCB=1"),
        (0x43, "SND_UD"),
        (0x5B, "REQ_UD2 FCB=0"),
        (0x7A, "REQ_UD1 FCB=1"),
        (0x44, "unknown C field 44"),
        (0x08, "RSP_UD"),
        (0x18, "RSP_UD DFC"),
        (0x38, "RSP_UD ACD DFC"),
        (0x01, "unknown C field 01"),
    ],
)
def test_describe_c_field(c_field: int, text: str) -> None:
    assert describe_c_field(c_field) == text


def test_describe_a_field() -> None:
    assert describe_a_field(5) == "5"
    assert describe_a_field(253) == "253 (selected meter)"

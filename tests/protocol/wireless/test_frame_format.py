from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.octets import counted_are
from mbuscli.protocol.wireless.frame_format import (
    NO_CRCS,
    LinkFrame,
    decode_link,
    encode_format_a,
    encode_format_b,
    strip_crcs,
)
from tests.protocol.wireless.strategies import telegrams

ENCODE: dict[str, Callable[[bytes], bytes]] = {"A": encode_format_a, "B": encode_format_b}
formats = pytest.mark.parametrize("frame_format", ["A", "B"])

# Worked examples of EN 13757-4: meter CEN 12345678, version 1, water, 876.543 m³.
EXAMPLE_A = bytes.fromhex("0F44AE0C7856341201074447780B134365871E6D")
BARE_A = bytes.fromhex("0F44AE0C785634120107780B13436587")
EXAMPLE_B = bytes.fromhex("1444AE0C7856341201078C2027780B134365877AC5")
BARE_B = bytes.fromhex("1244AE0C7856341201078C2027780B13436587")


def make(length: int) -> bytes:
    """A telegram of `length` octets with a fixed pattern."""
    return bytes((length - 1, 0x44)) + bytes(at * 37 & 0xFF for at in range(2, length))


def flip(data: bytes, bit: int) -> bytes:
    octets = bytearray(data)
    octets[bit // 8] ^= 1 << bit % 8
    return bytes(octets)


def refusal(data: bytes, frame_format: str | None = None) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        strip_crcs(data, frame_format=frame_format)
    assert caught.value.layer == "link"
    assert 0 <= (caught.value.offset or 0) <= len(data)
    return caught.value


def test_worked_examples() -> None:
    assert encode_format_a(BARE_A) == EXAMPLE_A
    assert encode_format_b(BARE_B) == EXAMPLE_B
    assert strip_crcs(EXAMPLE_A) == LinkFrame(BARE_A, "A", "ok")
    assert strip_crcs(EXAMPLE_B) == LinkFrame(BARE_B, "B", "ok")
    assert strip_crcs(BARE_A) == LinkFrame(BARE_A, None, "absent")


@pytest.mark.parametrize(
    ("start", "frame"),
    [("543D54CD", "A"), ("54CD", "A"), ("F68D", "A"), ("543D543D", "B"), ("543D", "B"), ("F672", "B")],
)
def test_start_octets_announce_the_format(start: str, frame: str) -> None:
    data = bytes.fromhex(start) + {"A": EXAMPLE_A, "B": EXAMPLE_B}[frame]
    assert strip_crcs(data) == strip_crcs(data[len(start) // 2 :])
    damaged = refusal(flip(data, 8 * len(data) - 1))
    assert (damaged.reason, damaged.offset) == (Reason.CRC, len(data) - 2)


@given(telegrams())
def test_format_a_round_trip(telegram: bytes) -> None:
    encoded = encode_format_a(telegram)
    assert len(encoded) == len(telegram) + 2 * (1 + (telegram[0] - 9 + 15) // 16)
    assert strip_crcs(encoded) == LinkFrame(telegram, "A", "ok")
    assert strip_crcs(encoded, frame_format="A") == LinkFrame(telegram, "A", "ok")


@given(telegrams(242))
def test_format_b_round_trip(telegram: bytes) -> None:
    encoded = encode_format_b(telegram)
    assert encoded[0] == len(encoded) - 1
    assert strip_crcs(encoded) == LinkFrame(telegram, "B", "ok")


@formats
def test_every_length(frame_format: str) -> None:
    longest = {"A": 256, "B": 252}[frame_format]
    for length in range(10, longest + 1):
        telegram = make(length)
        assert strip_crcs(ENCODE[frame_format](telegram)) == LinkFrame(telegram, frame_format, "ok")
        assert strip_crcs(telegram) == LinkFrame(telegram, None, "absent")


def test_too_long_for_format_b() -> None:
    with pytest.raises(DecodeError) as caught:
        encode_format_b(make(253))
    assert caught.value.name == "link.too-long"


@pytest.mark.parametrize("l_field", [*range(11), 128, 129])
def test_impossible_lengths_of_format_b(l_field: int) -> None:
    assert refusal(bytes((l_field,)) + bytes(l_field), "B").reason is Reason.LENGTH_MISMATCH


@formats
@given(telegram=telegrams(100))
@example(telegram=bytes((40,)) + bytes(40))
def test_every_single_bit_error_is_seen_where_the_format_is_known(frame_format: str, telegram: bytes) -> None:
    encoded = ENCODE[frame_format](telegram)
    for bit in range(8 * len(encoded)):
        error = refusal(flip(encoded, bit), frame_format)
        if bit >= 8:
            assert error.reason is Reason.CRC
            assert (error.offset or 0) + 2 > bit // 8


@given(telegrams(100))
@example(bytes((40,)) + bytes(40))
@example(bytes((66,)) + bytes(66))
def test_every_single_bit_error_in_format_a_is_seen(telegram: bytes) -> None:
    encoded = encode_format_a(telegram)
    # Without a second block, or with one of zeros only, nothing is left to tell a damaged L field by.
    first = 0 if telegram[0] > 9 and any(telegram[10:]) else 8
    for bit in range(first, 8 * len(encoded)):
        refusal(flip(encoded, bit))


def test_zeros_before_ffff_are_no_checked_block() -> None:
    """The CRC of zeros is FFFF, which meters also send for "no value"."""
    telegram = bytes((18,)) + bytes.fromhex("442D2C785634121B16" + "7A000000000000FFFF")
    assert strip_crcs(telegram) == LinkFrame(telegram, None, "absent")


@settings(deadline=None)
@given(telegrams(242))
@example(bytes((137,)) + bytes(137))
def test_a_single_bit_error_in_format_b_never_passes_as_checked(telegram: bytes) -> None:
    encoded = encode_format_b(telegram)
    for bit in range(8 * len(encoded)):
        damaged = flip(encoded, bit)
        if len(telegram) > 126 or bit < 8:
            refusal(damaged)
            continue
        # One CRC, and it is wrong: this looks like a telegram without, unless another one agrees by chance.
        try:
            assert strip_crcs(damaged) == LinkFrame(damaged, None, "absent")
        except DecodeError as error:
            assert error.layer == "link"


@formats
@given(telegram=telegrams(150))
def test_every_truncation_says_what_is_missing(frame_format: str, telegram: bytes) -> None:
    encoded = ENCODE[frame_format](telegram)
    for size in range(1, len(encoded)):
        error = refusal(encoded[:size], frame_format)
        assert error.reason is Reason.TOO_SHORT
        assert f"{counted_are(len(encoded) - size, 'byte')} missing" in error.text


@given(telegrams(150))
def test_every_truncation_of_format_a_is_seen(telegram: bytes) -> None:
    # Cut at their first CRC, the shortest ones look like telegrams without CRCs, or in format B.
    assume(telegram[0] > 11)
    encoded = encode_format_a(telegram)
    for size in range(len(encoded)):
        refusal(encoded[:size])


@given(telegrams(150))
def test_every_truncation_without_crcs_is_seen(telegram: bytes) -> None:
    for size in range(len(telegram)):
        assert refusal(telegram[:size], NO_CRCS).reason is Reason.TOO_SHORT


@formats
def test_octets_behind_the_end(frame_format: str) -> None:
    telegram = make(40)
    data = ENCODE[frame_format](telegram) + b"\xff\x68"
    error = refusal(data, frame_format)
    assert (error.reason, error.offset) == (Reason.LENGTH_MISMATCH, len(data) - 2)
    assert "2 bytes too many" in error.text
    salvaged = strip_crcs(data, frame_format=frame_format, salvage=True)
    assert salvaged == LinkFrame(telegram, frame_format, "ok", None, -2)


def test_salvage_keeps_what_is_proved() -> None:
    telegram = make(60)
    encoded = encode_format_a(telegram)
    damaged = flip(encoded, 8 * 40)  # in the third block, whose CRC stands at 46
    assert refusal(damaged).offset == 46
    assert strip_crcs(damaged, salvage=True) == LinkFrame(b"\x19" + telegram[1:26], "A", "bad", 46, 34)
    assert strip_crcs(encoded[:45], salvage=True) == LinkFrame(b"\x19" + telegram[1:26], "A", "ok", None, 34)
    # Nothing stands without its address.
    with pytest.raises(DecodeError):
        strip_crcs(flip(encoded, 16), salvage=True)


def test_salvage_of_format_b_keeps_the_first_block() -> None:
    telegram = make(200)
    damaged = flip(encode_format_b(telegram), 8 * 150)
    kept = strip_crcs(damaged, salvage=True)
    assert kept == LinkFrame(b"\x7d" + telegram[1:126], "B", "bad", 202, 74)


def test_salvage_without_crcs() -> None:
    telegram = make(30)
    cut = strip_crcs(telegram[:28], salvage=True)
    assert cut == LinkFrame(b"\x1b" + telegram[1:28], None, "absent", None, 2)
    assert strip_crcs(telegram + b"\x55", salvage=True) == LinkFrame(telegram, None, "absent", None, -1)
    with pytest.raises(DecodeError):
        strip_crcs(telegram[:9], salvage=True)


def test_a_receiver_that_leaves_l_of_format_b_is_hinted_at() -> None:
    telegram = make(30)
    assert refusal(b"\x1f" + telegram[1:]).hint
    assert not refusal(telegram[:27]).hint


@given(telegrams(100))
def test_last_crc_left_in_place_and_l_too_small(telegram: bytes) -> None:
    assume(telegram[0] > 11 and telegram[10])
    # Zeros in front of the last block make it look like format A with a damaged first block: refused.
    assume(len(telegram) not in (27, 28) or any(telegram[12:26]))
    size = (len(telegram) - 11) % 16 + 1
    last_crc = encode_format_a(telegram)[-2:]
    printed = bytes((telegram[0] - 2,)) + telegram[1:] + last_crc
    assert strip_crcs(printed) == LinkFrame(telegram, "A", "absent")
    damaged = flip(printed, 8 * (len(telegram) - size))
    refusal(damaged)


@given(st.binary(max_size=300), st.sampled_from((None, "A", "B", NO_CRCS)), st.booleans())
def test_nothing_but_decode_error(data: bytes, frame_format: str | None, salvage: bool) -> None:
    try:
        frame = strip_crcs(data, frame_format=frame_format, salvage=salvage)
    except DecodeError as error:
        assert 0 <= (error.offset or 0) <= len(data)
        return
    assert decode_link(frame.telegram).l_field == len(frame.telegram) - 1


def test_link_fields() -> None:
    fields = decode_link(BARE_A)
    assert (fields.l_field, fields.c_field, fields.ci_field) == (15, 0x44, 0x78)
    assert fields.address == BARE_A[2:10]
    assert str(fields.meter) == "12345678.CEN.01.07"
    assert decode_link(b"\x09" + BARE_A[1:10]).ci_field is None


@pytest.mark.parametrize(
    ("telegram", "reason", "text"),
    [
        (b"", Reason.TOO_SHORT, "10 of them are missing"),
        (BARE_A[:9], Reason.TOO_SHORT, "1 of them are missing"),
        (BARE_A[:-3], Reason.TOO_SHORT, "3 bytes are missing"),
        (BARE_A + b"\0", Reason.LENGTH_MISMATCH, "1 byte too many"),
    ],
)
def test_link_refusals(telegram: bytes, reason: Reason, text: str) -> None:
    with pytest.raises(DecodeError, match=text) as caught:
        decode_link(telegram)
    assert caught.value.reason is reason

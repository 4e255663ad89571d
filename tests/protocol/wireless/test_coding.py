from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import DecodeError
from mbuscli.protocol.wireless.coding import (
    SIX_CHIPS,
    decode_manchester,
    decode_three_of_six,
    encode_manchester,
    encode_three_of_six,
)

Codec = tuple[Callable[[bytes], bytes], Callable[..., bytes], int]
THREE: Codec = (encode_three_of_six, decode_three_of_six, 12)
MANCHESTER: Codec = (encode_manchester, decode_manchester, 16)
codecs = pytest.mark.parametrize("codec", [THREE, MANCHESTER], ids=["3-of-6", "manchester"])


def flip(data: bytes, bit: int) -> bytes:
    octets = bytearray(data)
    octets[bit // 8] ^= 0x80 >> bit % 8
    return bytes(octets)


def test_the_code_has_three_ones_in_six() -> None:
    assert len(set(SIX_CHIPS)) == 16
    assert all(code.bit_count() == 3 and code < 64 for code in SIX_CHIPS)


def test_written_out() -> None:
    assert encode_three_of_six(b"\x0f\x44") == bytes.fromhex("5A971C")
    assert encode_three_of_six(b"\x0f") == bytes.fromhex("5A90")
    assert encode_manchester(b"\x0f") == bytes.fromhex("AA55")
    assert encode_manchester(b"\x44") == bytes.fromhex("9A9A")


@codecs
@given(data=st.binary(max_size=60))
def test_round_trip(codec: Codec, data: bytes) -> None:
    encode, decode, chips = codec
    assert decode(encode(data)) == data
    assert len(encode(data)) == (chips * len(data) + 7) // 8
    for count in range(len(data) + 1):
        assert decode(encode(data), count) == data[:count]


@codecs
@given(data=st.binary(min_size=1, max_size=30))
def test_every_truncation(codec: Codec, data: bytes) -> None:
    encode, decode, chips = codec
    encoded = encode(data)
    for size in range(len(encoded)):
        whole = size * 8 // chips
        assert decode(encoded[:size]) == data[:whole]
        if whole < len(data):
            with pytest.raises(DecodeError) as caught:
                decode(encoded[:size], len(data))
            assert (caught.value.name, caught.value.offset) == ("link.too-short", whole)


@codecs
@given(data=st.binary(min_size=1, max_size=20))
def test_every_single_chip_error_is_placed(codec: Codec, data: bytes) -> None:
    encode, decode, chips = codec
    encoded = encode(data)
    for bit in range(chips * len(data)):
        with pytest.raises(DecodeError) as caught:
            decode(flip(encoded, bit))
        assert (caught.value.name, caught.value.offset) == ("link.coding", bit // chips)
        # A receiver that wants only what stands before it is not disturbed.
        assert decode(flip(encoded, bit), bit // chips) == data[: bit // chips]


def test_the_message_names_the_chips() -> None:
    with pytest.raises(DecodeError, match=r"chips 6 to 11 \(000000\) in byte 0 are no 3-of-6 code"):
        decode_three_of_six(bytes.fromhex("5800"))
    with pytest.raises(DecodeError, match=r"chips 2 to 3 \(11\) in byte 0 are no Manchester code"):
        decode_manchester(bytes.fromhex("BAAA"))

"""Numbers and dates: encode∘decode, and every marker that means "no value"."""

from __future__ import annotations

import struct
from datetime import date, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mbuscli.errors import InputError
from mbuscli.protocol.application import real32
from mbuscli.protocol.application.date_types import (
    NoValueError,
    decode_type_f,
    decode_type_g,
    decode_type_i,
    decode_type_j,
    encode_type_f,
    encode_type_g,
    encode_type_i,
    encode_type_j,
    is_summer_time,
)
from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.application.real32 import decode_real32
from mbuscli.protocol.application.records import parse_records
from mbuscli.protocol.application.values import (
    decode_bcd,
    decode_signed,
    decode_unsigned,
    encode_number_bcd,
    encode_signed,
    lvar_length,
    scale,
)


@given(st.integers(1, 8), st.data())
def test_signed_round_trip(size: int, data: st.DataObject) -> None:
    limit = 1 << (8 * size - 1)
    number = data.draw(st.integers(1 - limit, limit - 1))
    assert decode_signed(encode_signed(number, size)) == number
    with pytest.raises(NoValueError):
        decode_signed(bytes(size - 1) + b"\x80")


@given(st.integers(1, 8), st.data())
def test_bcd_round_trip(size: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(1 - 10 ** (2 * size - 1), 10 ** (2 * size) - 1))
    assert decode_bcd(encode_number_bcd(number, size)) == number


@given(st.binary(min_size=1, max_size=8))
def test_bcd_with_letters_is_no_number(octets: bytes) -> None:
    digits = octets[::-1].hex()
    assume(not digits[1:].isdecimal() or digits[0] in "abcde")
    with pytest.raises(NoValueError, match="BCD digits"):
        decode_bcd(octets)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6, 8])
def test_all_bits_set_is_no_unsigned_number(size: int) -> None:
    with pytest.raises(NoValueError):
        decode_unsigned(b"\xff" * size)
    assert decode_unsigned(b"\xfe" + b"\xff" * (size - 1)) == 2 ** (8 * size) - 2


@given(st.binary(min_size=4, max_size=4))
def test_real32_names_the_same_bits(octets: bytes) -> None:
    (number,) = struct.unpack("<f", octets)
    if number != number or number in (float("inf"), float("-inf")):
        with pytest.raises(NoValueError):
            decode_real32(octets)
        return
    value = decode_real32(octets)
    assert struct.unpack("<f", struct.pack("<f", float(value)))[0] == number
    assert len(value.normalize().as_tuple().digits) <= 9


@given(
    st.floats(2.0**-17, 2.0**24, width=32) | st.integers(0, 10**7).map(lambda thousandths: thousandths / 1000)
)
def test_real32_by_arithmetic_is_real32_by_text(number: float) -> None:
    octets = struct.pack("<f", -number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real32, "_MOST", 0.0)
        by_text = decode_real32(octets)
    assert decode_real32(octets).as_tuple() == by_text.as_tuple()


@given(st.integers(-(2**512), 2**512), st.integers(-12, 9))
def test_scaling_never_rounds(number: int, exponent: int) -> None:
    value = scale(number, exponent)
    assert scale(value, -exponent) == number


@given(st.dates(date(1981, 1, 1), date(2080, 12, 31)))
def test_type_g_round_trip(day: date) -> None:
    assert decode_type_g(encode_type_g(day.isoformat())) == day.isoformat()


@given(st.datetimes(datetime(1900, 1, 1), datetime(2299, 12, 31)), st.booleans())
def test_type_f_round_trip(moment: datetime, summer: bool) -> None:
    assume(moment.year >= 2000)  # hundred-year 0 means "see the two digits"
    text = moment.isoformat(timespec="minutes")
    octets = encode_type_f(text, summer_time=summer)
    assert decode_type_f(octets) == text
    assert is_summer_time(octets) is summer


@given(st.datetimes(datetime(1981, 1, 1), datetime(2080, 12, 31)), st.booleans())
def test_type_i_round_trip(moment: datetime, summer: bool) -> None:
    text = moment.isoformat(timespec="seconds")
    octets = encode_type_i(text, summer_time=summer)
    assert decode_type_i(octets) == text
    assert is_summer_time(octets) is summer


@given(st.times())
def test_type_j_round_trip(moment: object) -> None:
    text = str(moment)[:8]
    assert decode_type_j(encode_type_j(text)) == text


@given(st.sampled_from([2, 3, 4, 6]), st.data())
def test_any_octets_are_a_date_or_none(size: int, data: st.DataObject) -> None:
    octets = data.draw(st.binary(min_size=size, max_size=size))
    decoder = {2: decode_type_g, 3: decode_type_j, 4: decode_type_f, 6: decode_type_i}[size]
    try:
        text = decoder(octets)
    except NoValueError:
        return
    if "*" not in text and size != 3:
        datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("0000c131", "2030-01-01T00:00"),
        ("001fc131", "2030-01-01T**:00"),
        ("3f1fe0ff", "****-**-**T**:**"),
        ("00001d32", "2024-02-29T00:00"),
    ],
)
def test_date_time_wildcards(octets: str, text: str) -> None:
    assert decode_type_f(bytes.fromhex(octets)) == text


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        ("0000c130", "month 0"),
        ("0000c13d", "month 13"),
        ("0000de32", "day 30 of month 2"),
        ("3c00c131", "minute 60"),
        ("0018c131", "hour 24"),
        ("000001d1", "two-digit year 104"),
        ("8000c131", "invalid"),
        ("ffffffff", "no date"),
        ("00000000", "no date"),
    ],
)
def test_impossible_date_times(octets: str, why: str) -> None:
    with pytest.raises(NoValueError, match=why):
        decode_type_f(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("lvar", "length"),
    [
        (0x00, 0),
        (0xBF, 191),
        (0xC0, 0),
        (0xC9, 9),
        (0xCA, None),
        (0xD9, 9),
        (0xDF, None),
        (0xE0, 0),
        (0xEB, 11),
        (0xEF, 15),
        (0xF0, 16),
        (0xF4, 32),
        (0xF5, 48),
        (0xF6, 64),
        (0xF7, None),
        (0xFF, None),
    ],
)
def test_lvar_lengths(lvar: int, length: int | None) -> None:
    assert lvar_length(lvar) == length


@pytest.mark.parametrize(
    "header", ["0113", "0213", "0313", "0413", "0613", "0713", "0913", "0C13", "0E13", "0513"]
)
def test_no_value_survives_the_round_trip(header: str) -> None:
    (record,) = parse_records(encode_record(bytes.fromhex(header), None)).records
    assert record.value is None
    assert record.error


@pytest.mark.parametrize(
    ("header", "value", "why"),
    [
        ("0113", "1000", "too big"),
        ("0413", "0.0001", "more digits"),
        ("0413", "abc", "cannot be sent"),
        ("0413 02".replace(" ", ""), "1", "not one DIF/VIF"),
        ("426C", "yesterday", "cannot be sent"),
        ("0413", b"\x01", "4 bytes"),
        ("01FD09", "300", "too big"),
    ],
)
def test_what_does_not_fit_is_refused(header: str, value: str | bytes, why: str) -> None:
    with pytest.raises(InputError, match=why):
        encode_record(bytes.fromhex(header), value)


def test_wide_binary_is_exact() -> None:
    data = bytes.fromhex("0D13F0") + bytes(range(1, 17))
    (record,) = parse_records(data).records
    assert str(record.value) == "21345817372864405881847059188222722.561"

"""Records in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import UsageError
from mbuscli.protocol.application.records import parse_records
from mbuscli.protocol.application.words import NAMES, encode_words


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("0C 78 78 56 34 12", "0C7878563412"),
        ("0C7878563412", "0C7878563412"),
        ("0C78 = 12345678", "0C7878563412"),
        ("fabrication_number = 12345678", "0C7878563412"),
        ("Fabrication-Number=12345678", "0C7878563412"),
        ("address = 5", "017A05"),
        ("identification = 00000042", "0C7942000000"),
        ("0C13=1234.567", "0C1367452301"),
        ("date = 2026-01-31", "026C5F31"),
        ('0DFD11 = "42"', "0DFD11023234"),
        ("08 13", "0813"),
        ("7F", "7F"),
    ],
)
def test_words(text: str, octets: str) -> None:
    assert encode_words(text) == bytes.fromhex(octets)


@pytest.mark.parametrize(
    "text",
    ["", "volume = 5", "colour = 5", "0C 78 78", "0C1", "address = x", "address = 256", "date = 5", "= 5"],
)
def test_what_is_no_record(text: str) -> None:
    with pytest.raises(UsageError):
        encode_words(text)


@given(st.integers(0, 99_999_999), st.sampled_from(["fabrication_number", "identification"]))
def test_a_number_comes_back(number: int, name: str) -> None:
    (record,) = parse_records(encode_words(f"{name} = {number:08d}")).records
    assert int(str(record.value)) == number


@given(st.binary(max_size=30))
def test_octets_are_taken_as_they_are_or_refused(octets: bytes) -> None:
    try:
        assert encode_words(octets.hex(" ")) == octets
    except UsageError:
        assert not octets or parse_records(octets, from_master=True).problems


def test_each_name_has_one_header() -> None:
    for header in NAMES.values():
        assert len(parse_records(header + bytes(8)).records) >= 1

"""The QR text of LoRaWAN devices (LoRa Alliance TR005)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import InputError
from mbuscli.settings.lora_qr import DeviceLabel, parse_qr

# The worked text of the public tests of the format.
TEXT = "LW:D0:1122334455667788:AABBCCDDEEFF0011:AABB1122:OAABBCCDDEEFF:SYYWWNNNNNN:PFOOBAR:CAF2C"
LABEL = DeviceLabel(
    bytes.fromhex("1122334455667788"),
    bytes.fromhex("AABBCCDDEEFF0011"),
    "AABB1122",
    "AABBCCDDEEFF",
    "YYWWNNNNNN",
    "FOOBAR",
    "AF2C",
)


def test_the_worked_text() -> None:
    assert parse_qr(TEXT) == LABEL
    assert parse_qr(f"  {TEXT.lower()}\n") == LABEL


@given(st.permutations(TEXT.split(":")[5:]))
def test_the_rest_stands_in_any_order(rest: list[str]) -> None:
    assert parse_qr(":".join([*TEXT.split(":")[:5], *rest])) == LABEL


def test_no_optional_part_and_no_join_eui() -> None:
    label = parse_qr("LW:D0:0000000000000000:AABBCCDDEEFF0011:AABB1122")
    assert label == DeviceLabel(bytes(8), LABEL.dev_eui, "AABB1122")


@given(st.text() | st.sampled_from(range(len(TEXT))).map(lambda end: TEXT[:end]))
def test_anything_else_is_told_or_read(text: str) -> None:
    try:
        label = parse_qr(text)
    except InputError as error:
        assert error.name == "input.unrecognised"
    else:
        assert len(label.dev_eui) == len(label.join_eui) == 8


@pytest.mark.parametrize(
    "text",
    [
        "LW:D1:1122334455667788:AABBCCDDEEFF0011:AABB1122",
        "LW:D0:1122334455667788:AABBCCDDEEFF0011",
        "LW:D0:112233445566778:AABBCCDDEEFF0011:AABB1122",
        "LW:D0:1122334455667788:AABBCCDDEEFF00 1:AABB1122",
        "LW:D0:1122334455667788:AABBCCDDEEFF0011:AABB112",
        "LW:D0:1122334455667788:AABBCCDDEEFF0011:AABB1122:X1",
        "LW:D0:1122334455667788:AABBCCDDEEFF0011:AABB1122:S1:S2",
        "c0ffee15dead5ec4e7f00d1e55beefca",
    ],
)
def test_wrong_texts_are_not_repeated(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_qr(text)
    assert text not in caught.value.text
    assert "c0ffee" not in "".join(caught.value.hint)

"""What may be a key is hidden, what is none stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.settings.redact import HIDDEN, looks_like_key, redact, without_keys

KEY = bytes.fromhex("c0ffee15dead5ec4e7f00d1e55beefca")
SEPARATORS = ["", " ", ":", "-", "_", "|", ",", ";", ".", " 0x", ", 0x"]


@given(
    st.binary(min_size=16, max_size=16) | st.binary(min_size=8, max_size=8),
    st.sampled_from(SEPARATORS),
    st.booleans(),
)
def test_a_key_in_any_dialect(octets: bytes, separator: str, upper: bool) -> None:
    pairs = [f"{octet:02x}" for octet in octets]
    text = separator.join(pairs)
    text = text.upper().replace("0X", "0x") if upper else text
    hidden = redact(f"error in '{text}' at line 3")
    left = (
        re.sub(r"\(hidden: looks like a key\)", "", hidden).removeprefix("error in").removesuffix("at line 3")
    )
    assert sum(character in "0123456789abcdefABCDEF" for character in left) <= 1


@given(st.integers(0, 31), st.sampled_from("gGoOlxyz"))
def test_a_mistyped_key(place: int, letter: str) -> None:
    digits = KEY.hex()
    assert redact(digits[:place] + letter + digits[place + 1 :]) == "(hidden: looks like a key)"


@pytest.mark.parametrize(
    "text",
    [
        "12345678.KAM.1B.16",
        "12345678.FFFF.FF.16",
        "FFFFFFFF.KAM",
        "there is no file /home/user/.config/mbuscli/keys.toml",
        "2026-01-31 10:00:00.123",
        "a bad feed added",
        "flat 3, cold water, check value be7e",
        "the key has 31 hexadecimal digits, not 32",
        "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0",
    ],
)
def test_no_key(text: str) -> None:
    assert not looks_like_key(text)
    assert redact(text) == text


@pytest.mark.parametrize("separator", ["", " ", ":", "-", "_", ".", ",", " 0x"])
def test_what_is_as_long_as_a_key_is_hidden_in_messages(separator: str) -> None:
    text = separator.join(f"{octet:02X}" for octet in range(16))
    assert without_keys(f"there is no port {text}.") == f"there is no port {HIDDEN}."
    assert without_keys(f"0x{text}") == HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        "meters 12345678, 87654321, 11112222, 33334444",
        "12345678.KAM.1B.16",
        "device 0004A30B001A2B3C, JoinEUI 70B3D57ED0000001",
        "68 07 07 68 08 05 78 02 5A D2 00 B3 16",
        "2E4493157856341233037A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3",
        "/home/a/walk-2026-01-31T10-00-00.ndjson",
    ],
)
def test_other_numbers_stay_in_messages(text: str) -> None:
    assert without_keys(text) == text

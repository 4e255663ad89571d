"""Hexadecimal as people paste it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import UsageError
from mbuscli.services.hex_text import is_only_hex, longest_run, octets_of

SEPARATORS = [" ", ":", ", ", "-", "|", "_", "\t", ""]


@given(st.binary(min_size=1), st.sampled_from(SEPARATORS), st.sampled_from(["", "0x", "0X"]), st.booleans())
def test_every_dialect_gives_the_same_octets(data: bytes, separator: str, prefix: str, upper: bool) -> None:
    pairs = [f"{octet:02X}" if upper else f"{octet:02x}" for octet in data]
    text = (separator or " ").join(prefix + pair for pair in pairs) if prefix else separator.join(pairs)
    assert is_only_hex(text)
    assert octets_of(text, "argument 1") == data
    assert longest_run(text) == data


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    longest_run(text)
    try:
        octets_of(text, "argument 1")
    except UsageError as error:
        assert error.offset is not None
        assert 0 <= error.offset < len(text)


@pytest.mark.parametrize(
    ("text", "name", "offset", "words"),
    [
        ("68ZZ", "usage.not-hex", 2, "argument 2, character 3: 'Z'"),
        ("68 1", "usage.odd-hex", 3, "argument 2, character 4: an odd number of hexadecimal digits (1)"),
        ("0x681", "usage.odd-hex", 4, "argument 2, character 3: an odd number of hexadecimal digits (3)"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, name: str, offset: int, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        octets_of(text, "argument 2")
    assert (caught.value.name, caught.value.offset) == (name, offset)
    assert caught.value.text.startswith(words)


@pytest.mark.parametrize(
    ("line", "octets"),
    [
        ("12:01:02 RX < 68 1F 1F 68 08 (31 bytes)", "681F1F6808"),
        ('{"time":"2026-01-31","raw":"68070768080578025AD200B316"}', "68070768080578025AD200B316"),
        ("telegram=|72785634122D2C|+12", "72785634122D2C"),
        ("nothing to see", ""),
        ("odd 681F1 and even 68", "68"),
    ],
)
def test_hexadecimal_among_words(line: str, octets: str) -> None:
    assert longest_run(line) == bytes.fromhex(octets)


def test_a_long_odd_word_is_quick() -> None:
    assert longest_run("A" * 200_001) == b""

"""No text from outside can act on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.render.text import ascii_unit, folded, inert


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in inert(text))


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S"))))
def test_visible_text_stays_as_it_is(text: str) -> None:
    assert inert(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b31m", r"\x9b31m"),
        ("a\x7fb", r"a\x7fb"),
        ("‮txt", r"\u202etxt"),
        ("two\nlines\t", r"two\x0alines\x09"),
        ("\u2028", r"\u2028"),
    ],
)
def test_what_is_taken_away_stays_visible(text: str, shown: str) -> None:
    assert inert(text) == shown


def test_units_have_an_ascii_form() -> None:
    assert [ascii_unit(unit) for unit in ("m³/h", "°C", "kWh")] == ["m3/h", "degC", "kWh"]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("short", 10, ["short"]),
        ("error: no port is given", 16, ["error: no port", "  is given"]),
        ("  try: one of these", 14, ["  try: one of", "    these"]),
        ("a" * 30, 10, ["a" * 30]),
        ("  undo: mbuscli keys list -q", 20, ["  undo:", "    mbuscli keys list -q"]),
        ("use mbuscli keys list, or mbuscli scan", 20, ["use", "  mbuscli keys list,", "  or mbuscli scan"]),
        ("one\ntwo three", 5, ["one", "two", "  three"]),
    ],
)
def test_lines_are_broken_between_words(text: str, width: int, lines: list[str]) -> None:
    assert folded(text, width).split("\n") == lines


@given(st.text(alphabet="ab ,mbuscli\n"), st.integers(1, 40))
def test_folding_loses_no_word(text: str, width: int) -> None:
    assert folded(text, width).split() == text.split()

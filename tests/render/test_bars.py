"""Numbers as bars of characters."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mbuscli.render.bars import Point, bar_lines


def lines(*values: str, width: int = 40, ascii_only: bool = False) -> list[str]:
    points = [Point(f"2026-0{n}", Decimal(value)) for n, value in enumerate(values, 1)]
    return bar_lines(points, "m³", width, ascii_only=ascii_only)


def test_use_begins_at_zero() -> None:
    assert lines("1", "2", "4") == [
        "2026-01  ██████▎                    1 m³",
        "2026-02  ████████████▌              2 m³",
        "2026-03  █████████████████████████  4 m³",
    ]


def test_a_counter_begins_at_its_least_value() -> None:
    first, *bars = lines("1000.5", "1001", "1002.5")
    assert first == "bars begin at 1 000.5 m³"
    assert [line.count("█") for line in bars] == [0, 4, 19]


def test_ascii() -> None:
    assert all(line.isascii() for line in lines("1", "2", "4", ascii_only=True))
    assert lines("1", "2", "4", ascii_only=True)[2].endswith("4 m3")


def test_one_value_nothing_and_negative_ones() -> None:
    assert bar_lines([], "m³", 40, ascii_only=False) == []
    assert len(lines("0", "0")) == 2
    assert lines("-5", "5")[0] == "bars begin at -5 m³"


@given(
    st.lists(st.decimals(-(10**9), 10**9, places=3), min_size=1, max_size=20),
    st.integers(40, 200),
    st.booleans(),
)
def test_no_line_is_wider_than_the_screen(values: list[Decimal], width: int, ascii_only: bool) -> None:
    points = [Point("2026-01-31", value) for value in values]
    assert all(len(line) <= width for line in bar_lines(points, "m³", width, ascii_only=ascii_only))

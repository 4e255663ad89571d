"""Keys as terminals send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.cli.durations import octets_of, seconds_of
from mbuscli.cli.keystrokes import split_keys


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("q", ["q"]),
        ("ab", ["a", "b"]),
        ("\x1b", ["escape"]),
        ("\x1b[A\x1b[B", ["up", "down"]),
        ("\x1bOAx", ["up", "x"]),
        ("\x1b[5~\x1b[6~", ["page up", "page down"]),
        ("\x1b[1;5Cq", ["q"]),
        ("\x1b[200~q", ["q"]),
        ("\x1bq", ["escape", "q"]),
        ("\r\x7fé", ["enter", "backspace", "é"]),
        ("\x1b[", []),
    ],
)
def test_keys(sent: str, keys: list[str]) -> None:
    assert split_keys(sent) == keys


@given(st.text(alphabet="\x1b[O15~;ABq", max_size=30))
def test_any_bytes_end(sent: str) -> None:
    assert all(split_keys(sent))


def test_durations_and_sizes() -> None:
    assert [seconds_of(t) for t in ("90", "90s", "10m", "1h30m", "0.5h", "2d", "1w")] == [
        90,
        90,
        600,
        5400,
        1800,
        172_800,
        604_800,
    ]
    assert [seconds_of(t) for t in ("", "ten", "5x", "m5", "5m3")] == [None] * 5
    assert [octets_of(t) for t in ("500k", "10M", "1GB", "7", "x")] == [500_000, 10**7, 10**9, 7, None]

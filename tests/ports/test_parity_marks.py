from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.ports.parity_marks import ParityMarks, mark_parity_errors

# What a tty puts into its buffer for one received octet.
octets = st.tuples(st.sampled_from([0x00, 0x01, 0x68, 0xE5, 0xFE, 0xFF]) | st.integers(0, 255), st.booleans())


def marked(line: list[tuple[int, bool]]) -> bytes:
    return b"".join(
        bytes([0xFF, 0, octet]) if bad else b"\xff\xff" if octet == 0xFF else bytes([octet])
        for octet, bad in line
    )


def fed(pieces: list[bytes]) -> tuple[bytes, set[int]]:
    marks = ParityMarks()
    data, bad = b"", set()
    for piece in pieces:
        received = marks.feed(piece)
        bad |= {len(data) + index for index in received.bad}
        data += received.data
    return data, bad


@given(st.lists(octets, max_size=12))
def test_every_split_gives_what_was_on_the_line(line: list[tuple[int, bool]]) -> None:
    raw = marked(line)
    expected = bytes(octet for octet, _ in line), {index for index, (_, bad) in enumerate(line) if bad}
    assert fed([raw]) == expected
    assert fed([raw[i : i + 1] for i in range(len(raw))]) == expected
    for first in range(len(raw) + 1):
        for second in range(first, len(raw) + 1):
            assert fed([raw[:first], raw[first:second], raw[second:]]) == expected


@given(st.binary(max_size=20))
def test_any_bytes_split_anywhere_give_the_same(raw: bytes) -> None:
    assert all(fed([raw[:cut], raw[cut:]]) == fed([raw]) for cut in range(len(raw) + 1))


def test_a_lone_mark_is_kept() -> None:
    assert fed([b"\xffA"]) == (b"\xffA", set())


def test_a_real_tty_marks_and_the_marks_are_undone(terminal) -> None:
    fd = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY)
    try:
        assert mark_parity_errors(fd)
        os.write(terminal.master, b"\x68\xff\x00\x16")
        assert os.read(fd, 100) == b"\x68\xff\xff\x00\x16"
    finally:
        os.close(fd)
    assert fed([b"\x68\xff\xff\x00\x16"]) == (b"\x68\xff\x00\x16", set())


def test_what_is_no_tty_refuses() -> None:
    pytest.importorskip("termios")
    fd = os.open(os.devnull, os.O_RDWR)
    try:
        assert not mark_parity_errors(fd)
    finally:
        os.close(fd)

"""Lines come out the same however the octets come in."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mbuscli.devices.modems.line_cutter import LineCutter

ENDS = st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\n\r\n"])
LINE = st.binary(min_size=1, max_size=12).filter(lambda line: not {10, 13} & set(line))


def cut(cutter: LineCutter, pieces: list[bytes]) -> list[bytes]:
    lines = []
    for piece in pieces:
        cutter.feed(piece)
        while (line := cutter.next()) is not None:
            lines.append(line)
    return lines


def split(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[first:last] for first, last in pairwise(at)]


@given(st.lists(st.tuples(LINE, ENDS), max_size=6), st.lists(st.integers(0, 200), max_size=8))
def test_every_split(lines: list[tuple[bytes, bytes]], places: list[int]) -> None:
    data = b"".join(line + end for line, end in lines)
    cutter = LineCutter()
    assert cut(cutter, split(data, places)) == [line for line, _ in lines]
    assert cutter.flush() == b""


@given(st.binary(min_size=1, max_size=20), st.lists(st.integers(0, 200), max_size=8))
def test_octets_between_lines(octets: bytes, places: list[int]) -> None:
    cutter = LineCutter()
    taken = []
    for piece in split(b"+RECV=7\r\n\r\n" + octets + b"\r\n+ACK\r\n", places):
        cutter.feed(piece)
        while (line := cutter.next()) is not None:
            taken.append(line)
            if line == b"+RECV=7":
                cutter.take(len(octets), before=b"\n\r\n")
    assert taken[:2] == [b"+RECV=7", octets]
    assert taken[-1] == b"+ACK"


def test_a_line_whose_end_was_lost() -> None:
    cutter = LineCutter()
    assert cut(cutter, [b"OK\r\nAT_BU", b"SY_ERROR"]) == [b"OK"]
    assert cutter.flush() == b"AT_BUSY_ERROR"
    assert cut(cutter, [b"OK\n"]) == [b"OK"]


def test_endless_noise_is_bounded() -> None:
    cutter = LineCutter()
    for _ in range(100):
        assert cut(cutter, [b"\x00" * 1000]) == []
    assert len(cutter.flush()) <= 4096

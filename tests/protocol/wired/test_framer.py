from __future__ import annotations

import random
import sys
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.wired.framer import Found, Framer, find_frames
from mbuscli.protocol.wired.frames import MAX_FRAME, decode_frame, encode_ack, encode_long, encode_short

LONG = encode_long(0x08, 5, 0x72, bytes(range(30)))
SHORT = encode_short(0x5B, 5)

octet = st.integers(0, 255)
frames = st.one_of(
    st.just(encode_ack()),
    st.builds(encode_short, octet, octet),
    st.builds(encode_long, octet, octet, octet, st.binary(max_size=252)),
)
# Noise that likes the octets with a meaning.
noise = st.one_of(
    st.binary(max_size=40),
    st.lists(st.sampled_from([0x68, 0x10, 0xE5, 0x16, 0x03, 0x04, 0xFF]), max_size=40).map(bytes),
)
streams = st.lists(st.one_of(frames, noise), max_size=6).map(b"".join)


def plain(found: list[Found]) -> list[tuple[object, ...]]:
    return [
        (f.offset, f.raw, f.frame, f.error and (f.error.name, f.error.offset, f.error.text)) for f in found
    ]


def in_pieces(data: bytes, cuts: list[int], bad: frozenset[int] = frozenset()) -> list[Found]:
    framer = Framer()
    found = []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for left, right in pairwise(edges):
        found += framer.feed(data[left:right], frozenset(i - left for i in bad if left <= i < right))
    return found + framer.flush()


def raws(found: list[Found]) -> list[bytes]:
    return [item.raw for item in found if item.frame]


# -- properties ------------------------------------------------------------------------------------------


@given(streams, st.lists(st.integers(0, 2000), max_size=8), st.sets(st.integers(0, 2000), max_size=3))
def test_any_cut_gives_the_same(data: bytes, cuts: list[int], bad_octets: set[int]) -> None:
    bad = frozenset(index for index in bad_octets if index < len(data))
    assert plain(in_pieces(data, cuts, bad)) == plain(in_pieces(data, [], bad))


def test_every_split_point_gives_the_same() -> None:
    data = b"\x00\x68" + LONG + b"\xe5\x10\x68" + SHORT + LONG[:-1] + b"\x00" + LONG
    whole = plain(in_pieces(data, []))
    for cut in range(len(data)):
        assert plain(in_pieces(data, [cut])) == whole
    assert plain(in_pieces(data, list(range(len(data))))) == whole


@given(streams)
def test_nothing_is_lost_and_all_is_true(data: bytes) -> None:
    found = find_frames(data)
    assert b"".join(item.raw for item in found) == data
    offset = 0
    for item in found:
        assert item.offset == offset
        offset += len(item.raw)
        if item.frame:
            assert decode_frame(item.raw) == item.frame
        else:
            assert item.error is not None
            assert item.error.offset is not None
            assert 0 <= item.error.offset <= len(item.raw) + MAX_FRAME
    assert not any(left.error and right.error for left, right in pairwise(found))


@given(st.lists(frames, max_size=5))
def test_frames_in_a_row_are_all_found(good: list[bytes]) -> None:
    assert [item.raw for item in find_frames(b"".join(good))] == good


@given(
    st.binary(max_size=60).filter(lambda d: not set(d) & {0x68, 0x10, 0xE5}),
    st.builds(encode_long, octet, octet, octet, st.binary(max_size=252)),
)
def test_a_frame_inside_garbage_is_found(garbage: bytes, frame: bytes) -> None:
    assert raws(find_frames(garbage + frame + garbage)) == [frame]


@pytest.mark.parametrize("frame", [LONG, SHORT, encode_long(0x73, 5, 0xB8)])
def test_truncations_are_garbage_and_say_why(frame: bytes) -> None:
    for size in range(1, len(frame)):
        (item,) = find_frames(frame[:size])
        assert item.error is not None
        assert item.error.reason is Reason.TOO_SHORT
        assert item.error.offset == size


@pytest.mark.parametrize("frame", [LONG, SHORT])
def test_a_whole_frame_behind_a_truncated_one_is_found(frame: bytes) -> None:
    for size in range(1, len(frame)):
        assert raws(find_frames(frame[:size] + LONG))[-1:] == [LONG]


# -- the single character --------------------------------------------------------------------------------


def test_e5_counts_only_where_a_frame_may_begin() -> None:
    assert raws(find_frames(b"\xe5")) == [b"\xe5"]
    assert raws(find_frames(b"\xe5\xe5\xe5")) == [b"\xe5"] * 3
    assert raws(find_frames(LONG + b"\xe5")) == [LONG, b"\xe5"]
    assert raws(find_frames(b"\x00\xe5")) == []
    assert raws(find_frames(b"\xe5\x00\xe5")) == [b"\xe5"]
    assert raws(find_frames(b"\x00\xe5" + LONG + b"\xe5")) == [LONG, b"\xe5"]


def test_e5_after_idle_counts_again() -> None:
    framer = Framer()
    assert not raws(framer.feed(b"\x00\xe5") + framer.flush())
    (item,) = framer.feed(b"\xe5")
    assert (item.offset, item.raw) == (2, b"\xe5")


def test_e5_behind_more_garbage_than_one_piece_is_garbage() -> None:
    assert not raws(find_frames(bytes(MAX_FRAME) + b"\xe5"))


# -- reasons ---------------------------------------------------------------------------------------------


def error_of(data: bytes, bad: frozenset[int] = frozenset()) -> DecodeError:
    (item,) = find_frames(data, bad)
    assert item.error is not None
    return item.error


def test_the_most_frame_like_part_names_the_reason() -> None:
    wrong = LONG[:-2] + bytes((LONG[-2] ^ 1, 0x16))
    error = error_of(b"\x10\x00\x68" + wrong + b"\x68\x01")
    assert error.reason is Reason.CHECKSUM
    assert error.offset == 3 + len(LONG) - 2
    assert error_of(b"\x00\x01\x02").reason is Reason.GARBAGE
    assert error_of(b"\x68\x1f\x1e\x68\x08").reason is Reason.LENGTH_MISMATCH
    assert error_of(LONG[:-1] + b"\x00").reason is Reason.STOP_BYTE
    assert error_of(bytes(600) + wrong + bytes(600)).reason is Reason.CHECKSUM
    assert error_of(bytes(600)).text.startswith("no frame begins in these 600 octets")
    assert error_of(bytes(600) + wrong).offset == 600 + len(LONG) - 2


def test_a_frame_longer_than_its_length_byte() -> None:
    body = bytes(range(256)) + bytes(38)
    raw = bytes((0x68, 0x26, 0x26, 0x68)) + body + bytes((sum(body) & 0xFF, 0x16))
    assert len(raw) == 300
    error = error_of(raw)
    assert error.reason is Reason.TOO_LONG
    assert "300" in error.text


def test_an_octet_with_a_parity_error_spoils_its_frame_only() -> None:
    found = find_frames(LONG + LONG + SHORT, frozenset((40,)))
    assert [bool(item.frame) for item in found] == [True, False, True]
    assert found[1].error is not None
    assert (found[1].error.reason, found[1].error.offset) == (Reason.PARITY, 40 - len(LONG))
    assert error_of(b"\xe5", frozenset((0,))).reason is Reason.PARITY


# -- cost ------------------------------------------------------------------------------------------------


def test_memory_is_bounded_and_a_frame_behind_noise_is_found() -> None:
    rng = random.Random(1)
    framer = Framer()
    held = 0
    found: list[Found] = []
    for _ in range(500):
        found += framer.feed(rng.randbytes(997))
        held = max(held, len(framer._buffer))
    found += framer.feed(LONG) + framer.flush()
    assert found[-1].raw == LONG
    assert held <= 2 * MAX_FRAME
    assert max(len(item.raw) for item in found) <= MAX_FRAME


@pytest.mark.parametrize("pattern", [b"\x68", b"\x68\xff\xff\x68\x16", b"\x10", b"\xe5", b"\x68\x10\x10\x68"])
def test_cost_grows_with_the_length_only(pattern: bytes) -> None:
    def cost(size: int) -> int:
        """Lines of the framer that are run: the same on every machine."""
        framer = Framer()
        lines = 0

        def count(_frame: FrameType, event: str, _argument: object) -> Any:
            nonlocal lines
            lines += event == "line"
            return count

        before = sys.gettrace()
        sys.settrace(count)
        try:
            framer.feed((pattern * size)[:size])
            framer.flush()
        finally:
            sys.settrace(before)
        return lines

    assert cost(8_000) < 10 * cost(1_000) + 1_000

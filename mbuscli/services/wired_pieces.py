"""Wired frames in what a user hands over: a radio telegram needs none of this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mbuscli.protocol.wired.framer import Found, Framer, find_frames
from mbuscli.protocol.wired.frames import FrameKind
from mbuscli.services.input import LONG_HEADER, NOWHERE, Line, Piece, Source

__all__ = [
    "find_frames",
    "holds_data",
    "pieces_of_bytes",
    "pieces_of_joined",
    "worthwhile",
]

_CHUNK = 1 << 16
_WITH_DATA = frozenset((FrameKind.CONTROL, FrameKind.LONG))


def pieces_of_bytes(first: bytes, stream: Source) -> Iterator[Piece]:
    """Frames in `first` and in all that follows it."""
    return worthwhile(_found_in_bytes(first, stream))


def _found_in_bytes(first: bytes, stream: Source) -> Iterator[Found]:
    framer = Framer()
    chunk = first
    while chunk:
        yield from framer.feed(chunk)
        chunk = stream.read(_CHUNK)
    yield from framer.flush()


def pieces_of_joined(lines: Sequence[Line]) -> list[Piece]:
    """Frames that are spread over lines; none if the lines hold no frame together."""
    found = find_frames(b"".join(line.data for line in lines))
    return list(worthwhile(found, lines)) if any(item.frame for item in found) else []


def holds_data(found: Iterable[Found]) -> bool:
    """True if there is a frame among these that carries data."""
    return any(item.frame is not None and item.frame.kind in _WITH_DATA for item in found)


def worthwhile(found: Iterable[Found], lines: Sequence[Line] = ()) -> Iterator[Piece]:
    """Frames, and garbage that began as a long frame: a damaged telegram is worth a word, the rest is not.

    Five bytes of anything may look like a short frame: one behind garbage is not taken for one.
    """
    after_garbage = False
    for item in found:
        line = _line_at(lines, item.offset)
        if item.frame is not None:
            if item.frame.kind in _WITH_DATA or (item.frame.kind is FrameKind.SHORT and not after_garbage):
                yield line.piece(item.raw)
                after_garbage = False
        else:
            after_garbage = True
            header = LONG_HEADER.search(item.raw)
            if header is not None:
                yield line.piece(item.raw[header.start() :])


def _line_at(lines: Sequence[Line], offset: int) -> Line:
    for line in lines:
        if offset < len(line.data):
            return line
        offset -= len(line.data)
    return NOWHERE

"""A log that is decoded piece by piece, and where in it one can begin again.

A place to begin again is the start of a line at which a piece begins. Raw bytes and UTF-16 have none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.errors import InputError, Reason
from mbuscli.services.input import Piece, pieces_of_stream

if TYPE_CHECKING:
    from mbuscli.capture.walk_file import LogFile

CHUNK = 2000
_READ = 1 << 20


class Place(NamedTuple):
    """The start of a line: its number from 1, and its first octet from 0 (unzipped)."""

    line: int = 1
    offset: int = 0


class Chunk(NamedTuple):
    """Pieces that follow each other; `then`: where the rest begins, None at the end or if it is not known."""

    pieces: list[Piece]
    then: Place | None


class _LineStarts:
    """A stream that remembers where its lines began."""

    def __init__(self, stream: LogFile, start: Place, *, remembers: bool) -> None:
        self._stream = stream
        self._remembers = remembers
        self._line, self._offset = start
        self._begins = True
        self._starts: deque[Place] = deque()

    def readline(self, size: int = -1) -> bytes:
        if self._begins and self._remembers:
            self._starts.append(Place(self._line, self._offset))
        data = self._stream.readline(size)
        self._offset += len(data)
        self._begins = data.endswith(b"\n")
        self._line += self._begins
        return data

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._offset += len(data)
        return data

    def start_of(self, line: int | None) -> Place | None:
        """Where a line began that has been read; earlier ones are forgotten."""
        if line is None:
            return None
        while self._starts and self._starts[0].line < line:
            self._starts.popleft()
        return self._starts[0] if self._starts and self._starts[0].line == line else None


class LogSource:
    """The telegrams of a file, from `start` on. InputError, as they are read, for what is no log."""

    def __init__(self, name: str, *, lorawan: bool = False, start: Place = Place()) -> None:  # noqa: B008
        self.name = name
        self._lorawan = lorawan
        self._start = start
        self._chunked = False
        self._lines: _LineStarts | None = None

    def pieces(self) -> Iterator[Piece]:
        """Its pieces, each as soon as it is read."""
        from mbuscli.capture.walk_file import open_log

        try:
            with open_log(self.name) as stream:
                _skip(stream, self._start.offset)
                self._lines = lines = _LineStarts(stream, self._start, remembers=self._chunked)
                yield from pieces_of_stream(
                    lines, self.name, lorawan=self._lorawan, first_line=self._start.line
                )
                if stream.cut:
                    text = f"the end of {self.name} is cut: its last line is left out"
                    yield Piece(b"", error=InputError(text, reason=Reason.TOO_SHORT))
        except OSError as error:
            cause = error.strerror or str(error)
            raise InputError(f"cannot read {self.name}: {cause}", reason=Reason.UNREADABLE) from None

    def chunks(self) -> Iterator[Chunk]:
        """Its pieces in lists of CHUNK or a few more: those of one line stay together."""
        self._chunked = True
        chunk: list[Piece] = []
        for piece in self.pieces():
            assert self._lines is not None
            place = self._lines.start_of(piece.line)
            if len(chunk) >= CHUNK and (piece.line is None or piece.line != chunk[-1].line):
                yield Chunk(chunk, place)
                chunk = []
            chunk.append(piece)
        if chunk:
            yield Chunk(chunk, None)


def _skip(stream: LogFile, offset: int) -> None:
    if stream.seekable():
        stream.seek(offset)
        return
    while offset > 0 and (data := stream.read(min(offset, _READ))):
        offset -= len(data)

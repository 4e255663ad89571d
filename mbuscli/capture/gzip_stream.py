"""Gzip that can be read up to the last line at any time (RFC 1952), and repaired when it was cut.

After each line the compressor puts out all that it has (a sync flush): the octets then end with an empty
stored block, 00 00 FF FF, and a new block may begin there.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_GZIP = 31
_RAW = -15
_SYNC = b"\x00\x00\xff\xff"
_LAST_BLOCK = b"\x03\x00"
_CHUNK = 1 << 16
_HEAD = 64
# What our own lines can leave behind the last sync; more was written by another program.
_MOST_TAIL = 1 << 20


class GzipStream:
    """One member of a gzip file, line by line."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(6, zlib.DEFLATED, _GZIP)

    def line(self, data: bytes) -> bytes:
        """The octets to append for `data`: with them it can be read."""
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """The octets that end the member."""
        return self._compressor.flush(zlib.Z_FINISH)


class GzipReader(io.RawIOBase):
    """The content of a gzip file, as far as it goes: `cut` tells that its end is missing or damaged."""

    def __init__(self, source: BinaryIO) -> None:
        """`source` is closed together with this."""
        self.cut = False
        self._source = source
        self._pieces = _inflate(source, self)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


def _inflate(source: BinaryIO, reader: GzipReader) -> Iterator[bytes]:
    inflater = zlib.decompressobj(_GZIP)
    begun = False
    data = source.read(_CHUNK)
    while data:
        begun = True
        before = inflater.copy()
        try:
            yield inflater.decompress(data)
        except zlib.error:
            reader.cut = True
            yield from _up_to_damage(before, data)
            return
        data = inflater.unused_data
        if inflater.eof:
            inflater = zlib.decompressobj(_GZIP)
            begun = False
        data = data or source.read(_CHUNK)
    reader.cut = begun


def _up_to_damage(inflater: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    for index in range(len(data)):
        try:
            yield inflater.decompress(data[index : index + 1])
        except zlib.error:
            return


def finish_gzip(file: BinaryIO, start: bytes) -> bool:
    """End the last member of a file that was cut, at its last whole line; a whole file stays as it is.

    False, and nothing is changed, if the content does not begin with `start` or was not written line by line.
    """
    scan = _Scan()
    file.seek(0)
    for piece in _pieces(file):
        if not scan.take(piece):
            break
    if not start.startswith(scan.head[: len(start)]) or len(scan.tail) > _MOST_TAIL:
        return False
    if scan.is_whole:
        return True
    file.truncate(scan.good.offset)
    file.seek(0, os.SEEK_END)
    if scan.good.size:
        file.write(_LAST_BLOCK + scan.good.crc.to_bytes(4, "little"))
        file.write((scan.good.size & 0xFFFFFFFF).to_bytes(4, "little"))
    # The sync behind a line may have been cut, but not the line.
    lines = scan.tail[: scan.tail.rfind(b"\n") + 1]
    if lines:
        stream = GzipStream()
        file.write(stream.line(lines) + stream.end())
    return True


class _Point(NamedTuple):
    """A place in the file behind a whole line; CRC and size are those of the member's content up to it."""

    offset: int
    crc: int
    size: int


class _Scan:
    """Follows a gzip file to its last good place. `tail` is the content behind it."""

    def __init__(self) -> None:
        self.head = b""
        self.tail = b""
        self.good = _Point(0, 0, 0)
        self.is_whole = True
        self._offset = 0
        self._crc = self._size = 0
        self._inflater = zlib.decompressobj(_GZIP)

    def take(self, piece: bytes) -> bool:
        """The next octets of the file, which end where a line may; False if they are damaged."""
        self.is_whole = False
        while piece:
            try:
                content = self._inflater.decompress(piece)
            except zlib.error:
                return False
            rest = self._inflater.unused_data
            self._offset += len(piece) - len(rest)
            self._crc = zlib.crc32(content, self._crc)
            self._size += len(content)
            self.head = self.head or content[:_HEAD]
            self.tail = (self.tail + content)[: _MOST_TAIL + 1]
            if self._inflater.eof:
                self.is_whole = True
                self._inflater = zlib.decompressobj(_GZIP)
                self._crc = self._size = 0
                self._mark()
            elif piece.endswith(_SYNC) and self.tail.endswith(b"\n"):
                self._mark()
            piece = rest
            self.is_whole = self.is_whole and not piece
        return True

    def _mark(self) -> None:
        self.good = _Point(self._offset, self._crc, self._size)
        self.tail = b""


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """The octets of the file, in pieces that end behind each sync."""
    held = b""
    while data := file.read(_CHUNK):
        *synced, held = (held + data).split(_SYNC)
        yield from (piece + _SYNC for piece in synced)
        if len(held) > _MOST_TAIL:
            yield held[: 1 - len(_SYNC)]
            held = held[1 - len(_SYNC) :]
    if held:
        yield held

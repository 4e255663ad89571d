"""Reading a capture or log that may have been cut at its end, zipped or not."""

from __future__ import annotations

import io

from mbuscli.capture.gzip_stream import GzipReader
from mbuscli.errors import InputError, Reason

_GZIP_MAGIC = b"\x1f\x8b"
_LINE_START = b"{"


class LogFile(io.BufferedReader):
    """A file of lines; a last line that is an unfinished JSON object is left out."""

    _left_out = False

    @property
    def cut(self) -> bool:
        """True if the file, read to its end, turned out to be cut there."""
        return self._left_out or (isinstance(self.raw, GzipReader) and self.raw.cut)

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(-1 if size is None else size)
        if line.endswith(b"\n") or not line.startswith(_LINE_START) or self.peek(1):
            return line
        self._left_out = True
        return b""


def open_log(path: str) -> LogFile:
    """The file, unzipped as far as it goes if it is a gzip file. Raises InputError `input.unreadable`."""
    try:
        raw = io.FileIO(path)
        magic = raw.read(len(_GZIP_MAGIC))
        if magic and _GZIP_MAGIC.startswith(magic):
            raw.seek(0)
            return LogFile(GzipReader(io.BufferedReader(raw)))
        if raw.seekable():
            raw.seek(0)
            return LogFile(raw)
        return LogFile(_Resumed(magic, raw))
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {path}: {cause}", reason=Reason.UNREADABLE) from error


class _Resumed(io.RawIOBase):
    """A pipe of which the first octets have been read."""

    def __init__(self, head: bytes, rest: io.FileIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int | None:  # type: ignore[override]
        if not self._head:
            return self._rest.readinto(buffer)
        count = min(len(buffer), len(self._head))
        buffer[:count] = self._head[:count]
        self._head = self._head[count:]
        return count

    def close(self) -> None:
        self._rest.close()
        super().close()

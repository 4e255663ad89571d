"""The capture of a walk: everything that sticks heard, one JSON object a line, in a file that is readable up
to its last whole line whatever happens to the program or the computer.

    {"time": "2026-01-31T10:00:00.123456+01:00", "raw": "1844…", "rssi_dbm": -71.5, "mode": "T1",
     "frame_format": "A", "stick": "cul", "port": "/dev/ttyUSB0"}

`raw` is the telegram as the stick handed it over, with the CRCs of `frame_format`. A telegram that did not
come whole has, instead of `raw`, "event": "damage", "error" with the name, "text", and "line": the octets.
Other events have "event" and "text".
"""

from __future__ import annotations

import errno
import json
import os
import time
from datetime import datetime
from typing import Any, BinaryIO

from mbuscli.capture.gzip_stream import GzipStream, finish_gzip
from mbuscli.capture.json_lines import DAMAGE
from mbuscli.errors import DecodeError, InputError, Reason

MIN_SIZE = 1000
# What the system has not yet put onto the disk is lost in a power cut: this much at most.
_SYNC_S = 5.0
_TAIL = 1 << 16
_LINE_START = b'{"time"'


class WalkWriter:
    """Appends lines to a capture; begins the next file of the same name, `walk.2.ndjson`, when one has grown
    to `max_size` octets. Safe to be killed at any time.

    Raises InputError `input.unwritable` where the disk is full or the file cannot be written,
    `input.unrecognised` if the file holds something else, `input.busy` if another program writes it.
    """

    def __init__(self, path: str, *, max_size: int | None = None) -> None:
        self.path = path
        self._max_size = None if max_size is None else max(max_size, MIN_SIZE)
        self._synced = time.monotonic()
        self._fault: InputError | None = None
        self._number = max((number for number, _ in parts_of(path)), default=1)
        self._fd = self._open()

    @property
    def current(self) -> str:
        """The file that is written now."""
        return part_name(self.path, self._number)

    def telegram(
        self,
        moment: datetime,
        data: bytes,
        *,
        rssi_dbm: float | None,
        mode: str | None,
        frame_format: str | None,
        stick: str,
        port: str,
    ) -> None:
        """One telegram, heard at `moment` (with a zone)."""
        self._write(
            {
                "time": moment.isoformat(),
                "raw": data.hex().upper(),
                "rssi_dbm": rssi_dbm,
                "mode": mode,
                "frame_format": frame_format,
                "stick": stick,
                "port": port,
            }
        )

    def damage(self, moment: datetime, error: DecodeError, octets: bytes, *, stick: str, port: str) -> None:
        """A telegram that did not come whole: why, and the octets of the stick's line."""
        self._write(
            {
                "time": moment.isoformat(),
                "event": DAMAGE,
                "error": error.name,
                "text": error.text,
                "line": octets.hex().upper(),
                "stick": stick,
                "port": port,
            }
        )

    def event(self, moment: datetime, event: str, text: str, *, stick: str, port: str) -> None:
        """Something else worth keeping, such as a gap while a stick was unplugged."""
        row = {"time": moment.isoformat(), "event": event, "text": text, "stick": stick, "port": port}
        self._write(row)

    def close(self) -> None:
        """Put everything onto the disk; safe to call twice."""
        if self._fd < 0:
            return
        try:
            if self._gzip is not None and self._fault is None:
                self._put(self._gzip.end())
            self._sync()
        finally:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> WalkWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, row: dict[str, Any]) -> None:
        if self._fault is not None:
            raise self._fault
        line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
        if self._max_size is not None and self._size + len(line) > self._max_size and self._size:
            self.close()
            self._number += 1
            self._fd = self._open()
        self._put(line if self._gzip is None else self._gzip.line(line))
        if time.monotonic() - self._synced >= _SYNC_S:
            self._sync()

    def _put(self, data: bytes) -> None:
        """One write(): a reader never meets half a line of ours, unless the disk is full."""
        try:
            written = os.write(self._fd, data)
            if written != len(data):
                os.ftruncate(self._fd, self._size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            # No line can follow one that the compressor has seen and the file has not.
            self._fault = _unwritable(self.current, error.strerror or str(error))
            raise self._fault from error
        self._size += len(data)

    def _sync(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError as error:
            # A pipe or a terminal has nothing to sync, but a disk that fails has.
            if os.path.isfile(self.current):
                raise _unwritable(self.current, error.strerror or str(error)) from error
        self._synced = time.monotonic()

    def _open(self) -> int:
        path = self.current
        zipped = path.endswith(".gz")
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            fd = os.open(path, flags, 0o666)
        except (OSError, ValueError) as error:
            raise _unwritable(path, getattr(error, "strerror", None) or str(error)) from error
        try:
            _claim(fd, path)
            self._size = _make_whole(fd, path, zipped)
        except OSError as error:
            os.close(fd)
            raise _unwritable(path, error.strerror or str(error)) from error
        except InputError:
            os.close(fd)
            raise
        self._gzip = GzipStream() if zipped else None
        return fd


def _claim(fd: int, path: str) -> None:
    """Keep out a second writer, whose octets would get between ours; where files cannot be locked, nobody."""
    try:
        import fcntl
    except ImportError:
        return
    if not os.path.isfile(path):
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"the capture {path} is being written by another program",
            reason=Reason.BUSY,
            hint=["end that program, or choose the name of a new file"],
        ) from None
    except OSError:
        return  # a file system without locks


def part_name(path: str, number: int) -> str:
    """The name of the `number`th file of a capture, from 1: `walk.ndjson.gz`, `walk.2.ndjson.gz`."""
    if number == 1:
        return path
    folder, name = os.path.split(path)
    bare = name.removesuffix(".gz")
    stem, suffix = os.path.splitext(bare)
    return os.path.join(folder, f"{stem}.{number}{suffix}{name[len(bare) :]}")


def parts_of(path: str) -> list[tuple[int, str]]:
    """The files of a capture that are there, with their numbers, in the order in which they were written."""
    parts = []
    number = 1
    while os.path.exists(name := part_name(path, number)):
        parts.append((number, name))
        number += 1
    return parts


def _make_whole(fd: int, path: str, zipped: bool) -> int:
    """Remove what a power cut left unfinished at the end of the file; its size then. 0 of what is no file."""
    if not os.path.isfile(path):
        return 0
    size = os.lseek(fd, 0, os.SEEK_END)
    if not size:
        return 0
    if zipped:
        with open(path, "r+b") as file:
            if not finish_gzip(file, _LINE_START):
                raise _foreign(path)
            return file.seek(0, os.SEEK_END)
    with open(path, "rb") as file:
        head = file.read(len(_LINE_START))
        if not _LINE_START.startswith(head):
            raise _foreign(path)
        end = _end_of_lines(file, size)
    os.ftruncate(fd, end)
    return end


def _end_of_lines(file: BinaryIO, size: int) -> int:
    """Where the last whole line ends."""
    while size:
        start = max(0, size - _TAIL)
        file.seek(start)
        newline = file.read(size - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        size = start
    return 0


def _foreign(path: str) -> InputError:
    return InputError(
        f"{path} holds something else than a capture",
        reason=Reason.UNRECOGNISED,
        hint=["choose the name of a new file"],
    )


def _unwritable(path: str, cause: str) -> InputError:
    return InputError(
        f"cannot write the capture {path}: {cause}",
        reason=Reason.UNWRITABLE,
        hint=["what was written before is whole", "make room, or choose another place by --capture"],
    )

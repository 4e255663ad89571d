"""Formats of compact frames that were learnt, kept between runs: one line each, `signature headers` in hex.

A signature is the CRC of its headers, so a damaged or cut line gives itself away and is passed over.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.checksum import crc_en13757
from mbuscli.settings.files import PRIVATE, locked
from mbuscli.settings.paths import state_folder

FILE_NAME = "compact_formats.txt"
# A line holds the headers of one frame; a file that outgrows all formats is not ours.
_MAX_LINE = 1024
_MAX_SIZE = 1 << 20


def default_path() -> Path:
    """The file in the folder of what is learnt."""
    return state_folder() / FILE_NAME


class StoredFormats(Formats):
    """The known formats with those of earlier runs; what is learnt is written at once.

    Several processes may share the file. If it cannot be read or written, formats are learnt for this run
    only and `trouble` says why.
    """

    def __init__(self, path: Path) -> None:
        self._path: Path | None = None  # nothing is written while the known formats are filled in
        self.trouble: str | None = None
        super().__init__()
        try:
            for headers in _stored(path):
                self.learn(headers)
        except OSError as error:
            self.trouble = f"cannot read {path}: {error.strerror or error}"
        self._path = path

    def learn(self, headers: bytes) -> int:
        """Remember the headers, in the file too if they are new; returns their signature."""
        count = len(self._headers)
        signature = super().learn(headers)
        if len(self._headers) > count and self._path is not None and self.trouble is None:
            try:
                _append(self._path, signature, headers)
            except OSError as error:
                self.trouble = f"cannot write {self._path}: {error.strerror or error}"
        return signature


def _append(path: Path, signature: int, headers: bytes) -> None:
    """One line more, unless another process has written it, or the file is full."""
    line = f"{signature:04X} {headers.hex().upper()}\n".encode()
    with locked(path):
        if headers in _stored(path):
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags, PRIVATE), "ab+") as stream:
            size = stream.tell()
            if len(line) > _MAX_LINE or size + len(line) > _MAX_SIZE:
                return
            # A line that a power cut has left unfinished must not swallow this one.
            stream.write(line if _ends_whole(stream.fileno(), size) else b"\n" + line)
            stream.flush()
            os.fsync(stream.fileno())


def _ends_whole(descriptor: int, size: int) -> bool:
    if not size:
        return True
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"


def _stored(path: Path) -> Iterator[bytes]:
    """The headers in the file's whole lines; nothing if there is no file."""
    try:
        with open(path, "rb") as stream:
            text = stream.read(_MAX_SIZE)
    except FileNotFoundError:
        return
    for line in text.split(b"\n"):
        signature, _, digits = line.partition(b" ")
        try:
            headers = bytes.fromhex(digits.decode("ascii"))
        except ValueError:
            continue
        if headers and signature == b"%04X" % crc_en13757(headers):
            yield headers

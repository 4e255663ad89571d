"""The file of learnt formats of compact frames: one line each, `signature headers` in hexadecimal.

A signature is the CRC of its headers, so a damaged or cut line gives itself away and is passed over. Several
processes may share the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mbuscli.protocol.checksum import crc_en13757
from mbuscli.settings.paths import state_file

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "compact_formats.txt"
# A line holds the headers of one frame; a file that outgrows all formats is not ours.
_MAX_LINE = 1024
_MAX_SIZE = 1 << 20


def default_path() -> str:
    """The file in the folder of what is learnt."""
    return state_file(FILE_NAME)


def remember(path: Path | str, formats: Iterable[bytes]) -> str | None:
    """Add what is not in the file; returns why it could not be done.

    Formats that are built in are added too: to tell them would take more than it spares.
    """
    try:
        known = {crc_en13757(headers) for headers in stored(path)}
    except OSError as error:
        return unreadable(path, error)
    try:
        for headers in formats:
            signature = crc_en13757(headers)
            if signature not in known:
                append(path, signature, headers)
    except OSError as error:
        return unwritable(path, error)
    return None


def unreadable(path: Path | str, error: OSError) -> str:
    """Why what was learnt earlier is not known."""
    return f"cannot read {path}: {error.strerror or error}"


def unwritable(path: Path | str, error: OSError) -> str:
    """Why what was learnt is not kept."""
    return f"cannot write {path}: {error.strerror or error}"


def append(path: Path | str, signature: int, headers: bytes) -> None:
    """One line more, unless another process has written it, or the file is full; OSError."""
    from mbuscli.settings.files import PRIVATE, locked

    line = f"{signature:04X} {headers.hex().upper()}\n".encode()
    with locked(path):
        if headers in stored(path):
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


def stored(path: Path | str) -> Iterator[bytes]:
    """The headers in the file's whole lines; nothing if there is no file. OSError."""
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

"""Lines of CUL sticks (culfw and its kin): b or bY, the telegram with its CRCs, LQI and RSSI, all in hex.

b is frame format A, bY format B. LQI and RSSI are there only if reporting them is switched on.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.checksum import crc_en13757
from mbuscli.protocol.receivers.stream import encode_rssi, rssi_dbm
from mbuscli.protocol.wireless.frame_format import strip_crcs

BAUD = 38400
END = b"\r\n"
ASK_VERSION = b"V"
REPORT_RSSI, REPORT_TELEGRAM_ONLY = b"X21", b"X01"
# At least the first block of format A.
_LINE = re.compile(r"b(Y?)([0-9A-Fa-f]{24,})")
_FIRST_BLOCK, _BLOCK, _CRC = 10, 16, 2


class Setting(NamedTuple):
    """Link modes that are heard at once, the command that sets them, and the line that answers it."""

    modes: frozenset[str]
    command: bytes
    answer: str


SETTINGS = (
    Setting(frozenset(("C1", "T1")), b"brc", "CMODE"),
    Setting(frozenset(("S1",)), b"brs", "SMODE"),
    Setting(frozenset(("T1",)), b"brt", "TMODE"),
)


class Received(NamedTuple):
    """A telegram with the CRCs of `frame_format`; with an `error` there is none."""

    data: bytes
    frame_format: str
    rssi_dbm: float | None = None
    error: DecodeError | None = None


def parse_received(line: str) -> Received | None:
    """What the line tells, None if it tells of no telegram: b alone may also begin plain hexadecimal."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    frame_format = "B" if match[1] else "A"
    digits = match[2]
    odd = len(digits) % 2 == 1
    data = bytes.fromhex(digits[:-1] if odd else digits)
    if frame_format == "A" and not _begins_well(data) and (odd or digits != digits.upper()):
        return None
    size = data[0] + 1 if frame_format == "B" else _size_of_a(data[0])
    if odd or (len(data) < size and (frame_format == "B" or _begins_well(data))):
        return Received(b"", frame_format, error=_truncated(len(data), size))
    if len(data) == size + 2:
        return Received(data[:size], frame_format, rssi_dbm(data[-1]))
    return Received(data, frame_format)


def is_intact(received: Received) -> bool:
    """True if the telegram is whole and its CRCs are right."""
    if received.error is not None:
        return False
    try:
        return strip_crcs(received.data, frame_format=received.frame_format).crc == "ok"
    except DecodeError:
        return False


def parse_merged(line: str) -> Received | None:
    """The telegram at the end of a line whose beginning belongs to another one that broke off, or to noise;
    None if there is none whose CRCs are right."""
    at = line.find("b", 1)
    while at > 0:
        received = parse_received(line[at:])
        if received is not None and is_intact(received):
            return received
        at = line.find("b", at + 1)
    return None


def encode_received(data: bytes, frame_format: str, dbm: float | None, lqi: int = 0x68) -> str:
    """The line of a telegram with its CRCs; `dbm` None: without LQI and RSSI."""
    tail = b"" if dbm is None else bytes((lqi, encode_rssi(dbm)))
    return ("bY" if frame_format == "B" else "b") + (data + tail).hex().upper()


def _begins_well(data: bytes) -> bool:
    received = data[_FIRST_BLOCK : _FIRST_BLOCK + _CRC]
    return crc_en13757(data[:_FIRST_BLOCK]) == int.from_bytes(received, "big")


def _size_of_a(l_field: int) -> int:
    """Octets of a telegram of format A with its CRCs, which L does not count."""
    blocks = 1 + max(0, -(-(l_field + 1 - _FIRST_BLOCK) // _BLOCK))
    return l_field + 1 + _CRC * blocks


def _truncated(have: int, size: int) -> DecodeError:
    count = f": {have} of {size} bytes came" if have < size else ""
    return DecodeError(
        f"truncated by the stick's firmware{count}",
        reason=Reason.TOO_SHORT,
        hint=("many builds keep 148 bytes at most: use a firmware with a larger buffer",),
    )

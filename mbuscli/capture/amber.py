"""Frames of Amber (Würth) sticks AMB8465 and its kin in command output mode.

FF, command, length, payload, XOR of all. Command 03 is a received telegram without its L field; if the stick
is set to it, one octet of signal strength stands behind the telegram, and length counts it.
"""

from __future__ import annotations

from functools import reduce
from operator import xor

from mbuscli.capture.heard import NO_CRCS, WIRELESS, Heard, signed
from mbuscli.errors import DecodeError, Reason

DIALECT = "amber"
START = 0xFF
_RECEIVED = 0x03
_HEADER = 3
_RSSI_OFFSET_DBM = 74


def unframe_amber(data: bytes) -> list[Heard] | None:
    """The telegrams in whole frames of the stick, other messages as empty ones; None if it is not that."""
    heard: list[Heard] = []
    at = 0
    while at < len(data):
        frame = data[at : at + data[at + 2] + _HEADER + 1] if len(data) - at > _HEADER else b""
        if len(frame) <= _HEADER or frame[0] != START or len(frame) != frame[2] + _HEADER + 1:
            return None
        message = _message(frame)
        if message is None:
            return None
        heard.append(message)
        at += len(frame)
    return heard


def rssi_of_tail(octet: int) -> float:
    """dBm of the signal strength behind a telegram."""
    return signed(octet) / 2 - _RSSI_OFFSET_DBM


def _message(frame: bytes) -> Heard | None:
    intact = reduce(xor, frame) == 0
    if frame[1] != _RECEIVED:
        return Heard(b"", DIALECT) if intact else None
    if not intact:
        text = "the check sum of the stick's frame is wrong: the serial line damaged it"
        return Heard(b"", DIALECT, error=DecodeError(text, reason=Reason.CHECKSUM))
    telegram = frame[2:-1]
    return Heard(telegram, DIALECT, frame_format=NO_CRCS, layer=WIRELESS, rssi_tail=True)

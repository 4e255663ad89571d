"""Frames of IMST sticks iM871A and iM170A in a log."""

from __future__ import annotations

from mbuscli.capture.heard import NO_CRCS, WIRELESS, Heard
from mbuscli.errors import DecodeError
from mbuscli.protocol.receivers.framer import Verdict
from mbuscli.protocol.receivers.im871a import decode_frame, frame_size

DIALECT = "im871a"


def unframe_im871a(data: bytes) -> list[Heard] | None:
    """The telegrams in whole frames of the stick, other messages as empty ones; None if it is not that."""
    heard: list[Heard] = []
    at = 0
    while at < len(data):
        size = frame_size(data, at)
        if isinstance(size, Verdict) or at + size > len(data):
            return None
        heard.append(_heard(data[at : at + size]))
        at += size
    return heard


def _heard(frame: bytes) -> Heard:
    try:
        message = decode_frame(frame)
    except DecodeError as error:
        return Heard(b"", DIALECT, error=error)
    if message.telegram is None:
        return Heard(b"", DIALECT)
    return Heard(message.telegram, DIALECT, rssi_dbm=message.rssi_dbm, frame_format=NO_CRCS, layer=WIRELESS)

"""Frames of Amber (Würth) sticks AMB8465 and its kin in a log, taken in command output mode."""

from __future__ import annotations

from mbuscli.capture.heard import NO_CRCS, WIRELESS, Heard
from mbuscli.errors import DecodeError
from mbuscli.protocol.receivers.amber import RECEIVED, START, decode_frame, frame_size, telegram_of

DIALECT = "amber"


def unframe_amber(data: bytes) -> list[Heard] | None:
    """The telegrams in whole frames of the stick, other messages as empty ones; None if it is not that."""
    heard: list[Heard] = []
    at = 0
    while at < len(data):
        size = frame_size(data, at)
        if size is None or at + size > len(data) or data[at] != START:
            return None
        message = _heard(data[at : at + size])
        if message is None:
            return None
        heard.append(message)
        at += size
    return heard


def _heard(frame: bytes) -> Heard | None:
    is_telegram = frame[1] == RECEIVED
    try:
        decoded = decode_frame(frame)
    except DecodeError as error:
        return Heard(b"", DIALECT, error=error) if is_telegram else None
    if not is_telegram:
        return Heard(b"", DIALECT)
    telegram = telegram_of(decoded).telegram
    return Heard(telegram, DIALECT, frame_format=NO_CRCS, layer=WIRELESS, rssi_tail=True)

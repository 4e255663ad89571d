"""Frames of IMST sticks iM871A and iM170A as they come over the serial line.

A5, endpoint and flags, message, length, payload, then what the flags announce: time stamp (4), RSSI (1),
CRC-16/X-25 over all but A5 (2). A received telegram is message 03 of endpoint 2, without its L field.
"""

from __future__ import annotations

from functools import cache

from mbuscli.capture.heard import NO_CRCS, WIRELESS, Heard
from mbuscli.errors import DecodeError, Reason

DIALECT = "im871a"
START = 0xA5
_ENDPOINTS = range(1, 5)
_RADIO_LINK, _RECEIVED = 2, 0x03
_RESERVED, _TIME_STAMP, _RSSI, _CRC = 0x10, 0x20, 0x40, 0x80
_HEADER = 4
# Reflected, least significant bit first.
_CRC_POLYNOMIAL = 0x8408
_CRC_RESIDUE = 0xF0B8
# Raw values from here on stand for no measurement.
_NO_RSSI = 230


def unframe_im871a(data: bytes) -> list[Heard] | None:
    """The telegrams in whole frames of the stick, other messages as empty ones; None if it is not that."""
    heard: list[Heard] = []
    at = 0
    while at < len(data):
        size = _frame_size(data, at)
        if size is None:
            return None
        heard.append(_message(data[at : at + size]))
        at += size
    return heard


def _frame_size(data: bytes, at: int) -> int | None:
    if len(data) - at < _HEADER or data[at] != START:
        return None
    flags = data[at + 1]
    if flags & _RESERVED or flags & 0x0F not in _ENDPOINTS:
        return None
    tail = 4 * bool(flags & _TIME_STAMP) + bool(flags & _RSSI) + 2 * bool(flags & _CRC)
    size = _HEADER + data[at + 3] + tail
    return size if at + size <= len(data) else None


def _message(frame: bytes) -> Heard:
    flags, message, size = frame[1], frame[2], frame[3]
    if flags & 0x0F != _RADIO_LINK or message != _RECEIVED:
        return Heard(b"", DIALECT)
    if flags & _CRC and _crc_register(frame[1:]) != _CRC_RESIDUE:
        text = "the CRC of the stick's frame is wrong: the serial line damaged it"
        return Heard(b"", DIALECT, error=DecodeError(text, reason=Reason.CRC))
    end = _HEADER + size
    rssi_dbm = None
    if flags & _RSSI:
        raw = frame[end + 4 * bool(flags & _TIME_STAMP)]
        rssi_dbm = -100 + 0.5 * (raw - 45) if raw < _NO_RSSI else None
    telegram = bytes((size,)) + frame[_HEADER:end]
    return Heard(telegram, DIALECT, rssi_dbm=rssi_dbm, frame_format=NO_CRCS, layer=WIRELESS)


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ _CRC_POLYNOMIAL if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


def _crc_register(data: bytes) -> int:
    """CRC-16/X-25 before its final inversion: a fixed residue if the CRC stands at the end of `data`."""
    table = _crc_table()
    value = 0xFFFF
    for octet in data:
        value = (value >> 8) ^ table[(value ^ octet) & 0xFF]
    return value

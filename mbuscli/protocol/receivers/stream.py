"""A telegram as radio modules in transparent mode hand it over: L first, without CRCs, nothing around it.

Some are set to append the signal strength, one octet, and then count it in L.
"""

from __future__ import annotations

from typing import NamedTuple

_RSSI_OFFSET_DBM = 74


class StreamTelegram(NamedTuple):
    """A telegram whose last octet may be the signal strength, and the octets that it came in."""

    telegram: bytes
    raw: bytes


def split_rssi(telegram: bytes) -> tuple[bytes, int]:
    """The telegram, L corrected, and the octet of signal strength behind it."""
    return bytes((telegram[0] - 1,)) + telegram[1:-1], telegram[-1]


def append_rssi(telegram: bytes, rssi: int) -> bytes:
    """The inverse of `split_rssi`."""
    return bytes((telegram[0] + 1,)) + telegram[1:] + bytes((rssi,))


def rssi_dbm(octet: int) -> float:
    """dBm of an octet of the CC1101 and its kin, which count half decibels in two's complement."""
    return (octet - 256 if octet >= 0x80 else octet) / 2 - _RSSI_OFFSET_DBM


def encode_rssi(dbm: float) -> int:
    """The inverse of `rssi_dbm`."""
    return min(max(round((dbm + _RSSI_OFFSET_DBM) * 2), -128), 127) & 0xFF

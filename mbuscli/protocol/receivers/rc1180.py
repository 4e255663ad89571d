"""The serial line of Radiocrafts RC1180-MBUS modules: bare telegrams, and a configuration mode in which
single octets are commands and the module answers with a prompt."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.protocol.octets import bcd_digits

BAUD = 19200
ENTER, LEAVE, DUMP = b"\x00", b"X", b"0"
PROMPT = b">"
MEMORY_SIZE = 256

# Places in the memory.
CHANNEL, RSSI_APPENDED, MANUFACTURER, IDENTIFICATION = 0x00, 0x05, 0x19, 0x1B
CHANNEL_S, CHANNEL_T = 0x0B, 0x0C
_R2_CHANNELS = range(0x01, 0x0B)


class Settings(NamedTuple):
    """What of the memory matters to a listener."""

    listening: frozenset[str]
    rssi_appended: bool
    identification: str


def rssi_dbm(octet: int) -> float:
    """dBm of the octet behind a telegram: the module counts half decibels below 0 dBm."""
    return -octet / 2


def encode_rssi(dbm: float) -> int:
    """The inverse of `rssi_dbm`."""
    return min(max(round(-2 * dbm), 0), 0xFF)


def decode_settings(memory: bytes) -> Settings | None:
    """The settings in a dump of the memory, None if it holds none of the known channels."""
    if len(memory) != MEMORY_SIZE:
        return None
    mode = {CHANNEL_S: "S1", CHANNEL_T: "T1"}.get(memory[CHANNEL])
    if memory[CHANNEL] in _R2_CHANNELS:
        mode = "R2"
    if mode is None:
        return None
    identification = bcd_digits(memory[IDENTIFICATION : IDENTIFICATION + 4])
    return Settings(frozenset((mode,)), bool(memory[RSSI_APPENDED]), identification)

"""Configuration of the IMST sticks iM871A and iM170A: two groups of fields, each behind an octet of flags
that tells which fields are there."""

from __future__ import annotations

from collections.abc import Mapping

VOLATILE, STORED = 0, 1

DEVICE_MODE, LINK_MODE, C_FIELD, MANUFACTURER = "device mode", "link mode", "C field", "manufacturer"
DEVICE_ID, VERSION, TYPE, RADIO_CHANNEL = "device id", "version", "type", "radio channel"
POWER_LEVEL, DATA_RATE, RX_WINDOW, POWER_SAVING = "power level", "data rate", "rx window", "power saving"
RSSI_ATTACHED, TIME_STAMP_ATTACHED, LED, CLOCK = "RSSI attached", "time stamp attached", "LED", "clock"

# Name and size in octets, in the order of the flags, bit 0 first.
_GROUPS = (
    (
        (DEVICE_MODE, 1),
        (LINK_MODE, 1),
        (C_FIELD, 1),
        (MANUFACTURER, 2),
        (DEVICE_ID, 4),
        (VERSION, 1),
        (TYPE, 1),
        (RADIO_CHANNEL, 1),
    ),
    (
        (POWER_LEVEL, 1),
        (DATA_RATE, 1),
        (RX_WINDOW, 1),
        (POWER_SAVING, 1),
        (RSSI_ATTACHED, 1),
        (TIME_STAMP_ATTACHED, 1),
        (LED, 1),
        (CLOCK, 1),
    ),
)


def decode_settings(data: bytes) -> dict[str, int]:
    """The fields by name, numbers with the least significant octet first; cut ones are left out."""
    fields: dict[str, int] = {}
    at = 0
    for group in _GROUPS:
        if at >= len(data):
            break
        flags = data[at]
        at += 1
        for bit, (name, size) in enumerate(group):
            if flags >> bit & 1 and at + size <= len(data):
                fields[name] = int.from_bytes(data[at : at + size], "little")
                at += size
    return fields


def encode_settings(fields: Mapping[str, int]) -> bytes:
    """The inverse of `decode_settings`."""
    data = b""
    for group in _GROUPS:
        flags = 0
        values = b""
        for bit, (name, size) in enumerate(group):
            if name in fields:
                flags |= 1 << bit
                values += fields[name].to_bytes(size, "little")
        data += bytes((flags,)) + values
    return data

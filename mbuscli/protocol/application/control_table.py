"""Codes of the application layer that are no data: errors, resets, baud rates (EN 13757-3/-7)."""

from __future__ import annotations

APPLICATION_ERRORS = {
    0x00: "unspecified error",
    0x01: "CI field not implemented",
    0x02: "buffer too long, truncated",
    0x03: "too many records",
    0x04: "premature end of record",
    0x05: "more than 10 DIFE",
    0x06: "more than 10 VIFE",
    0x08: "application too busy",
    0x09: "too many readouts",
    0x10: "access denied",
    0x11: "application or command unknown",
    0x12: "parameter missing or wrong",
    0x13: "unknown receiver address",
    0x14: "decryption key failed",
    0x15: "encryption method not supported",
    0x16: "signature method not supported",
    0xF0: "dynamic application error",
}

# CI 50, high nibble of the sub-code. B-E mean something else on old meters.
APPLICATION_RESETS = (
    "all",
    "user data",
    "simple billing",
    "enhanced billing",
    "multi-tariff billing",
    "instantaneous values",
    "load management",
    "reserved",
    "installation and start-up",
    "testing",
    "calibration",
    "configuration updates (old: manufacturing)",
    "manufacturing (old: development)",
    "development (old: self-test)",
    "self-test (old: reserved)",
    "reserved",
)

BAUD_RATES = {
    0xB8: 300,
    0xB9: 600,
    0xBA: 1200,
    0xBB: 2400,
    0xBC: 4800,
    0xBD: 9600,
    0xBE: 19200,
    0xBF: 38400,
}

"""Status octet of the application header (EN 13757-3, 5.9)."""

from __future__ import annotations

_APPLICATION = {1: "application busy", 2: "application error", 3: "alarm"}
_FLAGS = ((0x04, "power low"), (0x08, "permanent error"), (0x10, "temporary error"))
_MANUFACTURER_BITS = 0xE0


def describe_status(status: int) -> list[str]:
    """The status in words, an empty list for "no error"."""
    words = [name for code, name in _APPLICATION.items() if status & 0x03 == code]
    words += [name for bit, name in _FLAGS if status & bit]
    own = status & _MANUFACTURER_BITS
    if own:
        words.append(f"manufacturer bits {own:02X}")
    return words

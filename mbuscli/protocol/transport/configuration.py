"""Configuration field: whether, and how far, the application data is encrypted (EN 13757-7, 7.5)."""

from __future__ import annotations

_BLOCK = 16
_DECRYPTED = b"\x2f\x2f"
_MODES_BY_BLOCKS = frozenset((4, 5, 7))
_MODES_BY_OCTETS = frozenset((2, 3, 13))

MODE_AES_CBC_IV = 5
# Modes that this program could open with the meter's key.
OPENABLE_MODES = frozenset((MODE_AES_CBC_IV,))


def encrypted_octets(mode: int, configuration: int, data: bytes) -> int:
    """How many octets of `data`, from its first on, are encrypted; len(data) where the field does not say.

    Data that begins with the check octets 2F 2F was decrypted by the receiver: 0.
    """
    if mode == 0 or data[:2] == _DECRYPTED:
        return 0
    if mode in _MODES_BY_BLOCKS:
        return (configuration >> 4 & 0x0F) * _BLOCK
    if mode in _MODES_BY_OCTETS:
        return configuration & 0xFF
    return len(data)

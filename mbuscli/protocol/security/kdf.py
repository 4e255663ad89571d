"""Key derivation function A: a fresh key for each message counter (EN 13757-7)."""

from __future__ import annotations

from mbuscli.protocol.security.ciphers import aes_cmac

# Derivation constants: what the derived key is for, and who sends.
ENCRYPT_FROM_METER = 0x00
MAC_FROM_METER = 0x01
ENCRYPT_TO_METER = 0x10
MAC_TO_METER = 0x11

_PADDING = bytes((7,) * 7)


def derive_key(message_key: bytes, constant: int, counter: bytes, meter_id: bytes) -> bytes:
    """The 16 octets of the derived key; `counter` and `meter_id` are four octets each, as sent."""
    return aes_cmac(message_key, bytes((constant,)) + counter + meter_id + _PADDING)

"""Encryption of the extended link layer: AES-128 in counter mode, proved by a payload CRC (EN 13757-4)."""

from __future__ import annotations

from mbuscli.protocol.checksum import crc_en13757
from mbuscli.protocol.security.ciphers import aes_ctr
from mbuscli.protocol.security.sealed import SealedEll

CHECK_PLCRC = "PLCRC"
CRC_SIZE = 2

ENCRYPTION_NONE = 0
ENCRYPTION_AES_CTR = 1

# Set by repeaters on the way, so not part of what the meter encrypted with.
_HOP_AND_REPEATED = 0x12


def ell_encryption(session: bytes) -> int:
    """The encryption field, bits 31-29 of the session number."""
    return session[3] >> 5


def start_block(ell: SealedEll) -> bytes:
    """Manufacturer, identification, version, type, CC, session number, frame number 0, block counter 0."""
    address = ell.lla[4:6] + ell.lla[:4] + ell.lla[6:8]
    return address + bytes((ell.cc & ~_HOP_AND_REPEATED,)) + ell.session + bytes(3)


def crc_holds(payload: bytes) -> bool:
    """True if the payload CRC, the first two octets, least significant first, fits what follows it."""
    return crc_en13757(payload[CRC_SIZE:]) == int.from_bytes(payload[:CRC_SIZE], "little")


def decrypt_ell(ell: SealedEll, key: bytes) -> bytes:
    """Payload CRC and what follows, decrypted."""
    return aes_ctr(key, start_block(ell), ell.payload)

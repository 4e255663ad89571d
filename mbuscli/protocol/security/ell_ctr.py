"""Encryption of the extended link layer: AES-128 in counter mode, proved by a payload CRC (EN 13757-4).

The CRC proves the key as far as 16 bits can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from mbuscli.protocol.checksum import crc_en13757
from mbuscli.protocol.security.ciphers import aes_ctr
from mbuscli.protocol.security.keys import (
    AES_KEY_SIZE,
    FACTORY_KEYS,
    FEW_TRIALS,
    Candidate,
    distinct,
    factory_note,
)
from mbuscli.protocol.security.sealed import (
    ALREADY_DECRYPTED,
    CHECK_RECORDS,
    DECRYPTED,
    FAILED_LENGTH,
    NONE,
    UNSUPPORTED,
    Attempt,
    Opened,
    SealedEll,
)

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


def open_ell(
    ell: SealedEll,
    candidates: Iterable[Candidate],
    plausible: Callable[[bytes], bool],
    *,
    certain: Callable[[bytes], bool] | None = None,
    factory_keys: Iterable[Candidate] = FACTORY_KEYS,
) -> Opened:
    """Open the payload of an extended link layer; the plaintext begins with the two CRC octets.

    `plausible` is asked about what follows the CRC, from the CI field on. State `none` without plaintext: the
    payload is clear, and damaged.
    """
    encryption = ell_encryption(ell.session)
    if encryption not in (ENCRYPTION_NONE, ENCRYPTION_AES_CTR):
        text = f"encryption {encryption} of the extended link layer is reserved: the data stays as received"
        return Opened(UNSUPPORTED, diagnosis=(text,))
    clear = crc_holds(ell.payload)
    if encryption == ENCRYPTION_NONE:
        if clear:
            return Opened(NONE, ell.payload, checks=(CHECK_PLCRC,))
        return Opened(NONE, diagnosis=("the payload CRC of the extended link layer is wrong: damaged",))
    if clear and plausible(ell.payload[CRC_SIZE:]):
        return Opened(NONE, ell.payload, checks=(CHECK_PLCRC,), diagnosis=(ALREADY_DECRYPTED,))
    return _search(ell, chain(candidates, factory_keys), plausible, certain or plausible)


def _search(
    ell: SealedEll,
    candidates: Iterable[Candidate],
    plausible: Callable[[bytes], bool],
    certain: Callable[[bytes], bool],
) -> Opened:
    attempts: list[Attempt] = []
    for candidate in distinct(candidates):
        if len(candidate.key) != AES_KEY_SIZE:
            attempts.append(Attempt(candidate, FAILED_LENGTH))
            continue
        plaintext = decrypt_ell(ell, candidate.key.octets)
        if not crc_holds(plaintext):
            attempts.append(Attempt(candidate, CHECK_PLCRC))
        elif candidate.exact or (plausible if len(attempts) < FEW_TRIALS else certain)(plaintext[CRC_SIZE:]):
            checks = (CHECK_PLCRC,) if candidate.exact else (CHECK_PLCRC, CHECK_RECORDS)
            notes, size = factory_note(candidate), len(plaintext)
            return Opened(DECRYPTED, plaintext, candidate, checks, "LLA", size, tuple(attempts), notes)
        else:
            attempts.append(Attempt(candidate, CHECK_RECORDS))
    from mbuscli.protocol.security.verdict import failed

    return failed("extended link layer, AES-128-CTR", ell.lla, attempts, intact=ell.intact)

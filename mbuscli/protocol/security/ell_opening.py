"""Open the extended link layer, whose payload CRC proves the key as far as 16 bits can."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from mbuscli.protocol.security.ell_ctr import (
    CHECK_PLCRC,
    CRC_SIZE,
    ENCRYPTION_AES_CTR,
    ENCRYPTION_NONE,
    crc_holds,
    decrypt_ell,
    ell_encryption,
)
from mbuscli.protocol.security.keys import AES_KEY_SIZE, FACTORY_KEYS, Candidate
from mbuscli.protocol.security.opening import distinct
from mbuscli.protocol.security.sealed import SealedEll
from mbuscli.protocol.security.verdict import (
    ALREADY_DECRYPTED,
    CHECK_RECORDS,
    DECRYPTED,
    FAILED_LENGTH,
    NONE,
    UNSUPPORTED,
    Attempt,
    Opened,
    factory_note,
    failed,
)


def open_ell(
    ell: SealedEll,
    candidates: Iterable[Candidate],
    plausible: Callable[[bytes], bool],
    *,
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
    return _search(ell, chain(candidates, factory_keys), plausible)


def _search(ell: SealedEll, candidates: Iterable[Candidate], plausible: Callable[[bytes], bool]) -> Opened:
    attempts: list[Attempt] = []
    for candidate in distinct(candidates):
        if len(candidate.key) != AES_KEY_SIZE:
            attempts.append(Attempt(candidate, FAILED_LENGTH))
            continue
        plaintext = decrypt_ell(ell, candidate.key.octets)
        if not crc_holds(plaintext):
            attempts.append(Attempt(candidate, CHECK_PLCRC))
        elif candidate.exact or plausible(plaintext[CRC_SIZE:]):
            checks = (CHECK_PLCRC,) if candidate.exact else (CHECK_PLCRC, CHECK_RECORDS)
            notes, size = factory_note(candidate), len(plaintext)
            return Opened(DECRYPTED, plaintext, candidate, checks, "LLA", size, tuple(attempts), notes)
        else:
            attempts.append(Attempt(candidate, CHECK_RECORDS))
    return failed("extended link layer, AES-128-CTR", ell.lla, attempts, intact=ell.intact)

"""The 32-bit shift register that Diehl's PRIOS and REAL DATA telegrams lie under.

Its key is published, so it hides nothing. One octet has to come out right, which one key in 256 does too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from mbuscli.protocol.security.keys import DES_KEY_SIZE, Candidate, Key, distinct, factory_note
from mbuscli.protocol.security.sealed import (
    ALREADY_DECRYPTED,
    CHECK_RECORDS,
    DECRYPTED,
    FAILED_LENGTH,
    NONE,
    Attempt,
    Opened,
)

CHECK_PRIOS = "4B"
CHECK_SUM = "sum"
START = 15

_FACTORY_KEYS = tuple(
    Candidate(f"factory key: {name}", Key(bytes.fromhex(octets)), factory=True)
    for name, octets in (("Diehl 2", "39BC8A10E66D83F8"), ("Diehl 1", "51728910E66D83F8"))
)
_PRIOS_FIRST = 0x4B
_SUM_MASK = 0xEF
_SUM_AT = 14


def unmask(key: bytes, telegram: bytes) -> bytes:
    """The octets of `telegram` from 15 on, in clear; the 8 octets of `key` count as two halves.

    The same operation masks them. `telegram` begins with the L field; its octets 2 to 13 seed the register.
    """
    state = 0
    for word in (key[:4], key[4:8], telegram[2:6], telegram[6:10], telegram[10:14]):
        state ^= int.from_bytes(word, "big")
    plain = bytearray()
    for octet in telegram[START:]:
        for _ in range(8):
            bit = (state >> 1 ^ state >> 2 ^ state >> 11 ^ state >> 31) & 1
            state = (state << 1 | bit) & 0xFFFFFFFF
        plain.append(octet ^ state & 0xFF)
    return bytes(plain)


def open_masked(
    telegram: bytes, candidates: Iterable[Candidate], check: str, plausible: Callable[[bytes], bool]
) -> Opened:
    """The octets from 15 on with the first key whose check holds and whose plaintext is `plausible`.

    `check`: CHECK_PRIOS or CHECK_SUM. Keys have 8 octets, or 16 with both halves alike.
    """
    clear = telegram[START:]
    if check == CHECK_SUM and _check_holds(check, clear, telegram) and plausible(clear):
        return Opened(NONE, clear, diagnosis=(ALREADY_DECRYPTED,))
    attempts: list[Attempt] = []
    for candidate in distinct(chain(candidates, _FACTORY_KEYS)):
        octets = candidate.key.octets
        if octets[:DES_KEY_SIZE] != octets[-DES_KEY_SIZE:]:
            attempts.append(Attempt(candidate, FAILED_LENGTH))
            continue
        plain = unmask(octets, telegram)
        holds = _check_holds(check, plain, telegram)
        if holds and plausible(plain):
            checks = (check, CHECK_RECORDS)
            notes = factory_note(candidate)
            return Opened(
                DECRYPTED, plain, candidate, checks, None, len(plain), tuple(attempts), diagnosis=notes
            )
        attempts.append(Attempt(candidate, CHECK_RECORDS if holds else check))
    from mbuscli.protocol.security.verdict import failed

    return failed("a shift register of Diehl's", None, attempts, intact=False)


def _check_holds(check: str, plain: bytes, telegram: bytes) -> bool:
    if check == CHECK_PRIOS:
        return plain[:1] == bytes((_PRIOS_FIRST,))
    return sum(plain) & _SUM_MASK == telegram[_SUM_AT] & _SUM_MASK

"""What came of an attempt to open a message, and why, in sentences for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import AES_KEY_SIZE, Candidate

NONE = "none"
DECRYPTED = "decrypted"
KEY_MISSING = "key_missing"
KEY_WRONG = "key_wrong"
UNSUPPORTED = "unsupported"
UNAUTHENTIC = "unauthentic"

FAILED_LENGTH = "length"
CHECK_RECORDS = "records"
CHECK_CMAC = "CMAC"

ALREADY_DECRYPTED = "the receiver seems to have decrypted it: the data is clear"

_NAMED_ATTEMPTS = 5

_FAILURES = {
    "2F2F": "the plaintext does not begin with the check octets 2F 2F",
    "PLCRC": "the payload CRC does not fit the plaintext",
    "CCM tag": "the authentication tag does not fit",
    CHECK_CMAC: "the check octets fit, the message authentication code does not",
    CHECK_RECORDS: "the check fits, as it does by chance once in 65536, but the rest reads as no records",
}


class Attempt(NamedTuple):
    """A key that did not open the message, and the check that failed, or `length`."""

    candidate: Candidate
    failed_check: str

    @property
    def name(self) -> str:
        """The key's name."""
        return self.candidate.name


class Opened(NamedTuple):
    """The outcome of opening a message.

    state         none, decrypted, key_missing, key_wrong, unsupported or unauthentic
    plaintext     the payload with its encrypted octets decrypted in place (mode 10: without the tag, which is
                  the end); None where nothing of it can be trusted
    key           the key that opened it, or whose authentication failed
    checks        what proves the key: 2F2F, PLCRC, CMAC, CCM tag, and records where the content had to help
    address_used  ALA or LLA, where an address went into key or IV
    encrypted     octets of the payload, from its first on, that were encrypted
    """

    state: str
    plaintext: bytes | None = None
    key: Candidate | None = None
    checks: tuple[str, ...] = ()
    address_used: str | None = None
    encrypted: int = 0
    attempts: tuple[Attempt, ...] = ()
    diagnosis: tuple[str, ...] = ()


def factory_note(candidate: Candidate) -> tuple[str, ...]:
    """A word of warning if a published key opened the message."""
    if not candidate.factory:
        return ()
    return (f"opened with a published key ({candidate.name}): anybody can read this meter",)


def failed(what: str, meter: bytes | None, attempts: Sequence[Attempt], *, intact: bool) -> Opened:
    """No key fits. `what` names the encryption, `meter` is the address that keys are looked up by."""
    own = [attempt for attempt in attempts if not attempt.candidate.factory]
    where = f" of meter {MeterAddress.from_octets(meter)}" if meter is not None else ""
    if own:
        count = "one key was tried and does" if len(own) == 1 else f"{len(own)} keys were tried and do"
        sentences = [f"the telegram{where} is encrypted, {what}; {count} not fit"]
        sentences += [_explain(attempt) for attempt in own[:_NAMED_ATTEMPTS]]
        if len(own) > _NAMED_ATTEMPTS:
            sentences.append(f"and {len(own) - _NAMED_ATTEMPTS} more keys")
    else:
        sentences = [f"the telegram{where} is encrypted, {what}, and no key is known for it"]
    public = [
        a.name.removeprefix("factory key: ")
        for a in attempts
        if a.candidate.factory and a.failed_check != FAILED_LENGTH
    ]
    if public:
        sentences.append("published keys do not fit either: " + ", ".join(public))
    if own:
        sentences.append(_what_remains(own, intact))
    state = KEY_WRONG if own else KEY_MISSING
    return Opened(state, attempts=tuple(attempts), diagnosis=tuple(sentences))


def _explain(attempt: Attempt) -> str:
    key = attempt.candidate.key
    if attempt.failed_check == FAILED_LENGTH:
        wanted = 8 if len(key) == AES_KEY_SIZE else AES_KEY_SIZE
        return f"key {attempt.name!r} has {len(key)} octets, this encryption needs {wanted}"
    return f"key {attempt.name!r} (check {key.check_value}): {_FAILURES[attempt.failed_check]}"


def _what_remains(own: Sequence[Attempt], intact: bool) -> str:
    if all(attempt.failed_check == FAILED_LENGTH for attempt in own):
        return "a key of the right length is missing"
    if any(attempt.failed_check == CHECK_RECORDS for attempt in own):
        return "if the key is surely this meter's, file it under the meter's complete address"
    if intact:
        return (
            "the link layer's check says that the telegram is undamaged: the key is another meter's, "
            "or this meter's key was changed"
        )
    return (
        "either the key is another meter's or was changed, or the telegram was damaged on the way: "
        "it came without a link layer check that could tell"
    )

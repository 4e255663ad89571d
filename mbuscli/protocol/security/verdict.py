"""Why no key opens a message, in sentences for people."""

from __future__ import annotations

from collections.abc import Sequence

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import AES_KEY_SIZE, MOST_TRIALS
from mbuscli.protocol.security.sealed import (
    CHECK_CMAC,
    CHECK_RECORDS,
    FAILED_LENGTH,
    KEY_MISSING,
    KEY_WRONG,
    Attempt,
    Opened,
)

_NAMED_ATTEMPTS = 5

_FAILURES = {
    "2F2F": "the plaintext does not begin with the check octets 2F 2F",
    "PLCRC": "the payload CRC does not fit the plaintext",
    "CCM tag": "the authentication tag does not fit",
    CHECK_CMAC: "the check octets fit, the message authentication code does not",
    CHECK_RECORDS: "the check fits, as it does by chance once in a while, but the rest reads as no records",
    "4B": "the plaintext does not begin with 4B",
    "2F": "the plaintext does not begin with 2F",
    "sum": "the check sum does not fit the plaintext",
}


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
        if len(own) >= MOST_TRIALS:
            sentences.append(
                f"{MOST_TRIALS} keys at most are tried on a telegram: file them under their meters' addresses"
            )
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

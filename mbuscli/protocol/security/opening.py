"""Open an encrypted message with whatever keys there are, and tell which check proved the key.

Two octets 2F 2F or a CRC of 16 bits let one wrong key in 65536 pass. So a key that was not filed under
exactly this meter must yield plausible content too, unless an authentication code or tag proves it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from mbuscli.protocol.octets import counted_are
from mbuscli.protocol.security.keys import (
    AES_KEY_SIZE,
    FACTORY_KEYS,
    FEW_TRIALS,
    Candidate,
    distinct,
    factory_note,
)
from mbuscli.protocol.security.modes_table import (
    AES_CBC_DERIVED,
    AES_CBC_IV,
    AES_CCM,
    CMAC_SIZES,
    DES_IV_DATE,
    MODES_BY_BLOCKS,
    MODES_BY_OCTETS,
    describe_mode,
    mode_entry,
)
from mbuscli.protocol.security.sealed import (
    ALREADY_DECRYPTED,
    CHECK_CMAC,
    CHECK_RECORDS,
    DECRYPTED,
    FAILED_LENGTH,
    KDF_A,
    NONE,
    UNAUTHENTIC,
    UNSUPPORTED,
    Attempt,
    Opened,
    Sealed,
)
from mbuscli.protocol.security.tpl_modes import (
    CHECK_2F2F,
    CHECK_OCTETS,
    CHECK_TAG,
    SCHEMES,
    decrypt,
    encrypted_size,
    mac_holds,
)

# A CMAC of this many octets proves a message by itself, without the check octets.
_STRONG_MAC = 4
_NO_ADDRESS = ("", bytes(8))
_ADDRESSED_MODES = frozenset((DES_IV_DATE, AES_CBC_IV, AES_CBC_DERIVED, AES_CCM))
_DERIVING_MODES = frozenset((AES_CBC_DERIVED, AES_CCM))


def open_sealed(
    sealed: Sealed,
    candidates: Iterable[Candidate],
    plausible: Callable[[bytes], bool],
    *,
    certain: Callable[[bytes], bool] | None = None,
    factory_keys: Iterable[Candidate] = FACTORY_KEYS,
) -> Opened:
    """Open a transport layer payload with the first key that fits.

    `plausible` tells whether a plaintext reads, all of it, as the content that the CI field announces;
    `certain` is asked instead where many keys were tried.
    """
    keys = chain(candidates, factory_keys)
    if not _is_encrypted(sealed):
        return _check_clear(sealed, keys)
    if _may_be_decrypted(sealed) and plausible(sealed.payload):
        return Opened(NONE, sealed.payload, diagnosis=(ALREADY_DECRYPTED,))
    reason = _obstacle(sealed)
    if reason is not None:
        return Opened(UNSUPPORTED, diagnosis=(f"{describe_mode(sealed.mode)}: {reason}",))
    return _Search(sealed, plausible, certain or plausible).run(keys)


def _counts_encrypted(sealed: Sealed) -> bool:
    """True in modes whose configuration field counts the encrypted octets; they begin with 2F 2F."""
    return sealed.mode in MODES_BY_BLOCKS or sealed.mode in MODES_BY_OCTETS


def _is_encrypted(sealed: Sealed) -> bool:
    return encrypted_size(sealed) > 0 if _counts_encrypted(sealed) else sealed.mode != 0


def _may_be_decrypted(sealed: Sealed) -> bool:
    """True if the receiver seems to have decrypted the payload: the check octets are in clear."""
    return _counts_encrypted(sealed) and sealed.payload[:2] == CHECK_OCTETS


def _check_clear(sealed: Sealed, candidates: Iterable[Candidate]) -> Opened:
    """Nothing is encrypted, but there may be an authentication code to check."""
    notes = () if sealed.mode == 0 else (f"{describe_mode(sealed.mode)}, but no octet is encrypted",)
    if sealed.mac is None:
        return Opened(NONE, sealed.payload, diagnosis=notes)
    reason = _mac_obstacle(sealed)
    if reason is not None:
        return Opened(NONE, sealed.payload, diagnosis=(*notes, f"not authenticated: {reason}"))
    attempts: list[Attempt] = []
    for candidate in distinct(candidates):
        if len(candidate.key) != AES_KEY_SIZE:
            attempts.append(Attempt(candidate, FAILED_LENGTH))
            continue
        for label, address in _addresses_for(sealed):
            if mac_holds(sealed, candidate.key.octets, address):
                return Opened(NONE, sealed.payload, candidate, (CHECK_CMAC,), label, diagnosis=notes)
        attempts.append(Attempt(candidate, CHECK_CMAC))
    if any(attempt.failed_check == CHECK_CMAC and not attempt.candidate.factory for attempt in attempts):
        text = "the message authentication code fits no key: forged, damaged, or the keys are another meter's"
        return Opened(UNAUTHENTIC, attempts=tuple(attempts), diagnosis=(*notes, text))
    return Opened(NONE, sealed.payload, diagnosis=(*notes, "not authenticated: no key is known"))


class _Search:
    """Tries key after key on one message."""

    def __init__(
        self, sealed: Sealed, plausible: Callable[[bytes], bool], certain: Callable[[bytes], bool]
    ) -> None:
        self.sealed = sealed
        self.plausible = plausible
        self.certain = certain
        self.key_size = mode_entry(sealed.mode).key_size
        needs_address = sealed.mode in _ADDRESSED_MODES or sealed.mac is not None
        self.addresses = _addresses_for(sealed) if needs_address else [_NO_ADDRESS]
        self.attempts: list[Attempt] = []

    def run(self, candidates: Iterable[Candidate]) -> Opened:
        """The first key that fits, or why none does."""
        for candidate in distinct(candidates):
            if len(candidate.key) != self.key_size:
                self.attempts.append(Attempt(candidate, FAILED_LENGTH))
                continue
            opened = self._try(candidate)
            if opened is not None:
                return opened
        return self._none_fits()

    def _try(self, candidate: Candidate) -> Opened | None:
        """The outcome with one key; None, and an attempt noted, where it does not fit."""
        failures: list[str] = []
        by_rule: Opened | None = None
        for label, address in self.addresses:
            plaintext, checks, failure = self._check(candidate, address)
            if failure is None:
                return self._opened(candidate, label, plaintext, checks)
            if failure == CHECK_RECORDS and not failures and self._is_believed(candidate):
                by_rule = self._opened(candidate, label, plaintext, checks)
            failures.append(failure)
        if by_rule is not None:
            return by_rule
        telling = [failure for failure in failures if failure in (CHECK_CMAC, CHECK_RECORDS)]
        self.attempts.append(Attempt(candidate, (telling or failures)[0]))
        return None

    def _check(self, candidate: Candidate, address: bytes) -> tuple[bytes, tuple[str, ...], str | None]:
        """Plaintext, the checks that hold, and the check that rules the key out.

        Two addresses that share a manufacturer give IVs that the check octets cannot tell apart: then only
        the content can.
        """
        check, held, plaintext = decrypt(self.sealed, candidate.key.octets, address)
        mac = self.sealed.mac
        if mac is not None:
            authentic = mac_holds(self.sealed, candidate.key.octets, address)
            if authentic and held:
                return plaintext, (check, CHECK_CMAC), None
            if authentic and check == CHECK_2F2F and len(mac.octets) >= _STRONG_MAC:
                return plaintext, (CHECK_CMAC,), None
            return b"", (), CHECK_CMAC if held else check
        if not held:
            return b"", (), check
        if check == CHECK_TAG or (len(self.addresses) == 1 and self._is_believed(candidate)):
            return plaintext, (check,), None
        reads = self.plausible if len(self.attempts) < FEW_TRIALS else self.certain
        if reads(plaintext):
            return plaintext, (check, CHECK_RECORDS), None
        return plaintext, (check,), CHECK_RECORDS

    def _is_believed(self, candidate: Candidate) -> bool:
        """True if the check octets are enough; in mode 3 they say nothing about the date in the IV."""
        return candidate.exact and self.sealed.mode != DES_IV_DATE

    def _opened(self, candidate: Candidate, label: str, plaintext: bytes, checks: tuple[str, ...]) -> Opened:
        notes = [*self._cut_note(), *factory_note(candidate)]
        if label and label != self.addresses[0][0]:
            notes.append("made with the sender's address of the link layer, not with the one in the header")
        if CHECK_2F2F not in checks and CHECK_TAG not in checks:
            notes.append("the check octets 2F 2F are missing, the message authentication code is right")
        if self.sealed.mode == DES_IV_DATE:
            day = self.sealed.received_on
            notes.append(f"octets 7 and 8 of the plaintext are right only if it was sent on {day}")
        size = min(encrypted_size(self.sealed), len(plaintext))
        attempts = tuple(self.attempts)
        return Opened(DECRYPTED, plaintext, candidate, checks, label or None, size, attempts, tuple(notes))

    def _none_fits(self) -> Opened:
        from mbuscli.protocol.security.verdict import failed

        for candidate, failure in self.attempts:
            if failure == CHECK_CMAC and not candidate.factory:
                text = (
                    f"key {candidate.name!r} gives the check octets, but the message authentication code "
                    "is wrong: the telegram was changed on the way, or forged"
                )
                attempts = tuple(self.attempts)
                return Opened(UNAUTHENTIC, key=candidate, attempts=attempts, diagnosis=(text,))
        meter = self.sealed.ala or self.sealed.lla
        what = describe_mode(self.sealed.mode)
        opened = failed(what, meter, self.attempts, intact=self.sealed.intact)
        return opened._replace(diagnosis=(*opened.diagnosis, *self._cut_note(), *self._hints()))

    def _cut_note(self) -> Iterator[str]:
        missing = encrypted_size(self.sealed) - len(self.sealed.payload)
        if missing > 0:
            yield f"the telegram is cut: {counted_are(missing, 'octet')} missing from the encrypted data"

    def _hints(self) -> Iterator[str]:
        if len(self.addresses) > 1:
            yield "each key was tried with the address in the header and with that of the link layer"
        extension = self.sealed.extension
        if extension.key_id or extension.key_version:
            version = "" if extension.key_version is None else f", version {extension.key_version}"
            yield f"the telegram asks for the meter's key number {extension.key_id}{version}"


def _addresses_for(sealed: Sealed) -> list[tuple[str, bytes]]:
    """The addresses that key and IV may be made from, with their labels, the one by the rule first.

    The rule: the meter's own address in a long header, else that of the link layer, which is the meter's
    where no adapter sends for it. Keys for a message to a meter derive from the meter's address alone.
    """
    found = []
    if sealed.ala is not None:
        found.append(("ALA", sealed.ala))
    derives = sealed.mode in _DERIVING_MODES or sealed.mac is not None
    if sealed.lla is not None and sealed.lla != sealed.ala and (sealed.from_meter or not derives):
        found.append(("LLA", sealed.lla))
    return found


def _obstacle(sealed: Sealed) -> str | None:
    """Why no key can open the encrypted message, None if one could."""
    mode, extension = sealed.mode, sealed.extension
    if mode not in SCHEMES:
        return "not supported, the data stays as received"
    if mode in MODES_BY_OCTETS and sealed.mac is not None:
        return "DES with a message authentication code is not supported"
    if mode in _ADDRESSED_MODES and not _addresses_for(sealed):
        return "the telegram carries no address of the meter, which key or IV are made from"
    if mode == DES_IV_DATE and sealed.received_on is None:
        return "the IV is made from the date of the transmission, which is not known"
    if mode in _DERIVING_MODES and extension.kdf != KDF_A:
        return f"key derivation {extension.kdf} is not supported"
    if mode == AES_CBC_DERIVED and extension.counter is not None and extension.key_version is not None:
        return "message counter and key version together: their order is not certain"
    if mode == AES_CBC_DERIVED and sealed.message_counter is None:
        return "the telegram carries no message counter, which the key is derived from"
    return _ccm_obstacle(sealed) or _mac_obstacle(sealed)


def _ccm_obstacle(sealed: Sealed) -> str | None:
    if sealed.mode != AES_CCM:
        return None
    if sealed.extension.counter is None:
        return "without a message counter in the header it is not supported"
    if encrypted_size(sealed) != max(0, len(sealed.payload) - sealed.extension.tag_size):
        return "partial encryption is not supported"
    return None


def _mac_obstacle(sealed: Sealed) -> str | None:
    """Why the message authentication code cannot be checked, None if it can or there is none."""
    mac = sealed.mac
    if mac is None:
        return None
    if mac.type not in CMAC_SIZES:
        return f"authentication type {mac.type} is not supported"
    if len(mac.octets) != CMAC_SIZES[mac.type]:
        size = CMAC_SIZES[mac.type]
        return f"the authentication code has {len(mac.octets)} octets, type {mac.type} has {size}"
    if sealed.message_counter is None:
        return "the authentication key is derived from a message counter, and there is none"
    if not _addresses_for(sealed):
        return "the authentication key is derived from the meter's address, and there is none"
    return None

"""Meter keys: how they are written, shown, and offered to a telegram.

Key octets never reach a message, a representation or a log: a key is shown by its check value. This module
loads without the cipher library, which only the check value needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from mbuscli.errors import Reason, UsageError
from mbuscli.protocol.address import MeterAddress

AES_KEY_SIZE = 16
DES_KEY_SIZE = 8
# Keys that are tried on one telegram, the most specific first: a stranger's telegram must not cost the more,
# and a wrong key pass the oftener, the more keys there are that would fit any meter.
MOST_TRIALS = 1000
# After so many of them, what a key brings to light must be beyond doubt.
FEW_TRIALS = 8

_SEPARATORS = re.compile(r"(?<![0-9A-Fa-f])0[xX](?=[0-9A-Fa-f])|[\s:|_,;.\-]+")
_NOT_HEX = re.compile(r"[^0-9A-Fa-f]")


class Key:
    """A secret of 16 octets (AES-128) or 8 (DES). ValueError for any other length."""

    __slots__ = ("octets",)

    def __init__(self, octets: bytes) -> None:
        if len(octets) not in (AES_KEY_SIZE, DES_KEY_SIZE):
            raise ValueError(f"a key has {AES_KEY_SIZE} octets, or {DES_KEY_SIZE} for DES, not {len(octets)}")
        self.octets = bytes(octets)

    @property
    def check_value(self) -> str:
        """Four hexadecimal digits that tell keys apart: AES-CMAC over 16 zeros; a DES key counts twice."""
        from mbuscli.protocol.security.ciphers import aes_cmac

        aes_key = self.octets * (AES_KEY_SIZE // len(self.octets))
        return aes_cmac(aes_key, bytes(16))[:2].hex()

    def __repr__(self) -> str:
        return f"Key(..check {self.check_value})"

    def __len__(self) -> int:
        return len(self.octets)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        from hmac import compare_digest

        return compare_digest(self.octets, other.octets)

    def __hash__(self) -> int:
        return hash(self.octets)


def parse_key(text: str) -> Key:
    """The key in hexadecimal text: any case, with or without 0x, blanks, colons, commas or dashes.

    Raises UsageError `usage.empty`, `usage.not-hex` (tells the position) or `usage.key-length` (the length).
    """
    stripped = text.strip().strip("\"'")
    digits = _SEPARATORS.sub("", stripped)
    if not digits:
        raise UsageError("the key is empty", reason=Reason.EMPTY, hint=_LENGTH_HINT)
    stray = _NOT_HEX.search(_SEPARATORS.sub(lambda found: "0" * len(found.group()), stripped))
    if stray is not None:
        raise UsageError(
            f"the key is not hexadecimal: character {stray.start() + 1} is none of 0-9 and A-F",
            reason=Reason.NOT_HEX,
            hint=_LENGTH_HINT,
        )
    if len(digits) not in (2 * AES_KEY_SIZE, 2 * DES_KEY_SIZE):
        raise UsageError(
            f"the key has {len(digits)} hexadecimal digits, not {2 * AES_KEY_SIZE}",
            reason=Reason.KEY_LENGTH,
            hint=_LENGTH_HINT,
        )
    return Key(bytes.fromhex(digits))


_LENGTH_HINT = (
    "an AES key is written as 32 hexadecimal digits, a DES key (security modes 2 and 3) as 16",
    "spreadsheets drop leading zeros and turn long numbers into 1.23E+31: copy the key from the maker's file",
)


class Candidate(NamedTuple):
    """A key that may open a telegram.

    name      how the user knows it; stands in messages
    factory   a published default of makers, tried last
    exact     filed under the complete address of this one meter: its check octets alone are then believed
    """

    name: str
    key: Key
    factory: bool = False
    exact: bool = False


class KeySource(Protocol):
    """Where keys come from: the key ring, or what the user gave for this command."""

    def candidates(self, addresses: Sequence[MeterAddress]) -> Iterable[Candidate]:
        """Keys for the meter that has one of `addresses`, the likeliest first, without factory keys."""
        ...


class FixedKeys:
    """The same keys for every telegram, as given on a command line."""

    __slots__ = ("_candidates",)

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._candidates = tuple(candidates)

    def candidates(self, addresses: Sequence[MeterAddress]) -> tuple[Candidate, ...]:
        """All of them, whatever the address."""
        return self._candidates


def _factory(name: str, octets: str) -> Candidate:
    return Candidate(f"factory key: {name}", Key(bytes.fromhex(octets)), factory=True)


# Defaults that makers ship in every meter and that are public; tried after all keys of the user.
FACTORY_KEYS: tuple[Candidate, ...] = (
    _factory("all zero", "00" * AES_KEY_SIZE),
    _factory("Diehl 1", "51728910E66D83F8" * 2),
    _factory("Diehl 2", "39BC8A10E66D83F8" * 2),
)


def distinct(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Each key once."""
    seen = set()
    for candidate in candidates:
        if candidate.key not in seen:
            seen.add(candidate.key)
            yield candidate


def factory_note(candidate: Candidate) -> tuple[str, ...]:
    """A word of warning if a published key opened the message."""
    if not candidate.factory:
        return ()
    return (f"opened with a published key ({candidate.name}): anybody can read this meter",)

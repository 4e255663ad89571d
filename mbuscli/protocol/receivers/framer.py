"""Cuts the octets of a receiver's serial line into messages, and finds back after damage."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.octets import counted, counted_are

M = TypeVar("M")

# More octets without a message than this are reported in pieces.
MOST_DAMAGE = 1024


class Damage(NamedTuple):
    """Octets that belong to no message, and why."""

    raw: bytes
    error: DecodeError


class Verdict(Enum):
    """What can be said of the octets at a place where no whole message stands."""

    MORE = auto()
    """More octets are needed to tell."""
    NO_MESSAGE = auto()
    """No message begins here."""


MORE, NO_MESSAGE = Verdict.MORE, Verdict.NO_MESSAGE


class Cut(NamedTuple, Generic[M]):
    """The next `size` octets are this message; None: they are fillers that say nothing."""

    size: int
    message: M | Damage | None


# Gets the octets and the place to look at. A DecodeError tells why what began as a message is none. What it
# says must not depend on octets that are still to come.
Cutter: TypeAlias = Callable[[bytes, int], "Cut[M] | DecodeError | Verdict"]


class Framer(Generic[M]):
    """Messages out of octets in pieces of any size; the same messages however they are cut.

    After a failed candidate the search goes on inside it, so that damage hides no whole message behind it.
    """

    def __init__(self, cut: Cutter[M]) -> None:
        self._cut = cut
        self._held = b""
        self._damage = bytearray()
        self._why: DecodeError | None = None

    @property
    def held(self) -> int:
        """Octets that have not been reported yet: damage, and a message that is not whole."""
        return len(self._damage) + len(self._held)

    def feed(self, data: bytes) -> list[M | Damage]:
        """The messages that are whole now, and the damage in front of them."""
        return self._take(self._held + data, ended=False)

    def pause(self) -> list[M | Damage]:
        """The line is silent for a moment; messages tell their ends, so this tells nothing new."""
        return []

    def flush(self) -> list[M | Damage]:
        """All that is held, as nothing follows it: whole messages inside it, and damage."""
        return [*self._take(self._held, ended=True), *self._report()]

    def _take(self, data: bytes, *, ended: bool) -> list[M | Damage]:
        found: list[M | Damage] = []
        at = 0
        while at < len(data):
            cut = self._cut(data, at)
            if cut is MORE:
                if not ended:
                    break
                cut = _broken_off(len(data) - at)
            if isinstance(cut, Cut):
                found += self._report()
                if cut.message is not None:
                    found.append(cut.message)
                at += cut.size
                continue
            if isinstance(cut, DecodeError):
                self._why = self._why or cut
            self._damage.append(data[at])
            at += 1
            if len(self._damage) == MOST_DAMAGE:
                found += self._report()
        self._held = data[at:]
        return found

    def _report(self) -> list[Damage]:
        if not self._damage:
            return []
        raw, why = bytes(self._damage), self._why
        self._damage.clear()
        self._why = None
        if why is None:
            text = f"{counted_are(len(raw), 'byte')} no message of the receiver"
            why = DecodeError(text, reason=Reason.GARBAGE)
        return [Damage(raw, why)]


def _broken_off(size: int) -> DecodeError:
    text = f"a message of the receiver broke off after {counted(size, 'byte')}"
    return DecodeError(text, reason=Reason.TOO_SHORT)

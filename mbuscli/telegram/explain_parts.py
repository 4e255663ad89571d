"""The annotated dump under construction: octets taken one field after the other, none left out."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.telegram.model import Telegram

LINK = "link"
ELL = "ell"
AFL = "afl"
TRANSPORT = "transport"
SECURITY = "security"
APPLICATION = "application"

UNREAD = "unread"
ENCRYPTED = "encrypted"


class Part(NamedTuple):
    """One field of a telegram.

    offset   of its first octet in `Telegram.raw`
    octets   as received, `clear` the same octets decrypted
    layer    link, ell, afl, transport, security or application
    name     the field's name in the standard, or `unread`, `encrypted`
    clause   where the standard describes it, empty for octets that it does not
    meaning  what the octets say, in words
    group    title of the record that it belongs to, empty outside of records
    """

    offset: int
    octets: bytes
    clear: bytes
    layer: str
    name: str
    clause: str
    meaning: str
    group: str = ""


class Dump:
    """A place in the telegram and the parts in front of it.

    `end` is where the readable octets of the layer end; `group` is given to the parts that are taken.
    """

    def __init__(self, telegram: Telegram) -> None:
        self.telegram = telegram
        self.clear = telegram.clear
        self.parts: list[Part] = []
        self.layer = LINK
        self.group = ""
        self.at = 0
        self.end = len(telegram.raw)

    @property
    def left(self) -> int:
        """Octets up to the end."""
        return self.end - self.at

    def peek(self, size: int) -> bytes:
        """The next octets, decrypted; raises DecodeError if fewer are there."""
        if size > self.left:
            raise DecodeError("the field is cut off", reason=Reason.HEADER_TRUNCATED, offset=self.at)
        return self.clear[self.at : self.at + size]

    def take(self, size: int, name: str, clause: str, meaning: str) -> None:
        """Make the next `size` octets a part, none of no octets; raises DecodeError if fewer are there."""
        clear = self.peek(size)
        if not size:
            return
        octets = self.telegram.raw[self.at : self.at + size]
        self.parts.append(Part(self.at, octets, clear, self.layer, name, clause, meaning, self.group))
        self.at += size

    def take_encrypted(self, size: int, clause: str) -> None:
        """Octets that stay closed, with the reason in short."""
        why = _CLOSED.get(self.telegram.security.state, "not opened")
        if size:
            self.take(
                size, ENCRYPTED, clause, f"{size} bytes, encrypted, {why}: what stands here cannot be told"
            )

    def close(self, end: int) -> None:
        """Make what is left up to `end` one part, with the reason why it is not read."""
        self.group = ""
        self.end = end
        if self.left:
            self.take(self.left, UNREAD, "", self._reason())

    def _reason(self) -> str:
        problems = self.telegram.problems
        if not problems:
            return "no meaning is known for these bytes here"
        return min(problems, key=lambda problem: abs(problem.offset - self.at)).text


_CLOSED = {
    "key_missing": "no key",
    "key_wrong": "no key fits",
    "unauthentic": "not authentic",
    "unsupported": "with a method that this program does not know",
}

"""Telegrams one after the other, L first and without CRCs, from a source of which nothing else is known.

Where one broke off, its L field reaches into the next one. So a telegram counts only with a look at what
stands behind it: the start of another one, or silence. A start is told by L, C, manufacturer and CI field.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.application.ci_table import CI_AFL, ELL_CI_FIELDS, FROM_MASTER_RECORDS, FROM_SLAVE
from mbuscli.protocol.octets import counted, counted_are
from mbuscli.protocol.receivers.framer import MOST_DAMAGE, Damage
from mbuscli.protocol.receivers.stream import StreamTelegram
from mbuscli.protocol.wireless.c_fields import find_service

# C, M(2), A(6) and a CI field.
_LEAST_L = 10
_CI_OFFSET = 10
_START = _CI_OFFSET + 1
_CI_NETWORK = 0x81
_CI_MANUFACTURER = range(0xA0, 0xB8)
_LETTERS = range(1, 27)

Found: TypeAlias = StreamTelegram | Damage


class BareStream:
    """Telegrams and damage out of octets in pieces of any size; the same however they are cut."""

    def __init__(self) -> None:
        self._data = b""
        self._damage = b""
        self._units: list[int] = []
        self._lost = False

    @property
    def held(self) -> int:
        """Octets of which it is not yet known what they are."""
        return len(self._data) + len(self._damage)

    def feed(self, data: bytes) -> list[Found]:
        """What is certain now."""
        self._data += data
        return self._take(silence=False, ended=False)

    def end_unit(self) -> list[Found]:
        """A line, or another unit of the source, ends here: a telegram probably does too."""
        found = self._take(silence=True, ended=False)
        if self._data:
            self._units.append(len(self._data))
        return found

    def pause(self) -> list[Found]:
        """The source is silent for a moment: a whole telegram ends here, a part of one may go on."""
        return self._take(silence=True, ended=False)

    def flush(self) -> list[Found]:
        """All that is held: nothing follows for a while."""
        found = self._take(silence=True, ended=True)
        self._lost = False
        return [*found, *self._report()]

    def _take(self, *, silence: bool, ended: bool) -> list[Found]:
        """`silence`: nothing follows the octets at once; `ended`: nor later."""
        found: list[Found] = []
        while self._data:
            size = self._size_of_next(silence, ended)
            if size is None:
                break
            if size > 0:
                found += self._report()
                telegram = self._drop(size)
                found.append(StreamTelegram(telegram, telegram))
                self._lost = False
            elif size < 0:
                found += self._report()
                found.append(_cut_short(self._drop(-size)))
            else:
                self._damage += self._drop(1)
                self._lost = True
                if len(self._damage) == MOST_DAMAGE:
                    found += self._report()
        return found

    def _size_of_next(self, silence: bool, ended: bool) -> int | None:
        """Octets of the telegram at the start; negative: of one that broke off; 0: none; None: not sure."""
        data = self._data
        sure = _is_start(data, 0)
        if sure is None and not ended:
            return None
        if not sure and (self._lost or not _may_start(data)):
            return 0
        end = data[0] + 1
        for unit in self._units:
            begins = unit < end and _is_start(data, unit)
            if begins or (begins is None and not ended):
                return -unit if begins else None
        if end < len(data):
            follows = _is_start(data, end)
            if follows or (follows is None and silence):
                return end
            if follows is None:
                return None
        elif end == len(data):
            return end if silence else None
        elif not ended:
            return None
        inner = self._find_inside(min(end, len(data)), silence, ended)
        if inner is None or inner:
            return inner
        if sure is False:
            return 0
        return -len(data) if end > len(data) else end

    def _find_inside(self, end: int, silence: bool, ended: bool) -> int | None:
        """Minus the place of a whole telegram inside the one at the start, which then broke off there; 0 if
        there is none; None if that is not yet known."""
        data = self._data
        for at in range(1, end):
            if not _is_start(data, at):
                continue
            inner_end = at + data[at] + 1
            if inner_end > len(data):
                if not ended:
                    return None
                continue
            follows = True if inner_end == len(data) and silence else _is_start(data, inner_end)
            if follows:
                return -at
            if follows is None and not silence:
                return None
        return 0

    def _drop(self, size: int) -> bytes:
        dropped, self._data = self._data[:size], self._data[size:]
        self._units = [unit - size for unit in self._units if unit > size]
        return dropped

    def _report(self) -> list[Found]:
        raw, self._damage = self._damage, b""
        if not raw:
            return []
        text = f"{counted_are(len(raw), 'byte')} no radio telegram"
        return [Damage(raw, DecodeError(text, reason=Reason.GARBAGE))]


def _may_start(data: bytes) -> bool:
    """True if what is there of L and C may begin a telegram."""
    return data[0] >= _LEAST_L and (len(data) == 1 or find_service(data[1]) is not None)


def _is_start(data: bytes, at: int) -> bool | None:
    """Does a telegram begin here? None if too little is there to tell, and nothing speaks against it."""
    head = data[at : at + _START]
    if head and not _may_start(head):
        return False
    if len(head) >= 4:
        code = head[2] | head[3] << 8
        if not all(code >> shift & 0x1F in _LETTERS for shift in (0, 5, 10)):
            return False
    if len(head) < _START:
        return None
    return head[_CI_OFFSET] in _known_ci()


@cache
def _known_ci() -> frozenset[int]:
    known = ELL_CI_FIELDS | FROM_SLAVE.keys() | FROM_MASTER_RECORDS.keys() | {CI_AFL, _CI_NETWORK}
    return known | frozenset(_CI_MANUFACTURER)


def _cut_short(raw: bytes) -> Damage:
    text = f"a telegram broke off after {counted(len(raw), 'byte')} of {raw[0] + 1}"
    return Damage(raw, DecodeError(text, reason=Reason.TOO_SHORT))

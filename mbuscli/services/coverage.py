"""A route: the meters that should be heard, which of them were, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import Candidate, KeySource, parse_key
from mbuscli.services.heard_meter import HeardMeter
from mbuscli.settings.keystore import Entry, KeyRing
from mbuscli.settings.meter_list import ListedMeter

# Parts of an address that a list leaves out; the manufacturer's bit 15 says nothing about who made it.
_LETTERS = 0x7FFF


class Progress(NamedTuple):
    """What has become of a listed meter; each the time, seconds since 1970, or None."""

    heard: float | None = None
    read: float | None = None
    marked: float | None = None

    @property
    def is_done(self) -> bool:
        """True if nobody has to look for it any more."""
        return self.heard is not None or self.marked is not None


class Total(NamedTuple):
    """Meters of the route: all, heard (or marked as done), and read (or marked)."""

    listed: int
    heard: int
    read: int

    def __str__(self) -> str:
        return f"{self.heard} of {self.listed} heard, {self.read} read"


class Missing(NamedTuple):
    """The meters of one place that were not heard; the place is "" where the list names none."""

    place: str
    meters: tuple[ListedMeter, ...]


class Route:
    """The listed meters, found by address whatever part of it the list gives."""

    def __init__(self, meters: Iterable[ListedMeter]) -> None:
        self.progress: dict[MeterAddress, Progress] = {}
        self._by_number: dict[str, list[ListedMeter]] = {}
        self._meters: list[ListedMeter] = []
        self._heard = self._read = 0
        for meter in meters:
            self._meters.append(meter)
            self.progress[meter.address] = Progress()
            same_number = self._by_number.setdefault(meter.address.id, [])
            same_number.append(meter)
            # The entry that tells more about the meter is asked first.
            same_number.sort(key=_wildcards)

    def __iter__(self) -> Iterator[ListedMeter]:
        return iter(self._meters)

    def __len__(self) -> int:
        return len(self._meters)

    def find(self, address: MeterAddress) -> ListedMeter | None:
        """The entry for the meter with this complete address."""
        for meter in self._by_number.get(address.id, ()):
            listed = meter.address
            if listed.matches(address) or listed.matches(
                address._replace(manufacturer=address.manufacturer & _LETTERS)
            ):
                return meter
        return None

    def note(self, meter: HeardMeter) -> bool:
        """Take over what was heard; True if that brings the route on. Others than listed meters never do."""
        if meter.listed is None:
            return False
        return self.restore(meter.listed, Progress(meter.last, meter.last_read))

    def restore(self, listed: ListedMeter, more: Progress) -> bool:
        """Add what is known; the first time of each step stays. True if anything is new."""
        before = self.progress[listed.address]
        return self._put(
            listed,
            Progress(*(old if old is not None else new for old, new in zip(before, more, strict=True))),
        )

    def unmark(self, listed: ListedMeter) -> bool:
        """Take the user's mark back."""
        return self._put(listed, self.progress[listed.address]._replace(marked=None))

    def _put(self, listed: ListedMeter, after: Progress) -> bool:
        before = self.progress[listed.address]
        self._heard += after.is_done - before.is_done
        self._read += _is_read(after) - _is_read(before)
        self.progress[listed.address] = after
        return after != before

    @property
    def total(self) -> Total:
        """How far the route is done."""
        return Total(len(self._meters), self._heard, self._read)

    @property
    def is_complete(self) -> bool:
        """True if every listed meter was heard or marked as done."""
        return self._heard == len(self._meters)

    def missing(self) -> list[Missing]:
        """Who was not heard, by place in the order of the list."""
        places: dict[str, list[ListedMeter]] = {}
        for meter in self._meters:
            if not self.progress[meter.address].is_done:
                places.setdefault(meter.place, []).append(meter)
        return [Missing(place, tuple(meters)) for place, meters in places.items()]

    def unread(self) -> list[ListedMeter]:
        """Who was heard and could not be read."""
        return [
            meter
            for meter in self._meters
            if self.progress[meter.address].is_done and not _is_read(self.progress[meter.address])
        ]

    def keys(self) -> KeyRing:
        """The keys that stand in the list."""
        return KeyRing(
            Entry(f"route list, line {meter.line}", meter.address, parse_key(meter.key))
            for meter in self._meters
            if meter.key
        )


class BothKeys:
    """Keys of the route list before those of the user; a `KeySource`."""

    def __init__(self, listed: KeyRing, others: KeySource) -> None:
        self._listed = listed
        self._others = others

    def candidates(self, addresses: Sequence[MeterAddress]) -> Iterator[Candidate]:
        """As `KeySource` has it."""
        return chain(self._listed.candidates(addresses), self._others.candidates(addresses))


def _is_read(progress: Progress) -> bool:
    return progress.read is not None or progress.marked is not None


def _wildcards(meter: ListedMeter) -> int:
    return str(meter.address).count(".") * -1

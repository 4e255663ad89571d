"""A reading: what the technician wants to know, under a name that says what and in which unit."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, TypeAlias

ReadingValue: TypeAlias = int | Decimal | str | None


class Reading(NamedTuple):
    """One value. `unit` as people write it, "" for text, dates and counts; `about` is one sentence.

    offset   of the record it comes from, None where it comes from somewhere else
    main     the value that a bill is made from; at most one of a telegram
    error    why `value` is None
    """

    name: str
    value: ReadingValue
    unit: str = ""
    about: str = ""
    offset: int | None = None
    main: bool = False
    error: str | None = None


class Readings(NamedTuple):
    """The readings of one telegram, in the order of the driver, then of the telegram.

    `driver` is None where only systematic names were to be had.
    """

    driver: str | None
    values: tuple[Reading, ...]

    @property
    def main(self) -> Reading | None:
        """The value that a bill is made from."""
        return next((reading for reading in self.values if reading.main), None)

    def by_record(self) -> tuple[dict[int, str], list[Reading]]:
        """The names of records by their offset; and the readings that have no record, or share one.

        The status is none of them: it stands in the telegram's header.
        """
        offsets = [reading.offset for reading in self.values]
        shared = {None, *(offset for offset in offsets if offsets.count(offset) > 1)}
        names = {
            reading.offset: reading.name
            for reading in self.values
            if reading.offset is not None and reading.offset not in shared
        }
        others = [reading for reading in self.values if reading.offset in shared and reading.name != "status"]
        return names, others


NOTHING = Readings(None, ())

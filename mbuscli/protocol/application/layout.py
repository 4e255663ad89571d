"""Compiled layouts: records whose shape has come before are known by one comparison, and unpacked at once.

The shape of a list of records is every octet but the data octets: headers, LVAR octets, fillers, and what
could not be read. Where these octets are the same, `parse_records` goes the same way, so all that it finds
out is kept: where each value stands, what it means, and what is wrong with the shape. What is left to do for
the next telegram is to take its values out, all of one kind in one call.

A layout never guesses: where the quick way does not take a value (a marker of "no value", digits that are
none, an impossible date), the record's own reader is asked, for the value or for why there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from mbuscli.protocol.application.date_types import (
    NoValueError,
    decode_type_f,
    decode_type_g,
    decode_type_i,
    decode_type_j,
)
from mbuscli.protocol.application.dif_table import BCD_FIELDS
from mbuscli.protocol.application.layout_code import make_taker
from mbuscli.protocol.application.records import Blob, Parsed, Record
from mbuscli.protocol.application.values import (
    Reader,
    Refusal,
    Value,
    choose_reader,
)
from mbuscli.protocol.octets import hex_text

if TYPE_CHECKING:
    from mbuscli.errors import Problem

# More records than any meter puts into a telegram: compiling them takes milliseconds.
_MOST_RECORDS = 64
_FILLERS = b"\x2f\x2f"
# How often a layout is compiled anew as other records of it have no value.
_CHANCES = 3


def _kept(decode: Callable[[bytes], str]) -> Callable[[bytes], str | None]:
    """`decode` with a memory, as all meters of a round send about the same dates; None for none."""

    @lru_cache(maxsize=4096)
    def decode_or_none(octets: bytes) -> str | None:
        try:
            return decode(octets)
        except NoValueError:
            return None

    return decode_or_none


# All meters of a round send about the same dates.
_DATES: dict[Any, Callable[[bytes], str | None]] = {
    decode: _kept(decode) for decode in (decode_type_f, decode_type_g, decode_type_i, decode_type_j)
}


class LaidRecord(Record):
    """A record out of a layout: as `Record`, with the value worked out."""

    __slots__ = ("error", "value")
    value: Value
    error: str | None


_new_record: Callable[[type], Any] = object.__new__


class Laid:
    """The data of one telegram under its layout; the values are worked out when they are first asked for."""

    __slots__ = ("_read", "data", "layout")

    def __init__(self, layout: Layout, data: bytes) -> None:
        self.layout = layout
        self.data = data
        self._read: tuple[Sequence[Value], Sequence[str | None]] | None = None

    def values(self) -> tuple[Sequence[Value], Sequence[str | None]]:
        """Values and errors in the order of the records; the errors are the very `layout.errors` where every
        record has the value that it can have."""
        read = self._read
        if read is None:
            read = self._read = self.layout.read(self.data)
        return read

    def records(self) -> list[Record]:
        """The records."""
        layout = self.layout
        values, errors = self.values()
        # Filled here, as calls of a constructor are what costs. Not strict: that checks lengths again.
        records = list(map(_new_record, layout.kinds))
        columns = zip(records, layout.offsets, layout.headers, layout.raws(self.data), values, errors)  # noqa: B905
        for record, offset, header, raw, value, error in columns:
            record.offset = offset
            record.header = header
            record.raw = raw
            record.value = value
            record.error = error
        if layout.ends_in_blob:
            last = records[-1]
            records[-1] = Blob(last.offset, last.header, last.raw)
        return records


class Layout:
    """One shape of application data at one place of a telegram.

    offsets, headers   of the records
    errors             why records of this shape have no value, None where they may have one
    headers_raw        all headers, one behind the other, as the format signature covers them; None if
                       manufacturer data ends the records
    problems           what is wrong with the shape
    credible           octets of this shape are records, whatever a header claims about them
    taught             the format source that has learnt this shape
    plans              what meter drivers and renderers have worked out about this shape
    size               of the data
    mask, shape        which bits of the data, read as one number, belong to the shape, and what they are
    """

    def __init__(self, parsed: Parsed, places: Sequence[int], data: bytes) -> None:
        """`places`: where the data octets of the records begin in `data`."""
        records = parsed.records
        self.problems: tuple[Problem, ...] = tuple(parsed.problems)
        self.more_follows = parsed.more_follows
        self.offsets = tuple(record.offset for record in records)
        self.headers = tuple(record.header for record in records)
        self.kinds = (LaidRecord,) * len(records)
        self.ends_in_blob = bool(records) and isinstance(records[-1], Blob)
        self.headers_raw = None if self.ends_in_blob else b"".join(header.raw for header in self.headers)
        self.credible = False
        self.taught: object = None
        self.plans: dict[Any, Any] = {}
        self.spans = tuple(
            slice(place, place + len(record.raw)) for place, record in zip(places, records, strict=True)
        )
        self.size = len(data)
        free = bytearray(self.size)
        for span, header in zip(self.spans, self.headers, strict=True):
            begin = span.start + (header.data_length is None)  # the LVAR octet belongs to the shape
            free[begin : span.stop] = b"\xff" * (span.stop - begin)
        self.mask = int.from_bytes(free, "big") ^ (1 << 8 * self.size) - 1
        self.shape = int.from_bytes(data, "big") & self.mask
        self.raws = _cutter(self.spans)
        self._readers: list[Reader] = [
            hex_text if isinstance(record, Blob) else record.header.reader or choose_reader(record.header)
            for record in records
        ]
        self.errors: Sequence[str | None] = tuple(
            reader.reason if isinstance(reader, Refusal) else None for reader in self._readers
        )
        self._apart: tuple[int, ...] = ()
        self._odd: tuple[int, ...] = ()
        self._chances = _CHANCES
        self._make_taker()
        self._nothing = (None,) * len(records)

    def _make_taker(self) -> None:
        self._take, self._doubtful = make_taker(
            self.headers, self._readers, self.spans, self.size, _DATES, frozenset(self._apart)
        )

    def fits(self, octets: int) -> bool:
        """True if data of this size, read as one number, has this shape."""
        return octets & self.mask == self.shape

    def read(self, data: bytes) -> tuple[Sequence[Value], Sequence[str | None]]:
        """The value of each record in data of this shape, and the error of each that has none."""
        try:
            taken, is_whole = self._take(data)
            if is_whole:
                return self._complete(taken, data) if self._apart else (taken, self.errors)
        except ValueError:  # NoValueError is one
            taken = self._nothing
        values, errors = list(taken), list(self.errors)
        for index in self._doubtful:
            values[index] = None
        for index, reader in enumerate(self._readers):
            if values[index] is None and errors[index] is None:
                values[index], errors[index] = _outcome(reader, data[self.spans[index]])
        self._note(values, errors)
        return values, errors

    def _complete(self, taken: Sequence[Value], data: bytes) -> tuple[Sequence[Value], Sequence[str | None]]:
        """Add the values that are read apart."""
        values, errors, is_failing = list(taken), list(self.errors), False
        for index in self._apart:
            values[index], errors[index] = _outcome(self._readers[index], data[self.spans[index]])
            is_failing = is_failing or values[index] is None
        return values, errors if is_failing else self.errors

    def _note(self, values: Sequence[Value], errors: Sequence[str | None]) -> None:
        """Where the same records fail twice in a row they will go on failing: they are then read apart."""
        odd = tuple(
            [
                index
                for index, header in enumerate(self.headers)
                if (values[index] is None and self.errors[index] is None)
                or (header.data_field in BCD_FIELDS and _is_negative(values[index]))
            ]
        )
        if odd and odd == self._odd and self._chances:
            self._chances -= 1
            self._apart = tuple(sorted({*self._apart, *odd}))
            self._make_taker()
        self._odd = odd


def _is_negative(value: Value) -> bool:
    return not isinstance(value, str) and value is not None and value < 0


@lru_cache(maxsize=4096)
def _outcome(reader: Reader, octets: bytes) -> tuple[Value, str | None]:
    """What a reader says, with a memory: a meter gives the same mark for "no value" again and again."""
    try:
        return reader(octets), None
    except NoValueError as reason:
        return None, str(reason)


def compile_layout(parsed: Parsed, places: Sequence[int] | None, data: bytes, start: int) -> Layout | None:
    """The layout of what was parsed from `data`, which stands at `start`; None if there is no fixed one.

    `places`: where the data octets of the records stand in the telegram; None: behind their headers.
    """
    if len(parsed.records) > _MOST_RECORDS:
        return None
    for record in parsed.records:
        # The elements of compact profiles depend on each other, and on values of other records.
        if type(record) not in (Record, Blob) or record.header.profile is not None:
            return None
    if places is None:
        places = [record.offset + len(record.header.raw) for record in parsed.records]
    return Layout(parsed, [place - start for place in places], data)


def _cutter(spans: Sequence[slice]) -> Callable[[Any], tuple[Any, ...]]:
    """Takes these parts out of octets or text, all in one call."""
    if len(spans) > 1:
        return itemgetter(*spans)
    return lambda whole: tuple([whole[span] for span in spans])


class Layouts:
    """The layouts of shapes that came more than once.

    Compiling costs as much as ten or twenty telegrams: each telegram that no layout fits pays for a share of
    it, so that a stream of ever new shapes is hardly slower than without layouts. What is kept is bounded,
    and dropped as a whole when full.
    """

    _LIMIT = 1024
    _NEIGHBOURS = 16  # shapes of the same size and beginning
    _PRICE = 32
    _SAVINGS = 64 * _PRICE

    def __init__(self) -> None:
        self._layouts: dict[tuple[int, int, bytes], list[Layout]] = {}
        self._count = 0
        self._seen: set[int] = set()
        self._savings = self._SAVINGS

    def find(self, data: bytes, start: int) -> Layout | None:
        """The layout that `data`, at `start` in its telegram, has; None if no compiled one fits."""
        # The first header is shape, or two fillers and the header behind them.
        kin = self._layouts.get((start, len(data), data[:4] if data[:2] == _FILLERS else data[:2]))
        if kin is not None:
            octets = int.from_bytes(data, "big")
            for layout in kin:
                if layout.fits(octets):
                    return layout
        return None

    def learn(
        self, parsed: Parsed, data: bytes, start: int, places: Sequence[int] | None = None
    ) -> Layout | None:
        """Take note of what was parsed from `data`; its layout, if this is the second such telegram."""
        self._savings = min(self._savings + 1, self._SAVINGS)
        if not parsed.records or isinstance(parsed.records[0], Blob):
            return None
        # Two shapes with one hash cost a needless layout, no more.
        seen = hash((start, len(data), *[record.header.raw for record in parsed.records]))
        if seen not in self._seen:
            if len(self._seen) >= self._LIMIT:
                self._seen.clear()
            self._seen.add(seen)
            return None
        if self._savings < self._PRICE:
            return None
        layout = compile_layout(parsed, places, data, start)
        if layout is not None:
            self._savings -= self._PRICE
            self._keep(layout, data, start)
        return layout

    def _keep(self, layout: Layout, data: bytes, start: int) -> None:
        if self._count >= self._LIMIT:
            self._layouts.clear()
            self._count = 0
        key = (start, len(data), data[:4] if data[:2] == _FILLERS else data[:2])
        kin = self._layouts.setdefault(key, [])
        self._count += 1
        if len(kin) >= self._NEIGHBOURS:
            kin.pop(0)
            self._count -= 1
        kin.append(layout)

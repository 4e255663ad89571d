"""Readings of telegrams under a layout: which record feeds which reading is found out once for each shape.

A plan holds what `evaluate` finds out from headers alone: names, units, sentences, order, and what is to be
done with each value. Where the outcome hangs on values beyond that (two records under one name, moments
counted back from a date, a decoder) there is no plan, and `evaluate` does it all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from mbuscli.meters import generic
from mbuscli.meters.driver import words_of_bits
from mbuscli.meters.evaluate import STATUS, formed, join_words, status_field, status_words
from mbuscli.meters.reading import Reading, Readings, ReadingValue
from mbuscli.meters.unit_table import SUFFIXES, Unit
from mbuscli.meters.units import convert, quick_factor, suffix_of

if TYPE_CHECKING:
    from mbuscli.meters.driver import Driver, Field
    from mbuscli.protocol.application.header import RecordHeader
    from mbuscli.protocol.application.layout import Laid, Layout
    from mbuscli.telegram import Telegram

# From the value of a record, and its data octets, to the value of a reading.
Conversion: TypeAlias = Callable[[Any, bytes], ReadingValue]

# A maker's meters fail in few ways; a stranger's telegrams must not fill the memory.
_PLANS_OF_A_LAYOUT = 24
_JOINED_LIMIT = 256

_new = tuple.__new__


def evaluate_laid(telegram: Telegram, laid: Laid, driver: Driver | None) -> Readings | None:
    """What `evaluate` gives for a telegram under a layout; None where there is no plan."""
    layout = laid.layout
    values, errors = laid.values()
    failing = None if errors is layout.errors else tuple([error is None for error in errors])
    kind = driver if driver is not None else telegram.meter and telegram.meter.device_type
    key = (kind, telegram.status is None, failing)
    try:
        plan = layout.plans[key]
    except KeyError:
        if len(layout.plans) >= _PLANS_OF_A_LAYOUT:
            return None
        plan = layout.plans[key] = _Compiler(telegram, laid, driver).plan()
    if plan is None:
        return None
    readings: Readings | None = plan.run(laid, values, errors, telegram.status)
    return readings


class _Cell(NamedTuple):
    """One reading of a plan. `source`: the record, None for joined words; `place`: in the driver's order."""

    place: int
    name: str
    unit: str
    about: str
    offset: int | None
    main: bool
    source: int | None
    conversion: Conversion | None = None
    error: str | None = None
    failing: bool = False
    none: int | None = None
    joined: _Joined | None = None


class _Joined:
    """A reading of words that come from bit fields and from the status octet."""

    def __init__(self) -> None:
        self._parts: list[tuple[int | None, Callable[[int], list[str]], str]] = []
        self._known: dict[tuple[ReadingValue, ...], str] = {}
        self._has_sources = False

    def add(self, source: int | None, words: Callable[[int], list[str]], ok: str) -> None:
        """Words of a record, or of the status octet if there is no source."""
        # The status octet comes once; alone it needs no looking up.
        self._has_sources = source is not None or bool(self._parts)
        self._parts.append((source, words, ok))

    def value(self, values: Sequence[Any], status: int | None) -> ReadingValue:
        """The words; meters say the same for months."""
        numbers: tuple[Any, ...] = (status,)
        if self._has_sources:
            numbers = tuple([status if source is None else values[source] for source, _, _ in self._parts])
        text = self._known.get(numbers)
        if text is None:
            for number, (_, words, ok) in zip(numbers, self._parts, strict=True):
                text = join_words(text, words(number), ok)
            if len(self._known) < _JOINED_LIMIT:
                self._known[numbers] = text or ""
        return text


class Plan:
    """All readings of telegrams of one layout from meters of one driver."""

    def __init__(self, driver: Driver | None, cells: Sequence[_Cell], layout: Layout) -> None:
        self.driver = driver.name if driver is not None else None
        self.sources = tuple(cell.source for cell in cells)
        columns = [cell.source or 0 for cell in cells]
        self._pick = itemgetter(*columns) if len(columns) > 1 else lambda values: [values[n] for n in columns]
        self.names = tuple(cell.name for cell in cells)
        self._kinds = (Reading,) * len(cells)
        self._units = tuple(cell.unit for cell in cells)
        self._abouts = tuple(cell.about for cell in cells)
        self._offsets = tuple(cell.offset for cell in cells)
        self._mains = tuple(cell.main for cell in cells)
        self._errors = tuple(cell.error for cell in cells)
        self._failing = [(n, cell.source or 0) for n, cell in enumerate(cells) if cell.failing]
        self._nones = [(n, cell.none) for n, cell in enumerate(cells) if cell.none is not None]
        self._joined = [(n, cell.joined) for n, cell in enumerate(cells) if cell.joined is not None]
        self._converted = [
            (n, cell.conversion, layout.spans[cell.source])
            for n, cell in enumerate(cells)
            if cell.conversion is not None and cell.source is not None
        ]
        self.unchanged = frozenset(
            n for n, cell in enumerate(cells) if cell.conversion is None and cell.joined is None
        )

    def run(
        self, laid: Laid, values: Sequence[Any], errors: Sequence[str | None], status: int | None
    ) -> Readings | None:
        """The readings; None where a value is one that its driver says is none."""
        results = list(self._pick(values))
        for cell, none in self._nones:
            if results[cell] == none:
                return None
        for cell, conversion, span in self._converted:
            results[cell] = conversion(results[cell], laid.data[span])
        for cell, joined in self._joined:
            results[cell] = joined.value(values, status)
        said: Sequence[str | None] = self._errors
        if self._failing:
            said = list(said)
            for cell, source in self._failing:
                said[cell] = errors[source]
        # Not strict: the columns have one length, and checking that is dear.
        rows = zip(self.names, results, self._units, self._abouts, self._offsets, self._mains, said)  # noqa: B905
        return _new(Readings, (self.driver, tuple(map(_new, self._kinds, rows))))


class _Compiler:
    """Goes through the records once, as `evaluate` does, and notes what it does with each."""

    def __init__(self, telegram: Telegram, laid: Laid, driver: Driver | None) -> None:
        self.telegram = telegram
        self.layout = laid.layout
        self.values, self.errors = laid.values()
        self.driver = driver
        self.last = len(driver.fields) if driver is not None else 0
        self.cells: dict[str, _Cell] = {}
        self.fits = driver is None or driver.decoder is None

    def plan(self) -> Plan | None:
        """The plan, None if there is none."""
        counts: dict[bytes, int] = {}
        for index, header in enumerate(self.layout.headers):
            count = counts[header.raw] = counts.get(header.raw, 0) + 1
            places = self.driver.places_of(header, count) if self.driver is not None else ()
            if self.driver is None or not places:
                self._systematic(index, header)
                continue
            for place in places:
                self._field(self.driver.fields[place], place, index, header, count)
        self._status()
        if not self.fits:
            return None
        cells = sorted(self.cells.values(), key=lambda cell: cell.place)
        return Plan(self.driver, cells, self.layout)

    def _add(self, cell: _Cell) -> None:
        if cell.name in self.cells:
            self.fits = False  # whether both are shown depends on their values
        main = cell.main or (self.driver is not None and cell.name == self.driver.main)
        self.cells[cell.name] = cell._replace(main=main)

    def _join(
        self,
        name: str,
        field: Field | None,
        index: int | None,
        words: Callable[[int], list[str]],
        ok: str,
    ) -> None:
        offset = None if index is None else self.layout.offsets[index]
        cell = self.cells.get(name) or _Cell(self.last, name, "", "", offset, False, None, joined=_Joined())
        joined = cell.joined
        if joined is None:
            self.fits = False  # words and another value under one name
            return
        if field is not None and field.about and not cell.about:
            cell = cell._replace(about=field.about)
        joined.add(index, words, ok)
        self.cells[name] = cell

    def _systematic(self, index: int, header: RecordHeader) -> None:
        name = generic.systematic_name(header)
        suffix, value, unit = suffix_of(name), self.values[index], header.unit
        conversion = None
        if suffix is not None and isinstance(value, (int, Decimal)):
            target = SUFFIXES[suffix]
            if unit in target.sources:
                conversion = _conversion(value, unit, target, header.exponent)
                unit = target.text
        count, free = 1, name
        while free in self.cells:
            count += 1
            free = f"{name}_{count}"
        meter = self.telegram.meter
        main = self.driver is None and meter is not None and generic.is_main(header, meter.device_type)
        failing = self.errors[index] is not None
        offset = self.layout.offsets[index]
        self._add(_Cell(self.last, free, unit, "", offset, main, index, conversion, failing=failing))

    def _field(self, field: Field, place: int, index: int, header: RecordHeader, count: int) -> None:
        if field.dated and field.since is not None:
            self.fits = False
            return
        name = field.name_for(header, count)
        value = self.values[index]
        if field.flags and isinstance(value, int):
            prefix = name.upper()
            self._join(
                name,
                field,
                index,
                lambda number: words_of_bits(field.masked(number), field.bits, prefix),
                field.ok,
            )
            return
        cell = _Cell(place, name, "", field.about, self.layout.offsets[index], False, index)
        self._add(_named(cell, field, header, value))

    def _status(self) -> None:
        if self.telegram.status is None:
            return
        driver, field = self.driver, status_field(self.driver)
        name = field.name if field is not None else STATUS
        self._join(name, field, None, lambda status: status_words(driver, status), "OK")


def _named(cell: _Cell, field: Field, header: RecordHeader, value: ReadingValue) -> _Cell:
    """How `evaluate` gets value, unit and error of a field, for values such as this one."""
    if value is None:
        return cell._replace(failing=True)
    if field.none is not None:
        cell = cell._replace(none=field.none)
    if field.form:
        return cell._replace(conversion=lambda value, raw: formed(field.form, value, header, raw))
    is_int = isinstance(value, int)
    if is_int and field.words:
        return cell._replace(conversion=lambda value, raw: _word(field, value))
    masked: Conversion | None = None
    if is_int and field.mask:
        masked = lambda value, raw: field.masked(value)  # noqa: E731 - a step among others
    suffix = suffix_of(cell.name)
    if suffix is None or isinstance(value, str):
        return cell._replace(conversion=masked)
    unit = SUFFIXES[suffix]
    own_unit = header.unit if field.unit is None else field.unit
    if own_unit not in unit.sources:
        text = f"{header.unit or 'no unit'} is no {unit.text or suffix}"
        return cell._replace(conversion=lambda value, raw: None, error=text)
    if masked is None and field.scale is None:
        return cell._replace(unit=unit.text, conversion=_conversion(value, own_unit, unit, header.exponent))

    def stepwise(value: Any, raw: bytes) -> ReadingValue:
        number = field.masked(value) if is_int else value
        if field.scale is not None:
            number = number * field.scale
        return convert(number, own_unit, unit, header.exponent)

    return cell._replace(unit=unit.text, conversion=stepwise)


def _word(field: Field, value: int) -> str:
    number = field.masked(value)
    return field.words.get(number, str(number))


def _conversion(value: int | Decimal, own_unit: str, unit: Unit, resolution: int) -> Conversion | None:
    """`convert` for numbers such as this one, None if it changes nothing."""
    factor, divisor, addend = unit.sources[own_unit]
    if factor == divisor == 1 and not addend:
        return None
    if divisor == 1 and not addend and (resolution <= 0 or isinstance(value, int)):
        return quick_factor(factor, resolution)
    return lambda number, raw: convert(number, own_unit, unit, resolution)

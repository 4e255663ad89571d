"""Readings of a telegram: first what its driver names, then everything else under systematic names."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING

from mbuscli.meters import generic
from mbuscli.meters.reading import Reading, Readings, ReadingValue
from mbuscli.meters.unit_table import SUFFIXES
from mbuscli.meters.units import convert, suffix_of

if TYPE_CHECKING:
    from mbuscli.meters.driver import Driver, Field
    from mbuscli.protocol.application.header import RecordHeader
    from mbuscli.protocol.application.records import Record
    from mbuscli.telegram import Telegram

# The status octet of the header (EN 13757-3, 7.5.6), in the words of dashboards.
_APPLICATION_STATE = {1: "BUSY", 2: "ERROR", 3: "ALARM"}
_STATUS_BITS = ((0x04, "POWER_LOW"), (0x08, "PERMANENT_ERROR"), (0x10, "TEMPORARY_ERROR"))
STATUS = "status"


def evaluate(telegram: Telegram, driver: Driver | None) -> Readings:
    """The readings of a decoded telegram. Values that could not be decoded are None, with the error."""
    rows = _Rows(driver)
    read: set[int | None] = set()
    if driver is not None and driver.decoder is not None:
        decoder = import_module(f"mbuscli.meters.decoders.{driver.decoder}")
        for reading in decoder.decode(telegram):
            _of_decoder(rows, driver, reading)
            read.add(reading.offset)
    for record in telegram.records:
        if record.offset not in read:
            _of_record(rows, driver, record, telegram)
    _status(rows, driver, telegram)
    return Readings(driver.name if driver else None, tuple(rows.in_order()))


def join_words(value: ReadingValue, words: list[str], ok: str) -> str:
    """The words of a reading and more of them, sorted; `ok` if there are none."""
    known = [word for word in str(value or "").split() if word != ok]
    return " ".join(sorted({*known, *words})) or ok


class _Rows:
    """Readings by name, in the order of the driver's fields; unnamed ones behind them."""

    def __init__(self, driver: Driver | None) -> None:
        self._main = driver.main if driver else None
        self._last = len(driver.fields) if driver else 0
        self._rows: dict[str, tuple[int, Reading]] = {}
        self._counts: dict[bytes, int] = {}

    def count(self, header: bytes) -> int:
        """How many records with this header there are, this one included."""
        self._counts[header] = self._counts.get(header, 0) + 1
        return self._counts[header]

    def add(self, reading: Reading, place: int | None) -> None:
        """The first of a name stays; another value is not hidden, it gets a number behind its name."""
        kept = self._rows.get(reading.name)
        if kept is not None:
            if kept[1].value == reading.value:
                return  # a record that is sent twice
            reading = reading._replace(name=self.name_free(reading.name))
        if reading.name == self._main:
            reading = reading._replace(main=True)
        self._rows[reading.name] = (self._last if place is None else place, reading)

    def join(self, name: str, words: list[str], ok: str, field: Field | None, offset: int | None) -> None:
        """Add words to a reading that may have some already."""
        place, reading = self._rows.get(name, (self._last, Reading(name, "", offset=offset)))
        if field is not None and field.about and not reading.about:
            reading = reading._replace(about=field.about)
        self._rows[name] = (place, reading._replace(value=join_words(reading.value, words, ok)))

    def name_free(self, name: str) -> str:
        """`name`, or with a number behind it if it is taken."""
        count, free = 1, name
        while free in self._rows:
            count += 1
            free = f"{name}_{count}"
        return free

    def in_order(self) -> Iterator[Reading]:
        for _, reading in sorted(self._rows.values(), key=lambda row: row[0]):
            yield reading


def _of_decoder(rows: _Rows, driver: Driver, reading: Reading) -> None:
    """A decoder says name, value and the record that it has read; the driver has the words for it."""
    place = driver.place_named(reading.name)
    about = driver.fields[place].about if place is not None and not reading.about else reading.about
    suffix = suffix_of(reading.name)
    number = suffix is not None and isinstance(reading.value, (int, Decimal))
    unit = SUFFIXES[suffix].text if suffix is not None and number else reading.unit
    rows.add(reading._replace(about=about, unit=unit), place)


def _of_record(rows: _Rows, driver: Driver | None, record: Record, telegram: Telegram) -> None:
    header = record.header
    count = rows.count(header.raw)
    places = driver.places_of(header, count) if driver is not None else ()
    if driver is None or not places:
        _systematic(rows, driver, record, telegram)
        return
    for place in places:
        field = driver.fields[place]
        _of_field(rows, field, place, record, count)
        if field.dated:
            _moment(rows, field, place, record, count, telegram)


def _moment(rows: _Rows, field: Field, place: int, record: Record, count: int, telegram: Telegram) -> None:
    """When the value of a history was measured."""
    moment = record.time
    if field.since is not None:
        from mbuscli.protocol.application.profiles import months_before

        moment = months_before(telegram.records, field.since, record.header.storage - field.since)
    if moment is not None:
        name = field.name_for(record.header, count)
        about = f"When {name} was measured."
        rows.add(Reading(field.name_for(record.header, count, field.dated), moment, about=about), place)


def _of_field(rows: _Rows, field: Field, place: int, record: Record, count: int) -> None:
    name = field.name_for(record.header, count)
    value = record.value
    if field.flags and isinstance(value, int):
        from mbuscli.meters.driver import words_of_bits

        words = words_of_bits(field.masked(value), field.bits, name.upper())
        rows.join(name, words, field.ok, field, record.offset)
        return
    text, unit, error = _named_value(field, name, record)
    rows.add(Reading(name, text, unit, field.about, record.offset, error=error), place)


def _named_value(field: Field, name: str, record: Record) -> tuple[ReadingValue, str, str | None]:
    """Value, unit and error of a field; a unit that does not fit the name is an error, never a number."""
    value: ReadingValue = record.value
    if value is None:
        return None, "", record.error
    if value == field.none:
        return None, "", "marked as no value by the meter"
    if field.form:
        return formed(field.form, value, record.header, record.raw), "", None
    if isinstance(value, int):
        value = field.masked(value)
    if isinstance(value, int) and field.words:
        return field.words.get(value, str(value)), "", None
    suffix = suffix_of(name)
    if suffix is None or isinstance(value, str):
        return value, "", None
    if field.scale is not None:
        value = value * field.scale
    unit = SUFFIXES[suffix]
    own_unit = record.header.unit if field.unit is None else field.unit
    converted = convert(value, own_unit, unit, record.header.exponent)
    if converted is None:
        return None, "", f"{record.header.unit or 'no unit'} is no {unit.text or suffix}"
    return converted, unit.text, None


def formed(form: str, value: ReadingValue, header: RecordHeader, raw: bytes) -> str:
    """The text form that a field asks for (`as`)."""
    if form == "date":
        return str(value)[:10]
    if form == "digits":
        is_bcd = isinstance(value, int) and 9 <= header.data_field <= 14
        return raw[::-1].hex() if is_bcd else str(value)
    octets = raw[1:] if header.data_length is None else raw  # without LVAR
    return (octets if form == "hex" else octets[::-1]).hex().upper()


def _systematic(rows: _Rows, driver: Driver | None, record: Record, telegram: Telegram) -> None:
    header = record.header
    name = generic.systematic_name(header)
    suffix, value, unit = suffix_of(name), record.value, header.unit
    if suffix is not None and isinstance(value, (int, Decimal)):
        converted = convert(value, header.unit, SUFFIXES[suffix], header.exponent)
        if converted is not None:
            value, unit = converted, SUFFIXES[suffix].text
    device_type = telegram.meter.device_type if telegram.meter else None
    main = driver is None and device_type is not None and generic.is_main(header, device_type)
    rows.add(
        Reading(rows.name_free(name), value, unit, offset=record.offset, main=main, error=record.error), None
    )


def _status(rows: _Rows, driver: Driver | None, telegram: Telegram) -> None:
    if telegram.status is None:
        return
    field = status_field(driver)
    words = status_words(driver, telegram.status)
    rows.join(field.name if field else STATUS, words, "OK", field, None)


def status_field(driver: Driver | None) -> Field | None:
    """The field that has the words of the status octet, None if the driver has none for it."""
    return driver.from_status[0] if driver is not None and driver.from_status else None


def status_words(driver: Driver | None, status: int) -> list[str]:
    """The words of the header's status octet, those that the maker gives to its three upper bits too."""
    words, left = [], status
    for mask, value, word in (bit for field in (driver.from_status if driver else ()) for bit in field.bits):
        words += [word] if word and value and status & mask == value else []
        left &= ~mask
    state = _APPLICATION_STATE.get(left & 0x03)
    words += [state] if state else []
    words += [word for mask, word in _STATUS_BITS if left & mask]
    if left & 0xE0:
        words.append(f"UNKNOWN_{left & 0xE0:X}")
    return words

"""Compact (load) profiles: many values of one register in a single record (EN 13757-3:2018 annex F).

The data of a record with VIFE 13, 1E or 1F is a spacing control octet, a spacing value octet and elements of
equal size. Base value and base time stand in records of their own with the same storage number.

    control  bits 7-6  0 absolute, 1 increments, 2 decrements, 3 signed difference younger - older
             bits 5-4  unit of the spacing: s, min, h, d        bits 3-0  data field of the elements
    1F  elements run from the base time on, oldest first        13  they run back from it
    1E  as 1F, and element k has the storage number of the base + k
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from mbuscli.protocol.application.date_types import NoValueError, days_in_month
from mbuscli.protocol.application.dif_table import (
    BCD_FIELDS,
    DATA_LENGTHS,
    INTEGER_FIELDS,
    VARIABLE,
)
from mbuscli.protocol.application.header import RecordHeader
from mbuscli.protocol.application.records import Record
from mbuscli.protocol.application.values import (
    EXACT,
    Value,
    decode_bcd,
    decode_signed,
    decode_unsigned,
    scaled,
)

_VIFE_PROFILES = frozenset((0x13, 0x1E, 0x1F))
_ABSOLUTE, _INCREMENTS, _DECREMENTS, _DIFFERENCES = range(4)
_SECONDS = (1, 60, 3600, 86400)
# Spacing value 254 stands for months, how many by the unit (s: reserved).
_MONTHS = {1: 6, 2: 3, 3: 1}
_SPACING_MONTHS = 254
_SPACING_LAST_PLAIN = 250

Moment: TypeAlias = date | datetime


class ProfileElement(Record):
    """One value out of a compact profile; its `time` or `storage` tells which one."""

    __slots__ = ("_storage", "_time")

    def __init__(
        self, offset: int, header: RecordHeader, raw: bytes, *, storage: int, time: str | None
    ) -> None:
        super().__init__(offset, header, raw)
        self._storage = storage
        self._time = time

    @property
    def storage(self) -> int:
        """Storage number, counted up from the base for profiles with register numbers."""
        return self._storage

    @property
    def time(self) -> str | None:
        """Base time + k · spacing, None where there is no base time or no time spacing."""
        return self._time

    def settle(self, value: Value, error: str | None) -> None:
        """Set the value, which depends on the elements before this one."""
        self._decoded = (value, error)


class _Profile:
    """One profile record taken apart."""

    def __init__(self, record: Record, others: list[Record]) -> None:
        data = record.raw[1:]
        if len(data) < 2:
            raise NoValueError("compact profile without spacing bytes")
        control, self.spacing = data[0], data[1]
        self.record = record
        self.header = record.header
        self.mode = control >> 6
        self.unit = control >> 4 & 0x03
        self.field = control & 0x0F
        size = DATA_LENGTHS[self.field]
        if self.field not in INTEGER_FIELDS | BCD_FIELDS or not size:
            raise NoValueError(f"compact profile: element size {self.field:X} is not allowed")
        if (len(data) - 2) % size:
            raise NoValueError(f"compact profile: {len(data) - 2} bytes are no multiple of {size}")
        self.size = size
        self.inverse = self.header.profile == "inverse_compact_profile"
        self.registers = self.header.profile == "compact_profile_with_registers"
        self.base = _find_base(self.header, others)
        self.base_time = _find_time(self.header.storage, others)

    def elements(self) -> list[Record]:
        """The elements in the order in which they stand."""
        record = self.record
        first = record.offset + len(self.header.raw) + 3
        elements: list[Record] = []
        running: Decimal | None = self._base_value()
        for k, position in enumerate(range(3, len(record.raw), self.size), 1):
            raw = record.raw[position : position + self.size]
            element = ProfileElement(
                first + position - 3,
                self.header,
                raw,
                storage=self.header.storage + (k if self.registers else 0),
                time=self._time(k),
            )
            running = self._settle(element, raw, running)
            elements.append(element)
        return elements

    def _base_value(self) -> Decimal | None:
        if self.base is None or not isinstance(self.base.value, int | Decimal):
            return None
        return Decimal(self.base.value)

    def _settle(self, element: ProfileElement, raw: bytes, running: Decimal | None) -> Decimal | None:
        """Give the element its value; returns what the next one builds on."""
        try:
            number = Decimal(scaled(self.header, self._number(raw)))
        except NoValueError as reason:
            element.settle(None, str(reason))
            return None
        if self.mode == _ABSOLUTE:
            element.settle(number, None)
            return running
        if running is None:
            element.settle(None, "compact profile: no value to count from")
            return None
        down = (self.mode == _DECREMENTS) != self.inverse
        value = EXACT.subtract(running, number) if down else EXACT.add(running, number)
        element.settle(value, None)
        return value

    def _number(self, raw: bytes) -> int:
        if self.field in BCD_FIELDS:
            return decode_bcd(raw)
        if self.mode in (_INCREMENTS, _DECREMENTS):
            return decode_unsigned(raw)
        return decode_signed(raw)

    def _time(self, k: int) -> str | None:
        if self.base_time is None:
            return None
        return _text(_shift(self.base_time, self.unit, self.spacing, -k if self.inverse else k))


def expand_profiles(records: list[Record]) -> list[Record]:
    """The list with each compact profile replaced by its elements; one that cannot be read stays, with the
    reason as its error."""
    expanded: list[Record] = []
    for record in records:
        done = record.header.profile is None or isinstance(record, ProfileElement)
        if done or record.header.error is not None:
            expanded.append(record)
            continue
        try:
            if record.header.data_field != VARIABLE:
                raise NoValueError("compact profile without LVAR")
            expanded.extend(_Profile(record, records).elements())
        except NoValueError as reason:
            unread = ProfileElement(
                record.offset, record.header, record.raw, storage=record.storage, time=None
            )
            unread.settle(None, str(reason))
            expanded.append(unread)
    return expanded


def months_before(records: Iterable[Record], storage: int, months: int) -> str | None:
    """The moment of a storage number, so many months back; None if it is not sent."""
    moment = _find_time(storage, records)
    return None if moment is None else _text(_add_months(moment, -months))


def _text(moment: Moment | None) -> str | None:
    if isinstance(moment, datetime):
        return moment.isoformat(timespec="minutes")
    return None if moment is None else moment.isoformat()


def _without_profile(vib: bytes) -> bytes:
    """The VIB of the base value: the profile VIFE taken out, the extension bit mended."""
    keep = bytearray(vib)
    for index in range(len(keep) - 1, 0, -1):
        if keep[index] & 0x7F in _VIFE_PROFILES:
            last = not keep[index] & 0x80
            del keep[index]
            if last:
                keep[-1] &= 0x7F
            break
    return bytes(keep)


def _find_base(header: RecordHeader, records: Iterable[Record]) -> Record | None:
    vib = _without_profile(header.vib)
    for record in records:
        other = record.header
        if (
            other.vib == vib
            and other.profile is None
            and (other.storage, other.tariff, other.subunit, other.function)
            == (header.storage, header.tariff, header.subunit, header.function)
        ):
            return record
    return None


def _find_time(storage: int, records: Iterable[Record]) -> Moment | None:
    for record in records:
        if record.header.quantity not in ("date", "datetime") or record.header.storage != storage:
            continue
        text = record.value
        if not isinstance(text, str) or "*" in text or record.header.qualifiers:
            continue
        parse: Callable[[str], Moment] = datetime.fromisoformat if "T" in text else date.fromisoformat
        if ":" in text and "T" not in text:
            continue
        return parse(text)
    return None


def _shift(base: Moment, unit: int, spacing: int, steps: int) -> Moment | None:
    """base + steps · spacing; None where the spacing has no sure length (array, half-month, reserved)."""
    if spacing == _SPACING_MONTHS and unit in _MONTHS:
        return _add_months(base, steps * _MONTHS[unit])
    if not 1 <= spacing <= _SPACING_LAST_PLAIN:
        return None
    seconds = steps * spacing * _SECONDS[unit]
    if not isinstance(base, datetime) and seconds % 86400:
        return None
    try:
        return base + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _add_months(base: Moment, months: int) -> Moment | None:
    """The same day some months away, or the last day of a month that is too short."""
    index = base.year * 12 + base.month - 1 + months
    year, month = divmod(index, 12)
    if not 1 <= year <= 9999:
        return None
    return base.replace(year=year, month=month + 1, day=min(base.day, days_in_month(year, month + 1)))

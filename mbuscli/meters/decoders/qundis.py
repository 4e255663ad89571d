"""Qundis, Siemens, ista: the walk-by data set, one record of 53 octets between the telegrams with records.

Some devices scramble it; then its digits are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.meters.decoders.octets import bcd_number, dated
from mbuscli.meters.reading import Reading
from mbuscli.meters.unit_table import SUFFIXES
from mbuscli.meters.units import convert
from mbuscli.protocol.application.date_types import decode_type_g

if TYPE_CHECKING:
    from mbuscli.protocol.application.records import Record
    from mbuscli.telegram import Telegram

_VIB = b"\xff\x5f"
_LVAR = b"\x35"
_SIZE = 53
_ALLOCATOR = 0x08
_MARKS = ((1, 0x82), (7, 0x07))
_KIND_AT = 8
_VIF_AT = 9
_NO_ERROR = b"\xff\xff"
_NUMBERS = (slice(12, 16), slice(18, 22), slice(24, 28))
_DIFFERENCES = range(28, 52, 2)
_SECOND_NAMES = {"hca": "consumption_at_set_date_1_hca", "date": "set_date_1"}
_NO_DIFFERENCE = -0x8000


class _Names(NamedTuple):
    """What the readings of a kind of device are called."""

    suffix: str
    total: str
    year: str
    month: str
    year_date: str
    month_date: str
    difference: str


_HCA, _HEAT, _WATER = 0xB0, 0xC0, 0xC1
_NAMES = {
    _HCA: _Names(
        "hca",
        "current_consumption_hca",
        "consumption_at_set_date_1_hca",
        "consumption_at_set_date_17_hca",
        "set_date_1",
        "set_date_17",
        "consumption_delta_{}_hca",
    ),
    _HEAT: _Names(
        "kwh",
        "total_kwh",
        "target_year_kwh",
        "target_kwh",
        "target_year_date",
        "target_date",
        "energy_delta_{}_kwh",
    ),
    _WATER: _Names(
        "m3",
        "total_m3",
        "target_year_m3",
        "target_m3",
        "target_year_date",
        "target_date",
        "volume_delta_{}_m3",
    ),
}
# VIF: unit of the numbers, and the power of ten that goes with it.
_UNITS = {
    0x05: ("Wh", 2),
    0x06: ("Wh", 3),
    0x0D: ("J", 5),
    0x0E: ("J", 6),
    0x13: ("m³", -3),
    0x6E: ("", 0),
}


def decode(telegram: Telegram) -> Iterator[Reading]:
    """Readings of the data set, if there is one; else second names of the allocators' due date."""
    allocator = telegram.meter is not None and telegram.meter.device_type == _ALLOCATOR
    for record in telegram.records:
        if allocator and record.storage == 1 and record.header.quantity in _SECOND_NAMES:
            yield Reading(_SECOND_NAMES[record.header.quantity], record.value, error=record.error)
        elif record.header.vib == _VIB and record.raw[:1] == _LVAR and len(record.raw) == 1 + _SIZE:
            yield from _data_set(record)


def _data_set(record: Record) -> Iterator[Reading]:
    octets = record.raw[1:]
    names, unit = _NAMES.get(octets[_KIND_AT]), _UNITS.get(octets[_VIF_AT])
    numbers = [bcd_number(octets[part]) for part in _NUMBERS]
    plain = all(octets[at] == mark for at, mark in _MARKS)
    if not plain or names is None or unit is None or unit[0] not in SUFFIXES[names.suffix].sources:
        yield Reading("status", "ENCRYPTED_DATA_SET")  # without offset: the octets remain to be seen
        return
    if None in numbers:
        yield Reading("status", "ENCRYPTED_DATA_SET")
        return
    offset = record.offset
    total, year, month = (_value(number or 0, unit, names.suffix) for number in numbers)
    yield Reading(names.total, total, offset=offset)
    yield dated(names.year_date, decode_type_g, octets[16:18], offset)
    yield Reading(names.year, year, offset=offset)
    yield dated(names.month_date, decode_type_g, octets[22:24], offset)
    yield Reading(names.month, month, offset=offset)
    if octets[_KIND_AT] == _HCA:
        yield dated("set_date", decode_type_g, octets[16:18], offset)
        yield Reading("consumption_at_set_date_hca", year, offset=offset)
    yield Reading("status", "OK" if octets[10:12] == _NO_ERROR else "ERROR", offset=offset)
    for n, at in enumerate(_DIFFERENCES, 2):
        number = int.from_bytes(octets[at : at + 2], "little", signed=True)
        name = names.difference.format(n)
        if number == _NO_DIFFERENCE:
            yield Reading(name, None, offset=offset, error="no value")
        else:
            yield Reading(name, _value(number, unit, names.suffix), offset=offset)


def _value(number: int, unit: tuple[str, int], suffix: str) -> Decimal:
    text, exponent = unit
    converted = convert(Decimal(number).scaleb(exponent), text, SUFFIXES[suffix])
    assert converted is not None  # the unit was checked
    return Decimal(converted)

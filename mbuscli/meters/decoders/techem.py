"""Techem radio: heat cost allocators, water and heat meters, smoke detectors, in a format of its own.

The telegrams are in clear. Version and type of the address tell the layout; the types are Techem's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.meters.decoders.octets import (
    Payload,
    calendar_date,
    dated,
    hundredths,
    little,
    own_payload,
    packed_date,
    tenths,
    undecoded,
)
from mbuscli.meters.reading import Reading
from mbuscli.protocol.application.date_types import NoValueError

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram

_CI = range(0xA0, 0xA4)
_PAST = slice(1, 3)
_MONTHS = 12


class _Layout(NamedTuple):
    """How to read the octets behind the CI field, and how many there must be at least."""

    size: int
    read: Callable[[bytes], Iterator[Reading]]


def decode(telegram: Telegram) -> Iterator[Reading]:
    """Readings of a telegram whose layout is known."""
    payload = own_payload(telegram)
    layout = _layout_of(telegram, payload) if payload is not None else None
    if payload is None or layout is None or len(payload.octets) < layout.size:
        return
    yield from layout.read(payload.octets)
    telegram.understood(payload.offset)


def _layout_of(telegram: Telegram, payload: Payload) -> _Layout | None:
    meter = telegram.meter
    if meter is None or payload.ci_field not in _CI:
        return None
    return _LAYOUTS.get((meter.version, meter.device_type))


def _current_date(past: str | None, octets: bytes) -> str:
    """Day in bits 4-8 and month in 9-12, without the year: the first such day behind the past date."""
    number = little(octets)
    day, month = number >> 4 & 0x1F, number >> 9 & 0x0F
    if past is None:
        raise NoValueError("no year: the date before it is missing")
    year = int(past[:4])
    later = (month, day) > (int(past[5:7]), int(past[8:]))
    return calendar_date(year if later else year + 1, month, day)


def _dates(octets: bytes, past_name: str) -> Iterator[Reading]:
    past = dated(past_name, packed_date, octets[_PAST])
    yield past
    before = str(past.value) if past.value is not None else None
    yield dated("current_date", lambda day: _current_date(before, day), octets[5:7])


def _allocator(octets: bytes) -> Iterator[Reading]:
    """Units of the season past and of this one; room and radiator temperature where the device has them."""
    yield Reading("current_hca", little(octets[7:9]))
    yield Reading("previous_hca", little(octets[3:5]))
    yield from _dates(octets, "previous_date")


def _allocator_with_temperatures(octets: bytes) -> Iterator[Reading]:
    yield from _allocator(octets)
    # An octet more stands in front of the temperatures where the first octet is 0F.
    start = 10 if octets[0] == 0x0F else 9
    if len(octets) < start + 4:
        return
    yield Reading("temp_room_c", hundredths(little(octets[start : start + 2])))
    yield Reading("temp_radiator_c", hundredths(little(octets[start + 2 : start + 4])))
    yield undecoded(octets[start + 4 :])


def _allocator_without(octets: bytes) -> Iterator[Reading]:
    yield from _allocator(octets)
    yield undecoded(octets[9:])


def _water(octets: bytes) -> Iterator[Reading]:
    previous, current = tenths(little(octets[3:5])), tenths(little(octets[7:9]))
    yield Reading("total_m3", previous + current)
    yield Reading("target_m3", previous)
    yield Reading("current_m3", current)
    yield from _dates(octets, "prev_date")
    yield undecoded(octets[9:])


def _water_3a(octets: bytes) -> Iterator[Reading]:
    yield Reading("total_m3", tenths(little(octets[4:7])))
    yield dated("current_date", packed_date, octets[2:4])
    for month in range(_MONTHS):
        first, second = octets[8 + 3 * month : 10 + 3 * month]
        yield Reading(f"month_{month + 1}_first_half_m3", tenths(first))
        yield Reading(f"month_{month + 1}_second_half_m3", tenths(second))


def _heat(octets: bytes) -> Iterator[Reading]:
    previous, current = little(octets[3:6]), little(octets[7:10])
    yield Reading("total_kwh", previous + current)
    yield Reading("current_kwh", current)
    yield Reading("previous_kwh", previous)
    yield dated("previous_date", packed_date, octets[_PAST])
    yield undecoded(octets[10:])


def _heat_without_unit(octets: bytes) -> Iterator[Reading]:
    previous, current = little(octets[3:6]), little(octets[7:10])
    yield Reading("total_counter", previous + current)
    yield Reading("current_counter", current)
    yield Reading("previous_counter", previous)
    yield dated("previous_date", packed_date, octets[_PAST])
    yield undecoded(octets[10:])


def _vario(octets: bytes) -> Iterator[Reading]:
    previous, current = little(octets[3:5]), little(octets[7:9])
    yield Reading("total_kwh", _from_megajoules(previous + current))
    yield Reading("current_kwh", _from_megajoules(current))
    yield Reading("previous_kwh", _from_megajoules(previous))
    yield dated("previous_date", packed_date, octets[_PAST])
    yield undecoded(octets[9:])


def _from_megajoules(number: int) -> Decimal:
    """kWh, as exact as twelve digits are."""
    from mbuscli.meters.unit_table import SUFFIXES
    from mbuscli.meters.units import convert

    converted = convert(number * 1_000_000, "J", SUFFIXES["kwh"])
    assert converted is not None
    return Decimal(converted)


def _smoke(octets: bytes) -> Iterator[Reading]:
    yield Reading("status", {0: "OK", 1: "SMOKE"}.get(octets[0], f"UNKNOWN_{octets[0]:02X}"))
    yield dated("prev_date", packed_date, octets[_PAST])
    if octets[3:]:
        yield undecoded(octets[3:])


_ALLOCATORS = {(version, 0x80): _Layout(13, _allocator_with_temperatures) for version in (0x69, 0x94)}
_WATERS = {(version, kind): _Layout(9, _water) for version in (0x70, 0x74, 0x95) for kind in (0x62, 0x72)}
_HEATS = {
    (version, kind): _Layout(10, _heat) for version in (0x22, 0x39, 0x45) for kind in (0x04, 0x43, 0xC3)
}
_LAYOUTS: dict[tuple[int, int], _Layout] = {
    **_ALLOCATORS,
    **_WATERS,
    **_HEATS,
    (0x64, 0x80): _Layout(9, _allocator_without),
    (0x50, 0x72): _Layout(43, _water_3a),
    (0x71, 0x43): _Layout(10, _heat_without_unit),
    (0x57, 0x43): _Layout(10, _heat_without_unit),
    (0x27, 0x04): _Layout(9, _vario),
    (0x27, 0xC3): _Layout(9, _vario),
    (0x76, 0xF0): _Layout(1, _smoke),
}

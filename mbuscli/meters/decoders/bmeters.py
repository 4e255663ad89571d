"""BMeters: the blocks behind the records of Hydrodigit and Hydroclima, and the RFM-TX1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from mbuscli.meters.decoders.octets import (
    FILLERS,
    bcd_date,
    bcd_number,
    dated,
    hundredths,
    little,
    own_block,
    thousandths,
    undecoded,
)
from mbuscli.meters.reading import Reading
from mbuscli.protocol.application.date_types import IMPOSSIBLE, NoValueError

if TYPE_CHECKING:
    from mbuscli.protocol.application.records import Record
    from mbuscli.telegram import Telegram

_RFM_TX1 = 0x05
_HYDROCLIMA = (0x53, 0x85)
_HYDRODIGIT = (0x13, 0x15, 0x17)


def decode(telegram: Telegram) -> Iterator[Reading]:
    """Readings of the maker's own part of a telegram."""
    version = telegram.meter.version if telegram.meter is not None else None
    block = own_block(telegram)
    if version == _RFM_TX1:
        yield from _rfm_tx1(telegram)
    elif block is not None and version in _HYDRODIGIT:
        yield from _hydrodigit(block)
    elif block is not None and version in _HYDROCLIMA:
        yield from _hydroclima(block)


# -- Hydrodigit: a content octet, then a part for each of its bits

_BATTERY, _FRAUD, _BACKFLOW, _MONTHS, _LEAK = 0x01, 0x02, 0x04, 0x10, 0x80
# In the order of the parts. Bit 08 is met with nothing of its own; the others' place is not known.
_PARTS = (
    (_BATTERY, 1, "BATTERY_VOLTAGE"),
    (_FRAUD, 4, "FRAUD_DATE"),
    (_LEAK, 3, "LEAK_DATE"),
    (_BACKFLOW, 4, "BACKFLOW"),
    (_MONTHS, 36, "MONTHLY_DATA"),
)
_UNKNOWN_PARTS = 0x60
_VOLTS = ("3.7", "1.9", "2.1", "2.2", "2.3", "2.4", "2.5", "2.65", "2.8", "2.9", "3.05", "3.2", "3.35", "3.5")
_FULL = "3.7"
_FRAUDS = {0x00: "NO_TYPE_INFO", 0x80: "MAGNETIC", 0x40: "SENSOR", 0x20: "REMOVED"}
_NAMES_OF_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NO_MONTH = 10_000_000


def _hydrodigit(block: Record) -> Iterator[Reading]:
    if not block.raw or block.raw[0] & _UNKNOWN_PARTS:
        return
    content, position, offset = block.raw[0], 1, block.offset
    found = []
    for bit, size, word in _PARTS:
        part = block.raw[position : position + size]
        if not content & bit:
            continue
        if len(part) < size:
            break
        position += size
        found.append(word)
        for reading in _READERS[bit](part):
            yield reading._replace(offset=offset)
    yield Reading("contents", " ".join(sorted(found)), offset=offset)
    rest = block.raw[position:]
    if rest.strip(FILLERS):
        yield undecoded(rest, offset)


def _battery(octets: bytes) -> Iterator[Reading]:
    code = octets[0] & 0x0F
    yield Reading("voltage_v", Decimal(_VOLTS[code] if code < len(_VOLTS) else _FULL))


def _fraud(octets: bytes) -> Iterator[Reading]:
    yield Reading("fraud_type", _FRAUDS.get(octets[0], f"UNKNOWN_{octets[0]:02X}"))
    yield dated("fraud_date", _month_date, octets[1:])


def _leak(octets: bytes) -> Iterator[Reading]:
    yield dated("leak_date", bcd_date, octets)


def _backflow(octets: bytes) -> Iterator[Reading]:
    yield Reading("backflow_m3", thousandths(little(octets)))


def _monthly(octets: bytes) -> Iterator[Reading]:
    for n, month in enumerate(_NAMES_OF_MONTHS):
        number = little(octets[3 * n : 3 * n + 3])
        name = f"{month}_total_m3"
        if number >= _NO_MONTH:
            yield Reading(name, None, error="no value")
        else:
            yield Reading(name, hundredths(number))


def _month_date(octets: bytes) -> str:
    """Year and day in decimal digits, the month in the low half of its octet; what the high half says is
    not known, and it is 0 in a plain date."""
    year, month, day = octets
    if month >> 4:
        raise NoValueError(f"{IMPOSSIBLE}: month octet {month:02X}")
    return bcd_date(bytes((year, month if month < 10 else month + 6, day)))


_READERS: dict[int, Callable[[bytes], Iterator[Reading]]] = {
    _BATTERY: _battery,
    _FRAUD: _fraud,
    _LEAK: _leak,
    _BACKFLOW: _backflow,
    _MONTHS: _monthly,
}


# -- Hydroclima: two layouts, by the first octet; total units in the last three

_TEMPERATURES = {
    0x10: (
        ("average_ambient_temperature_c", 7),
        ("max_ambient_temperature_c", 9),
        ("average_ambient_temperature_last_month_c", 15),
        ("average_heater_temperature_last_month_c", 17),
    ),
    0x11: (
        ("average_heater_temperature_c", 9),
        ("average_ambient_temperature_c", 11),
        ("max_ambient_temperature_c", 13),
        ("average_heater_temperature_last_month_c", 17),
        ("average_ambient_temperature_last_month_c", 19),
        ("ambient_temperature_at_set_date_1_c", 29),
        ("ambient_temperature_at_set_date_2_c", 31),
        ("ambient_temperature_at_set_date_3_c", 33),
    ),
}
_UNITS_AT_SET_DATES = {0x10: (), 0x11: (21, 23, 25, 27)}
_SIZES = {0x10: 22, 0x11: 38}
_NO_TEMPERATURE = -0x8000


def _hydroclima(block: Record) -> Iterator[Reading]:
    raw, offset = block.raw, block.offset
    kind = raw[0] if raw else 0
    if kind not in _SIZES or len(raw) < _SIZES[kind]:
        return
    yield Reading("total_consumption_hca", little(raw[-3:]), offset=offset)
    flags = little(raw[1:3])
    yield Reading("status", f"ERROR_FLAGS_{flags:X}" if flags else "OK", offset=offset)
    for n, at in enumerate(_UNITS_AT_SET_DATES[kind], 1):
        yield Reading(f"consumption_at_set_date_{n}_hca", little(raw[at : at + 2]), offset=offset)
    for name, at in _TEMPERATURES[kind]:
        number = int.from_bytes(raw[at : at + 2], "little", signed=True)
        if number == _NO_TEMPERATURE:
            yield Reading(name, None, offset=offset, error="no value")
        else:
            yield Reading(name, hundredths(number), offset=offset)
    yield undecoded(raw, offset)


# -- RFM-TX1: the digits of the total under a table that the access number picks from

_MODE = 16
_START = 15
_ACCESS_AT = 11
_DIGITS = slice(17, 21)
_CLOCK = slice(28, 34)
_TABLE = (
    bytes((122, 112, 185, 121, 7, 50, 156, 180, 10, 240, 22, 12, 74, 119, 189, 57)),
    bytes((16, 19, 11, 7, 154, 161, 126, 196, 206, 5, 152, 201, 72, 46, 120, 111)),
    bytes((26, 34, 142, 74, 203, 57, 96, 128, 25, 165, 17, 125, 228, 138, 87, 40)),
    bytes((10, 19, 153, 22, 105, 14, 153, 163, 3, 134, 94, 162, 31, 232, 140, 5)),
)


def _rfm_tx1(telegram: Telegram) -> Iterator[Reading]:
    octets = telegram.clear
    if telegram.security.mode != _MODE or len(octets) < _CLOCK.stop:
        return
    key = octets[_ACCESS_AT]
    masked = zip(octets[_DIGITS], _TABLE, strict=True)
    total = bcd_number(bytes(octet ^ key ^ row[key & 0x0F] for octet, row in masked))
    if total is None:
        return
    yield Reading("total_m3", thousandths(total))
    yield dated("meter_datetime", _clock, octets[_CLOCK])
    yield undecoded(octets[_CLOCK.stop :])
    telegram.understood(_START)


def _clock(octets: bytes) -> str:
    """Second, minute, hour, day, month, year, two decimal digits each."""
    digits = octets.hex()
    if not digits.isdecimal() or int(digits[2:4]) > 59 or int(digits[4:6]) > 23:
        raise NoValueError("impossible time")
    return f"{bcd_date(octets[:2:-1])}T{digits[4:6]}:{digits[2:4]}"

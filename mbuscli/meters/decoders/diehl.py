"""Diehl, Hydrometer and Sappel: PRIOS, the payload of IZAR radio modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mbuscli.meters.decoders.octets import dated, little, tenths, thousandths, undecoded, words
from mbuscli.meters.reading import Reading
from mbuscli.protocol.application.date_types import decode_type_g
from mbuscli.protocol.security.shift_register import CHECK_PRIOS, START
from mbuscli.protocol.wireless import diehl

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram

_CI_AT = 10
_FIRST = 0x4B
_TOTAL = slice(1, 5)
_TARGET = slice(5, 9)
_DATE = slice(9, 11)
_BATTERY = 0x1F
# The three octets in front of the masked ones, low one first: what is wrong now, and what was.
_ALARMS = (
    (0x80, "GENERAL_ALARM"),
    (0x8000, "LEAKAGE"),
    (0x4000, "PREVIOUS_LEAKAGE"),
    (0x2000, "METER_BLOCKED"),
    (0x800000, "BACK_FLOW"),
    (0x400000, "UNDERFLOW"),
    (0x200000, "OVERFLOW"),
    (0x100000, "SUBMARINE"),
    (0x080000, "SENSOR_FRAUD"),
    (0x040000, "PREVIOUS_SENSOR_FRAUD"),
    (0x020000, "MECHANICAL_FRAUD"),
    (0x010000, "PREVIOUS_MECHANICAL_FRAUD"),
)
_ALARM_BITS = 0xFFE080


def decode(telegram: Telegram) -> Iterator[Reading]:
    """Readings of a PRIOS telegram that the shift register's key has opened."""
    if telegram.link.ci_field not in diehl.CI_PRIOS or CHECK_PRIOS not in telegram.security.checks:
        return
    plain = telegram.clear[START:]
    yield Reading("total_m3", thousandths(little(plain[_TOTAL])))
    if len(plain) >= _DATE.stop:
        yield Reading("target_m3", thousandths(little(plain[_TARGET])))
        yield dated("target_date", decode_type_g, plain[_DATE])
    header = telegram.clear[_CI_AT + 1 : _CI_AT + 4]
    yield Reading("status", words(little(header) & _ALARM_BITS, _ALARMS))
    yield Reading("battery_y", tenths((header[1] & _BATTERY) * 5))
    yield Reading("transmit_period_s", 1 << (header[0] & 0x0F) + 2)
    if diehl.maker_of(telegram.raw) == diehl.SAPPEL:
        yield from _printed_number(telegram.raw[4:10])
    rest = plain[_DATE.stop :] if len(plain) >= _DATE.stop else plain[_TOTAL.stop :]
    if rest:
        yield undecoded(rest)
    telegram.understood(_CI_AT)


def _printed_number(address: bytes) -> Iterator[Reading]:
    """Sappel packs what is printed on the meter into the address: letters, year, serial number."""
    a4, a5, a6, a7, a8, a9 = address
    number = f"{(a7 & 0x03) << 24 | a6 << 16 | a5 << 8 | a4:08d}"
    year, serial = number[:2], number[2:]
    supplier = (a9 & 0x0F) << 1 | a8 >> 7
    kind = (a8 & 0x7C) >> 2
    diameter = (a8 & 0x03) << 3 | a7 >> 5
    letters = [chr(0x40 + letter) for letter in (supplier, kind, diameter)]
    yield Reading("prefix", f"{letters[0]}{year}{letters[1]}{letters[2]}")
    yield Reading("serial_number", serial)
    yield Reading("manufacture_y", f"20{year}")

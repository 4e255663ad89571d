"""BFW 240 radio: a heat cost allocator whose payload looks like records and is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mbuscli.meters.decoders.octets import bcd_date, dated
from mbuscli.meters.reading import Reading

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram

_CI = 0x7A
_START = 15
_SIZE = 40
_CHECK_OCTETS = b"\x2f\x2f"
_HISTORY = slice(10, 37)
_DATE = slice(37, 40)


def decode(telegram: Telegram) -> Iterator[Reading]:
    """Present and previous units, eighteen months, and the device's date."""
    octets = telegram.clear[_START:]
    if telegram.link.ci_field != _CI or telegram.configuration or len(octets) != _SIZE:
        return
    if octets[:2] != _CHECK_OCTETS:
        return
    yield Reading("current_hca", int.from_bytes(octets[6:8], "big"))
    yield Reading("prev_hca", int.from_bytes(octets[4:6], "big"))
    for month, units in enumerate(_months(octets[_HISTORY]), 1):
        yield Reading(f"prev_{month:02d}_hca", units)
    yield dated("device_date", bcd_date, octets[_DATE][::-1])
    telegram.understood(_START)


def _months(octets: bytes) -> Iterator[int]:
    """Units of the months, newest first: three octets, the last ones first, hold two numbers of 12 bits."""
    for end in range(len(octets), 0, -3):
        low, nibbles, high = octets[end - 1], octets[end - 2], octets[end - 3]
        yield low | (nibbles & 0x0F) << 8
        yield high | (nibbles >> 4) << 8

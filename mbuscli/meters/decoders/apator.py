"""Apator: radio modules of water and gas meters and heat cost allocators, in the maker's own formats."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING

from mbuscli.meters.decoders.octets import (
    dated,
    little,
    own_payload,
    packed_date,
    thousandths,
    undecoded,
    words,
)
from mbuscli.meters.reading import Reading

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram

_CI = 0xA0
_CI_PREFIXED = 0xB6
_CI_COARSE = 0xA1
_DIGITS = Context(prec=12)
_EPOCH = datetime(2000, 1, 1)
_COUNTER = slice(0, 4)
# (version, device type) of counters in thirds: of a litre, of a cubic metre.
_THIRDS = {(0x03, 0x03): 3000, (0x0F, 0x0F): 3000, (0x04, 0x11): 3}
_ALLOCATOR = 0x04, 0x08
_ALLOCATOR_SIZE = 15
_NA1 = 0x14, 0x07
_NA1_BLOCK = slice(13, 29)
_NA1_STEP = 256
_FRAME_STATUS = (
    (0x01, "SUMMER_TIME"),
    (0x02, "HISTORICAL_INDICATION"),
    (0x04, "MAX_SPEED_EXCEEDED"),
    (0x08, "DEVICE_ACCESS_ERROR"),
    (0x10, "TWO_WAY_COM_BLOCK"),
    (0x20, "INSTALL_FRAME"),
    (0x40, "WRONG_TEMPERATURE"),
    (0x80, "SERVICE_EVENT"),
)
_CURRENT_STATUS = (
    (0x80, "MINIMUM_FLOW"),
    (0x40, "MAXIMUM_FLOW"),
    (0x20, "REVERSE_FLOW"),
    (0x10, "MEASUREMENT_UNCHANGED"),
    (0x08, "LEAK"),
    (0x04, "DEVICE_DISCONNECTED"),
    (0x02, "MAGNETIC_FIELD"),
    (0x01, "BATTERY_LOW"),
)
_HISTORIC_STATUS = (*_CURRENT_STATUS[:-1], (0x01, "BATTERY_LIFETIME_THRESHOLD_EXCEEDED"))


def decode(telegram: Telegram) -> Iterator[Reading]:
    """Readings of a telegram whose layout is known."""
    payload, meter = own_payload(telegram), telegram.meter
    if payload is None or meter is None:
        return
    kind = meter.version, meter.device_type
    if kind in _THIRDS and payload.ci_field == _CI and len(payload.octets) >= _COUNTER.stop:
        thirds = Decimal(little(payload.octets[_COUNTER]))
        yield Reading("total_m3", _DIGITS.divide(thirds, Decimal(_THIRDS[kind])))
        yield undecoded(payload.octets[_COUNTER.stop :])
        telegram.understood(payload.offset)
    elif kind == _ALLOCATOR:
        octets = _allocator_octets(payload.ci_field, payload.octets)
        if octets is not None:
            yield from _allocator(octets)
            telegram.understood(payload.offset)
    elif kind == _NA1 and telegram.security.state == "decrypted":
        yield from _na1(telegram.clear[12], telegram.clear[_NA1_BLOCK], payload.ci_field)
        telegram.understood(payload.offset)


def _allocator_octets(ci_field: int, octets: bytes) -> bytes | None:
    """What stands behind the octet A0: the CI field itself, or the one behind a prefix of counted length."""
    if ci_field == _CI_PREFIXED and octets:
        prefix = 1 + octets[0]
        if octets[prefix : prefix + 1] != bytes((_CI,)):
            return None
        octets = octets[prefix + 1 :]
    elif ci_field != _CI:
        return None
    return octets if len(octets) >= _ALLOCATOR_SIZE else None


def _allocator(octets: bytes) -> Iterator[Reading]:
    yield Reading("current_hca", little(octets[7:9]))
    yield Reading("previous_hca", little(octets[3:5]))
    yield dated("current_date", packed_date, octets[9:11])
    # Its high octet is the CI field: seven bits of it.
    yield dated("season_start_date", packed_date, bytes((octets[0], _CI & 0x7F)))
    broken = octets[5:7]
    yield dated("esb_date", packed_date, broken)
    yield Reading("status", "SEAL_BROKEN" if any(broken) else "OK")
    yield Reading("temp_room_avg_c", _temperature(octets[13:15]))
    yield Reading("temp_room_prev_avg_c", _temperature(octets[11:13]))


def _temperature(octets: bytes) -> Decimal:
    """Degrees in the second octet, 256ths in the first."""
    return Decimal(little(octets)) / 256


def _na1(frame_status: int, plain: bytes, ci_field: int) -> Iterator[Reading]:
    """Total and clock, and how much was added since an earlier moment."""
    raw = little(plain[1:5])
    litres = ((raw >> 8) * 16 + (raw & 0x0F)) * 10 ** (raw >> 4 & 0x03)
    age = (plain[10] >> 2) * 256 + plain[9]
    added = little(plain[11:14]) << 2 | plain[10] & 0x03
    yield Reading("total_m3", thousandths(litres))
    if ci_field == _CI_COARSE and litres % _NA1_STEP == 0:
        yield Reading("total_resolution_l", _NA1_STEP)
    seconds = little(plain[5:9])
    yield Reading("meter_datetime", _clock(seconds))
    if added <= litres:
        yield Reading("historic_m3", thousandths(litres - added))
    else:
        yield Reading("historic_m3", None, error="more was added than the total holds")
    yield Reading("historic_datetime", _clock(seconds - 3600 * age))
    yield Reading("historic_age_h", age)
    yield Reading("current_status", words(plain[14], _CURRENT_STATUS))
    yield Reading("historic_status", words(plain[15], _HISTORIC_STATUS))
    yield Reading("frame_status", words(frame_status, _FRAME_STATUS))


def _clock(seconds: int) -> str:
    """The moment so many seconds behind the beginning of 2000."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="minutes")

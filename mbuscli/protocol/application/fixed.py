"""Fixed data structure: identification, status and two counters in 16 octets (EN 13757-3, CI 73 and 77)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from mbuscli.protocol.application.date_types import NoValueError
from mbuscli.protocol.application.fixed_table import (
    MEDIA,
    UNIT_OF_OTHER_COUNTER,
    UNITS,
    UNREADABLE_UNITS,
    Unit,
)
from mbuscli.protocol.application.header import RecordHeader
from mbuscli.protocol.application.records import Record
from mbuscli.protocol.application.values import Value, decode_bcd, decode_signed, scale
from mbuscli.protocol.octets import bcd_digits

# The sources disagree on where the status octet says "counters are binary" and "stored at a fixed date":
# bits 7 and 6, or bits 0 and 1. Both are looked at, and doubt gives no number.
_BINARY_BITS = (0x80, 0x01)
_STORED_BITS = (0x40, 0x02)


class FixedData(NamedTuple):
    """The 16 octets taken apart; `records` are the two counters."""

    id: str
    acc: int
    status: int
    medium: int
    records: list[Record]


class Counter(Record):
    """One of the two counters."""

    __slots__ = ()

    def settle(self, value: Value, error: str | None) -> None:
        """Set the value: its coding hangs on both counters."""
        self._decoded = (value, error)


class _CounterHeader(RecordHeader):
    """A counter has no DIF and VIF; its unit code stands in for them."""

    __slots__ = ()

    def __init__(self, code: int, unit: Unit, qualifiers: tuple[str, ...]) -> None:
        super().__init__(b"\x04", b"\x7f")
        self.raw = bytes((code,))
        self.quantity, self.unit, self.exponent = unit
        self.qualifiers = qualifiers


def decode_fixed(data: bytes, offset: int, *, mode2: bool = False) -> FixedData:
    """The structure in the 16 octets of `data`; `offset` of its first octet within the telegram.

    Whoever calls has checked the length. `mode2`: numbers most significant octet first (CI 77).
    """
    acc, status, unit1, unit2 = data[4:8]
    identification = data[:4][::-1] if mode2 else data[:4]
    counters = [data[8:12], data[12:16]]
    codes = (unit1 & 0x3F, unit2 & 0x3F)
    qualifiers = ("stored_at_fixed_date",) if any(status & bit for bit in _STORED_BITS) else ()
    octets = [counter[::-1] for counter in counters] if mode2 else counters
    records: list[Record] = []
    for index in (0, 1):
        header = _header(codes, index, qualifiers)
        raw = counters[index]
        record = Counter(offset + 8 + 4 * index, header, raw)
        record.settle(*_count(header, octets, index, status))
        records.append(record)
    medium = unit1 >> 6 | (unit2 >> 6) << 2
    return FixedData(bcd_digits(identification), acc, status, medium, records)


def describe_medium(medium: int) -> str:
    """The medium of a fixed structure, four bits."""
    return MEDIA[medium & 0x0F]


@lru_cache(maxsize=256)
def _header(codes: tuple[int, int], index: int, qualifiers: tuple[str, ...]) -> RecordHeader:
    code = codes[index]
    if code == UNIT_OF_OTHER_COUNTER:
        unit = UNITS.get(codes[1 - index])
        header = _CounterHeader(code, unit or Unit("reserved"), (*qualifiers, "historic"))
        if codes[1 - index] in UNREADABLE_UNITS:
            unit = None
    else:
        unit = UNITS.get(code)
        header = _CounterHeader(code, unit or Unit("reserved"), qualifiers)
        if code in UNREADABLE_UNITS:
            unit = None
    if unit is None:
        header.error = f"unit code {code:02X} has no number"
    return header


def _count(header: RecordHeader, counters: list[bytes], index: int, status: int) -> tuple[Value, str | None]:
    if header.error is not None:
        return None, header.error
    octets = counters[index]
    flags = [bool(status & bit) for bit in _BINARY_BITS]
    try:
        if not any(flags):
            return scale(decode_bcd(octets), header.exponent), None
        if all(flags) or not all(map(_is_bcd, counters)):
            return scale(decode_signed(octets), header.exponent), None
        if decode_bcd(octets) != decode_signed(octets):
            return None, f"status {status:02X} does not tell for sure whether the counters are BCD or binary"
        return scale(decode_bcd(octets), header.exponent), None
    except NoValueError as reason:
        return None, str(reason)


def _is_bcd(octets: bytes) -> bool:
    return bcd_digits(octets).isdecimal()

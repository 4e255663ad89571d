"""What the decoders share: where a maker's own payload begins, numbers and dates in it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.meters.reading import Reading
from mbuscli.protocol.application.ci_table import CI_MANUFACTURER
from mbuscli.protocol.application.date_types import IMPOSSIBLE, NO_DATE, NoValueError, days_in_month
from mbuscli.protocol.application.records import Blob, Record

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram

_RADIO_CI_AT = 10
_WIRED_CI_AT = 6
_WIRED_TAIL = 2
_FIRST_YEAR = 2000
# What fills up the end of a payload.
FILLERS = b"\x2f\x00"


class Payload(NamedTuple):
    """A payload of the maker's own format: its CI field, where that stands, and the octets behind it."""

    ci_field: int
    offset: int
    octets: bytes


def own_payload(telegram: Telegram) -> Payload | None:
    """The payload, None if the CI field (A0 to B7) says that it is none of the maker's own."""
    ci_field = telegram.link.ci_field
    if ci_field is None or ci_field not in CI_MANUFACTURER or telegram.link.from_master:
        return None
    wired = telegram.link.layer == "wired"
    offset = _WIRED_CI_AT if wired else _RADIO_CI_AT
    end = len(telegram.clear) - (_WIRED_TAIL if wired else 0)
    return Payload(ci_field, offset, telegram.clear[offset + 1 : end])


def own_block(telegram: Telegram) -> Record | None:
    """What stands behind DIF 0F, if the records end so."""
    last = telegram.records[-1] if telegram.records else None
    return last if isinstance(last, Blob) else None


def little(octets: bytes) -> int:
    """The number, least significant octet first."""
    return int.from_bytes(octets, "little")


def tenths(number: int) -> Decimal:
    """A tenth of the number."""
    return Decimal(number).scaleb(-1)


def hundredths(number: int) -> Decimal:
    """A hundredth of the number."""
    return Decimal(number).scaleb(-2)


def thousandths(number: int) -> Decimal:
    """A thousandth of the number: litres as m³."""
    return Decimal(number).scaleb(-3)


def bcd_number(octets: bytes) -> int | None:
    """The number in decimal digits, least significant octet first; None if a digit is none."""
    digits = octets[::-1].hex()
    return int(digits) if digits.isdecimal() else None


def calendar_date(year: int, month: int, day: int) -> str:
    """`2026-01-31`; NoValueError if there is no such day."""
    if not 1 <= month <= 12:
        raise NoValueError(f"{IMPOSSIBLE}: month {month}")
    if not 1 <= day <= days_in_month(year, month):
        raise NoValueError(f"{IMPOSSIBLE}: day {day} of month {month}")
    return f"{year}-{month:02d}-{day:02d}"


def packed_date(octets: bytes) -> str:
    """Two octets, least significant first: day in bits 0-4, month in 5-8, year from 2000 in 9-15."""
    number = little(octets)
    if not number:
        raise NoValueError(NO_DATE)
    return calendar_date(_FIRST_YEAR + (number >> 9), number >> 5 & 0x0F, number & 0x1F)


def bcd_date(octets: bytes) -> str:
    """Three octets of two decimal digits each: year, month, day."""
    if octets in (bytes(3), b"\xff" * 3):
        raise NoValueError(NO_DATE)
    digits = octets.hex()
    if not digits.isdecimal():
        raise NoValueError(f"{IMPOSSIBLE}: digits {digits.upper()}")
    return calendar_date(_FIRST_YEAR + int(digits[:2]), int(digits[2:4]), int(digits[4:]))


def dated(name: str, decode: Callable[[bytes], str], octets: bytes, offset: int | None = None) -> Reading:
    """A reading of a date, or the reason why there is none."""
    try:
        return Reading(name, decode(octets), offset=offset)
    except NoValueError as reason:
        return Reading(name, None, offset=offset, error=str(reason))


def words(value: int, bits: tuple[tuple[int, str], ...], *, ok: str = "OK", rest: str = "ERROR_FLAGS") -> str:
    """The words of the bits that are set, `ok` if none is; bits without a word as `<rest>_<hex>`."""
    from mbuscli.meters.driver import words_of_bits

    table = tuple((mask, mask, word) for mask, word in bits)
    return " ".join(sorted(words_of_bits(value, table, rest))) or ok


def undecoded(octets: bytes, offset: int | None = None) -> Reading:
    """Octets whose meaning is not public, in hexadecimal."""
    about = "Octets of the payload whose meaning is not public, in hexadecimal."
    return Reading("undecoded", octets.hex().upper(), about=about, offset=offset)

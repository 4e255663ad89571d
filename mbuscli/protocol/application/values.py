"""From the data octets of a record to its value, as the header says (EN 13757-3 annex A, LVAR of 5.x).

A value is an exact number (int or Decimal, in the header's unit), a text or date (str), or None with the
reason why there is none.

Types A, B, C: integers and BCD stay integers; what scales them is decimal, so no value ever passes through a
binary fraction. Types F, G, I, J stand in `date_types`, type H in `real32`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal
from typing import TypeAlias

from mbuscli.protocol.address import MeterAddress, decode_manufacturer
from mbuscli.protocol.application.date_types import (
    NoValueError,
    decode_type_f,
    decode_type_g,
    decode_type_i,
    decode_type_j,
)
from mbuscli.protocol.application.dif_table import (
    INTEGER_FIELDS,
    NO_DATA,
    REAL32,
    SELECTION,
    VARIABLE,
)
from mbuscli.protocol.application.header import RecordHeader
from mbuscli.protocol.application.vif_table import Kind
from mbuscli.protocol.octets import bcd_digits, encode_bcd, hex_text

# Wide enough for the longest binary LVAR (64 octets, 155 digits) at any scale.
EXACT = Context(prec=400)

Value: TypeAlias = int | Decimal | str | None

Reader: TypeAlias = Callable[[bytes], Value]

_DATES_BY_LENGTH = {2: decode_type_g, 3: decode_type_j, 4: decode_type_f, 6: decode_type_i}


def choose_reader(header: RecordHeader) -> Reader:
    """The function that turns the data octets of such a record into its value, kept as `header.reader`.

    The octets begin with the LVAR octet if there is one. NoValueError tells why there is no value.
    """
    header.reader = special_reader(header) or _scaled_reader(header, number_decoder(header))
    return header.reader


def special_reader(header: RecordHeader) -> Reader | None:
    """The reader of such a record if its value is no integer or BCD number; None if it is one."""
    field = header.data_field
    kind = header.kind
    if header.error is not None:
        return Refusal(header.error)
    if header.profile is not None:
        return Refusal("compact profile not expanded")
    if field == NO_DATA:
        return Refusal("no data")
    if field == SELECTION:
        return Refusal("selection for readout")
    if kind is Kind.OPAQUE:
        return Refusal(f"meaning of {header.quantity.replace('_', ' ')} not known")
    if field == VARIABLE:
        return lambda octets: _variable(header, octets[0], octets[1:])
    if kind is Kind.OCTETS:
        return hex_text
    if kind in (Kind.DATE, Kind.DATETIME):
        return _date_reader(header)
    if field == REAL32:
        from mbuscli.protocol.application.real32 import decode_real32

        if header.addends or header.divisor != 1:
            return lambda octets: scaled(header, decode_real32(octets))
        scaleb, exponent = EXACT.scaleb, header.exponent
        return (lambda octets: scaleb(decode_real32(octets), exponent)) if exponent else decode_real32
    if kind is Kind.MANUFACTURER and field in INTEGER_FIELDS and header.data_length == 2:
        return lambda octets: decode_manufacturer(int.from_bytes(octets, "little"))
    if kind is Kind.IDENTITY and field in INTEGER_FIELDS and header.data_length == 8:
        return lambda octets: str(MeterAddress.from_octets(octets))
    if kind is Kind.BITS and field in INTEGER_FIELDS:
        return decode_bits
    return None


def number_decoder(header: RecordHeader) -> Callable[[bytes], int]:
    """How the data octets of a number, integer or BCD, become the integer that the header scales."""
    is_number = header.kind in (Kind.NUMBER, Kind.PRIVATE)
    if header.data_field in INTEGER_FIELDS:
        return decode_signed if is_number else decode_unsigned
    # A leading F of a quantity that cannot be negative is a hexadecimal digit, no minus.
    return decode_bcd if is_number else _plain_bcd


class Refusal:
    """The reader of records that have no value whatever their data octets are."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __call__(self, octets: bytes) -> Value:
        """Always raises."""
        raise NoValueError(self.reason)


def _scaled_reader(header: RecordHeader, decode: Callable[[bytes], int]) -> Reader:
    """`decode` and the header's scale in one, without the cases that this header does not have."""
    if header.divisor != 1 or header.addends:
        return lambda octets: scaled(header, decode(octets))
    if header.exponent == 0:
        return decode
    if header.exponent > 0:
        factor = 10**header.exponent
        return lambda octets: decode(octets) * factor
    unit = Decimal((0, (1,), header.exponent))
    multiply = EXACT.multiply
    return lambda octets: multiply(decode(octets), unit)


def _date_reader(header: RecordHeader) -> Reader:
    length = header.data_length or 0
    decode = _DATES_BY_LENGTH.get(length)
    known = header.data_field in INTEGER_FIELDS and (header.kind is Kind.DATETIME or length == 2)
    if decode is None or not known:
        return Refusal(f"no date type has data field {header.data_field:X}")
    return decode


def scaled(header: RecordHeader, number: int | Decimal) -> int | Decimal:
    """The number in the header's unit, exactly: 2^-12 divides, additive corrections are added."""
    value = scale(number, header.exponent)
    if header.divisor != 1:
        value = EXACT.divide(Decimal(value), Decimal(header.divisor))
    for exponent in header.addends:
        value = EXACT.add(Decimal(value), EXACT.scaleb(Decimal(1), exponent))
    return value


def lvar_length(lvar: int) -> int | None:
    """Number of data octets after this LVAR octet; None for the reserved F7-FF."""
    if lvar <= 0xBF:
        return lvar
    if lvar <= 0xEF:
        return lvar & 0x0F if lvar & 0x0F <= 9 or lvar >= 0xE0 else None
    if lvar <= 0xF4:
        return 4 * (lvar - 0xEC)
    return {0xF5: 48, 0xF6: 64}.get(lvar)


def _variable(header: RecordHeader, lvar: int, octets: bytes) -> Value:
    """A value of variable length: text, BCD or binary by its LVAR octet."""
    kind = header.kind
    if kind is Kind.OCTETS:
        return hex_text(octets)
    if lvar <= 0xBF:
        return _text(header, octets)
    if kind is Kind.DATETIME or kind is Kind.DATE:
        raise NoValueError("date type M: layout not public")
    if kind is Kind.IDENTITY and len(octets) == 8 and lvar >= 0xE0:
        return str(MeterAddress.from_octets(octets))
    if not octets:
        raise NoValueError("no data")
    if lvar <= 0xC9:
        return scaled(header, _plain_bcd(octets))
    if lvar <= 0xD9:
        return scaled(header, -_plain_bcd(octets))
    if kind is Kind.BITS:
        return int.from_bytes(octets, "little")
    if kind is Kind.NUMBER or kind is Kind.PRIVATE:
        return scaled(header, decode_signed(octets))
    return scaled(header, decode_unsigned(octets))


def _plain_bcd(octets: bytes) -> int:
    """BCD that has no sign, or has it in its LVAR octet."""
    if octets[-1] >= 0xF0:
        raise NoValueError(f"no number: BCD digits {bcd_digits(octets)}")
    return decode_bcd(octets)


def _text(header: RecordHeader, octets: bytes) -> str:
    """ISO 8859-1, right-most character first. A maker's own register may hold octets instead."""
    text = octets[::-1].decode("latin-1")
    if header.kind is Kind.PRIVATE and not text.isprintable():
        return hex_text(octets)
    return text


def decode_signed(octets: bytes) -> int:
    """Type B: two's complement; the most negative number means "no value"."""
    value = int.from_bytes(octets, "little", signed=True)
    if value < 0 and value == -1 << (8 * len(octets) - 1):
        raise NoValueError("no value (most negative integer)")
    return value


def decode_bits(octets: bytes) -> int:
    """Type D: every pattern of bits means something."""
    return int.from_bytes(octets, "little")


def decode_unsigned(octets: bytes) -> int:
    """Type C: unsigned; all bits set means "no value"."""
    value = int.from_bytes(octets, "little")
    if octets and value == (1 << 8 * len(octets)) - 1:
        raise NoValueError("no value (all bits set)")
    return value


def decode_bcd(octets: bytes) -> int:
    """Type A: BCD; F as the first digit is a minus sign, any other digit above 9 is no number."""
    digits = bcd_digits(octets)
    if digits.isdecimal():
        return int(digits)
    if digits[:1] == "F" and digits[1:].isdecimal():
        return -int(digits[1:])
    raise NoValueError(f"no number: BCD digits {digits}" if digits else "no digits")


def scale(number: int | Decimal, exponent: int) -> int | Decimal:
    """number · 10^exponent without rounding; whole numbers stay int where the exponent allows."""
    if isinstance(number, int) and exponent >= 0:
        return number * int(10**exponent)
    return EXACT.scaleb(Decimal(number), exponent)


def encode_signed(number: int, size: int) -> bytes:
    """Type B; OverflowError if it does not fit."""
    return number.to_bytes(size, "little", signed=True)


def encode_unsigned(number: int, size: int) -> bytes:
    """Type C; OverflowError if it does not fit."""
    return number.to_bytes(size, "little")


def encode_number_bcd(number: int, size: int) -> bytes:
    """Type A; OverflowError if the digits, and the F of a negative number, do not fit."""
    width = 2 * size
    digits = f"F{-number:0{width - 1}d}" if number < 0 else f"{number:0{width}d}"
    if len(digits) > width:
        raise OverflowError(f"{number} does not fit into {width} digits")
    return encode_bcd(digits)

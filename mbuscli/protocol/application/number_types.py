"""Data types A, B, C, H: exact numbers (EN 13757-3 annex A).

Integers and BCD stay integers; what scales them is decimal, so no value ever passes through a binary
fraction. Type H is binary by nature: its value is a decimal of at most nine digits that means the same bits.
"""

from __future__ import annotations

import math
import struct
from decimal import Context, Decimal

from mbuscli.protocol.application.date_types import NoValueError
from mbuscli.protocol.octets import bcd_digits, encode_bcd

# Wide enough for the longest binary LVAR (64 octets, 155 digits) at any scale.
EXACT = Context(prec=400)

_REAL32 = struct.Struct("<f")
# Nine decimal digits tell any two numbers of 32 bits apart.
_REAL32_DIGITS = 9


def decode_signed(octets: bytes) -> int:
    """Type B: two's complement; the most negative number means "no value"."""
    value = int.from_bytes(octets, "little", signed=True)
    if value < 0 and value == -1 << (8 * len(octets) - 1):
        raise NoValueError("no value (most negative integer)")
    return value


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


def decode_real32(octets: bytes) -> Decimal:
    """Type H: the number itself if nine digits can write it, else the shortest decimal for these 32 bits."""
    (value,) = _REAL32.unpack(octets)
    if math.isnan(value):
        raise NoValueError("not a number (NaN)")
    if math.isinf(value):
        raise NoValueError("infinite")
    if not value:
        return Decimal(0)
    exact = Decimal(value)
    if len(exact.as_tuple().digits) <= _REAL32_DIGITS:
        return exact
    for digits in range(1, _REAL32_DIGITS + 1):
        text = f"{value:.{digits}g}"
        # Rounding up may leave the range of a 32-bit number: struct says so with OverflowError.
        try:
            if _REAL32.pack(float(text)) == octets:
                return _plain(Decimal(text))
        except OverflowError:
            continue
    raise AssertionError("nine digits name every 32-bit number")


def _plain(value: Decimal) -> Decimal:
    """500, not 5E+2."""
    return Decimal(int(value)) if value == value.to_integral_value() else value


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


def encode_real32(number: Decimal) -> bytes:
    """Type H; OverflowError outside its range."""
    return _REAL32.pack(float(number))

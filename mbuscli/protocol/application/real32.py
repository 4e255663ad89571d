"""Data type H: binary fractions of 32 bits (EN 13757-3 annex A; IEEE 754).

Binary by nature: the value is a decimal of at most nine digits that means the same bits.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_right
from decimal import Context, Decimal

from mbuscli.protocol.application.date_types import NoValueError

_REAL32 = struct.Struct("<f")
# Nine decimal digits tell any two numbers of 32 bits apart.
_REAL32_DIGITS = 9
_LIMIT = 10**_REAL32_DIGITS
_MAX_PLACES = 12  # 5^13 has ten digits
_SURE_DIGITS = 6
_SMALLEST_NORMAL = 2.0**-126
# Between these, a number of 24 bits times a power of ten that leaves it nine digits in front of the point is
# exact in 53 bits, and so is each of these powers.
_LEAST, _MOST = 1e-4, 1e6
_DECADES = [1e-4, 1e-3, 1e-2, 0.1, 1.0, 1e1, 1e2, 1e3, 1e4, 1e5]
_PLACES_OF_LEAST = 12
_TENS = [10.0**places for places in range(_PLACES_OF_LEAST + 1)]
_UNITS = [Decimal((0, (1,), -places)) for places in range(_PLACES_OF_LEAST + 1)]
_multiply = Context(prec=2 * _REAL32_DIGITS).multiply


def decode_real32(octets: bytes) -> Decimal:
    """Type H: the number itself if nine digits can write it, else the shortest decimal for these 32 bits."""
    (value,) = _REAL32.unpack(octets)
    if _LEAST <= abs(value) < _MOST:
        return _common(value, octets)
    if math.isnan(value):
        raise NoValueError("not a number (NaN)")
    if math.isinf(value):
        raise NoValueError("infinite")
    if not value:
        return Decimal(0)
    numerator, denominator = value.as_integer_ratio()
    places = denominator.bit_length() - 1  # n / 2^k has k decimal places
    if places <= _MAX_PLACES and abs(numerator) * 5**places < _LIMIT:
        return Decimal(value)
    # Six digits survive the way through 32 bits, so a number of at most six is found at once.
    for digits in range(_SURE_DIGITS if abs(value) >= _SMALLEST_NORMAL else 1, _REAL32_DIGITS + 1):
        text = f"{value:.{digits}g}"
        # Rounding up may leave the range of a 32-bit number: struct says so with OverflowError.
        try:
            if _REAL32.pack(float(text)) == octets:
                return Decimal(int(Decimal(text))) if "+" in text else Decimal(text)  # 5000000, not 5E+6
        except OverflowError:
            continue
    raise AssertionError("nine digits name every 32-bit number")


def _common(value: float, octets: bytes) -> Decimal:
    """The same for numbers of a common size, by arithmetic that is exact, without a text."""
    most = _PLACES_OF_LEAST + 1 - bisect_right(_DECADES, abs(value))
    if (value * _TENS[most]).is_integer():
        return Decimal(value)
    for places in range(most - _REAL32_DIGITS + _SURE_DIGITS, most + 1):
        ten = _TENS[places]
        digits = round(value * ten)
        if _REAL32.pack(digits / ten) == octets:
            while places and not digits % 10:
                digits //= 10
                places -= 1
            return _multiply(digits, _UNITS[places])
    raise AssertionError("nine digits name every 32-bit number")


def encode_real32(number: Decimal) -> bytes:
    """Type H; OverflowError outside its range."""
    return _REAL32.pack(float(number))

"""Data type H: binary fractions of 32 bits (EN 13757-3 annex A; IEEE 754).

Binary by nature: the value is a decimal of at most nine digits that means the same bits.
"""

from __future__ import annotations

import math
import struct
from decimal import Decimal

from mbuscli.protocol.application.date_types import NoValueError

_REAL32 = struct.Struct("<f")
# Nine decimal digits tell any two numbers of 32 bits apart.
_REAL32_DIGITS = 9


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


def encode_real32(number: Decimal) -> bytes:
    """Type H; OverflowError outside its range."""
    return _REAL32.pack(float(number))

"""From the data octets of a record to its value, as the header says (EN 13757-3 annex A, LVAR of 5.x).

A value is an exact number (int or Decimal, in the header's unit), a text or date (str), or None with the
reason why there is none.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.date_types import (
    NoValueError,
    decode_type_f,
    decode_type_g,
    decode_type_i,
    decode_type_j,
)
from mbuscli.protocol.application.dif_table import (
    BCD_FIELDS,
    INTEGER_FIELDS,
    NO_DATA,
    REAL32,
    SELECTION,
    VARIABLE,
)
from mbuscli.protocol.application.header import RecordHeader
from mbuscli.protocol.application.number_types import (
    EXACT,
    decode_bcd,
    decode_real32,
    decode_signed,
    decode_unsigned,
    scale,
)
from mbuscli.protocol.application.vif_table import Kind
from mbuscli.protocol.manufacturers import decode_manufacturer
from mbuscli.protocol.octets import bcd_digits, hex_text

Value: TypeAlias = int | Decimal | str | None

_DATES_BY_LENGTH = {2: decode_type_g, 3: decode_type_j, 4: decode_type_f, 6: decode_type_i}


def decode_value(header: RecordHeader, octets: bytes) -> tuple[Value, str | None]:
    """(value, None) or (None, why there is none); `octets` begin with the LVAR octet if there is one."""
    if header.error is not None:
        return None, header.error
    try:
        return _value(header, octets), None
    except NoValueError as reason:
        return None, str(reason)


def _value(header: RecordHeader, octets: bytes) -> Value:
    field = header.data_field
    kind = header.kind
    if header.profile is not None:
        raise NoValueError("compact profile not expanded")
    if field == NO_DATA:
        raise NoValueError("no data")
    if field == SELECTION:
        raise NoValueError("selection for readout")
    if field == VARIABLE:
        return _variable(header, octets[0], octets[1:])
    if kind is Kind.NUMBER or kind is Kind.PRIVATE:
        return scaled(header, _number(field, octets))
    if kind is Kind.DATETIME or kind is Kind.DATE:
        return _date(header, octets)
    if kind is Kind.OPAQUE:
        raise NoValueError(f"meaning of {header.quantity.replace('_', ' ')} not known")
    if kind is Kind.OCTETS:
        return hex_text(octets)
    if kind is Kind.MANUFACTURER and field in INTEGER_FIELDS and len(octets) == 2:
        return decode_manufacturer(int.from_bytes(octets, "little"))
    if kind is Kind.IDENTITY and len(octets) == 8:
        return str(MeterAddress.from_octets(octets))
    if field not in INTEGER_FIELDS:
        return scaled(header, _unsigned_number(field, octets))
    if kind is Kind.BITS:
        return int.from_bytes(octets, "little")
    return scaled(header, decode_unsigned(octets))


def scaled(header: RecordHeader, number: int | Decimal) -> int | Decimal:
    """The number in the header's unit, exactly: 2^-12 divides, additive corrections are added."""
    value = scale(number, header.exponent)
    if header.divisor != 1:
        value = EXACT.divide(Decimal(value), Decimal(header.divisor))
    for exponent in header.addends:
        value = EXACT.add(Decimal(value), EXACT.scaleb(Decimal(1), exponent))
    return value


def _number(field: int, octets: bytes) -> int | Decimal:
    """The unscaled number of a data field 1-7, 9-C or E."""
    if field in BCD_FIELDS:
        return decode_bcd(octets)
    if field == REAL32:
        return decode_real32(octets)
    return decode_signed(octets)


def _unsigned_number(field: int, octets: bytes) -> int | Decimal:
    """BCD or real of a quantity that cannot be negative: a leading F is a hexadecimal digit, no minus."""
    if field in BCD_FIELDS and octets[-1] >= 0xF0:
        raise NoValueError(f"no number: BCD digits {bcd_digits(octets)}")
    return _number(field, octets)


def _date(header: RecordHeader, octets: bytes) -> str:
    decode = _DATES_BY_LENGTH.get(len(octets))
    known = header.data_field in INTEGER_FIELDS and (header.kind is Kind.DATETIME or len(octets) == 2)
    if decode is None or not known:
        raise NoValueError(f"no date type has data field {header.data_field:X}")
    return decode(octets)


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
    if kind is Kind.OPAQUE:
        raise NoValueError(f"meaning of {header.quantity.replace('_', ' ')} not known")
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
    """BCD whose sign stands in the LVAR octet: a leading F is no minus here."""
    if octets[-1] >= 0xF0:
        raise NoValueError(f"no number: BCD digits {bcd_digits(octets)}")
    return decode_bcd(octets)


def _text(header: RecordHeader, octets: bytes) -> str:
    """ISO 8859-1, right-most character first. A maker's own register may hold octets instead."""
    text = octets[::-1].decode("latin-1")
    if header.kind is Kind.PRIVATE and not text.isprintable():
        return hex_text(octets)
    return text

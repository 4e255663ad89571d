"""Records from values: the inverse of decoding, for simulated meters, writes and tests."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from mbuscli.errors import InputError, Reason
from mbuscli.protocol.address import MeterAddress, encode_manufacturer
from mbuscli.protocol.application.date_types import (
    encode_type_f,
    encode_type_g,
    encode_type_i,
    encode_type_j,
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
from mbuscli.protocol.application.real32 import encode_real32
from mbuscli.protocol.application.records import parse_headers
from mbuscli.protocol.application.values import (
    EXACT,
    Value,
    encode_number_bcd,
    encode_signed,
    encode_unsigned,
)
from mbuscli.protocol.application.vif_table import Kind

_MAX_TEXT = 0xBF
_BINARY = 0xE0
_SIGNED_KINDS = frozenset((Kind.NUMBER, Kind.PRIVATE))


def encode_record(header: bytes, value: Value | bytes) -> bytes:
    """One record: `header` (DIF to last VIFE, plain text of VIF 7C/FC included), LVAR if it needs one, data.

    `value` is in the unit and form in which decoding shows it; bytes go in as they are; None is sent as the
    type's "no value". Raises InputError `input.invalid` for a value that the header cannot carry.
    """
    parsed = parse_headers(header)
    if parsed is None or len(parsed) != 1:
        raise _refused(header, value, "the header is not one DIF/VIF group")
    record_header = parsed[0][0]
    try:
        return header + _data(record_header, value)
    except (ValueError, OverflowError, InvalidOperation) as error:
        raise _refused(header, value, str(error) or type(error).__name__) from None


def _refused(header: bytes, value: object, why: str) -> InputError:
    return InputError(
        f"{value!r} cannot be sent as record {header.hex().upper()}: {why}", reason=Reason.INVALID
    )


def _data(header: RecordHeader, value: Value | bytes) -> bytes:
    field = header.data_field
    if field in (NO_DATA, SELECTION):
        return b""
    if field == VARIABLE:
        return _variable(header, value)
    size = header.data_length or 0
    if isinstance(value, bytes):
        if len(value) != size:
            raise ValueError(f"{size} bytes are needed")
        return value
    if value is None:
        return _no_value(header, size)
    if field in INTEGER_FIELDS:
        special = _special(header, value, size)
        if special is not None:
            return special
    if field == REAL32:
        return encode_real32(_unscaled(header, value))
    number = _whole(_unscaled(header, value))
    if field in BCD_FIELDS:
        return encode_number_bcd(number, size)
    if header.kind in _SIGNED_KINDS:
        return encode_signed(number, size)
    return encode_unsigned(number, size)


def _no_value(header: RecordHeader, size: int) -> bytes:
    if header.data_field in INTEGER_FIELDS and header.kind in _SIGNED_KINDS:
        return bytes(size - 1) + b"\x80"
    return b"\xff" * size


def _special(header: RecordHeader, value: Value, size: int) -> bytes | None:
    """Dates, manufacturer codes and addresses, which are texts when decoded."""
    kind = header.kind
    if kind in (Kind.DATE, Kind.DATETIME) and isinstance(value, str):
        encoders = {2: encode_type_g, 3: encode_type_j, 4: encode_type_f, 6: encode_type_i}
        if size not in encoders:
            raise ValueError(f"no date type has {size} bytes")
        return encoders[size](value)
    if kind is Kind.MANUFACTURER and isinstance(value, str) and size == 2:
        return encode_unsigned(encode_manufacturer(value), size)
    if kind is Kind.IDENTITY and isinstance(value, str) and size == 8:
        return MeterAddress.parse(value).octets()
    return None


def _unscaled(header: RecordHeader, value: Value) -> Decimal:
    number = Decimal(value) if value is not None else Decimal(0)
    for exponent in header.addends:
        number = EXACT.subtract(number, EXACT.scaleb(Decimal(1), exponent))
    number = EXACT.multiply(number, Decimal(header.divisor))
    return EXACT.scaleb(number, -header.exponent)


def _whole(number: Decimal) -> int:
    if number != number.to_integral_value():
        raise ValueError("it has more digits than the header's scale")
    return int(number)


def _variable(header: RecordHeader, value: Value | bytes) -> bytes:
    """Text and containers by their length, numbers as binary LVAR E1-E8."""
    if isinstance(value, int | Decimal):
        number = _whole(_unscaled(header, value))
        size = number.bit_length() // 8 + 1
        signed = header.kind in _SIGNED_KINDS
        data = encode_signed(number, size) if signed else encode_unsigned(number, size)
        return bytes((_BINARY + size,)) + data
    data = b""
    if isinstance(value, bytes):
        data = value
    elif isinstance(value, str):
        data = bytes.fromhex(value) if header.kind is Kind.OCTETS else value.encode("latin-1")[::-1]
    if len(data) > _MAX_TEXT:
        raise ValueError(f"at most {_MAX_TEXT} bytes fit")
    return bytes((len(data),)) + data

"""Records as people write them: octets, a header with a value, or a name with a value."""

from __future__ import annotations

import re
from decimal import Decimal

from mbuscli.errors import MbuscliError, Reason, UsageError
from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.application.records import parse_records
from mbuscli.protocol.application.vif_table import EXTENSION_FB, EXTENSION_FD, PRIMARY

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}[\s:-]*)+")
_SEPARATORS = re.compile(r"[\s:-]+")

# Quantities whose one header every meter means: what EN 13757-3 lets a master write. The others come in
# several scales and sizes, of which a meter knows one.
NAMES = {
    "address": b"\x01\x7a",
    "identification": b"\x0c\x79",
    "fabrication_number": b"\x0c\x78",
    "datetime": b"\x04\x6d",
    "date": b"\x02\x6c",
}
_DATES = (NAMES["datetime"], NAMES["date"])


def encode_words(text: str) -> bytes:
    """One or more records: `0C 78 78 56 34 12` (octets), `0C78 = 12345678` (header and value in the base
    unit, text in quotes if it looks like a number), `fabrication_number = 12345678`.

    UsageError `usage.invalid` says what is wrong, without repeating octets.
    """
    left, equals, right = text.partition("=")
    if not equals:
        return _octets(text)
    header = NAMES.get(_name(left))
    if header is None:
        header = _header(left)
    value = right.strip()
    try:
        return encode_record(header, value if header in _DATES else parse_value(value))
    except (MbuscliError, ValueError) as error:
        raise UsageError(f"the record cannot be built: {error}", reason=Reason.INVALID) from None


def parse_value(text: str) -> Decimal | str:
    """A number, or text; what stands in double quotes is text."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    return Decimal(text) if _NUMBER.fullmatch(text) else text


def _octets(text: str) -> bytes:
    if not _HEX.fullmatch(text.strip()):
        raise UsageError(
            "a record is neither octets in hexadecimal nor NAME = VALUE",
            reason=Reason.INVALID,
            hint=("octets: 0C 78 78 56 34 12", "header and value: 0C78 = 12345678", _named()),
        )
    octets = bytes.fromhex(_SEPARATORS.sub("", text.strip()))
    for problem in parse_records(octets, from_master=True).problems:
        if not problem.warning:
            raise UsageError(
                f"the octets are no whole records: {problem.text} (byte {problem.offset})",
                reason=Reason.INVALID,
            )
    return octets


def _header(text: str) -> bytes:
    if _HEX.fullmatch(text.strip()):
        return bytes.fromhex(_SEPARATORS.sub("", text.strip()))
    name = _name(text)
    known = {vif.quantity for table in (PRIMARY, EXTENSION_FB, EXTENSION_FD) for vif in table.values()}
    why = "comes in several scales or sizes" if name in known else "is no name of a record"
    raise UsageError(
        f"{text.strip()!r} {why}: give its header in hexadecimal",
        reason=Reason.INVALID,
        hint=("DIF and VIF as in the meter's manual, such as 0C13 = 1234.567 (m³)", _named()),
    )


def _name(text: str) -> str:
    return text.strip().lower().replace(" ", "_").replace("-", "_")


def _named() -> str:
    return f"names with one header: {', '.join(NAMES)}"

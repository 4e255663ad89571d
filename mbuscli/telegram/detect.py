"""Is this a wireless telegram? Told from its length, C field, manufacturer and CI field together."""

from __future__ import annotations

from mbuscli.errors import DecodeError
from mbuscli.protocol.application.ci_table import FROM_MASTER_RECORDS, FROM_SLAVE
from mbuscli.protocol.manufacturers import decode_manufacturer
from mbuscli.protocol.transport.afl import CI_AFL
from mbuscli.protocol.wireless.c_fields import find_service
from mbuscli.protocol.wireless.ell import ELL_CI_FIELDS
from mbuscli.protocol.wireless.frame_format import LinkFields, decode_link, strip_crcs

_CI_NETWORK = 0x81
_CI_MANUFACTURER = range(0xA0, 0xB8)
_KNOWN_CI = ELL_CI_FIELDS | FROM_SLAVE.keys() | FROM_MASTER_RECORDS.keys() | {CI_AFL, _CI_NETWORK}


def is_wireless(data: bytes) -> bool:
    """True if `data` is a whole wireless telegram, with or without CRCs and start octets."""
    return _is_telegram(data, salvage=False)


def is_damaged_wireless(data: bytes) -> bool:
    """True if `data` may be a wireless telegram that is cut, damaged or came without its L field."""
    return _is_telegram(data, salvage=True) or with_l_field(data) is not None


def _is_telegram(data: bytes, *, salvage: bool) -> bool:
    try:
        fields = decode_link(strip_crcs(data, salvage=salvage).telegram)
    except DecodeError:
        return False
    return _is_believable(fields) and not (salvage and fields.ci_field is None)


def with_l_field(data: bytes) -> bytes | None:
    """The telegram with its L field in front, if `data` is one that came without it; else None."""
    if not 9 <= len(data) <= 255:
        return None
    telegram = bytes((len(data),)) + data
    fields = decode_link(telegram)
    return telegram if _is_believable(fields) else None


def _is_believable(fields: LinkFields) -> bool:
    """A C field of the standard, a manufacturer in letters, and a CI field that may follow."""
    manufacturer = fields.address[0] | fields.address[1] << 8
    return (
        find_service(fields.c_field) is not None
        and decode_manufacturer(manufacturer).isalpha()
        and len(decode_manufacturer(manufacturer)) == 3
        and (fields.ci_field is None or fields.ci_field in _KNOWN_CI or fields.ci_field in _CI_MANUFACTURER)
    )

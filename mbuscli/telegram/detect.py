"""Is this a wireless telegram? Told from its length, C field, manufacturer and CI field together."""

from __future__ import annotations

from mbuscli.errors import DecodeError
from mbuscli.protocol.application.ci_table import FROM_MASTER_RECORDS, FROM_SLAVE
from mbuscli.protocol.manufacturers import decode_manufacturer
from mbuscli.protocol.transport.afl import CI_AFL
from mbuscli.protocol.wireless.c_fields import find_service
from mbuscli.protocol.wireless.ell import ELL_CI_FIELDS
from mbuscli.protocol.wireless.frame_format import LinkFields, LinkFrame, decode_link, strip_crcs

_CI_NETWORK = 0x81
_CI_MANUFACTURER = range(0xA0, 0xB8)
_KNOWN_CI = ELL_CI_FIELDS | FROM_SLAVE.keys() | FROM_MASTER_RECORDS.keys() | {CI_AFL, _CI_NETWORK}


def find_whole(data: bytes, frame_format: str | None) -> LinkFrame | None:
    """The telegram, if `data` is a whole one, with or without CRCs and start octets."""
    return _find(data, frame_format, salvage=False)


def find_damaged(data: bytes, frame_format: str | None) -> LinkFrame | None:
    """The telegram, if `data` may be one that is cut, damaged or came without its L field."""
    return _find(data, frame_format, salvage=True) or _without_l(data)


def is_wireless(data: bytes) -> bool:
    """True if `data` is a whole radio telegram."""
    return find_whole(data, None) is not None


def is_damaged_wireless(data: bytes) -> bool:
    """True if `data` may be a radio telegram that is cut, damaged or came without its L field."""
    return find_damaged(data, None) is not None


def _find(data: bytes, frame_format: str | None, *, salvage: bool) -> LinkFrame | None:
    try:
        frame = strip_crcs(data, frame_format=frame_format, salvage=salvage)
        fields = decode_link(frame.telegram)
    except DecodeError:
        return None
    believable = _is_believable(fields) and not (salvage and fields.ci_field is None)
    return frame if believable else None


def _without_l(data: bytes) -> LinkFrame | None:
    if not 9 <= len(data) <= 255:
        return None
    telegram = bytes((len(data),)) + data
    return LinkFrame(telegram, None, "absent") if _is_believable(decode_link(telegram)) else None


def _is_believable(fields: LinkFields) -> bool:
    """A C field of the standard, a manufacturer in letters, and a CI field that may follow."""
    manufacturer = fields.address[0] | fields.address[1] << 8
    return (
        find_service(fields.c_field) is not None
        and decode_manufacturer(manufacturer).isalpha()
        and len(decode_manufacturer(manufacturer)) == 3
        and (fields.ci_field is None or fields.ci_field in _KNOWN_CI or fields.ci_field in _CI_MANUFACTURER)
    )

"""Lines of CUL sticks (culfw and its kin): b or bY, the telegram with its CRCs, LQI and RSSI, all in hex.

b is frame format A, bY format B. LQI and RSSI are there only if reporting them is switched on.
"""

from __future__ import annotations

import re

from mbuscli.capture.heard import WIRELESS, Heard, signed
from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.checksum import crc_en13757

DIALECT = "cul"
# At least the first block of format A.
_LINE = re.compile(r"b(Y?)([0-9A-Fa-f]{24,})")
_FIRST_BLOCK, _BLOCK, _CRC = 10, 16, 2
_RSSI_OFFSET_DBM = 74


def parse_cul(line: str) -> Heard | None:
    """What the line tells, None if it is none of a CUL: b alone may also begin plain hexadecimal."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    frame_format = "B" if match[1] else "A"
    digits = match[2]
    odd = len(digits) % 2 == 1
    data = bytes.fromhex(digits[:-1] if odd else digits)
    if frame_format == "A" and not _begins_well(data) and (odd or digits != digits.upper()):
        return None
    heard = Heard(data, DIALECT, frame_format=frame_format, layer=WIRELESS)
    size = data[0] + 1 if frame_format == "B" else _size_of_a(data[0])
    if odd or (len(data) < size and (frame_format == "B" or _begins_well(data))):
        return heard._replace(data=b"", error=_truncated(len(data), size))
    if len(data) == size + 2:
        rssi_dbm = signed(data[-1]) / 2 - _RSSI_OFFSET_DBM
        return heard._replace(data=data[:size], rssi_dbm=rssi_dbm)
    return heard


def _begins_well(data: bytes) -> bool:
    received = data[_FIRST_BLOCK : _FIRST_BLOCK + _CRC]
    return crc_en13757(data[:_FIRST_BLOCK]) == int.from_bytes(received, "big")


def _size_of_a(l_field: int) -> int:
    """Octets of a telegram of format A with its CRCs, which L does not count."""
    blocks = 1 + max(0, -(-(l_field + 1 - _FIRST_BLOCK) // _BLOCK))
    return l_field + 1 + _CRC * blocks


def _truncated(have: int, size: int) -> DecodeError:
    count = f": {have} of {size} bytes came" if have < size else ""
    return DecodeError(
        f"truncated by the stick's firmware{count}",
        reason=Reason.TOO_SHORT,
        hint=("many builds keep 148 bytes at most: use a firmware with a larger buffer",),
    )

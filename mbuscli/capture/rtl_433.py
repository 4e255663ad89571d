"""What rtl_433 writes of its model Wireless-MBus, as JSON objects or as rows of a table.

Its RSSI is relative to full scale and so no dBm. Releases differ in what they leave of CRCs and L field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mbuscli.capture.heard import NO_CRCS, WIRELESS, Heard, heard_hex, iso_time, without_crcs_of_b
from mbuscli.errors import DecodeError
from mbuscli.protocol.wireless.frame_format import strip_crcs

DIALECT = "rtl_433"
MODEL = "Wireless-MBus"
_MODES = {"T": "T1", "C": "C1", "S": "S1", "R": "R2"}
# rtl_433 puts a backslash in front of a comma that is no separator.
_COMMA = re.compile(r"(?<!\\),")
_LONG_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){10,}")


def heard_from_rtl_433(row: Mapping[str, object]) -> Heard:
    """What one message tells, by the names of its fields; another model's holds no telegram."""
    if row.get("model") != MODEL:
        return Heard(b"", DIALECT)
    letter = row.get("mode")
    mode = _MODES.get(letter) if isinstance(letter, str) else None
    heard = heard_hex(str(row.get("data", "")), DIALECT)
    return heard._replace(
        data=_corrected(heard.data, mode),
        time=iso_time(row.get("time")),
        mode=mode,
        frame_format=NO_CRCS,
        layer=WIRELESS,
    )


def parse_rtl_433_header(line: str) -> tuple[str, ...] | None:
    """The columns of a table that rtl_433 begins with this line, None if it is no such line."""
    columns = tuple(_COMMA.split(line))
    return columns if {"time", "model", "data"} <= set(columns) else None


def parse_rtl_433_row(line: str, columns: Sequence[str]) -> Heard | None:
    """What a row tells, None if it is none. Without fitting columns the longest hexadecimal is it."""
    cells = _COMMA.split(line)
    if len(cells) == len(columns):
        return heard_from_rtl_433(dict(zip(columns, cells, strict=True)))
    if MODEL not in cells:
        return None
    longest = max((cell for cell in cells if _LONG_HEX.fullmatch(cell)), key=len, default="")
    return heard_from_rtl_433({"model": MODEL, "data": longest}) if longest else None


def _corrected(data: bytes, mode: str | None) -> bytes:
    if data and len(data) == data[0] + 5:
        # Format A of some releases: the last CRC is still there and L two too small.
        try:
            return strip_crcs(data, frame_format=NO_CRCS).telegram
        except DecodeError:
            return data
    return without_crcs_of_b(data) if mode == "C1" else data

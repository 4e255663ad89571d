"""What rtl_433 writes of its model Wireless-MBus, as JSON objects or as rows of a table.

Its RSSI is relative to full scale and so no dBm. Releases differ in what they leave of CRCs and L field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from mbuscli.errors import DecodeError
from mbuscli.protocol.receivers.lines import LineTelegram, iso_time, octets_of, without_crcs_of_b
from mbuscli.protocol.wireless.frame_format import NO_CRCS, strip_crcs

PROGRAM = "rtl_433"
MODEL = "Wireless-MBus"
_MODES = {"T": "T1", "C": "C1", "S": "S1", "R": "R2"}
# rtl_433 puts a backslash in front of a comma that is no separator.
_COMMA = re.compile(r"(?<!\\),")
_LONG_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){10,}")
_NOTHING = LineTelegram(b"")


def parse_message(row: Mapping[str, object]) -> LineTelegram:
    """What one message tells, by the names of its fields; another model's holds no telegram."""
    if row.get("model") != MODEL:
        return _NOTHING
    letter = row.get("mode")
    mode = _MODES.get(letter) if isinstance(letter, str) else None
    data, damage = octets_of(str(row.get("data", "")), PROGRAM)
    return LineTelegram(_corrected(data, mode), iso_time(row.get("time")), None, mode, damage)


def parse_json_line(line: str) -> LineTelegram | None:
    """What a line of `-F json` tells, None if it is none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return parse_message(row) if isinstance(row, dict) and isinstance(row.get("model"), str) else None


def parse_header(line: str) -> tuple[str, ...] | None:
    """The columns of a table that rtl_433 begins with this line, None if it is no such line."""
    columns = tuple(_COMMA.split(line))
    return columns if {"time", "model", "data"} <= set(columns) else None


def parse_row(line: str, columns: Sequence[str]) -> LineTelegram | None:
    """What a row tells, None if it is none. Without fitting columns the longest hexadecimal is it."""
    cells = _COMMA.split(line)
    if len(cells) == len(columns):
        return parse_message(dict(zip(columns, cells, strict=True)))
    if MODEL not in cells:
        return None
    longest = max((cell for cell in cells if _LONG_HEX.fullmatch(cell)), key=len, default="")
    return parse_message({"model": MODEL, "data": longest}) if longest else None


def encode_json_line(telegram: bytes, mode: str, time: str) -> str:
    """The message of a telegram without CRCs, with the fields that matter; `time`: 2026-01-31 10:00:00."""
    number = telegram[4:8][::-1].hex()
    message = {
        "time": time,
        "model": MODEL,
        "mode": mode[0],
        # A number there, so that it loses its leading zeros.
        "id": int(number) if number.isdigit() else number,
        "C": telegram[1],
        "data_length": len(telegram),
        "data": telegram.hex(),
        "mic": "CRC",
    }
    return json.dumps(message)


def _corrected(data: bytes, mode: str | None) -> bytes:
    if data and len(data) == data[0] + 5:
        # Format A of some releases: the last CRC is still there and L two too small.
        try:
            return strip_crcs(data, frame_format=NO_CRCS).telegram
        except DecodeError:
            return data
    return without_crcs_of_b(data) if mode == "C1" else data

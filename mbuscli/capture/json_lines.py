"""JSON objects, one a line: our own telegrams and captures, requests and answers of wmbusmeters, rtl_433."""

from __future__ import annotations

import json
import re
from typing import Any

from mbuscli.capture.heard import NO_CRCS, WIRELESS, Heard, heard_hex
from mbuscli.capture.rtl_433 import heard_from_rtl_433
from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.receivers.lines import dbm, iso_time
from mbuscli.protocol.wireless.frame_format import FORMAT_A, FORMAT_B

DIALECT = "mbuscli"
# The `event` of a walk's line about a telegram that did not come whole.
DAMAGE = "damage"
_LAYERS = frozenset(("link", "input", "device"))
_REASONS = {reason.value: reason for reason in Reason}
_MODE = re.compile(r"[A-Z]\d?[a-z-]{0,2}")
_TELEGRAM_KEYS = ("raw", "data", "telegram")


def parse_json(line: str) -> Heard | None:
    """What the object tells, None if it is no object or of unknown meaning."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    if isinstance(row.get("model"), str):
        return heard_from_rtl_433(row)
    return _own(row)


def _own(row: dict[str, Any]) -> Heard | None:
    if row.get("dir") == "baud":
        return Heard(b"", DIALECT)
    digits = next((row[key] for key in _TELEGRAM_KEYS if isinstance(row.get(key), str)), None)
    if digits is None:
        return damage_of(row) or (Heard(b"", DIALECT) if "event" in row else None)
    # A walk's line tells of the radio at its top, a decoded telegram in `link`.
    link = row["link"] if isinstance(row.get("link"), dict) else row
    wireless = link.get("layer") == WIRELESS or (link is row and "frame_format" in row)
    # The `raw` of a decoded telegram holds no CRCs, whatever format it came in.
    frame_format = _format_of(row) if link is row else NO_CRCS
    return heard_hex(digits, DIALECT)._replace(
        time=iso_time(row.get("time")),
        rssi_dbm=dbm(link.get("rssi_dbm")),
        mode=_mode_of(link),
        frame_format=frame_format if wireless else None,
        layer=WIRELESS if wireless else "auto",
        goes_on=row.get("dir") in ("rx", "tx"),
    )


def damage_of(row: dict[str, Any]) -> Heard | None:
    """What a walk's line tells of a telegram that did not come whole, None if it is no such line."""
    text = row.get("text")
    if row.get("event") != DAMAGE or not isinstance(text, str):
        return None
    layer, _, reason = str(row.get("error")).partition(".")
    known = layer if layer in _LAYERS else None
    error = DecodeError(text, reason=_REASONS.get(reason, Reason.GARBAGE), layer=known)
    time = iso_time(row.get("time"))
    return Heard(b"", DIALECT, time, dbm(row.get("rssi_dbm")), _mode_of(row), error=error)


def _mode_of(link: dict[str, Any]) -> str | None:
    mode = link.get("mode")
    return mode if isinstance(mode, str) and _MODE.fullmatch(mode) else None


def _format_of(row: dict[str, Any]) -> str | None:
    told = row.get("frame_format")
    return told if told in (FORMAT_A, FORMAT_B, NO_CRCS) else None

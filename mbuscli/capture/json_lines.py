"""JSON objects, one a line: our own telegrams and captures, requests and answers of wmbusmeters, rtl_433."""

from __future__ import annotations

import json
import re
from typing import Any

from mbuscli.capture.heard import NO_CRCS, WIRELESS, Heard, dbm, heard_hex, iso_time
from mbuscli.capture.rtl_433 import heard_from_rtl_433

DIALECT = "mbuscli"
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
        return Heard(b"", DIALECT) if "event" in row else None
    link = row["link"] if isinstance(row.get("link"), dict) else {}
    wireless = link.get("layer") == WIRELESS
    mode = link.get("mode")
    return heard_hex(digits, DIALECT)._replace(
        time=iso_time(row.get("time")),
        rssi_dbm=dbm(link.get("rssi_dbm")),
        mode=mode if isinstance(mode, str) and _MODE.fullmatch(mode) else None,
        # Our own `raw` holds no CRCs.
        frame_format=NO_CRCS if wireless else None,
        layer=WIRELESS if wireless else "auto",
        goes_on=row.get("dir") in ("rx", "tx"),
    )

"""Lines of rtl_wmbus: MODE;CRC_OK;3OF6_OK;time;packet RSSI;current RSSI;ident;0xTELEGRAM[;...]."""

from __future__ import annotations

import re

from mbuscli.capture.heard import NO_CRCS, WIRELESS, Heard, dbm, heard_hex, iso_time, without_crcs_of_b
from mbuscli.errors import DecodeError, Reason

DIALECT = "rtl_wmbus"
_START = re.compile(r"([TCSNR]\d[a-z]?);([01]);[01]?;")
_TIME, _RSSI, _TELEGRAM = 3, 4, 7


def parse_rtl_wmbus(line: str) -> Heard | None:
    """What the line tells, None if it is none of rtl_wmbus. A telegram with a wrong CRC gives an error."""
    start = _START.match(line)
    if start is None:
        return None
    mode = start[1]
    fields = [*line.split(";", _TELEGRAM + 1), *[""] * _TELEGRAM]
    time = iso_time(fields[_TIME])
    if start[2] == "0":
        error = DecodeError("rtl_wmbus found a wrong CRC in this telegram", reason=Reason.CRC)
        return Heard(b"", DIALECT, time, mode=mode, error=error)
    heard = heard_hex(fields[_TELEGRAM].strip(), DIALECT)
    # Old builds leave the CRCs of format B counted in L; only mode C has that format.
    data = without_crcs_of_b(heard.data) if mode.startswith("C") else heard.data
    return heard._replace(
        data=data,
        time=time,
        rssi_dbm=_rssi(fields[_RSSI]),
        mode=mode,
        frame_format=NO_CRCS,
        layer=WIRELESS,
    )


def _rssi(field: str) -> float | None:
    try:
        return dbm(float(field))
    except ValueError:
        return None

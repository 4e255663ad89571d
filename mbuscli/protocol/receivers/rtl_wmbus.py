"""Lines of rtl_wmbus: MODE;CRC_OK;3OF6_OK;time;packet RSSI;current RSSI;ident;0xTELEGRAM[;...]."""

from __future__ import annotations

import re

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.receivers.lines import LineTelegram, dbm, iso_time, octets_of, without_crcs_of_b

PROGRAM = "rtl_wmbus"
# What it says when its radio has stopped to deliver.
STALLED = "rtl_wmbus: exiting"
_START = re.compile(r"([TCSNR]\d[a-z]?);([01]);[01]?;")
_TIME, _RSSI, _TELEGRAM = 3, 4, 7


def parse_line(line: str) -> LineTelegram | None:
    """What the line tells, None if it is none of rtl_wmbus. A telegram with a wrong CRC gives an error."""
    start = _START.match(line)
    if start is None:
        return None
    mode = start[1]
    fields = [*line.split(";", _TELEGRAM + 1), *[""] * _TELEGRAM]
    time = iso_time(fields[_TIME])
    if start[2] == "0":
        error = DecodeError("rtl_wmbus found a wrong CRC in this telegram", reason=Reason.CRC)
        return LineTelegram(b"", time, mode=mode, error=error)
    data, damage = octets_of(fields[_TELEGRAM].strip(), PROGRAM)
    # Old builds leave the CRCs of format B counted in L; only mode C has that format.
    data = without_crcs_of_b(data) if mode.startswith("C") else data
    return LineTelegram(data, time, _rssi(fields[_RSSI]), mode, damage)


def encode_line(telegram: bytes, mode: str, time: str, rssi: float, *, crc_ok: bool = True) -> str:
    """The line of a telegram without CRCs; `time` as the program writes it: 2026-01-31 10:00:00.123456."""
    # The number of the meter, as the program prints the four octets: as one little-endian number.
    ident = telegram[4:8][::-1].hex()
    return f"{mode};{int(crc_ok)};1;{time};{rssi:g};{rssi:g};{ident};0x{telegram.hex()}"


def _rssi(field: str) -> float | None:
    try:
        return dbm(float(field))
    except ValueError:
        return None

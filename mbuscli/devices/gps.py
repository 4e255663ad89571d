"""What receivers of satellite positions say: NMEA 0183 sentences, and the JSON of gpsd. Sans-IO."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

# Tells gpsd to report.
GPSD_WATCH = b'?WATCH={"enable":true,"json":true};\n'
GPSD_PORT = 2947

_SENTENCE = re.compile(r"\$([A-Z0-9]{2})(GGA|RMC),([^*$]*)\*([0-9A-Fa-f]{2})")
_ANGLE = re.compile(r"(\d{2,3})(\d\d(?:\.\d+)?)")
_LONGEST = 4096


class Fix(NamedTuple):
    """Degrees north and east."""

    latitude: float
    longitude: float


class Lines:
    """Whole lines out of octets as they come; a line without end is given up."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that are whole now, without their ends."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST:
            self._rest = b""
        return [line.decode("ascii", "replace").strip() for line in lines]


def parse_nmea(line: str) -> Fix | None:
    """The position in a GGA or RMC sentence; None for other ones, a wrong checksum, and without a fix."""
    match = _SENTENCE.fullmatch(line)
    if match is None:
        return None
    body = line[1 : line.index("*")]
    checksum = 0
    for octet in body.encode("ascii", "replace"):
        checksum ^= octet
    if checksum != int(match[4], 16):
        return None
    fields = match[3].split(",")
    if match[2] == "GGA":
        # time, latitude, N or S, longitude, E or W, quality (0: no fix), ...
        valid, place = len(fields) > 5 and fields[5] not in ("", "0"), fields[1:5]
    else:
        # time, status (A: valid), latitude, N or S, longitude, E or W, ...
        valid, place = len(fields) > 5 and fields[1] == "A", fields[2:6]
    if not valid:
        return None
    latitude, longitude = _degrees(place[0], place[1], "NS"), _degrees(place[2], place[3], "EW")
    return _fix(latitude, longitude)


def parse_gpsd(line: str) -> Fix | None:
    """The position in a report of gpsd; None for other reports, and without a fix."""
    try:
        report = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(report, dict) or report.get("class") != "TPV":
        return None
    mode, latitude, longitude = (report.get(name) for name in ("mode", "lat", "lon"))
    # 2 and 3: two- and three-dimensional fix.
    if mode not in (2, 3) or not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    return _fix(float(latitude), float(longitude))


def _degrees(text: str, side: str, sides: str) -> float | None:
    """`4807.038`, `N`: degrees and minutes; None if it is no angle."""
    match = _ANGLE.fullmatch(text)
    if match is None or side not in tuple(sides):
        return None
    degrees = int(match[1]) + float(match[2]) / 60
    return round(-degrees if side == sides[1] else degrees, 7)


def _fix(latitude: float | None, longitude: float | None) -> Fix | None:
    if latitude is None or longitude is None:
        return None
    return Fix(latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None

"""Lines of CUL sticks in a log."""

from __future__ import annotations

from mbuscli.capture.heard import WIRELESS, Heard
from mbuscli.protocol.receivers.cul import parse_received

DIALECT = "cul"


def parse_cul(line: str) -> Heard | None:
    """What the line tells, None if it is none of a CUL."""
    received = parse_received(line)
    if received is None:
        return None
    return Heard(
        received.data,
        DIALECT,
        rssi_dbm=received.rssi_dbm,
        frame_format=received.frame_format,
        layer=WIRELESS,
        error=received.error,
    )

"""What a line of a receiver's log tells."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import DecodeError
from mbuscli.protocol.receivers.lines import LineTelegram, octets_of

WIRELESS = "wireless"
NO_CRCS = "none"


class Heard(NamedTuple):
    """One telegram as a receiver noted it; `data` is empty where the line carries none.

    time          ISO 8601, with a zone only if the line tells one
    rssi_dbm      None unless the receiver tells dBm
    mode          link mode such as T1
    frame_format  A or B: CRCs of this format are inside; none: the receiver took them out; None: not told
    layer         as telegram.decode takes it
    error         why there is no telegram to be had from the line
    rssi_tail     the last octet may be signal strength, depending on the setting of the stick
    goes_on       a piece of a stream of octets: a wired frame may go on in the next one
    after_s       seconds since the log was begun, where that is all the line tells of the time
    """

    data: bytes
    dialect: str
    time: str | None = None
    rssi_dbm: float | None = None
    mode: str | None = None
    frame_format: str | None = None
    layer: str = "auto"
    error: DecodeError | None = None
    rssi_tail: bool = False
    goes_on: bool = False
    after_s: float | None = None


def heard_hex(digits: str, dialect: str) -> Heard:
    """The octets of `digits`; an error without them where the line is cut or damaged."""
    data, error = octets_of(digits, dialect)
    return Heard(data, dialect, error=error)


def heard_of(told: LineTelegram, dialect: str) -> Heard:
    """What a receiver's line tells of a radio telegram without CRCs."""
    if not told.data and told.error is None:
        return Heard(b"", dialect)
    return Heard(
        told.data,
        dialect,
        told.time,
        told.rssi_dbm,
        told.mode,
        frame_format=NO_CRCS,
        layer=WIRELESS,
        error=told.error,
    )

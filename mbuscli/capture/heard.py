"""What a line of a receiver's log tells, and the small tools that every line format needs."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason

WIRELESS = "wireless"
NO_CRCS = "none"
_MAX_ONE_BLOCK_B = 128


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


def heard_hex(digits: str, dialect: str) -> Heard:
    """The octets of `digits`; an error without them where the line is cut or damaged."""
    try:
        data = bytes.fromhex(digits.removeprefix("0x"))
    except ValueError:
        data = b""
    if data:
        return Heard(data, dialect)
    if len(digits) % 2:
        text, reason = f"is cut: an odd number of hexadecimal digits ({len(digits)})", Reason.ODD_HEX
    elif digits:
        text, reason = "is damaged: its telegram is no hexadecimal", Reason.NOT_HEX
    else:
        text, reason = "is cut: there is no telegram in it", Reason.TOO_SHORT
    return Heard(
        b"", dialect, error=DecodeError(f"the line of {dialect} {text}", reason=reason, layer="input")
    )


def iso_time(text: object) -> str | None:
    """`text` as ISO 8601 if it is a date and a time of day, else None."""
    if not isinstance(text, str) or text[4:5] != "-" or text[10:11] not in ("T", " "):
        return None
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return None
    return f"{text[:10]}T{text[11:]}".replace(",", ".")


def dbm(value: object) -> float | None:
    """`value` if it can be a signal strength in dBm: a receiver's raw scale is positive."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -200 <= value < 0 else None


def signed(octet: int) -> int:
    """The octet as a number in two's complement."""
    return octet - 256 if octet >= 0x80 else octet


def without_crcs_of_b(data: bytes) -> bytes:
    """L corrected where a receiver took the CRCs of frame format B out and left them counted in L."""
    if not data:
        return data
    crcs = 2 if data[0] < _MAX_ONE_BLOCK_B else 4
    return bytes((len(data) - 1,)) + data[1:] if len(data) + crcs == data[0] + 1 else data

"""What receivers that talk in lines of text have in common."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason

# Far longer than the line of the longest telegram, with the decoded values that some add.
LONGEST_LINE = 1 << 16
_MAX_ONE_BLOCK_B = 128


class LineTelegram(NamedTuple):
    """A telegram without CRCs that a line carries; `data` is empty where there is none, or an `error`.

    `time` is ISO 8601 as the line has it; `rssi_dbm` and `mode` are None where it does not tell.
    """

    data: bytes
    time: str | None = None
    rssi_dbm: float | None = None
    mode: str | None = None
    error: DecodeError | None = None


class LineSplitter:
    """Lines out of octets in pieces of any size; CR, LF or both end a line, and empty ones are left out."""

    def __init__(self) -> None:
        self._held = b""
        self._skipping = False

    @property
    def held(self) -> int:
        """Octets of a line that is not whole yet."""
        return len(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are whole now, without their ends. One that is too long is cut off."""
        *lines, rest = (self._held + data).replace(b"\r", b"\n").split(b"\n")
        if self._skipping and lines:
            lines[0] = b""
            self._skipping = False
        if len(rest) > LONGEST_LINE:
            if not self._skipping:
                lines.append(rest[:LONGEST_LINE])
            self._skipping = True
        self._held = b"" if self._skipping else rest
        return [line for line in lines if line]

    def flush(self) -> list[bytes]:
        """The line that is held, as if it had ended."""
        held, self._held = self._held, b""
        return [held] if held else []


def octets_of(digits: str, source: str) -> tuple[bytes, DecodeError | None]:
    """The octets of hexadecimal digits, or why there are none: the line of `source` is cut or damaged."""
    try:
        data = bytes.fromhex(digits.removeprefix("0x"))
    except ValueError:
        data = b""
    if data:
        return data, None
    if len(digits) % 2:
        text, reason = f"is cut: an odd number of hexadecimal digits ({len(digits)})", Reason.ODD_HEX
    elif digits:
        text, reason = "is damaged: its telegram is no hexadecimal", Reason.NOT_HEX
    else:
        text, reason = "is cut: there is no telegram in it", Reason.TOO_SHORT
    return b"", DecodeError(f"the line of {source} {text}", reason=reason, layer="input")


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


def without_crcs_of_b(data: bytes) -> bytes:
    """L corrected where a receiver took the CRCs of frame format B out and left them counted in L."""
    if not data:
        return data
    crcs = 2 if data[0] < _MAX_ONE_BLOCK_B else 4
    return bytes((len(data) - 1,)) + data[1:] if len(data) + crcs == data[0] + 1 else data

"""The trace: every frame on the wire, both ways, with its time, its meaning and its octets."""

from __future__ import annotations

import textwrap

from mbuscli.errors import DecodeError
from mbuscli.ports.tap import Transfer
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.ci_table import CI_FIXED, FIXED, FROM_MASTER_RECORDS, FROM_SLAVE
from mbuscli.protocol.application.control import describe_command
from mbuscli.protocol.octets import hex_text, spaced_hex
from mbuscli.protocol.wired.fields import PRM, describe_a_field, describe_c_field
from mbuscli.protocol.wired.framer import Found, Framer
from mbuscli.protocol.wired.frames import Frame, decode_frame, encode_long
from mbuscli.render.streams import Streams, terminal_width
from mbuscli.render.text import inert
from mbuscli.telegram import decode

_MEANING_WIDTH = 36
# Where the meaning begins; on a narrow screen what does not fit goes on there.
_INDENT = 24
_FIXED_SIZE = 16
_CI_DATA_SEND = 0x51
_CI_SELECT = 0x52
_MASK_SIZE = 8


class Trace:
    """A sink that writes a line a frame to stderr: seconds since the start, since the line before, direction.

    A port hands out an answer in pieces as they come; a line shows all of it, with the time of the piece that
    completed it. What is no frame is shown when the line falls silent or the port is closed. A terminal's
    lines are broken where they would not fit.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._framer = Framer()
        self._sent = b""
        self._first: float | None = None
        self._before = 0.0
        self._heard_at = 0.0

    def __call__(self, transfer: Transfer) -> None:
        """Show what this transfer completes."""
        if transfer.direction == "rx":
            self._heard_at = transfer.time
            self._show_received(self._framer.feed(transfer.data, transfer.bad))
            return
        self.flush()
        if transfer.direction == "tx" and not transfer.data:
            return  # nothing was sent, so as to listen once more
        if transfer.direction == "tx":
            self._sent = transfer.data
            self._line(transfer.time, "tx", _meaning_of(transfer.data), transfer.data)
        else:
            self._line(transfer.time, "", f"{transfer.data.decode('ascii')} baud", b"")

    def flush(self) -> None:
        """Show what was received and is no whole frame."""
        self._show_received(self._framer.flush())

    def _show_received(self, items: list[Found]) -> None:
        for item in items:
            if item.frame is None:
                meaning = f"no frame: {item.error.text}" if item.error else "no frame"
            else:
                echo = "echo of " if item.raw == self._sent else ""
                meaning = echo + describe_frame(item.frame)
            self._line(self._heard_at, "rx", meaning, item.raw)

    def _line(self, time: float, direction: str, meaning: str, data: bytes) -> None:
        if self._first is None:
            self._first = self._before = time
        moment = f"{time - self._first:9.3f} {time - self._before:+8.3f}"
        self._before = time
        text = f"{moment}  {direction:2}  {meaning:{_MEANING_WIDTH}}  {spaced_hex(data)}".rstrip()
        width = terminal_width() if self._streams.err_is_terminal else len(text)
        if len(text) <= width:
            self._streams.complain(text)
            return
        rows = [row for part in (meaning, spaced_hex(data)) for row in textwrap.wrap(part, width - _INDENT)]
        self._streams.complain(f"{moment}  {direction:2}  " + f"\n{' ' * _INDENT}".join(rows))


def describe_frame(frame: Frame) -> str:
    """A frame in words: `REQ_UD2 FCB=1 to 5`, `RSP_UD from 5, CI 72 variable data`."""
    if frame.c_field is None or frame.a_field is None:
        return "acknowledgement"
    from_master = bool(frame.c_field & PRM)
    way = "to" if from_master else "from"
    words = f"{describe_c_field(frame.c_field)} {way} {describe_a_field(frame.a_field)}"
    if frame.ci_field is None:
        return words
    if from_master and frame.ci_field == _CI_SELECT:
        # Short, as a search is full of them; a selection ignores the frame count bit.
        return f"SND_UD to {frame.a_field}, CI 52 {_selection(frame.data)}"
    name = _ci_name(frame.ci_field, frame.data, from_master=from_master)
    more = ""
    if from_master and frame.ci_field == _CI_DATA_SEND:
        more = _records(frame)
    return f"{words}, CI {frame.ci_field:02X} {name or '(unknown)'}{more}"


def _selection(data: bytes) -> str:
    """Which meters a selection concerns, as far as it is long enough to tell."""
    if len(data) < _MASK_SIZE:
        return "select meter"
    meters = MeterAddress.from_octets(data[:_MASK_SIZE])
    behind = f" and more ({hex_text(data[_MASK_SIZE:])})" if len(data) > _MASK_SIZE else ""
    if meters.octets() == b"\xff" * _MASK_SIZE:
        return "select every meter" + behind
    if "F" in meters.id:
        return f"select meters {meters} (F: any){behind}"
    return f"select meter {meters}{behind}"


def _records(frame: Frame) -> str:
    """What is written: `: address 6`; nothing for records that make no sense here."""
    assert frame.c_field is not None
    assert frame.a_field is not None
    try:
        telegram = decode(encode_long(frame.c_field, frame.a_field, _CI_DATA_SEND, frame.data))
    except DecodeError:
        return ""
    words = [
        f"{record.header.quantity} {record.error if record.value is None else record.value}"
        f"{record.header.unit and ' '}{record.header.unit}"
        for record in telegram.records
    ]
    return inert(f": {', '.join(words)}") if words else ""


def _ci_name(ci_field: int, data: bytes, *, from_master: bool) -> str | None:
    if from_master:
        known = FROM_MASTER_RECORDS.get(ci_field)
        return describe_command(ci_field, data) or (known.name if known else None)
    # 16 octets behind CI 73 on a wired bus are the fixed structure.
    if ci_field == CI_FIXED and len(data) <= _FIXED_SIZE:
        return FIXED.name
    known = FROM_SLAVE.get(ci_field)
    return known.name if known else None


def _meaning_of(data: bytes) -> str:
    try:
        return describe_frame(decode_frame(data))
    except DecodeError as error:
        return f"no frame: {error.text}"

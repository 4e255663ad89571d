"""Frames of the wired link layer (EN 13757-2, FT1.2).

E5                                  single character
10 C A CS 16                        short frame
68 03 03 68 C A CI CS 16            control frame
68 L L 68 C A CI data CS 16         long frame, L = 3 + number of data bytes, at most 255
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.checksum import sum8
from mbuscli.protocol.wired.fields import ACK, START_LONG, START_SHORT, STOP

MAX_DATA = 252
MAX_FRAME = 261


class FrameKind(Enum):
    """The four shapes of a wired frame."""

    ACK = "ack"
    SHORT = "short"
    CONTROL = "control"
    LONG = "long"


# Looking a member up costs more than all the rest of a frame's checks.
_CONTROL = FrameKind.CONTROL
_LONG = FrameKind.LONG


class Frame(NamedTuple):
    """One frame; fields that its kind does not carry are None, `data` is what follows the CI field."""

    kind: FrameKind
    c_field: int | None = None
    a_field: int | None = None
    ci_field: int | None = None
    data: bytes = b""


ACK_FRAME = Frame(FrameKind.ACK)


def encode_ack() -> bytes:
    """The single character E5."""
    return bytes((ACK,))


def encode_short(c_field: int, a_field: int) -> bytes:
    """A short frame, five bytes."""
    return bytes((START_SHORT, c_field, a_field, (c_field + a_field) & 0xFF, STOP))


def encode_long(c_field: int, a_field: int, ci_field: int, data: bytes = b"") -> bytes:
    """A control frame (no data) or long frame; raises DecodeError `link.too-long` over 252 data bytes."""
    if len(data) > MAX_DATA:
        raise DecodeError(
            f"{len(data)} bytes of data do not fit into a frame (at most {MAX_DATA})", reason=Reason.TOO_LONG
        )
    body = bytes((c_field, a_field, ci_field)) + data
    length = len(body)
    return bytes((START_LONG, length, length, START_LONG)) + body + bytes((sum8(body), STOP))


def decode_frame(data: bytes) -> Frame:
    """The frame that fills `data` exactly; raises DecodeError with the offset of the first wrong byte."""
    if not data:
        raise DecodeError("no bytes", reason=Reason.TOO_SHORT, offset=0)
    start = data[0]
    if start == ACK:
        return _single(data)
    if start == START_SHORT:
        return _short(data)
    if start == START_LONG:
        return _long(data)
    raise DecodeError(
        f"a wired frame starts with 68, 10 or E5, not {start:02X}", reason=Reason.START_BYTE, offset=0
    )


def _single(data: bytes) -> Frame:
    if len(data) > 1:
        raise DecodeError("bytes follow the single character E5", reason=Reason.TOO_LONG, offset=1)
    return ACK_FRAME


def _short(data: bytes) -> Frame:
    _check_size(data, 5)
    _check_end(data, 1)
    return Frame(FrameKind.SHORT, data[1], data[2])


def _long(data: bytes) -> Frame:
    if len(data) < 4:
        raise DecodeError("the frame ends inside its start bytes", reason=Reason.TOO_SHORT, offset=len(data))
    length = data[1]
    if data[2] != length:
        raise DecodeError(
            f"the two length bytes differ: {length:02X} and {data[2]:02X}",
            reason=Reason.LENGTH_MISMATCH,
            offset=2,
        )
    if data[3] != START_LONG:
        raise DecodeError(
            f"the second start byte is {data[3]:02X}, not 68", reason=Reason.START_BYTE, offset=3
        )
    if length < 3:
        raise DecodeError(
            f"the length byte says {length}, but C, A and CI field need 3",
            reason=Reason.LENGTH_MISMATCH,
            offset=1,
        )
    _check_size(data, length + 6)
    _check_end(data, 4)
    return Frame(_CONTROL if length == 3 else _LONG, data[4], data[5], data[6], data[7:-2])


def _check_size(data: bytes, size: int) -> None:
    if len(data) < size:
        raise DecodeError(
            f"the frame needs {size} bytes, {len(data)} are here", reason=Reason.TOO_SHORT, offset=len(data)
        )
    if len(data) > size:
        raise DecodeError(
            f"the frame has {size} bytes, {len(data)} are here", reason=Reason.TOO_LONG, offset=size
        )


def _check_end(data: bytes, start: int) -> None:
    """Check sum and stop byte; `start` is the offset of the C field."""
    if data[-1] != STOP:
        raise DecodeError(
            f"the stop byte is {data[-1]:02X}, not 16", reason=Reason.STOP_BYTE, offset=len(data) - 1
        )
    want = sum8(data[start:-2])
    if data[-2] != want:
        raise DecodeError(
            f"the check sum is {data[-2]:02X}, the bytes add up to {want:02X}",
            reason=Reason.CHECKSUM,
            offset=len(data) - 2,
        )

"""Telegrams out of what a user hands over: arguments, text with telegrams in it, or raw bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mbuscli.errors import InputError, MbuscliError, Reason, UsageError
from mbuscli.protocol.application.ci_table import FROM_SLAVE
from mbuscli.services.hex_text import octets_of
from mbuscli.telegram.model import ACK, LORAWAN

if TYPE_CHECKING:
    from mbuscli.capture.heard import Heard

# Application data begins with one of these CI fields; 68 is rather the start of a frame.
_APPLICATION_CI = FROM_SLAVE.keys() - {0x68}
_LEAST_APPLICATION = 2
# As in capture.dialects, which a telegram from the command line shall not load.
_STICK_STARTS = (0xA5, 0xFF)
# Arguments as long as this are telegrams of their own; shorter ones are pieces of one telegram.
_WHOLE_ARGUMENT = 12
_TELLING = 24
_OR_A_FILE = "give a file's name, - for standard input, or hexadecimal pairs"
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
# What cannot be read in front of the first telegram is kept back: a file without any gets one word for it.
_MOST_KEPT_BACK = 100
LONGEST_LINE = 1 << 20
LONG_HEADER = re.compile(rb"\x68([\x03-\xff])\1\x68", re.DOTALL)
# Where this is nowhere, the framer finds nothing to speak of, and is not loaded.
_LIKE_A_FRAME = re.compile(LONG_HEADER.pattern + rb"|\x10...\x16", re.DOTALL)


class Piece(NamedTuple):
    """Octets that should be one telegram, and what the line around them tells.

    line          where they begin in a text, from 1; None elsewhere
    error         set where no octets could be had from the line
    time          of reception, ISO 8601 as the line tells it
    rssi_dbm      None unless the receiver tells dBm
    mode          link mode such as T1
    frame_format, layer   as telegram.decode takes them
    dialect       name of the line format
    rssi_tail     the last octet may be signal strength, depending on the setting of an Amber stick
    after_s       seconds since the log was begun, where the line tells no more of the time
    """

    data: bytes
    line: int | None = None
    error: MbuscliError | None = None
    time: str | None = None
    rssi_dbm: float | None = None
    mode: str | None = None
    frame_format: str | None = None
    layer: str = "auto"
    dialect: str = "hex"
    rssi_tail: bool = False
    after_s: float | None = None


class Line(NamedTuple):
    """The octets of a line; `alone`: nothing but hexadecimal stands in it."""

    data: bytes
    number: int | None
    alone: bool
    time: str | None = None
    dialect: str = "hex"

    def piece(self, data: bytes) -> Piece:
        """A piece of this line."""
        return Piece(data, self.number, time=self.time, dialect=self.dialect)


NOWHERE = Line(b"", None, False)


def pieces_of_arguments(words: Sequence[str], *, lorawan: bool = False) -> Iterator[Piece]:
    """Telegrams in hexadecimal arguments, or one line of a receiver's log; `lorawan`: hex is LoRaWAN.

    Arguments are joined, as a telegram pasted without quotes arrives in many. Only if no frame comes out
    and each argument is long enough, each one is a telegram. Raises UsageError with the position of what is
    no hexadecimal.
    """
    try:
        parts = [octets_of(word, f"argument {number}", _OR_A_FILE) for number, word in enumerate(words, 1)]
    except UsageError:
        heard = _heard_in(words)
        if not heard:
            raise
        yield from (piece_of(item, None) for item in heard)
        return
    joined = b"".join(parts)
    if not joined:
        raise InputError("there are no bytes in the arguments", reason=Reason.EMPTY)
    if lorawan:
        separate = all(len(part) >= _WHOLE_ARGUMENT for part in parts)
        yield from (Piece(part, layer=LORAWAN) for part in (parts if separate else [joined]))
        return
    separate = len(parts) > 1 and all(len(part) >= _WHOLE_ARGUMENT for part in parts)
    if not separate or _holds_frame(joined):
        parts = [joined]
    for part in parts:
        heard = _heard_from_stick(part)
        if heard:
            yield from (piece_of(item, None) for item in heard)
        else:
            yield from pieces_of_line(Line(part, None, True))


def _holds_frame(data: bytes) -> bool:
    from mbuscli.services.wired_pieces import find_frames

    return any(item.frame for item in find_frames(data))


def _heard_in(words: Sequence[str]) -> list[Heard]:
    from mbuscli.capture.dialects import Dialects
    from mbuscli.capture.heard import Heard
    from mbuscli.capture.lora_gateways import BASE64, heard_from_gateway, octets_of_base64

    octets = [octets_of_base64(word) for word in words]
    if all(octets):
        return [Heard(data, BASE64) for data in octets if data]
    text = " ".join(words).strip()
    gateway = heard_from_gateway(text)
    if gateway is not None:
        return with_telegram(gateway)
    heard = Dialects().parse(text) if text else None
    return with_telegram([heard]) if heard else []


def _heard_from_stick(data: bytes) -> list[Heard]:
    if data[0] not in _STICK_STARTS:
        return []
    from mbuscli.capture.dialects import unframe

    return with_telegram(unframe(data) or ())


def with_telegram(heard: Iterable[Heard]) -> list[Heard]:
    """Those that hold a telegram or an error: receivers also say other things."""
    return [item for item in heard if item.data or item.error]


def piece_of(heard: Heard, number: int | None) -> Piece:
    """What was heard, from line `number`."""
    return Piece(
        heard.data,
        number,
        heard.error,
        heard.time,
        heard.rssi_dbm,
        heard.mode,
        heard.frame_format,
        heard.layer,
        heard.dialect,
        heard.rssi_tail,
        heard.after_s,
    )


class Source(Protocol):
    """What octets are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """As files have it."""
        ...

    def readline(self, size: int = -1, /) -> bytes:
        """As files have it."""
        ...


def pieces_of_stream(
    stream: Source, name: str, *, lorawan: bool = False, first_line: int = 1
) -> Iterator[Piece]:
    """Telegrams in a file or pipe, text or binary, as they are read; memory does not grow with its size.

    `lorawan`: lines of nothing but hexadecimal are LoRaWAN frames. `first_line`: number of the line at which
    a text is read on.

    Lines of text that hold no telegram are pieces with an error. Raises InputError `input.empty`, or
    `input.unrecognised` if nothing in it looks like a telegram.
    """
    if first_line > 1:
        from mbuscli.services.text_lines import pieces_of_lines, utf8_lines

        yield from pieces_of_lines(utf8_lines((), stream), lorawan=lorawan, first_line=first_line)
        return
    head = _head(stream)
    start = b"".join(head)
    if not start:
        raise InputError(f"{name} is empty", reason=Reason.EMPTY)
    if not start.startswith(_UTF16_BOMS) and (_CONTROLS.search(start) or LONG_HEADER.match(start)):
        from mbuscli.services.wired_pieces import pieces_of_bytes

        pieces = pieces_of_bytes(start, stream)
    else:
        from mbuscli.services.text_lines import pieces_of_lines, utf8_lines, utf16_lines

        is_utf16 = start.startswith(_UTF16_BOMS)
        lines = utf16_lines(start, stream) if is_utf16 else utf8_lines(head, stream)
        pieces = pieces_of_lines(lines, lorawan=lorawan)
    kept_back: list[Piece] | None = []  # None once there was a telegram
    for piece in pieces:
        if kept_back is not None:
            if _is_nothing(piece) and len(kept_back) < _MOST_KEPT_BACK:
                kept_back.append(piece)
                continue
            yield from kept_back
            kept_back = None
        yield piece
    if kept_back is not None:
        raise InputError(
            f"no M-Bus telegram was found in {name}",
            reason=Reason.UNRECOGNISED,
            hint=("expected: telegrams in hexadecimal, a receiver's log, or raw bytes of wired frames",),
        )


def _is_nothing(piece: Piece) -> bool:
    return piece.error is not None and piece.error.reason is Reason.UNRECOGNISED


def _head(stream: Source) -> list[bytes]:
    """The first lines, enough to tell text from bytes: a frame may begin with a line end (68 0A 0A 68)."""
    lines: list[bytes] = []
    while sum(map(len, lines)) < _TELLING and (line := stream.readline(LONGEST_LINE + 1)):
        lines.append(line)
    return lines


def pieces_of_line(line: Line) -> list[Piece]:
    """What one line holds: application data, frames, a radio telegram; or unknown octets."""
    data = line.data
    is_application = data[0] in _APPLICATION_CI and len(data) >= _LEAST_APPLICATION
    if _LIKE_A_FRAME.search(data) is None:
        known = line.alone or is_application or _is_radio(data, alone=False)
        return [line.piece(data)] if known else []
    from mbuscli.services.wired_pieces import find_frames, holds_data, worthwhile

    found = find_frames(data)
    if is_application and not holds_data(found):
        return [line.piece(data)]
    pieces = list(worthwhile(found, [line]))
    if line.alone and not pieces:
        return [line.piece(data)]
    # E5 alone is an acknowledgement, and also the L field of a long telegram.
    begins_wired = found[0].frame is not None and data[0] != ACK
    if not begins_wired and _is_radio(data, alone=line.alone):
        return [line.piece(data)]
    return pieces


def _is_radio(data: bytes, *, alone: bool) -> bool:
    """True for a radio telegram; among words a damaged one too, where nothing else gives it away."""
    from mbuscli.telegram.wireless import is_damaged_wireless, is_wireless

    return is_wireless(data) or (not alone and is_damaged_wireless(data))

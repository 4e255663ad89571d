"""Telegrams in text, line by line, so that a growing log can be piped in.

A line is in whatever format a receiver writes, or holds hexadecimal among any words. A wired frame may be
spread over lines; a radio telegram stands on one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from mbuscli.capture.dialects import STICK_STARTS, Dialects, unframe
from mbuscli.capture.heard import Heard
from mbuscli.capture.lora_gateways import BASE64, GATEWAY_MARK, heard_from_gateway, octets_of_base64
from mbuscli.errors import DecodeError, InputError, Reason
from mbuscli.protocol.checksum import sum8
from mbuscli.protocol.receivers.lines import iso_time
from mbuscli.protocol.wired.fields import ACK, START_LONG, START_SHORT, STOP
from mbuscli.protocol.wired.framer import find_frames
from mbuscli.protocol.wired.frames import MAX_FRAME
from mbuscli.protocol.wireless.c_fields import find_service
from mbuscli.services.hex_text import is_only_hex, longest_run, octets_if_hex
from mbuscli.services.input import (
    LONG_HEADER,
    LONGEST_LINE,
    Line,
    Piece,
    Source,
    piece_of,
    pieces_of_line,
    with_telegram,
)
from mbuscli.services.wired_pieces import pieces_of_joined
from mbuscli.telegram.model import LORAWAN
from mbuscli.telegram.wireless import is_wireless

_CHUNK = 1 << 16
_MOST_HELD = 4 * MAX_FRAME
# With the byte order mark, which stands inside where files were put together.
_BLANK = " \t\r\n\v\f\xa0\ufeff"
_LEAST_RADIO_L = 9
_HEX_STARTS = frozenset("0123456789ABCDEFacdef")
_UNFINISHED = re.compile(rb"\x68(?:([\x03-\xff])(?:\1\x68?)?)?", re.DOTALL)
# In front of the rest of the line: 10:00:01, or with a date, perhaps in brackets.
_TIME = re.compile(
    r"\[?((?:\d{4}-\d\d-\d\d[T ])?(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
    r"\]?:?\s+(?=\S)"
)


def utf8_lines(head: Iterable[bytes], stream: Source) -> Iterator[str | None]:
    """Lines of text, `head` being those that were read already; None for one that is too long."""
    cut = False
    for line in chain(head, iter(lambda: stream.readline(LONGEST_LINE + 1), b"")):
        if not cut:
            yield line.decode("utf-8", "replace") if len(line) <= LONGEST_LINE else None
        cut = not line.endswith(b"\n")


def utf16_lines(start: bytes, stream: Source) -> Iterator[str | None]:
    """Lines of text in UTF-16 that begins with its byte order mark; None for one that is too long."""
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    rest = ""
    chunk = start
    while chunk:
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        for line in lines:
            yield line if len(line) <= LONGEST_LINE else None
        rest = rest[: LONGEST_LINE + 1]
        chunk = stream.read(_CHUNK)
    yield rest if len(rest) <= LONGEST_LINE else None


def pieces_of_lines(
    lines: Iterable[str | None], *, lorawan: bool = False, first_line: int = 1
) -> Iterator[Piece]:
    """The telegrams in lines of text, and an error for each line that holds none. # begins a comment.

    `lorawan`: what is nothing but hexadecimal is a LoRaWAN frame.
    """
    reader = _Reader(lorawan)
    for number, line in enumerate(lines, first_line):
        if line is None:
            yield _too_long(number)
            continue
        text = line.strip(_BLANK)
        if text and text[0] != "#":
            yield from reader.take(text, number)
    yield from reader.release()


class _Reader:
    """Takes lines; keeps those that hold the beginning of a wired frame until the frame is whole."""

    def __init__(self, lorawan: bool) -> None:
        self._dialects = Dialects()
        self._held: list[Line] = []
        self._lorawan = lorawan

    def take(self, text: str, number: int) -> list[Piece]:
        """What the next line, stripped and not empty, brings to light."""
        data = _pairs(text)
        if data and not self._lorawan:
            return self._take_octets(Line(data, number, True))
        stamp = _TIME.match(text)
        time = None
        if stamp is not None:
            time = iso_time(stamp[1])
            text = text[stamp.end() :]
        if text[0] == "{" and GATEWAY_MARK.search(text):
            gateway = heard_from_gateway(text)
            if gateway is not None:
                return self._take_heard(gateway, number, time)
        heard = self._dialects.parse(text)
        if heard is None:
            return self._take_hex(text, number, time)
        if heard.goes_on and heard.data:
            return self._take_octets(Line(heard.data, number, True, heard.time or time, heard.dialect))
        return self._take_heard([heard], number, time)

    def release(self) -> list[Piece]:
        """What the lines that are held bring; if they hold no frame together, each line for itself."""
        lines, self._held = self._held, []
        pieces = pieces_of_joined(lines) if len(lines) > 1 else []
        return pieces or [piece for line in lines for piece in _of_one(line)]

    def _take_hex(self, text: str, number: int, time: str | None) -> list[Piece]:
        data = octets_if_hex(text)
        if data and self._lorawan:
            return [*self.release(), Piece(data, number, time=time, layer=LORAWAN)]
        if data:
            return self._take_octets(Line(data, number, True, time))
        if data is None and is_only_hex(text):
            return [_odd(text, number)]
        data = octets_of_base64(text)
        if data:
            return [*self.release(), Piece(data, number, time=time, dialect=BASE64)]
        data = longest_run(text)
        return self._take_octets(Line(data, number, False, time)) if data else [_nothing(number)]

    def _take_heard(self, heard: Iterable[Heard], number: int | None, time: str | None) -> list[Piece]:
        pieces = [piece_of(item, number) for item in with_telegram(heard)]
        if time is not None:
            pieces = [piece if piece.time else piece._replace(time=time) for piece in pieces]
        return [*self.release(), *pieces] if pieces else pieces

    def _take_octets(self, line: Line) -> list[Piece]:
        data = line.data
        released: list[Piece] = []
        if self._held and self._is_not_continued_by(data):
            released = self.release()
        if not self._held:
            if _is_one_telegram(data, alone=line.alone):
                return [*released, line.piece(data)]
            heard = unframe(data)
            if heard is not None:
                return [*released, *self._take_heard(heard, line.number, line.time)]
        self._held.append(line)
        return released if self._may_go_on() else [*released, *self.release()]

    def _joined(self) -> bytes:
        return b"".join(line.data for line in self._held)

    def _is_not_continued_by(self, data: bytes) -> bool:
        """True if `data` begins anew: a frame, or a radio telegram that is not the end of the frame held."""
        if LONG_HEADER.match(data):
            return True
        begins = is_wireless(data) or bool(with_telegram(unframe(data) or ()))
        return begins and not self._is_completed_by(data)

    def _is_completed_by(self, data: bytes) -> bool:
        before = len(self._joined())
        found = find_frames(self._joined() + data)
        return any(item.frame and item.offset < before < item.offset + len(item.raw) for item in found)

    def _may_go_on(self) -> bool:
        """True if the lines end inside a long frame: more of it may follow on the next line."""
        joined = self._joined()
        if START_LONG not in joined or len(joined) > _MOST_HELD:
            return False
        last = find_frames(joined)[-1]
        if last.frame is not None:
            return False
        header = LONG_HEADER.search(last.raw)
        if header is not None:
            return len(last.raw) - header.start() < last.raw[header.start() + 1] + 6
        return any(_UNFINISHED.fullmatch(last.raw[-size:]) for size in (1, 2, 3))


def _pairs(text: str) -> bytes | None:
    """The octets of plain hexadecimal pairs, the quick way; lower b may also begin a line of a CUL."""
    if text[0] not in _HEX_STARTS:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def _is_one_telegram(data: bytes, *, alone: bool) -> bool:
    """True, without a search for frames, for most lines that hold one telegram from end to end."""
    size = len(data)
    first = data[0]
    if first in STICK_STARTS:
        return False
    if LONG_HEADER.match(data):
        return size == data[1] + 6 and data[-1] == STOP and sum8(data[4:-2]) == data[-2]
    if not alone:
        return LONG_HEADER.search(data) is None and is_wireless(data)
    if START_LONG not in data:
        return first not in (START_SHORT, ACK)
    if first == START_SHORT or first < _LEAST_RADIO_L or size <= first or find_service(data[1]) is None:
        return False
    # A radio telegram with the CRCs of format A, or without any: L tells the length.
    return size in (first + 1, first + 3 + 2 * -(-(first - _LEAST_RADIO_L) // 16))


def _of_one(line: Line) -> Sequence[Piece]:
    pieces = pieces_of_line(line)
    if pieces or line.number is None:
        return pieces
    # An acknowledgement alone is no telegram, and nothing to complain about.
    return [] if any(item.frame for item in find_frames(line.data)) else [_nothing(line.number)]


def _nothing(number: int) -> Piece:
    error = InputError("there is no telegram in this line", reason=Reason.UNRECOGNISED)
    return Piece(b"", number, error)


def _too_long(number: int) -> Piece:
    text = f"the line has more than {LONGEST_LINE} characters and is left out"
    return Piece(b"", number, InputError(text, reason=Reason.TOO_LONG))


def _odd(text: str, number: int) -> Piece:
    digits = sum(character.isalnum() for character in text)
    error = DecodeError(
        f"line {number} cannot be read as bytes: an odd number of hexadecimal digits ({digits} in all)",
        reason=Reason.ODD_HEX,
        layer="input",
    )
    return Piece(b"", number, error)

"""Telegrams out of what a user hands over: arguments, text with hexadecimal in it, or raw bytes.

Text is read line by line, so that a growing log can be piped in. A wired frame may be spread over lines;
whatever stands around frames is passed over. A line of bare application data is a telegram of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO, NamedTuple

from mbuscli.errors import DecodeError, InputError, MbuscliError, Reason
from mbuscli.protocol.application.ci_table import FROM_SLAVE
from mbuscli.protocol.wired.framer import Found, Framer, find_frames
from mbuscli.protocol.wired.frames import MAX_FRAME, FrameKind
from mbuscli.services.hex_text import is_only_hex, longest_run, octets_of

# Application data begins with one of these CI fields; 68 is rather the start of a frame.
_APPLICATION_CI = FROM_SLAVE.keys() - {0x68}
_LEAST_APPLICATION = 2
# Arguments as long as this are telegrams of their own; shorter ones are pieces of one telegram.
_WHOLE_ARGUMENT = 12
_LONGEST_LINE = 1 << 20
_TELLING = 24
_CHUNK = 1 << 16
_MOST_HELD = 4 * MAX_FRAME
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_WITH_DATA = frozenset((FrameKind.CONTROL, FrameKind.LONG))
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_LONG_HEADER = re.compile(rb"\x68([\x03-\xff])\1\x68", re.DOTALL)
_UNFINISHED = re.compile(rb"\x68(?:([\x03-\xff])(?:\1\x68?)?)?", re.DOTALL)


class Piece(NamedTuple):
    """Octets that should be one telegram; `line` (from 1) is where they begin in a text, None elsewhere.

    `error` is set where the text itself is damaged and no octets could be had from it.
    """

    data: bytes
    line: int | None = None
    error: MbuscliError | None = None


def pieces_of_arguments(words: Sequence[str]) -> Iterator[Piece]:
    """Telegrams in hexadecimal arguments; raises UsageError with the position of what is no hexadecimal.

    Arguments are joined, as a telegram pasted without quotes arrives in many. Only if no frame comes out
    and each argument is long enough, each one is a telegram.
    """
    parts = [octets_of(word, f"argument {number}") for number, word in enumerate(words, 1)]
    joined = b"".join(parts)
    if not joined:
        raise InputError("there are no bytes in the arguments", reason=Reason.EMPTY)
    separate = len(parts) > 1 and all(len(part) >= _WHOLE_ARGUMENT for part in parts)
    if separate and not any(item.frame for item in find_frames(joined)):
        for part in parts:
            yield from _pieces_of_line(_Line(part, None, True))
    else:
        yield from _pieces_of_line(_Line(joined, None, True))


def pieces_of_stream(stream: BinaryIO, name: str) -> Iterator[Piece]:
    """Telegrams in a file or pipe, text or binary, as they are read.

    InputError: `input.empty`, or `input.unrecognised` if nothing in it looks like a telegram.
    """
    head = _head(stream)
    start = b"".join(head)
    if not start:
        raise InputError(f"{name} is empty", reason=Reason.EMPTY)
    if start.startswith(_UTF16_BOMS):
        text = (start + stream.read()).decode("utf-16", "replace")
        pieces = _pieces_of_lines(text.splitlines())
    elif _CONTROLS.search(start) or _LONG_HEADER.match(start):
        pieces = _worthwhile(_found_in_bytes(start, stream))
    else:
        pieces = _pieces_of_lines(_lines(head, stream, name))
    empty = True
    for piece in pieces:
        empty = False
        yield piece
    if empty:
        raise InputError(
            f"no M-Bus telegram was found in {name}",
            reason=Reason.UNRECOGNISED,
            hint=("expected: telegrams in hexadecimal, as text, or raw bytes of wired frames",),
        )


def _head(stream: BinaryIO) -> list[bytes]:
    """The first lines, enough to tell text from bytes: a frame may begin with a line end (68 0A 0A 68)."""
    lines: list[bytes] = []
    while sum(map(len, lines)) < _TELLING and (line := stream.readline(_LONGEST_LINE)):
        lines.append(line)
    return lines


def _lines(head: list[bytes], stream: BinaryIO, name: str) -> Iterator[str]:
    for line in chain(head, iter(lambda: stream.readline(_LONGEST_LINE), b"")):
        if len(line) >= _LONGEST_LINE and not line.endswith(b"\n"):
            raise InputError(
                f"{name} holds a line of more than {_LONGEST_LINE} bytes", reason=Reason.TOO_LONG
            )
        yield line.decode("utf-8-sig", "replace")


def _found_in_bytes(first: bytes, stream: BinaryIO) -> Iterator[Found]:
    framer = Framer()
    chunk = first
    while chunk:
        yield from framer.feed(chunk)
        chunk = stream.read(_CHUNK)
    yield from framer.flush()


class _Line(NamedTuple):
    """The octets of a line; `alone`: nothing but hexadecimal stands in it."""

    data: bytes
    number: int | None
    alone: bool


def _pieces_of_lines(lines: Iterable[str]) -> Iterator[Piece]:
    held: list[_Line] = []  # lines of a frame that is not complete yet
    for number, text in enumerate(map(str.strip, lines), 1):
        if not text or text.startswith("#"):
            continue
        line = _Line(longest_run(text), number, is_only_hex(text))
        if line.alone and _is_odd(text):
            yield Piece(b"", number, _odd_line(text, number))
        elif line.data:
            if held and _LONG_HEADER.match(line.data):
                yield from _release(held)
            held.append(line)
            if not _may_go_on(held):
                yield from _release(held)
    yield from _release(held)


def _may_go_on(held: Sequence[_Line]) -> bool:
    """True if the lines end inside a long frame: more of it may follow on the next line."""
    joined = b"".join(line.data for line in held)
    if len(joined) > _MOST_HELD:
        return False
    last = find_frames(joined)[-1]
    if last.frame is not None:
        return False
    header = _LONG_HEADER.search(last.raw)
    if header is not None:
        return len(last.raw) - header.start() < last.raw[header.start() + 1] + 6
    return any(_UNFINISHED.fullmatch(last.raw[-size:]) for size in (1, 2, 3))


def _release(held: list[_Line]) -> Iterator[Piece]:
    """The telegrams of lines that were read together; if they hold no frame, of each line for itself."""
    lines = list(held)
    held.clear()
    found = find_frames(b"".join(line.data for line in lines))
    if len(lines) > 1 and any(item.frame for item in found):
        yield from _worthwhile(found, lines)
    else:
        for line in lines:
            yield from _pieces_of_line(line)


def _pieces_of_line(line: _Line) -> Iterator[Piece]:
    """What one line holds: application data, frames, or, if it is all hexadecimal, something unknown."""
    data = line.data
    if data[0] in _APPLICATION_CI and len(data) >= _LEAST_APPLICATION and not _has_frame(data):
        yield Piece(data, line.number)
        return
    pieces = list(_worthwhile(find_frames(data), [line]))
    if not pieces and line.alone:
        pieces.append(Piece(data, line.number))
    yield from pieces


def _worthwhile(found: Iterable[Found], lines: Sequence[_Line] = ()) -> Iterator[Piece]:
    """Frames, and garbage that began as a long frame: a damaged telegram is worth a word, the rest is not.

    Five bytes of anything may look like a short frame: one behind garbage is not taken for one.
    """
    after_garbage = False
    for item in found:
        number = _line_at(lines, item.offset)
        if item.frame is not None:
            if item.frame.kind in _WITH_DATA or (item.frame.kind is FrameKind.SHORT and not after_garbage):
                yield Piece(item.raw, number)
                after_garbage = False
        else:
            after_garbage = True
            header = _LONG_HEADER.search(item.raw)
            if header is not None:
                yield Piece(item.raw[header.start() :], number)


def _line_at(lines: Sequence[_Line], offset: int) -> int | None:
    for line in lines:
        if offset < len(line.data):
            return line.number
        offset -= len(line.data)
    return None


def _has_frame(data: bytes) -> bool:
    return any(item.frame is not None and item.frame.kind in _WITH_DATA for item in find_frames(data))


def _is_odd(text: str) -> bool:
    try:
        octets_of(text, "")
    except MbuscliError:
        return True
    return False


def _odd_line(text: str, number: int) -> DecodeError:
    digits = sum(character.isalnum() for character in text)
    return DecodeError(
        f"line {number} cannot be read as bytes: an odd number of hexadecimal digits ({digits} in all)",
        reason=Reason.ODD_HEX,
        layer="input",
    )

"""Judges what was heard in one reply window.

The rule, in this order:

1. Octets equal to the request at the very start are the converter's echo and are dropped.
2. Nothing left is SILENCE, and so is an echo that lost octets on its way, which `note` then says.
3. A single E5 without parity error is an ACK. One E5 among other octets never is: noise makes it easily.
4. One good RSP_UD, no other frame and no parity error, is a FRAME; up to four stray octets around it are
   tolerated and kept in `stray` (a scan treats such a reply as garbled).
5. COLLISION is what several meters at once can produce, a candidate until a repeat confirms it: a parity
   error, several frames, an E5 with other octets behind it, a broken long frame, a burst shorter than any
   frame (overlapping E5 give A5, FC, E4 ...), or an answer behind a request whose echo came back damaged.
6. The rest is NOISE: octets without any trace of an answer, or the request of another master.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from mbuscli.protocol.octets import counted
from mbuscli.protocol.wired.fields import (
    ACD,
    ACK,
    ADDRESS_SELECTED,
    ADDRESS_TEST,
    DFC,
    RSP_UD,
    START_LONG,
    START_SHORT,
)
from mbuscli.protocol.wired.framer import Found, find_frames
from mbuscli.protocol.wired.frames import Frame, FrameKind

_LONG_HEADER = re.compile(rb"\x68(.)\1\x68", re.DOTALL)
_MAX_STRAY = 4
_SHORTEST_FRAME = 5
_DAMAGED_ECHO = "the request's echo came back damaged"


class ReplyKind(Enum):
    """What a reply window held."""

    SILENCE = "silence"
    ACK = "ack"
    FRAME = "frame"
    COLLISION = "collision"
    NOISE = "noise"


class Reply(NamedTuple):
    """One judged reply window.

    `raw`: the frame's octets for a FRAME, else all that was heard after the echo; `stray`: octets heard
    around a frame; `echo`: the request came back first; `note`: what was wrong, for people.
    """

    kind: ReplyKind
    raw: bytes = b""
    frame: Frame | None = None
    echo: bool = False
    stray: bytes = b""
    note: str = ""

    @property
    def is_garbled(self) -> bool:
        """True if something was heard that is neither a clean acknowledgement nor a clean frame."""
        return self.kind in (ReplyKind.COLLISION, ReplyKind.NOISE) or bool(self.stray)

    def comes_from(self, address: int) -> bool:
        """True for a frame of the meter that was asked; 253 and 254 stand for a meter of any address."""
        if self.frame is None:
            return False
        return address in (ADDRESS_SELECTED, ADDRESS_TEST, self.frame.a_field)


def echo_length(request: bytes, heard: bytes | bytearray) -> int:
    """How many octets at the start of `heard` are the echo of `request`, which may be incomplete yet."""
    size = min(len(request), len(heard))
    return size if heard[:size] == request[:size] else 0


def judge(request: bytes, heard: bytes, bad: frozenset[int] = frozenset()) -> Reply:
    """The verdict on `heard`; `bad` holds the indices of octets with a parity error."""
    echo = bool(request) and heard.startswith(request)
    skip = len(request) if echo else 0
    raw = heard[skip:]
    bad = frozenset(index - skip for index in bad if index >= skip)
    if not raw:
        return Reply(ReplyKind.SILENCE, echo=echo)
    if raw == bytes((ACK,)) and not bad:
        return Reply(ReplyKind.ACK, raw, echo=echo)
    if not bad and is_lost_echo(request, raw):
        return Reply(ReplyKind.SILENCE, raw, note=_DAMAGED_ECHO)
    found = find_frames(raw, bad)
    frames = [item for item in found if item.frame]
    if len(frames) == 1 and not bad and _is_answer(frames[0].frame):
        stray = b"".join(item.raw for item in found if item.error)
        if len(stray) <= _MAX_STRAY:
            return Reply(ReplyKind.FRAME, frames[0].raw, frames[0].frame, echo, stray)
    kind, note = _why_garbled(request, raw, found, len(bad))
    return Reply(kind, raw, echo=echo, note=note)


def _is_answer(frame: Frame | None) -> bool:
    if frame is None or frame.c_field is None or frame.kind is FrameKind.SHORT:
        return False
    return frame.c_field & ~(ACD | DFC) == RSP_UD


def _why_garbled(request: bytes, raw: bytes, found: list[Found], parity_errors: int) -> tuple[ReplyKind, str]:
    frames = sum(item.frame is not None for item in found)
    if parity_errors:
        return ReplyKind.COLLISION, f"parity errors in {parity_errors} of {counted(len(raw), 'byte')}"
    if _is_damaged_echo(request, raw):
        return ReplyKind.COLLISION, _DAMAGED_ECHO
    if frames > 1:
        return ReplyKind.COLLISION, f"{frames} answers came at once"
    if raw[0] == ACK:
        return ReplyKind.COLLISION, f"{len(raw) - 1} more octets came with an E5"
    error = found[0].error
    if error and (raw[0] == START_LONG or _LONG_HEADER.search(raw)):
        return ReplyKind.COLLISION, f"the answer is broken: {error.text}"
    if len(raw) < _SHORTEST_FRAME:
        return ReplyKind.COLLISION, "a burst shorter than any frame was heard"
    if frames:
        return ReplyKind.NOISE, "a frame was heard that is no meter's answer"
    return ReplyKind.NOISE, f"{counted(len(raw), 'byte')} without a trace of an answer came"


def is_lost_echo(request: bytes, raw: bytes | bytearray) -> bool:
    """True if `raw` is most of the request, in order, and nothing else: an echo that lost octets."""
    rest = iter(request)
    return len(raw) > len(request) // 2 and all(octet in rest for octet in raw)


def _is_damaged_echo(request: bytes, raw: bytes) -> bool:
    """True if `raw` begins like the request up to its C field, which no answer has."""
    if not request:
        return False
    size = 2 if request[0] == START_SHORT else 5
    return raw[:size] == request[:size]

"""Finds wired frames in a stream of octets, whatever stands around them.

At each place where a frame may begin, the framer waits for as many octets as the frame announces. If they
are no good frame, one octet is given up and the search goes on inside the failed candidate, so that no
frame behind a false start is lost. What belongs to no frame comes out as garbage with the reason why its
most frame-like part failed. The result does not depend on how the stream is cut into pieces.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.wired.fields import ACK, START_LONG, START_SHORT, STOP
from mbuscli.protocol.wired.frames import MAX_FRAME, Frame, decode_frame

_START = re.compile(rb"[\x10\x68]")
_HEADER = 4
_NO_OCTETS_BAD: frozenset[int] = frozenset()

# How much a failed candidate looked like a frame: its reason is the better the later the check failed.
_LONG_SCORE = {Reason.CHECKSUM: 6, Reason.PARITY: 6, Reason.STOP_BYTE: 5, Reason.TOO_SHORT: 4}
_SHORT_SCORE = {Reason.CHECKSUM: 3, Reason.PARITY: 3}


class Found(NamedTuple):
    """A frame, or garbage with the reason: exactly one of `frame` and `error` is set.

    `offset` counts from the first octet ever fed; the error's offset counts from the start of `raw`.
    """

    offset: int
    raw: bytes
    frame: Frame | None = None
    error: DecodeError | None = None


class Framer:
    """Feed it octets as they come; it keeps at most one candidate and one piece of garbage.

    Garbage comes in pieces of at most 261 octets. `flush` says that the line is idle: whatever is
    incomplete then is garbage, and a frame may begin again.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()  # garbage up to _scan, then what is still to be judged
        self._bad = bytearray()  # 1 where the octet had a parity error, parallel to _buffer
        self._scan = 0
        self._offset = 0
        self._after_garbage = False
        self._best: tuple[int, DecodeError] | None = None

    def feed(self, data: bytes, bad: frozenset[int] = _NO_OCTETS_BAD) -> list[Found]:
        """What the next octets complete; `bad` holds the indices of those with a parity error."""
        self._buffer += data
        flags = bytearray(len(data))
        for index in bad:
            flags[index] = 1
        self._bad += flags
        return self._search(idle=False)

    def flush(self) -> list[Found]:
        """What is left when the line is idle."""
        found = self._search(idle=True)
        self._give_up(len(self._buffer), found)
        self._after_garbage = False
        return found

    def _search(self, *, idle: bool) -> list[Found]:
        found: list[Found] = []
        while self._to_next_start(found):
            size = self._announced_size()
            if len(self._buffer) < self._scan + size and not idle:
                break
            self._judge(bytes(self._buffer[self._scan : self._scan + size]), found)
        return found

    def _to_next_start(self, found: list[Found]) -> bool:
        """Move to the next octet that may start a frame; false if there is none."""
        buffer = self._buffer
        if buffer and self._scan == 0 and not self._after_garbage and buffer[0] == ACK:
            return True
        match = _START.search(buffer, self._scan)
        self._scan = match.start() if match else len(buffer)
        while self._scan >= MAX_FRAME:
            self._give_up(MAX_FRAME, found)
        return self._scan < len(self._buffer)

    def _announced_size(self) -> int:
        """The octets that are needed to judge the candidate; four until a long frame's length is known."""
        head = self._buffer[self._scan : self._scan + _HEADER]
        if head[0] == ACK:
            return 1
        if head[0] == START_SHORT:
            return 5
        return head[1] + 6 if _is_long_header(head) else _HEADER

    def _judge(self, candidate: bytes, found: list[Found]) -> None:
        try:
            frame = decode_frame(candidate)
            self._check_parity(len(candidate))
        except DecodeError as error:
            self._keep_best(candidate, error)
            self._scan += 1
            return
        self._give_up(self._scan, found)
        found.append(Found(self._offset, candidate, frame))
        self._drop(len(candidate))
        self._after_garbage = False

    def _check_parity(self, size: int) -> None:
        index = self._bad.find(1, self._scan, self._scan + size)
        if index >= 0:
            raise DecodeError(
                "an octet came with a parity error", reason=Reason.PARITY, offset=index - self._scan
            )

    def _keep_best(self, candidate: bytes, error: DecodeError) -> None:
        score = _likeness(candidate, error.reason)
        if self._best is None or score > self._best[0]:
            error.offset = self._scan + (error.offset or 0)
            self._best = score, error

    def _give_up(self, size: int, found: list[Found]) -> None:
        """Hand over the first `size` octets as garbage."""
        if not size:
            return
        error = self._best[1] if self._best else _no_frame(size)
        found.append(Found(self._offset, bytes(self._buffer[:size]), error=error))
        self._drop(size)
        self._after_garbage = True

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        del self._bad[:size]
        self._offset += size
        self._scan = max(0, self._scan - size)
        self._best = None


def find_frames(data: bytes, bad: frozenset[int] = _NO_OCTETS_BAD) -> list[Found]:
    """All that a complete input holds, in order and without gaps; neighbouring garbage is one item."""
    framer = Framer()
    merged: list[Found] = []
    for item in framer.feed(data, bad) + framer.flush():
        if item.error and merged and merged[-1].error:
            merged[-1] = _merge(merged[-1], item)
        else:
            merged.append(item)
    return [_name_overlong(item) for item in merged]


def _merge(left: Found, right: Found) -> Found:
    """Two pieces of one run of garbage, with the reason that says more."""
    assert left.error
    assert right.error
    raw = left.raw + right.raw
    if left.error.reason is not Reason.GARBAGE:
        return left._replace(raw=raw)
    if right.error.reason is Reason.GARBAGE:
        return Found(left.offset, raw, error=_no_frame(len(raw)))
    right.error.offset = len(left.raw) + (right.error.offset or 0)
    return Found(left.offset, raw, error=right.error)


def _name_overlong(item: Found) -> Found:
    """A frame with more octets than its length byte can say misses its stop byte where it should be."""
    if (
        item.error is None
        or item.error.reason is not Reason.STOP_BYTE
        or not _is_long_header(item.raw)
        or item.raw[-1] != STOP
    ):
        return item
    try:
        decode_frame(item.raw)
    except DecodeError as error:
        return item._replace(error=error)
    return item


def _is_long_header(head: bytes | bytearray) -> bool:
    return len(head) >= _HEADER and head[0] == head[3] == START_LONG and head[1] == head[2] >= 3


def _likeness(candidate: bytes, reason: Reason) -> int:
    if candidate[0] == START_SHORT:
        return _SHORT_SCORE.get(reason, 0)
    if _is_long_header(candidate):
        return _LONG_SCORE.get(reason, 1)
    return 2 if candidate[_HEADER - 1 : _HEADER] == bytes((START_LONG,)) else 1


def _no_frame(size: int) -> DecodeError:
    return DecodeError(
        f"no frame begins in these {size} octets (68, 10 or E5 would start one)",
        reason=Reason.GARBAGE,
        offset=0,
    )

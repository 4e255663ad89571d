"""What was received earlier, or comes in by a pipe, as a stick: everything that can be decrypted can be heard
again, at its own pace, at another one, or at once."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from mbuscli.capture.walk import parts_of
from mbuscli.capture.walk_file import LogFile, open_log
from mbuscli.devices.sticks.base import Identity, Reception
from mbuscli.errors import DecodeError, MbuscliError, Reason
from mbuscli.protocol.receivers.stream import rssi_dbm, split_rssi
from mbuscli.protocol.wired.fields import START_LONG
from mbuscli.services.input import Piece, pieces_of_stream

# At once still means: in portions, so that the listener gets a word in between.
_PORTION = 256
_WAIT_S = 0.25
_AHEAD = 1024
_EVERY = frozenset(("C1", "S1", "T1"))
# L, C, M, A, CI and the octet of signal strength.
_SHORTEST_WITH_TAIL = 12
# More problems than any telegram has.
_HOPELESS = 1 << 16


class Moment(NamedTuple):
    """A reception and when it was, in seconds since 1970; None if that is not recorded."""

    reception: Reception
    time: float | None


class Recording:
    """Receptions with their times as a stick, on a clock of its own: that of the recording.

    `speed` 1 is the recorded pace, 10 is ten times as fast, None all at once. What has no time comes at the
    time of the one before it. `ended` is True once everything was handed over. `wait` sleeps for seconds.
    """

    family = "replay"
    hears: tuple[frozenset[str], ...] = (_EVERY,)

    def __init__(
        self,
        moments: Iterable[Moment],
        name: str,
        *,
        speed: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._moments = iter(moments)
        self._name = name
        self._speed = speed
        self._clock = clock
        self._wait = wait
        self._next = next(self._moments, None)
        first = self._next.time if self._next is not None else None
        # Without recorded times it is as if everything came now.
        self._now = time.time() if first is None else first
        self._began = clock()
        self._first = self._now

    @property
    def ended(self) -> bool:
        """Has everything been handed over?"""
        return self._next is None

    def now(self) -> float:
        """The recording's clock: seconds since 1970."""
        if self._speed is not None and not self.ended:
            self._now = max(self._now, self._first + (self._clock() - self._began) * self._speed)
        return self._now

    def wall_time(self, moment: float) -> float:
        """Seconds since 1970 of a time of this clock."""
        return moment

    def identify(self) -> Identity:
        return Identity(self.family, self._name, step="named by the user; a recording is not asked")

    def listen(self, modes: frozenset[str]) -> frozenset[str]:
        """Whatever is in the recording is heard."""
        return modes

    def receive(self, until: float) -> list[Reception]:
        heard: list[Reception] = []
        while self._next is not None and len(heard) < _PORTION:
            due = self._next.time if self._next.time is not None else self._now
            if due > until or (heard and self._speed is not None and due > self.now()):
                break
            self._sleep_until(due)
            self._now = max(self._now, due)
            heard.append(self._next.reception._replace(time=due))
            self._next = next(self._moments, None)
        if not heard:
            self._sleep_until(until)
            self._now = max(self._now, until)
        return heard

    def is_alive(self) -> bool:
        return not self.ended

    def restore(self) -> None:
        """Nothing was changed."""

    def _sleep_until(self, due: float) -> None:
        if self._speed is not None and (wait_s := (due - self.now()) / self._speed) > 0:
            self._wait(wait_s)


class Piped:
    """Receptions out of a stream that is still being written, as they come: a thread reads ahead."""

    family = "pipe"
    hears: tuple[frozenset[str], ...] = (_EVERY,)

    def __init__(self, moments: Iterable[Moment], name: str) -> None:
        self._name = name
        self._queue: queue.Queue[Moment | MbuscliError | None] = queue.Queue(_AHEAD)
        self.ended = False
        threading.Thread(target=self._run, args=(moments,), daemon=True).start()

    def now(self) -> float:
        return time.monotonic()

    def wall_time(self, moment: float) -> float:
        """Seconds since 1970 of a time of this clock."""
        return time.time() - (self.now() - moment)

    def identify(self) -> Identity:
        return Identity(self.family, self._name, step="named by the user; a pipe cannot be asked")

    def listen(self, modes: frozenset[str]) -> frozenset[str]:
        """Whatever comes is heard."""
        return modes

    def receive(self, until: float) -> list[Reception]:
        heard: list[Reception] = []
        while not self.ended and len(heard) < _PORTION:
            left_s = 0.0 if heard else max(0.0, until - self.now())
            try:
                item = self._queue.get(timeout=min(left_s, _WAIT_S)) if left_s else self._queue.get_nowait()
            except queue.Empty:
                if heard or self.now() >= until:
                    break
                continue
            if isinstance(item, Moment):
                heard.append(item.reception._replace(time=self.now()))
                continue
            self.ended = True
            if item is not None:
                raise item
        return heard

    def is_alive(self) -> bool:
        return not self.ended

    def restore(self) -> None:
        """Nothing was changed."""

    def _run(self, moments: Iterable[Moment]) -> None:
        try:
            for moment in moments:
                self._queue.put(moment)
        except MbuscliError as error:
            self._queue.put(error)
        self._queue.put(None)


def read_recording(path: str) -> Iterator[Moment]:
    """What is in a file, and in those that continue a capture: walk captures, logs of receivers, telegrams in
    hexadecimal, zipped or not; an unfinished last line is left out.

    Raises InputError: at once if the file cannot be read, later if there is no telegram in it.
    """
    logs = [(open_log(name), name) for _, name in parts_of(path) or [(1, path)]]
    return moments_of(piece for log, name in logs for piece in _pieces(log, name))


def _pieces(log: LogFile, name: str) -> Iterator[Piece]:
    with log:
        yield from pieces_of_stream(log, name)


def moments_of(pieces: Iterable[Piece]) -> Iterator[Moment]:
    """What the lines of a log tell, as a stick would: its strength taken off, damage kept as such."""
    started: float | None = None
    tails = _Tails()
    for piece in pieces:
        at = _seconds(piece.time)
        if at is None and piece.after_s is not None:
            started = time.time() if started is None else started
            at = started + piece.after_s
        yield Moment(_reception(piece, tails), at)


def _reception(piece: Piece, tails: _Tails) -> Reception:
    error = _error_of(piece)
    if error is not None:
        return Reception(b"", 0.0, piece.rssi_dbm, piece.mode, error=error, raw=piece.data)
    data, level = piece.data, piece.rssi_dbm
    if piece.rssi_tail and tails.has_one(data):
        data, octet = split_rssi(data)
        level = rssi_dbm(octet)
    return Reception(data, 0.0, level, piece.mode, piece.frame_format, raw=piece.data)


class _Tails:
    """Is the last octet of an Amber stick's telegrams signal strength? A setting of the stick, so the first
    telegram that reads better one way tells it for all; until then nothing is taken away."""

    def __init__(self) -> None:
        self._appended: bool | None = None

    def has_one(self, data: bytes) -> bool:
        if len(data) < _SHORTEST_WITH_TAIL:
            return False
        if self._appended is None:
            with_tail, without = _damage(data), _damage(split_rssi(data)[0])
            if with_tail != without:
                self._appended = without < with_tail
        return bool(self._appended)


def _damage(data: bytes) -> int:
    from mbuscli.telegram import decode

    try:
        telegram = decode(data, layer="wireless", frame_format="none")
    except DecodeError:
        return _HOPELESS
    return sum(not problem.warning for problem in telegram.problems)


def _error_of(piece: Piece) -> DecodeError | None:
    if piece.error is not None:
        if isinstance(piece.error, DecodeError):
            return piece.error
        return DecodeError(piece.error.text, reason=piece.error.reason, layer=piece.error.layer)
    if piece.data[0] == START_LONG and piece.data[3:4] == piece.data[:1]:
        text = "this is a frame of a wired bus, which no radio hears"
        return DecodeError(text, reason=Reason.UNEXPECTED)
    return None


def _seconds(text: str | None) -> float | None:
    """Seconds since 1970; a time without a zone is of this computer's."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OSError, OverflowError):
        return None

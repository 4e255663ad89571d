"""Listens with several sticks at once, one thread each, and gets them back when they were unplugged."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol, TypeAlias

from mbuscli.devices.sticks.base import Identity, Reception
from mbuscli.errors import DeviceError, MbuscliError, PortError, Reason, UsageError

# A burst of a full channel for half a minute; then the sticks wait, as their own buffers allow.
_QUEUE = 4096
# How soon a thread notices that it should end.
_SLICE_S = 0.25
# A stick that has been silent for so long is asked for a sign of life, and again after as long.
_QUIET_S = 10.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
# Nobody walks on for so long without a stick.
PATIENCE_S = 600.0


class Tuned(NamedTuple):
    """A stick that listens: who it is, which link modes it hears now, which of the wanted ones it cannot hear
    at the same time, and which sets of modes it could hear instead."""

    identity: Identity
    modes: frozenset[str]
    deaf: frozenset[str] = frozenset()
    others: tuple[frozenset[str], ...] = ()


class Receiver(Protocol):
    """What is needed of an open stick, as `OpenStick` has it. `ended` once there is nothing more to come."""

    name: str
    ended: bool
    hears: tuple[frozenset[str], ...]

    def identify(self) -> Identity: ...

    def listen(self, modes: frozenset[str]) -> frozenset[str]: ...

    def now(self) -> float: ...

    def wall_time(self, moment: float) -> float: ...

    def receive(self, until: float) -> list[Reception]: ...

    def is_alive(self) -> bool: ...

    def close(self) -> None: ...


class Received(NamedTuple):
    """Something was received; `time` in seconds since 1970."""

    port: str
    time: float
    reception: Reception


class Listening(NamedTuple):
    """A stick listens, for the first time or again."""

    port: str
    tuned: Tuned
    again: bool = False


class Alive(NamedTuple):
    """A stick that hears nothing was asked whether it is alive, and answered."""

    port: str
    time: float


class Gap(NamedTuple):
    """A stick is lost (`until` None), or came back: nothing was heard from `since` to `until`."""

    port: str
    since: float
    until: float | None
    error: MbuscliError


class Ended(NamedTuple):
    """A stick is done: `error` None at the end of its time, or of the file that it plays."""

    port: str
    error: MbuscliError | None = None


ListenEvent: TypeAlias = Received | Listening | Alive | Gap | Ended
Open: TypeAlias = Callable[[], Receiver]
Tap: TypeAlias = Callable[[ListenEvent, str], None]


class Source(NamedTuple):
    """One stick: what the user called it, how it is opened, the second time as the first, and the link modes
    that are wanted (None: as many as it hears at once)."""

    name: str
    open: Open
    modes: frozenset[str] | None = None


class Listeners:
    """The threads of all sticks; their events come one after the other.

    `tap` sees every event in the thread of its stick, before it is queued, with the family of the stick: a
    capture has what was received whatever happens to the rest of the program. `for_s` is counted on the clock
    of each port, so that simulated and replayed time counts as such.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        *,
        for_s: float | None = None,
        tap: Tap | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._events: queue.Queue[ListenEvent] = queue.Queue(_QUEUE)
        self._stop = threading.Event()
        self._threads = [
            _Thread(source, self._events, self._stop, for_s, tap, patience_s) for source in sources
        ]
        self._running = len(self._threads)

    def start(self) -> None:
        """Open the sticks and listen."""
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> int:
        """Sticks that are not done yet."""
        return self._running

    def events(self, wait_s: float) -> Iterator[ListenEvent]:
        """What happened, after `wait_s` at most; nothing comes any more when `running` is 0."""
        try:
            event: ListenEvent | None = self._events.get(timeout=wait_s)
        except queue.Empty:
            return
        while event is not None:
            if isinstance(event, Ended):
                self._running -= 1
            yield event
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                event = None

    def stop(self) -> Iterator[ListenEvent]:
        """Let the sticks end, put back as they were; what they had received comes first."""
        self._stop.set()
        while self._running:
            yield from self.events(_SLICE_S)
        for thread in self._threads:
            thread.join()


class _Thread(threading.Thread):
    """One stick."""

    def __init__(
        self,
        source: Source,
        events: queue.Queue[ListenEvent],
        stop: threading.Event,
        for_s: float | None,
        tap: Tap | None,
        patience_s: float,
    ) -> None:
        super().__init__(name=f"stick {source.name}", daemon=True)
        self._source = source
        self._events = events
        self._ending = stop
        self._left_s = for_s
        self._tap = tap
        self._patience_s = patience_s
        self._family = ""
        self._port = source.name
        self._gap: Gap | None = None
        self._lost_at = 0.0

    def run(self) -> None:
        error: MbuscliError | None = None
        try:
            self._listen_until_lost()
        except MbuscliError as failure:
            error = failure
        except Exception as failure:  # noqa: BLE001  whatever it is, the other sticks go on and the user is told
            error = MbuscliError(f"unexpected {type(failure).__name__}: {failure}", reason=Reason.UNEXPECTED)
            error.__cause__ = failure
        self._events.put(Ended(self._port, error))

    def _listen_until_lost(self) -> None:
        """Raises the error that the stick is lost for good with; the first opening must succeed."""
        receiver: Receiver | None = self._source.open()
        while receiver is not None:
            self._port = receiver.name
            try:
                self._listen(receiver)
                return
            except PortError as error:
                self._note_loss(error)
            finally:
                receiver.close()
            receiver = self._open_again()

    def _note_loss(self, error: PortError) -> None:
        """Raises the error where it is no loss: the stick has never listened, or cannot."""
        if not self._family or (isinstance(error, DeviceError) and error.reason is Reason.UNSUPPORTED):
            raise error
        if self._gap is None:
            self._gap = Gap(self._port, time.time(), None, error)
            self._lost_at = time.monotonic()
            self._emit(self._gap)

    def _listen(self, receiver: Receiver) -> None:
        """Returns when there is nothing more to be heard."""
        tuned = self._tune(receiver)
        self._family = tuned.identity.family
        again, self._gap = self._gap, None
        if again is not None:
            self._emit(again._replace(until=time.time()))
        self._emit(Listening(receiver.name, tuned, again=again is not None))
        began = receiver.now()
        try:
            self._receive(receiver, began)
        finally:
            if self._left_s is not None:
                self._left_s -= receiver.now() - began

    def _tune(self, receiver: Receiver) -> Tuned:
        identity = receiver.identify()
        wanted = self._source.modes or receiver.hears[0]
        heard = receiver.listen(wanted)
        others = tuple(modes for modes in receiver.hears if not modes <= heard)
        return Tuned(identity, heard, wanted - heard, others)

    def _receive(self, receiver: Receiver, began: float) -> None:
        quiet_since = began
        while not self._ending.is_set() and not receiver.ended:
            now = receiver.now()
            end = began + self._left_s if self._left_s is not None else now + _SLICE_S
            if now >= end:
                return
            receptions = receiver.receive(min(end, now + _SLICE_S))
            for reception in receptions:
                self._emit(Received(receiver.name, receiver.wall_time(reception.time), reception))
            if receptions:
                quiet_since = receiver.now()
            elif receiver.now() - quiet_since >= _QUIET_S:
                self._ask(receiver)
                quiet_since = receiver.now()

    def _ask(self, receiver: Receiver) -> None:
        if not receiver.is_alive():
            raise DeviceError(
                f"the stick at {receiver.name} does not answer any more",
                reason=Reason.NO_ANSWER,
                hint=("plug it in again",),
            )
        self._emit(Alive(receiver.name, receiver.wall_time(receiver.now())))

    def _open_again(self) -> Receiver | None:
        """The stick when it is back; None if the user has enough. Raises the error that it was lost with when
        the time or the patience is over."""
        assert self._gap is not None
        pause_s, since = _FIRST_PAUSE_S, time.monotonic()
        while not self._ending.wait(pause_s):
            waited_s = time.monotonic() - since
            over = self._left_s is not None and waited_s >= self._left_s
            if over or time.monotonic() - self._lost_at >= self._patience_s:
                raise self._gap.error
            try:
                receiver = self._source.open()
            except (PortError, UsageError):
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            if self._left_s is not None:
                self._left_s -= waited_s
            return receiver
        return None

    def _emit(self, event: ListenEvent) -> None:
        if self._tap is not None:
            self._tap(event, self._family)
        self._events.put(event)

"""What all simulated sticks share: the serial line, the radio, and what goes wrong with them."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import deque
from typing import Generic, NamedTuple, Self, TypeVar

from mbuscli.errors import PortError, Reason
from mbuscli.protocol.receivers.framer import Damage, Framer
from mbuscli.simulator.fault_words import fault_words, parse_faults
from mbuscli.simulator.sticks.air import Air, Transmission
from mbuscli.simulator.waveform import Octet

M = TypeVar("M")

OCTET_BITS = 10  # start, eight data bits, stop
ANSWER_S = 0.008
"""From the last octet of a command to the first of its answer."""
LATE_S = 0.4
SPLIT_S = (0.02, 0.3)
_NOISE_CHANCE, _HALF_CHANCE = 0.3, 0.2
_MOST_NOISE = 6
_SEED = 5
_COMMAND_PAUSE_S = 0.5
WRONG_BAUD = 4800


class StickFaults(NamedTuple):
    """What goes wrong, on purpose and the same way each time.

    split         a pause inside every message
    late          answers come `LATE_S` later
    between       a telegram arrives between each command and its answer
    noise         stray octets before some messages
    half          some messages break off in the middle, for ever
    mute          no answers and no telegrams
    old_firmware  without the link modes that later firmware has
    wrong_baud    set to a rate at which nobody looks for it
    unplug_s      the port vanishes after so many seconds
    """

    split: bool = False
    late: bool = False
    between: bool = False
    noise: bool = False
    half: bool = False
    mute: bool = False
    old_firmware: bool = False
    wrong_baud: bool = False
    unplug_s: float | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The faults in words, such as `split,noise,unplug=30`. Raises UsageError `usage.invalid`."""
        return cls(**parse_faults(text, cls._fields, "stick"))  # type: ignore[arg-type]


FAULT_WORDS = fault_words(StickFaults._fields)
NO_FAULTS = StickFaults()


class Twin(ABC):
    """A simulated stick. A Wire: octets of the program in, octets with their times out.

    A family says what it answers (`receive`), how it hands over a telegram (`frame`) and what it hears
    (`listening`). `start_s` is when the stick got power, `garbled_at` when the program last spoke at another
    rate than the stick's.
    """

    baud: int

    def __init__(self, air: Air, faults: StickFaults = NO_FAULTS, start_s: float = 0.0) -> None:
        self.air = air
        self.faults = faults
        if faults.wrong_baud:
            self.baud = WRONG_BAUD
        self._unplugged_at = None if faults.unplug_s is None else start_s + faults.unplug_s
        self._random = random.Random(_SEED)
        self._line: deque[Octet] = deque()
        self._line_free = start_s
        self._last: Transmission | None = None
        self.garbled_at: float | None = None

    @property
    @abstractmethod
    def listening(self) -> frozenset[str]:
        """The link modes in which telegrams are received now."""

    @abstractmethod
    def receive(self, data: bytes, now: float) -> None:
        """Octets of the program, the last of which has come at `now`; answers with `reply`."""

    @abstractmethod
    def frame(self, sent: Transmission) -> bytes | None:
        """The octets that hand over a telegram; None if the stick keeps quiet about it."""

    def reply(self, data: bytes, now: float) -> None:
        """Send the answer to a command that ended at `now`."""
        at = now + ANSWER_S
        if self.faults.between:
            self._hand_over(self._last or self._example(now), now)
        if self.faults.late:
            at += LATE_S
        self._put(data, at)

    def send(self, data: bytes, at: float, baud: int) -> float:
        """As Wire says."""
        self._check_plugged(at)
        end = at + len(data) * OCTET_BITS / baud
        self._advance(end)
        if not data or self.faults.mute:
            return end
        if baud == self.baud:
            self.receive(data, end)
        else:
            self.garbled_at = end
        return end

    def hear(self, until: float, baud: int) -> list[Octet]:
        """As Wire says."""
        self._advance(until)
        heard = []
        last = until if self._unplugged_at is None else min(until, self._unplugged_at)
        while self._line and self._line[0].time_s <= last:
            octet = self._line.popleft()
            if baud != self.baud:
                octet = octet._replace(value=self._random.getrandbits(8), bad=True)
            heard.append(octet)
        if not heard:
            self._check_plugged(until)
        return heard

    def next_arrival(self, baud: int) -> float | None:
        """As Wire says; a telegram on the air counts although this stick may not hear it."""
        times = [self._line[0].time_s] if self._line else []
        sent = self.air.next_time()
        if sent is not None:
            times.append(sent)
        if self._unplugged_at is not None:
            times.append(self._unplugged_at)
        return min(times) if times else None

    def _advance(self, until: float) -> None:
        """Hand over what was sent on the air up to `until`."""
        for sent in self.air.take(until):
            self._last = sent
            if sent.mode in self.listening:
                self._hand_over(sent, sent.time_s)

    def _hand_over(self, sent: Transmission, at: float) -> None:
        frame = None if self.faults.mute else self.frame(sent)
        if frame is not None:
            self._put(frame, at)

    def _put(self, data: bytes, at: float) -> None:
        """Queue a message on the line, not before `at`; the faults of the line happen here."""
        octet_s = OCTET_BITS / self.baud
        now = max(at, self._line_free)
        if self.faults.noise and self._random.random() < _NOISE_CHANCE:
            data = self._random.randbytes(self._random.randint(1, _MOST_NOISE)) + data
        if self.faults.half and self._random.random() < _HALF_CHANCE:
            data = data[: self._random.randint(1, len(data))]
        pause_at = self._random.randrange(1, len(data)) if self.faults.split and len(data) > 1 else 0
        for index, value in enumerate(data):
            if pause_at and index == pause_at:
                now += self._random.uniform(*SPLIT_S)
            now += octet_s
            self._line.append(Octet(now, value, False))
        self._line_free = now

    def _check_plugged(self, now: float) -> None:
        if self._unplugged_at is not None and now >= self._unplugged_at:
            raise PortError("the simulated port was unplugged", reason=Reason.UNPLUGGED)

    def _example(self, now: float) -> Transmission:
        """A telegram out of turn, for the fault that needs one at once."""
        meters = self.air.scenario.meters
        meter = next((each for each in meters if each.mode in self.listening), meters[0])
        return Transmission(now, meter.telegram(0, 0.0), meter.mode, meter.frame_format, meter.rssi_dbm)


class FramedTwin(Twin, Generic[M]):
    """A stick whose commands come in frames; after a pause inside one it forgets what it has of it."""

    def __init__(
        self, air: Air, faults: StickFaults = NO_FAULTS, start_s: float = 0.0, *, framer: Framer[M]
    ) -> None:
        super().__init__(air, faults, start_s)
        self._framer = framer
        self._heard_at = start_s

    @abstractmethod
    def command(self, message: M, now: float) -> None:
        """Carry out a command whose last octet has come at `now`; answers with `reply`."""

    def receive(self, data: bytes, now: float) -> None:
        """As Twin says."""
        if now - self._heard_at > _COMMAND_PAUSE_S:
            self._framer.flush()
        self._heard_at = now
        for message in self._framer.feed(data):
            if not isinstance(message, Damage):
                self.command(message, now)

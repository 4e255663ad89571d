"""The two wires with all meters on them: who hears what, who answers when, what the master receives.

A pure object: the caller passes the time of every action, in seconds, and never goes back in time.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from mbuscli.errors import DecodeError, PortError, Reason
from mbuscli.protocol.checksum import crc_en13757
from mbuscli.protocol.octets import bcd_digits
from mbuscli.protocol.wired.fields import START_LONG, START_SHORT
from mbuscli.protocol.wired.frames import Frame, decode_frame
from mbuscli.simulator.slave import Slave
from mbuscli.simulator.waveform import TICKS_PER_S, Burst, Line, Octet, bit_ticks, octet_ticks, ticks

if TYPE_CHECKING:
    from mbuscli.simulator.faults import Faults
    from mbuscli.simulator.scenario import Scenario

FIRST_REPLY_BITS = 11
LAST_REPLY_BITS = 330
LAST_REPLY_EXTRA_S = 0.05
IDLE_BITS = 33
PAUSE_S = 0.05
"""A pause inside a master's frame that meters tolerate on top of 33 bit times: USB and TCP split writes."""


class Bus:
    """Meters on one pair of wires. `slaves` are open to look at and to change; `requests` counts frames."""

    def __init__(self, scenario: Scenario, *, faults: Faults | None = None, shortcut: bool = True) -> None:
        """`faults` replaces the scenario's; without `shortcut` every octet goes through the waveform."""
        self.slaves = [Slave(spec) for spec in scenario.meters]
        self.faults = faults = scenario.faults if faults is None else faults
        self.requests = 0
        self._line = Line(shortcut=shortcut)
        self._inbox = _Inbox()
        self._busy_until: dict[int, int] = {}
        self._random = random.Random(faults.seed)
        self._heard = 0
        self._unplugged = self.faults.unplug_after_octets == 0

    def send(self, data: bytes, at: float, baud: int) -> float:
        """The master sends `data` from `at` on; gives the time when the last stop bit has left.

        Raises PortError `port.unplugged` when the faults say so.
        """
        self._check_plugged()
        start = ticks(at)
        if self.faults.echo and data:
            self._line.add(Burst(start, baud, data))
        for frame, end in self._inbox.add(data, start, baud):
            self._deliver(frame, end, baud)
        return (start + octet_ticks(len(data), baud)) / TICKS_PER_S

    def hear(self, until: float, baud: int) -> list[Octet]:
        """What a master at `baud` has received up to `until`, each octet once.

        Raises PortError `port.unplugged` when the faults say so, after the octets that came before.
        """
        heard: list[Octet] = []
        while not self._unplugged and (octet := self._line.peek(baud)) is not None and octet.time_s <= until:
            self._line.take(baud)
            if self.faults.drop and self._random.random() < self.faults.drop:
                continue
            heard.append(octet)
            self._heard += 1
            self._unplugged = self._heard == self.faults.unplug_after_octets
        if not heard:
            self._check_plugged()
        return heard

    def next_arrival(self, baud: int) -> float | None:
        """When the next octet will have come in, None if none is on its way."""
        octet = None if self._unplugged else self._line.peek(baud)
        return octet.time_s if octet else None

    def _check_plugged(self) -> None:
        limit = self.faults.unplug_after_requests
        if self._unplugged or (limit is not None and self.requests > limit):
            raise PortError("the simulated port was unplugged", reason=Reason.UNPLUGGED)

    def _deliver(self, frame: Frame, end: int, baud: int) -> None:
        """Hand a frame that ended at tick `end` to every meter that listens at `baud`."""
        self.requests += 1
        self._check_plugged()
        for slave in self.slaves:
            if not self._is_dead(slave) and slave.listening_baud(end / TICKS_PER_S) == baud:
                self._answer(slave, frame, end, baud)
        if self._random.random() < self.faults.noise:
            window_s = LAST_REPLY_BITS / baud + LAST_REPLY_EXTRA_S
            at = end + ticks(self._random.uniform(0, window_s))
            self._line.add(Burst(at, baud, self._random.randbytes(1)))

    def _answer(self, slave: Slave, frame: Frame, end: int, baud: int) -> None:
        if self._busy_until.get(id(slave), 0) > end:  # half duplex: no ear while an answer is due
            return
        answer = slave.receive(frame, end / TICKS_PER_S)
        if answer is None:
            return
        burst = Burst(end + self._delay_ticks(slave, baud), baud, answer)
        self._busy_until[id(slave)] = burst.end
        self._line.add(burst)

    def _delay_ticks(self, slave: Slave, baud: int) -> int:
        """The meter's own delay; unless set, a fixed one from its address, inside the standard's window."""
        late_s = 0.0
        if self.faults.late and self._random.random() < self.faults.late:
            late_s = self.faults.late_ms / 1000
        if slave.reply_delay_s is not None:
            return ticks(slave.reply_delay_s + late_s)
        spread = LAST_REPLY_BITS - FIRST_REPLY_BITS + 1
        bits = FIRST_REPLY_BITS + crc_en13757(slave.meter) % spread
        return bits * bit_ticks(baud) + ticks(late_s)

    def _is_dead(self, slave: Slave) -> bool:
        return bcd_digits(slave.meter[:4]) in self.faults.dead


class _Inbox:
    """Cuts what the master sends into frames, by their length bytes and by the pauses between them."""

    def __init__(self) -> None:
        self._octets = b""
        self._until = 0
        self._baud = 0
        self._deaf = False

    def add(self, data: bytes, start: int, baud: int) -> list[tuple[Frame, int]]:
        """The valid frames that are complete now, each with the tick of its end."""
        pause = start - self._until
        idle = IDLE_BITS * bit_ticks(baud)
        if baud != self._baud or pause >= idle + ticks(PAUSE_S):
            self._octets = b""
        if baud != self._baud or pause >= idle:
            self._deaf = False
        self._baud = baud
        self._octets += data
        self._until = start + octet_ticks(len(data), baud)
        frames = []
        while not self._deaf and (frame := self._cut()) is not None:
            frames.append((frame, self._until - octet_ticks(len(self._octets), baud)))
        if self._deaf:
            self._octets = b""
        return frames

    def _cut(self) -> Frame | None:
        """The next complete frame; after a fault the line must be idle for 33 bit times (FT1.2)."""
        if not self._octets:
            return None
        size = _frame_size(self._octets)
        if len(self._octets) < size:
            return None
        raw, self._octets = self._octets[:size], self._octets[size:]
        try:
            return decode_frame(raw)
        except DecodeError:
            self._deaf = True
            return None


def _frame_size(octets: bytes) -> int:
    """Octets to wait for: the size of the frame that starts here, or the place of the first fault."""
    if octets[0] == START_SHORT:
        return 5
    if octets[0] != START_LONG:
        return 1
    if len(octets) < 4:
        return 4
    sound = octets[1] == octets[2] and octets[3] == START_LONG and octets[1] >= 3
    return octets[1] + 6 if sound else 4

"""The air between radio meters and receivers: who sends when, and how it arrives."""

from __future__ import annotations

import heapq
import random
from typing import NamedTuple

from mbuscli.protocol.wireless.frame_format import encode_format_a, encode_format_b
from mbuscli.simulator.sticks.radio_meter import RadioMeter
from mbuscli.simulator.sticks.radio_scenario import RadioScenario

_SEED = 1


class Transmission(NamedTuple):
    """A telegram as it arrives at a receiver at `time_s`, L first, without CRCs.

    intact   False: damaged on its way, so that a CRC is wrong; most sticks then say nothing
    """

    time_s: float
    telegram: bytes
    mode: str
    frame_format: str
    rssi_dbm: float
    intact: bool = True

    @property
    def on_air(self) -> bytes:
        """The octets with their CRCs, as they arrive; one octet of the address is wrong if damaged."""
        encode = encode_format_a if self.frame_format == "A" else encode_format_b
        data = bytearray(encode(self.telegram))
        if not self.intact:
            data[-3] ^= 0x10
        return bytes(data)


class _Due(NamedTuple):
    """What is to be sent next; the order number keeps equal times apart."""

    time_s: float
    order: int
    meter: RadioMeter
    number: int
    relayed: bool = False


class Air:
    """What all meters of a scenario send, in the order of time, from `start_s` on.

    A pure object: the same scenario gives the same transmissions again.
    """

    def __init__(self, scenario: RadioScenario, start_s: float = 0.0) -> None:
        self.scenario = scenario
        self._start_s = start_s
        self._random = random.Random(_SEED)
        self._order = 0
        self._due: list[_Due] = []
        for meter in scenario.meters:
            self._plan(start_s + meter.phase_s, meter, 0)

    def next_time(self) -> float | None:
        """When the next telegram arrives; None if all meters have sent all they had."""
        return self._due[0].time_s if self._due else None

    def take(self, until: float) -> list[Transmission]:
        """What arrives up to `until`, each transmission once."""
        taken = []
        while self._due and self._due[0].time_s <= until:
            taken.append(self._send(heapq.heappop(self._due)))
        return taken

    def _plan(self, time_s: float, meter: RadioMeter, number: int, *, relayed: bool = False) -> None:
        self._order += 1
        heapq.heappush(self._due, _Due(time_s, self._order, meter, number, relayed))

    def _send(self, due: _Due) -> Transmission:
        meter, number = due.meter, due.number
        if not due.relayed:
            if meter.repeated_after_s is not None:
                self._plan(due.time_s + meter.repeated_after_s, meter, number, relayed=True)
            if not meter.limit or number + 1 < meter.limit:
                next_s = self._start_s + meter.phase_s + (number + 1) * meter.interval_s
                self._plan(next_s, meter, number + 1)
        level = meter.repeated_rssi_dbm if due.relayed else meter.rssi_dbm
        rssi_dbm = level + self._random.uniform(-1, 1) * meter.rssi_spread_db
        intact = self._random.random() >= meter.broken
        telegram = meter.telegram(number, due.time_s - self._start_s, relayed=due.relayed)
        return Transmission(due.time_s, telegram, meter.mode, meter.frame_format, rssi_dbm, intact)

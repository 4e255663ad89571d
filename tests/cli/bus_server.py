"""A simulated bus on TCP in this process: other processes talk to it, the test looks at its registers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mbuscli.simulator.bus import Bus
from mbuscli.simulator.scenario import Scenario
from mbuscli.simulator.server import serve_tcp

BAUD = 38400
# Silence takes real time here: at this rate, and without a margin, little of it.
QUICK = ("--baud", str(BAUD), "--timeout", "0.06", "--margin", "0")


class ServedBus(Bus):
    """Counts the master's frames; `on_frame(number)` runs when one has been acted on, or, if `lost`, instead."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.frames = 0
        self.lost = False
        self.on_frame: Callable[[int], bool] = lambda _number: False

    def send(self, data: bytes, at: float, baud: int) -> float:
        self.frames += 1
        if self.lost and self.on_frame(self.frames):
            return at
        sent = super().send(data, at, baud)
        if not self.lost:
            self.on_frame(self.frames)
        return sent


@contextmanager
def served(bus: Bus) -> Iterator[str]:
    """The port text of the bus while it is served."""
    stop, ready = threading.Event(), threading.Event()
    where: list[str] = []

    def tell(host: str, port: int) -> None:
        where.append(f"tcp://{host}:{port}")
        ready.set()

    thread = threading.Thread(
        target=serve_tcp, args=(bus,), kwargs={"baud": BAUD, "pace": "fast", "stop": stop, "ready": tell}
    )
    thread.start()
    try:
        assert ready.wait(10)
        yield where[0]
    finally:
        stop.set()
        thread.join(10)

"""A simulated bus, in this process and open to look into, behind a port that the program under test opens."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from queue import Queue

from mbuscli.protocol.wired.frames import Frame
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.server import Pace, serve_pty, serve_tcp


@contextlib.contextmanager
def served_tcp(bus: Bus, pace: Pace = "fast") -> Iterator[str]:
    """The bus behind a TCP gateway."""
    places: Queue[str] = Queue()

    def serve(stop: threading.Event) -> None:
        serve_tcp(bus, pace=pace, stop=stop, ready=lambda host, port: places.put(f"tcp://{host}:{port}"))

    with _running(serve):
        yield places.get(timeout=10)


@contextlib.contextmanager
def served_pty(bus: Bus, pace: Pace = "fast") -> Iterator[str]:
    """The bus behind a pseudo-terminal, which can change its baud rate."""
    places: Queue[str] = Queue()
    with _running(lambda stop: serve_pty(bus, pace=pace, stop=stop, ready=places.put)):
        yield places.get(timeout=10)


@contextlib.contextmanager
def _running(serve: object) -> Iterator[None]:
    stop = threading.Event()
    assert callable(serve)
    thread = threading.Thread(target=serve, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def record_frames(bus: Bus) -> list[Frame]:
    """Every frame that reaches the first meter, as long as the bus lives."""
    frames: list[Frame] = []
    slave = bus.slaves[0]
    receive = slave.receive

    def receive_and_note(frame: Frame, now: float = 0.0) -> bytes | None:
        frames.append(frame)
        return receive(frame, now)

    slave.receive = receive_and_note  # type: ignore[method-assign]
    return frames

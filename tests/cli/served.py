"""A simulated bus, in this process and open to look into, behind a port that the program under test opens."""

from __future__ import annotations

import contextlib
import socket
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


@contextlib.contextmanager
def counted_connections(place: str) -> Iterator[tuple[str, list[socket.socket]]]:
    """A gateway in front of another one, and the connections that were made to it."""
    host, _, number = place.removeprefix("tcp://").rpartition(":")
    made: list[socket.socket] = []
    behinds: list[socket.socket] = []
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def pass_on(source: socket.socket, target: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(4096):
                    target.sendall(data)
            for each in (source, target):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    made.append(client)
                    behind = socket.create_connection((host, int(number)))
                    behinds.append(behind)
                    made_here = [(client, behind), (behind, client)]
                    threads.extend(threading.Thread(target=pass_on, args=pair) for pair in made_here)
                    for thread in threads[-2:]:
                        thread.start()

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}", made
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for client in made:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)
            for client in (*made, *behinds):
                client.close()

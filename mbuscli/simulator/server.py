"""A simulated bus or stick for other programs: behind a pseudo-terminal or a TCP port, in real time.

With pace `fast` the answers come at once; what the wire would have taken is skipped on the bus's clock.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

from mbuscli.errors import PortError, Reason, UsageError
from mbuscli.simulator.scenario import BAUDS
from mbuscli.simulator.wire import Wire

Pace: TypeAlias = Literal["real", "fast"]

_TICK_S = 0.05
_CHUNK = 4096
_STICK_BAUDS = (57600, 115200, 230400)
_UNUSABLE_BAUD = 50  # stands for every rate that no meter listens at


def serve_pty(
    bus: Wire,
    *,
    link: str | None = None,
    pace: Pace = "real",
    stop: threading.Event | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the bus on a fresh pseudo-terminal until `stop` is set; clients may come and go.

    `ready` gets the path to open: `link`, a symbolic link that stands as long as this runs, or the device.
    The baud rate is the one that the client has set. Raises PortError: `port.unsupported` where there are
    no pseudo-terminals, `port.permission` or `port.busy` if `link` cannot be made, and what the bus raises.
    """
    try:
        import termios
        import tty
    except ImportError:
        raise PortError(
            "this system has no pseudo-terminals",
            reason=Reason.UNSUPPORTED,
            hint=("serve the simulator on TCP instead",),
        ) from None
    master, slave = os.openpty()  # the slave stays open here: the terminal outlives its clients
    try:
        rates = {getattr(termios, f"B{baud}"): baud for baud in (*BAUDS, *_STICK_BAUDS)}
        tty.setraw(slave)
        os.set_blocking(master, False)
        pump = _Pump(bus, pace, lambda: rates.get(termios.tcgetattr(slave)[5], _UNUSABLE_BAUD))
        stop = stop or threading.Event()

        def answer(data: bytes) -> None:
            _accept_even_parity(slave)  # the client may hang up and come back as soon as it has this
            _write_or_lose(master, data)

        with _linked(os.ttyname(slave), link) as path:
            if ready is not None:
                ready(path)
            while not stop.is_set():
                _accept_even_parity(slave)
                pump.turn(master, lambda: os.read(master, _CHUNK), answer)
    finally:
        os.close(slave)
        os.close(master)


def serve_tcp(
    bus: Wire,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    baud: int = 2400,
    pace: Pace = "real",
    stop: threading.Event | None = None,
    ready: Callable[[str, int], None] | None = None,
) -> None:
    """Serve the bus on TCP until `stop` is set, as a gateway does: one client at a time, the next one waits.

    `ready` gets host and port; port 0 takes a free one. Raises PortError `port.busy`, `port.permission` or
    `port.unreachable` if it cannot listen there, UsageError for a port number that is none, and what the
    bus raises.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"{port} is no TCP port, they go from 0 to 65535", reason=Reason.INVALID)
    try:
        server = socket.create_server((host, port))
    except OSError as error:
        raise _listen_error(error, f"{host}:{port}") from None
    stop = stop or threading.Event()
    pump = _Pump(bus, pace, lambda: baud)
    with server:
        if ready is not None:
            ready(*server.getsockname()[:2])
        while not stop.is_set():
            if select.select([server], [], [], _TICK_S)[0]:
                client, _ = server.accept()
                with client, contextlib.suppress(ConnectionError):
                    _serve_client(client, pump, stop)


def _serve_client(client: socket.socket, pump: _Pump, stop: threading.Event) -> None:
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while not stop.is_set() and pump.turn(client, lambda: client.recv(_CHUNK), client.sendall):
        pass


class _Pump:
    """Moves octets between a client and the bus, each at its time."""

    def __init__(self, bus: Wire, pace: Pace, baud: Callable[[], int]) -> None:
        self._bus = bus
        self._fast = pace == "fast"
        self._baud = baud
        self._skipped = 0.0
        self._line_free = 0.0

    def turn(
        self,
        source: int | socket.socket,
        receive: Callable[[], bytes],
        send: Callable[[bytes], object],
    ) -> bool:
        """Wait a moment for the client or the next answer octet, whichever is first; False at the end."""
        arrival = self._bus.next_arrival(self._baud())
        wait = _TICK_S if arrival is None else min(_TICK_S, max(0.0, arrival - self._now()))
        if select.select([source], [], [], wait)[0]:
            data = receive()
            if not data:
                return False
            self._line_free = self._bus.send(data, max(self._now(), self._line_free), self._baud())
        heard = self._bus.hear(math.inf if self._fast else self._now(), self._baud())
        if heard:
            self._skipped += max(0.0, heard[-1].time_s - self._now())
            send(bytes(octet.value for octet in heard))
        return True

    def _now(self) -> float:
        return time.monotonic() + self._skipped


def _accept_even_parity(terminal: int) -> None:
    """Let clients set even parity again and again.

    A pseudo-terminal drops PARENB, which glibc reports as EINVAL where nothing else changed. So leave a
    harmless flag for the client to change: every client sets CLOCAL.
    """
    import termios

    state = termios.tcgetattr(terminal)
    if state[2] & termios.CLOCAL:
        state[2] &= ~termios.CLOCAL
        termios.tcsetattr(terminal, termios.TCSANOW, state)


def _write_or_lose(terminal: int, data: bytes) -> None:
    """Octets that no client fetches are lost when the terminal's buffer is full, as on a serial port."""
    with contextlib.suppress(BlockingIOError):
        os.write(terminal, data)


def _listen_error(error: OSError, where: str) -> PortError:
    reason = Reason.UNREACHABLE
    if isinstance(error, PermissionError):
        reason = Reason.PERMISSION
    elif error.errno in (errno.EADDRINUSE, errno.EEXIST):
        reason = Reason.BUSY
    return PortError(f"cannot serve the simulator at {where}: {error}", reason=reason)


@contextlib.contextmanager
def _linked(device: str, link: str | None) -> Iterator[str]:
    """The path under which clients find `device`; replaces a link that a killed simulator left behind."""
    if link is None:
        yield device
        return
    try:
        if os.path.islink(link):
            os.unlink(link)
        os.symlink(device, link)
    except OSError as error:
        raise _listen_error(error, link) from None
    try:
        yield link
    finally:
        with contextlib.suppress(OSError):
            os.unlink(link)

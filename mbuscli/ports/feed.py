"""Octets that a thread reads, as pipes cannot be waited for on every system; and the pipe on stdin."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from mbuscli.errors import PortError, Reason
from mbuscli.ports.base import NOTHING, Received
from mbuscli.ports.realtime import RealTimePort

_READ_SIZE = 4096
# More than any receiver writes while nobody looks; then its pipe fills, as it does without this thread.
_MOST_WAITING = 1 << 20


class Feed:
    """What comes out of a pipe, fetched by a thread of its own."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        """`read` as os.read of the pipe, b"" at its end."""
        self._read = read
        self._data = bytearray()
        self._changed = threading.Condition()
        self._over = False
        # A read of a terminal or of stdin cannot be called off: the thread must not keep the program alive.
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def take(self, timeout_s: float) -> bytes | None:
        """What is there, after at most `timeout_s`; None at the end, once everything has been taken."""
        with self._changed:
            self._changed.wait_for(lambda: self._data or self._over, timeout_s)
            data = bytes(self._data)
            self._data.clear()
            self._changed.notify_all()
            return None if not data and self._over else data

    def stop(self) -> None:
        """Nothing more is wanted."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            try:
                data = self._read(_READ_SIZE)
            except (OSError, ValueError):
                data = b""
            with self._changed:
                self._data += data
                self._over = self._over or not data
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._over or len(self._data) < _MOST_WAITING)
                if self._over:
                    return


class PipePort(RealTimePort):
    """A pipe that is read only, as a rule stdin. At its end `read` raises PortError `port.closed`."""

    def __init__(self, name: str = "-", fd: int = 0) -> None:
        super().__init__(name, baud=0)
        self._feed = Feed(lambda size: os.read(fd, size))

    def write(self, data: bytes) -> None:
        self._check_open()
        raise PortError(f"{self.name} is a pipe: nothing can be sent", reason=Reason.UNSUPPORTED)

    def set_baud(self, baud: int) -> None:
        """A pipe has no rate."""
        self._check_open()

    def _send(self, data: bytes, deadline: float) -> None:
        """Never reached: `write` refuses."""

    def _receive(self, timeout_s: float) -> Received:
        data = self._feed.take(timeout_s)
        if data is None:
            raise PortError(f"{self.name}: the input has ended", reason=Reason.CLOSED)
        return Received(data) if data else NOTHING

    def _release(self) -> None:
        self._feed.stop()

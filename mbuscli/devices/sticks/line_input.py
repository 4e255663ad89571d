"""Lines of text from a port, each with the time when it was whole."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.ports.base import Port
from mbuscli.protocol.receivers.lines import LineSplitter


class TimedLine(NamedTuple):
    """A line without its end, and the port's time when the end came."""

    text: str
    time: float


class LineInput:
    """Splits what a port receives into lines; a line that stays unfinished waits for its end."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._splitter = LineSplitter()
        self._ready: list[TimedLine] = []
        self.last_octet = port.now()

    def read(self, until: float) -> list[TimedLine]:
        """The lines that came up to `until`; as soon as there is one."""
        while not self._ready:
            received = self._port.read(until)
            now = self._port.now()
            if received.data:
                self.last_octet = now
            self._ready = [
                TimedLine(line.decode("utf-8", "replace"), now) for line in self._splitter.feed(received.data)
            ]
            if not received.data and now >= until:
                break
        ready, self._ready = self._ready, []
        return ready

    def put_back(self, lines: list[TimedLine]) -> None:
        """Lines to be read again."""
        self._ready = lines + self._ready

"""What can be simulated behind a port: a bus with meters, or a stick with radio meters around it."""

from __future__ import annotations

from typing import Protocol

from mbuscli.simulator.waveform import Octet


class Wire(Protocol):
    """Pure: the caller passes the time of every action, in seconds, and never goes back in time.

    All raise PortError `port.unplugged` when the scenario says so.
    """

    def send(self, data: bytes, at: float, baud: int) -> float:
        """The program sends `data` from `at` on; gives the time when the last stop bit has left."""
        ...

    def hear(self, until: float, baud: int) -> list[Octet]:
        """What the program has received up to `until`, each octet once."""
        ...

    def next_arrival(self, baud: int) -> float | None:
        """When to look for the next octet, None if none is on its way."""
        ...

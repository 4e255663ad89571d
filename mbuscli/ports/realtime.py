"""What the ports of the real world share: the monotonic clock, the deadline loop, the pace of the line."""

from __future__ import annotations

import time
from abc import abstractmethod

from mbuscli.errors import PortError, Reason
from mbuscli.ports.base import Received
from mbuscli.ports.closing import Closing

# Start bit, eight data bits, even parity, stop bit (EN 13757-2, 5.1).
BITS_PER_OCTET = 11
# A frame may take this much longer than its time on the wire before the port counts as blocked.
WRITE_PATIENCE_S = 2.0
# How long one wait lasts before a reader looks whether another thread has closed the port.
_SLICE_S = 0.25


class RealTimePort(Closing):
    """Base of the ports that run on the computer's clock."""

    is_remote = False

    def __init__(self, name: str, baud: int) -> None:
        self.name = name
        self.baud = baud
        # Says so where the port fell back to a line without parity.
        self.parity_note: str | None = None
        self._closed = False

    def now(self) -> float:
        return time.monotonic()

    def write(self, data: bytes) -> None:
        self._check_open()
        start = self.now()
        on_wire_s = len(data) * BITS_PER_OCTET / self.baud
        self._send(data, start + on_wire_s + WRITE_PATIENCE_S)
        # The driver and the adapter buffer the frame. tcdrain() would tell when it has left, but may hang for
        # ever on a stalled adapter, and a gateway does not tell at all.
        rest_s = start + on_wire_s - self.now()
        if rest_s > 0:
            time.sleep(rest_s)

    def read(self, until: float) -> Received:
        while True:
            self._check_open()
            received = self._receive(min(max(0.0, until - self.now()), _SLICE_S))
            if received.data or self.now() >= until:
                return received

    @abstractmethod
    def set_baud(self, baud: int) -> None:
        """Change the baud rate of both directions."""

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._release()

    @abstractmethod
    def _send(self, data: bytes, deadline: float) -> None:
        """Hand all of `data` to the system, by `deadline`."""

    @abstractmethod
    def _receive(self, timeout_s: float) -> Received:
        """What is there, after at most about `timeout_s`."""

    @abstractmethod
    def _release(self) -> None:
        """Give the port back; called once."""

    def _check_open(self) -> None:
        if self._closed:
            raise PortError(f"{self.name} is closed", reason=Reason.CLOSED)

    def _blocked(self) -> PortError:
        return PortError(
            f"{self.name} takes no more bytes",
            reason=Reason.BLOCKED,
            hint=["plug the adapter in again, or restart the gateway: it has stopped sending"],
        )

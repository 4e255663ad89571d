"""Simulated receivers that only hand over what they hear, as octets or in hexadecimal."""

from __future__ import annotations

from mbuscli.simulator.sticks.air import Transmission
from mbuscli.simulator.sticks.twin import Twin


class RawTtyTwin(Twin):
    """Telegrams as octets, L first, without CRCs; those with wrong CRCs are kept back."""

    baud = 9600

    @property
    def listening(self) -> frozenset[str]:
        """As Twin says."""
        return frozenset(("C1", "S1", "T1"))

    def frame(self, sent: Transmission) -> bytes | None:
        """As Twin says."""
        return sent.telegram if sent.intact else None

    def receive(self, data: bytes, now: float) -> None:
        """As Twin says: what is sent to it is of no interest."""


class HexTtyTwin(RawTtyTwin):
    """Telegrams in hexadecimal, one on a line."""

    def frame(self, sent: Transmission) -> bytes | None:
        """As Twin says."""
        return sent.telegram.hex().upper().encode() + b"\r\n" if sent.intact else None

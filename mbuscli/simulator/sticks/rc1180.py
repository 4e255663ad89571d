"""A simulated Radiocrafts RC1180-MBUS module."""

from __future__ import annotations

from mbuscli.protocol.receivers import rc1180
from mbuscli.protocol.receivers.stream import append_rssi
from mbuscli.simulator.sticks.air import Air, Transmission
from mbuscli.simulator.sticks.twin import NO_FAULTS, StickFaults, Twin


class Rc1180Twin(Twin):
    """A module set to T1 that appends the signal strength; `memory` is open to change.

    It hears nothing while it is in configuration mode.
    """

    baud = rc1180.BAUD

    def __init__(self, air: Air, faults: StickFaults = NO_FAULTS, start_s: float = 0.0) -> None:
        super().__init__(air, faults, start_s)
        self.memory = bytearray(b"\xff" * rc1180.MEMORY_SIZE)
        self.memory[: rc1180.RSSI_APPENDED + 1] = bytes((rc1180.CHANNEL_T, 5, 3, 1, 0, 1))
        start = rc1180.MANUFACTURER
        self.memory[start : start + 6] = bytes.fromhex("AC48 45230100")
        self.configuring = False

    @property
    def listening(self) -> frozenset[str]:
        """As Twin says."""
        settings = rc1180.decode_settings(bytes(self.memory))
        return frozenset() if settings is None or self.configuring else settings.listening

    def frame(self, sent: Transmission) -> bytes | None:
        """As Twin says: telegrams with a wrong CRC are kept back."""
        appends = self.memory[rc1180.RSSI_APPENDED]
        if not sent.intact or self.configuring or (appends and sent.telegram[0] == 0xFF):
            return None  # no room for the signal strength
        return append_rssi(sent.telegram, rc1180.encode_rssi(sent.rssi_dbm)) if appends else sent.telegram

    def receive(self, data: bytes, now: float) -> None:
        """As Twin says: every octet is a command."""
        for octet in data:
            command = bytes((octet,))
            if command == rc1180.ENTER:
                self.reply(rc1180.PROMPT, now)
                self.configuring = True
            elif self.configuring and command == rc1180.DUMP:
                self.reply(bytes(self.memory) + rc1180.PROMPT, now)
            elif command == rc1180.LEAVE:
                self.configuring = False

"""Simulated Amber (Würth) sticks: AMB8465 for 868 MHz, AMB3665 for 169 MHz."""

from __future__ import annotations

from mbuscli.protocol.receivers import amber
from mbuscli.protocol.receivers.stream import append_rssi, encode_rssi
from mbuscli.simulator.sticks.air import Air, Transmission
from mbuscli.simulator.sticks.twin import NO_FAULTS, FramedTwin, StickFaults

SILENCE_S = 1.0
"""The module answers again only after such a pause behind octets at another rate."""
_REFUSED = b"\x01"
_OK = bytes((amber.STATUS_OK,))
_SERIAL = bytes.fromhex("65000123")
_MEMORY_868 = bytes.fromhex(
    "00807102 00000000 FFFF FA00" + "FF" * 16 + "00320002 1400" + "FF" * 5 + "010004 000000 FFFFFF 0144"
    "0000000000000000 FFFF 0B040100" + "FF" * 5 + "00030000" + "FF" * 7 + "0000" + "FF" * 38
)  # fmt: skip


class Amb8465Twin(FramedTwin[amber.Frame]):
    """An AMB8465 that appends the signal strength; `memory` is open to change before it is used."""

    baud = amber.BAUD

    def __init__(self, air: Air, faults: StickFaults = NO_FAULTS, start_s: float = 0.0) -> None:
        super().__init__(air, faults, start_s, framer=amber.command_framer())
        self.memory = bytearray(self._factory())
        self.memory[amber.RSSI_APPENDED] = 1
        self.link_mode = self.memory[amber.PRESELECTED_MODE]

    @property
    def listening(self) -> frozenset[str]:
        """As Twin says."""
        return amber.LINK_MODES[len(self.memory)].get(self.link_mode, frozenset())

    def frame(self, sent: Transmission) -> bytes | None:
        """As Twin says: telegrams with a wrong CRC are kept back."""
        telegram = sent.telegram
        appends = self.memory[amber.RSSI_APPENDED]
        if not sent.intact or (appends and telegram[0] == 0xFF):
            return None  # no room for the signal strength
        if appends:
            telegram = append_rssi(telegram, encode_rssi(sent.rssi_dbm))
        if self.memory[amber.COMMAND_OUTPUT]:
            return amber.encode_frame(amber.RECEIVED, telegram[1:])
        return telegram

    def receive(self, data: bytes, now: float) -> None:
        """As Twin says."""
        deaf_since = self.garbled_at
        if deaf_since is not None and now - deaf_since < SILENCE_S:
            self.garbled_at = now
            return
        self.garbled_at = None
        super().receive(data, now)

    def command(self, message: amber.Frame, now: float) -> None:
        """Answer the commands that a listener needs."""
        payload = self._payload(message)
        if payload is not None:
            self.reply(amber.encode_answer(message.command, payload), now)

    def _payload(self, message: amber.Frame) -> bytes | None:
        if message.command == amber.GET_PARAMETERS and len(message.payload) == 2:
            start, count = message.payload
            part = bytes(self.memory[start : start + count])
            return bytes((start, len(part))) + part
        if message.command == amber.SERIAL_NUMBER:
            return _SERIAL
        if message.command == amber.SET_LINK_MODE and len(message.payload) == 1:
            mode = message.payload[0]
            too_new = self.faults.old_firmware and len(self.memory) == amber.SIZE_868
            if too_new and mode == amber.LINK_MODE_CT:
                return _REFUSED
            self.link_mode = mode
            return _OK
        return None

    def _factory(self) -> bytes:
        return _MEMORY_868


class Amb8465FramesTwin(Amb8465Twin):
    """An AMB8465 in command output mode."""

    def _factory(self) -> bytes:
        memory = bytearray(_MEMORY_868)
        memory[amber.COMMAND_OUTPUT] = 1
        return bytes(memory)


class Amb3665Twin(Amb8465Twin):
    """An AMB3665."""

    def _factory(self) -> bytes:
        memory = bytearray(_MEMORY_868) + b"\xff" * (amber.SIZE_169 - amber.SIZE_868)
        memory[amber.PRESELECTED_MODE] = 0x02
        return bytes(memory)

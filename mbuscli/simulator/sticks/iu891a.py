"""A simulated IMST stick iU891A-XL."""

from __future__ import annotations

from mbuscli.protocol.receivers import iu891a
from mbuscli.protocol.receivers.iu891a import Configuration, Message, encode_frame
from mbuscli.simulator.sticks.air import Air, Transmission
from mbuscli.simulator.sticks.twin import NO_FAULTS, FramedTwin, StickFaults

_INFO = iu891a.DeviceInfo(iu891a.IU891A, 0x12345678)
_ADDRESS = bytes.fromhex("252C 10222244 01 37")
# Its clock counts seconds since 1970 and starts in the year 2000.
_POWER_ON = 946_684_800
_OK = bytes((iu891a.STATUS_OK,))


class Iu891aTwin(FramedTwin[Message]):
    """An iU891A-XL; old firmware cannot hear C1 and T1 at once. `configuration` is open to look at."""

    baud = iu891a.BAUD

    def __init__(self, air: Air, faults: StickFaults = NO_FAULTS, start_s: float = 0.0) -> None:
        super().__init__(air, faults, start_s, framer=iu891a.framer())
        mode = 2 if faults.old_firmware else iu891a.LINK_MODE_CT
        self.configuration = Configuration(mode, iu891a.INDICATE_RECEIVED | iu891a.INDICATE_SENT)

    @property
    def listening(self) -> frozenset[str]:
        """As Twin says."""
        if not self.configuration.options & iu891a.INDICATE_RECEIVED:
            return frozenset()
        return iu891a.LINK_MODES.get(self.configuration.link_mode, frozenset())

    def frame(self, sent: Transmission) -> bytes | None:
        """As Twin says: telegrams with a wrong CRC are kept back."""
        if not sent.intact:
            return None
        body = iu891a.encode_received(sent.telegram, sent.rssi_dbm, _POWER_ON + int(sent.time_s))
        return encode_frame(iu891a.RADIO_LINK, iu891a.RECEIVED, body)

    def command(self, message: Message, now: float) -> None:
        """Answer the commands that a listener needs."""
        body = self._body(message)
        if body is not None:
            self.reply(encode_frame(message.sap, message.number + 1, body), now)

    def _body(self, message: Message) -> bytes | None:
        place = message.sap, message.number
        if place == (iu891a.DEVICE, iu891a.PING):
            return _OK
        if place == (iu891a.DEVICE, iu891a.DEVICE_INFO):
            return _OK + _INFO.encode()
        if place == (iu891a.RADIO_LINK, iu891a.ADDRESS):
            return _OK + _ADDRESS
        if place == (iu891a.RADIO_LINK, iu891a.GET_CONFIGURATION):
            return _OK + self.configuration.encode()
        if place == (iu891a.RADIO_LINK, iu891a.SET_CONFIGURATION):
            return bytes((self._configure(message.body),))
        return None

    def _configure(self, body: bytes) -> int:
        wanted = iu891a.decode_configuration(body)
        is_known = wanted is not None and wanted.link_mode in (iu891a.OFF, *iu891a.LINK_MODES)
        too_new = self.faults.old_firmware and wanted and wanted.link_mode == iu891a.LINK_MODE_CT
        if wanted is None or not is_known or too_new:
            return iu891a.STATUS_WRONG_PARAMETER
        self.configuration = wanted
        return iu891a.STATUS_OK

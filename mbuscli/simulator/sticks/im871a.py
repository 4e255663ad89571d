"""Simulated IMST sticks iM871A and iM170A."""

from __future__ import annotations

from mbuscli.protocol.receivers import im871a
from mbuscli.protocol.receivers import im871a_settings as settings
from mbuscli.protocol.receivers.im871a import Message, encode_frame
from mbuscli.simulator.sticks.air import Air, Transmission
from mbuscli.simulator.sticks.twin import NO_FAULTS, FramedTwin, StickFaults

_OLD_FIRMWARE, _FIRMWARE, _HCI_VERSION = 0x13, 0x15, 0x17
_UNIQUE_ID = 0x12345678
_REFUSED = 1
_FACTORY = {
    settings.DEVICE_MODE: 0,
    settings.LINK_MODE: im871a.LINK_MODE_CT,
    settings.C_FIELD: 0x44,
    settings.MANUFACTURER: 0x2C25,
    settings.DEVICE_ID: 0x02110010,
    settings.VERSION: 1,
    settings.TYPE: 0x0F,
    settings.RADIO_CHANNEL: 0,
    settings.POWER_LEVEL: 7,
    settings.DATA_RATE: 0,
    settings.RX_WINDOW: 0,
    settings.POWER_SAVING: 0,
    settings.RSSI_ATTACHED: 1,
    settings.TIME_STAMP_ATTACHED: 0,
    settings.LED: 1,
    settings.CLOCK: 0,
}


class Im871aTwin(FramedTwin[Message]):
    """An iM871A with firmware 15, or 13 as old firmware; `settings` are open to look at."""

    baud = im871a.BAUD
    model = im871a.IM871A
    link_modes = im871a.LINK_MODES_868

    def __init__(self, air: Air, faults: StickFaults = NO_FAULTS, start_s: float = 0.0) -> None:
        super().__init__(air, faults, start_s, framer=im871a.framer())
        self.firmware = _OLD_FIRMWARE if faults.old_firmware else _FIRMWARE
        self.settings = dict(_FACTORY)
        if not self._knows(self.settings[settings.LINK_MODE]):
            self.settings[settings.LINK_MODE] = 0x03

    @property
    def listening(self) -> frozenset[str]:
        """As Twin says."""
        return self.link_modes.get(self.settings[settings.LINK_MODE], frozenset())

    def frame(self, sent: Transmission) -> bytes | None:
        """As Twin says: telegrams with a wrong CRC are kept back."""
        if not sent.intact:
            return None
        stamp = int(sent.time_s * 1000) & 0xFFFFFFFF if self.settings[settings.TIME_STAMP_ATTACHED] else None
        rssi = im871a.encode_rssi(sent.rssi_dbm) if self.settings[settings.RSSI_ATTACHED] else None
        payload = sent.telegram[1:]
        return encode_frame(
            im871a.RADIO_LINK, im871a.RECEIVED, payload, rssi=rssi, time_stamp=stamp, crc=True
        )

    def command(self, message: Message, now: float) -> None:
        """Answer the commands of device management that a listener needs."""
        if message.endpoint != im871a.DEVICE:
            return
        info = im871a.DeviceInfo(self.model, 0, self.firmware, _HCI_VERSION, _UNIQUE_ID)
        if message.number == im871a.PING:
            self._answer(message, b"", now)
        elif message.number == im871a.DEVICE_INFO:
            self._answer(message, info.encode(), now)
        elif message.number == im871a.GET_CONFIGURATION:
            self._answer(message, settings.encode_settings(self.settings), now)
        elif message.number == im871a.SET_CONFIGURATION:
            self._answer(message, bytes((self._configure(message.payload[1:]),)), now)

    def _answer(self, request: Message, payload: bytes, now: float) -> None:
        self.reply(encode_frame(im871a.DEVICE, request.number + 1, payload), now)

    def _configure(self, data: bytes) -> int:
        wanted = settings.decode_settings(data)
        if not self._knows(wanted.get(settings.LINK_MODE, self.settings[settings.LINK_MODE])):
            return _REFUSED
        self.settings |= wanted
        return 0

    def _knows(self, link_mode: int) -> bool:
        ct = self.link_modes is im871a.LINK_MODES_868 and link_mode == im871a.LINK_MODE_CT
        return link_mode in self.link_modes and not (ct and self.firmware < im871a.FIRST_FIRMWARE_WITH_CT)


class Im170aTwin(Im871aTwin):
    """An iM170A, for 169 MHz."""

    model = im871a.IM170A
    link_modes = im871a.LINK_MODES_169

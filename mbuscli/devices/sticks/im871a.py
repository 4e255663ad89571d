"""IMST sticks iM871A (868 MHz) and iM170A (169 MHz)."""

from __future__ import annotations

from mbuscli.devices.sticks.base import Identity, Reception, Stick
from mbuscli.devices.sticks.serial_stick import SerialStick
from mbuscli.ports.base import Port
from mbuscli.protocol.receivers import im871a
from mbuscli.protocol.receivers import im871a_settings as settings
from mbuscli.protocol.receivers.im871a import BAUD as BAUD
from mbuscli.protocol.receivers.im871a import DeviceInfo, Message, encode_frame

FAMILY = "im871a"
_STEP = "device info at 57600 baud, answered"
_CHANGED = (settings.LINK_MODE, settings.RSSI_ATTACHED, settings.TIME_STAMP_ATTACHED)


class Im871a(SerialStick[Message]):
    """An iM871A or iM170A. Its link mode and additions to telegrams are set until it loses power."""

    family = FAMILY
    hears = tuple(im871a.LINK_MODES_868.values())

    def __init__(self, port: Port) -> None:
        super().__init__(port, im871a.framer())
        self._link_modes = im871a.LINK_MODES_868
        self._before: dict[str, int] = {}

    def is_alive(self) -> bool:
        """As Stick says."""
        return self._request(im871a.PING) is not None

    def _identify(self) -> Identity | None:
        answer = self._request(im871a.DEVICE_INFO)
        info = None if answer is None else im871a.decode_device_info(answer)
        if info is None:
            return None
        self._know(info)
        model = im871a.MODELS.get(info.model, f"IMST module type {info.model:02X}")
        return Identity(FAMILY, model, f"{info.firmware:02X}", f"{info.unique_id:08X}", _STEP)

    def _know(self, info: DeviceInfo) -> None:
        """What this model with this firmware hears."""
        is_169 = info.model == im871a.IM170A
        self._link_modes = im871a.LINK_MODES_169 if is_169 else im871a.LINK_MODES_868
        old = not is_169 and info.firmware < im871a.FIRST_FIRMWARE_WITH_CT
        self.hears = tuple(
            modes for number, modes in self._link_modes.items() if not (old and number == im871a.LINK_MODE_CT)
        )

    def _tune(self, modes: frozenset[str]) -> bool:
        before = self._settings()
        self._before = self._before or {name: before[name] for name in _CHANGED if name in before}
        number = next(number for number, heard in self._link_modes.items() if heard == modes)
        wanted = {settings.LINK_MODE: number, settings.RSSI_ATTACHED: 1, settings.TIME_STAMP_ATTACHED: 0}
        # What the stick says to the command is not relied on: it must have changed.
        for _ in range(self.tries):
            self._set(wanted)
            if self._settings().get(settings.LINK_MODE) == number:
                return True
        return False

    def _undo(self) -> None:
        before, self._before = self._before, {}
        if before:
            self._set(before)

    def _settings(self) -> dict[str, int]:
        answer = self._request(im871a.GET_CONFIGURATION)
        if answer is None:
            raise self._silent()
        return settings.decode_settings(answer)

    def _set(self, fields: dict[str, int]) -> None:
        payload = bytes((settings.VOLATILE,)) + settings.encode_settings(fields)
        if self._request(im871a.SET_CONFIGURATION, payload) is None:
            raise self._silent()

    def _request(self, number: int, payload: bytes = b"") -> bytes | None:
        """The payload of the answer."""
        return self._ask(
            encode_frame(im871a.DEVICE, number, payload),
            lambda message: (
                message.payload if (message.endpoint, message.number) == (im871a.DEVICE, number + 1) else None
            ),
        )

    def _reception(self, message: Message, time: float) -> Reception | None:
        if message.telegram is None:
            return None
        return Reception(message.telegram, time, message.rssi_dbm, frame_format="none", raw=message.raw)


def probe(port: Port) -> Identity | None:
    """Who answers there, at the rate of these sticks; None if nobody does."""
    return Im871a(port).probe()


def driver(port: Port) -> Stick:
    """The driver on an open port."""
    return Im871a(port)

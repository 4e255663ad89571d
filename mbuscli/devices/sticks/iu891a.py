"""IMST sticks iU891A-XL, iU893A-XL, iM891A-XL and iM881A-XL."""

from __future__ import annotations

from mbuscli.devices.sticks.base import Identity, Reception, Stick
from mbuscli.devices.sticks.serial_stick import SerialStick
from mbuscli.errors import DecodeError, DeviceError, Reason
from mbuscli.ports.base import Port
from mbuscli.protocol.receivers import iu891a
from mbuscli.protocol.receivers.iu891a import BAUD as BAUD
from mbuscli.protocol.receivers.iu891a import Configuration, Message, encode_frame

FAMILY = "iu891a"
_STEP = "device info in SLIP at 115200 baud, answered"


class Iu891a(SerialStick[Message]):
    """A stick of this family. Its active configuration lasts until it loses power."""

    family = FAMILY
    hears = tuple(iu891a.LINK_MODES.values())

    def __init__(self, port: Port) -> None:
        super().__init__(port, iu891a.framer())
        self._before: Configuration | None = None

    def is_alive(self) -> bool:
        """As Stick says."""
        return self._request(iu891a.DEVICE, iu891a.PING) is not None

    def _identify(self) -> Identity | None:
        # Behind these octets the stick is awake, whatever it was doing.
        self._port.write(iu891a.WAKE_UP)
        answer = self._request(iu891a.DEVICE, iu891a.DEVICE_INFO)
        info = None if answer is None else iu891a.decode_device_info(answer[1:])
        if info is None:
            return None
        model = iu891a.MODELS.get(info.model, f"IMST module type {info.model:02X}")
        return Identity(FAMILY, model, serial=f"{info.unique_id:08X}", step=_STEP)

    def _tune(self, modes: frozenset[str]) -> bool:
        before = self._configuration()
        self._before = self._before or before
        number = next(number for number, heard in iu891a.LINK_MODES.items() if heard == modes)
        options = before.options & ~iu891a.FILTER | iu891a.INDICATE_RECEIVED
        wanted = before._replace(link_mode=number, options=options)
        for _ in range(self.tries):
            if self._set(wanted) == iu891a.STATUS_WRONG_PARAMETER:
                return False
            if self._configuration().link_mode == number:
                return True
        return False

    def _undo(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            self._set(before)

    def _configuration(self) -> Configuration:
        answer = self._request(iu891a.RADIO_LINK, iu891a.GET_CONFIGURATION)
        if answer is None:
            raise self._silent()
        configuration = iu891a.decode_configuration(answer[1:])
        if configuration is None:
            raise DeviceError(
                f"{self._port.name}: the stick does not tell its configuration",
                reason=Reason.UNEXPECTED,
                hint=(f"its answer: {iu891a.STATUS.get(answer[0], answer.hex().upper())}",),
            )
        return configuration

    def _set(self, configuration: Configuration) -> int:
        """The status of the answer."""
        body = configuration.encode()
        answer = self._request(iu891a.RADIO_LINK, iu891a.SET_CONFIGURATION, body)
        if answer is None:
            raise self._silent()
        return answer[0]

    def _request(self, sap: int, number: int, body: bytes = b"") -> bytes | None:
        """Status and body of the answer."""
        return self._ask(
            encode_frame(sap, number, body),
            lambda message: (
                message.body if (message.sap, message.number) == (sap, number + 1) and message.body else None
            ),
        )

    def _reception(self, message: Message, time: float) -> Reception | None:
        telegram = message.telegram
        if telegram is None:
            return None
        if len(telegram) != telegram[0] + 1:
            text = f"the stick handed over {len(telegram)} bytes of a telegram of {telegram[0] + 1}"
            error = DecodeError(text, reason=Reason.LENGTH_MISMATCH)
            return Reception(b"", time, message.rssi_dbm, error=error, raw=message.raw)
        return Reception(telegram, time, message.rssi_dbm, frame_format="none", raw=message.raw)


def probe(port: Port) -> Identity | None:
    """Who answers there, at the rate of these sticks; None if nobody does."""
    return Iu891a(port).probe()


def driver(port: Port) -> Stick:
    """The driver on an open port."""
    return Iu891a(port)

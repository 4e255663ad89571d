"""Simulated IMST iM880B with LoRaWAN firmware."""

from __future__ import annotations

from collections.abc import Callable

from mbuscli.protocol.lorawan.region import airtime_s
from mbuscli.protocol.receivers import wimod_lorawan as hci
from mbuscli.protocol.receivers.framer import Damage
from mbuscli.protocol.receivers.iu891a import BAUD, Message
from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.device import Device
from mbuscli.simulator.lora.network import Network
from mbuscli.simulator.modems.faults import NO_FAULTS, ModemFaults
from mbuscli.simulator.modems.twin import DUTY_WAIT_S, Joined, Transmitted, Twin

_MODULE = 0x98
_UNIQUE_ID = 0x12345678
_FIRMWARE = bytes((25, 1, 0x2A, 0)) + b"14.02.2017" + b"WiMOD_LoRaWAN_EndDevice_iM880B"
_WRONG_PARAMETER, _WRONG_MODE, _UNSUPPORTED = 3, 4, 2
_MOST_POWER = 20
_FRAME_OVERHEAD = 13
_LINK_CHECK = b"\x02"


class ImstTwin(Twin):
    """The modem; `refuse` is the status of the next join or uplink in hexadecimal, "tx 02" of its sending."""

    baud = BAUD

    def __init__(
        self,
        device: Device,
        network: Network,
        faults: ModemFaults = NO_FAULTS,
        start_s: float = 0.0,
        *,
        scale: float = 1.0,
    ) -> None:
        super().__init__(device, network, faults, start_s, scale=scale)
        self.mode = hci.APPLICATION_MODE
        self.stack = hci.Stack(data_rate=self.data_rate)
        self._framer = hci.framer()
        self._tx_status = 0

    def receive(self, data: bytes, now: float) -> None:
        """As Twin says: a command in each frame."""
        for message in self._framer.feed(data):
            if not isinstance(message, Damage):
                answer = self._answer(message, now)
                self.reply(hci.encode_request(message.sap, message.number + 1, answer), now)

    def hear_class_c(self, f_port: int, payload: bytes, at: float) -> None:
        """As Twin says."""
        self._indicate(hci.RECEIVED, self._heard(bytes((f_port,)) + payload, 0), at)

    def _indicate(self, number: int, body: bytes, at: float) -> None:
        self.put(hci.encode_request(hci.LORAWAN, number, body), at)

    def _heard(self, content: bytes, flags: int, window: int = 1, rssi: int = -60, snr: int = 9) -> bytes:
        extension = hci.Extension(0, self.data_rate, rssi, snr, window)
        return bytes((flags | hci.EXTENDED,)) + content + extension.encode()

    # -- commands ----------------------------------------------------------------------------------------

    def _answer(self, message: Message, now: float) -> bytes:
        """Status and body of the answer."""
        if message.sap == hci.DEVICE:
            return self._manage(message.number, message.body)
        handler = {
            hci.ACTIVATE_ABP: self._activate,
            hci.SET_JOIN_PARAMETER: self._set_join,
            hci.SET_STACK: self._set_stack,
            hci.SET_EUI: self._set_eui,
        }.get(message.number)
        if handler is not None:
            return handler(message.body)
        if message.number == hci.GET_STACK:
            return b"\0" + self.stack.encode()
        if message.number == hci.GET_EUI:
            return b"\0" + self.device.dev_eui
        if message.number == hci.NETWORK_STATUS:
            return self._status()
        if message.number in (hci.JOIN, hci.SEND_UNRELIABLE, hci.SEND_CONFIRMED, hci.SEND_MAC_COMMAND):
            return self._begin(message, now)
        return bytes((_UNSUPPORTED,))

    def _manage(self, number: int, body: bytes) -> bytes:
        if number == hci.PING:
            return b"\0"
        if number == hci.DEVICE_INFO:
            return bytes((0, _MODULE)) + bytes(4) + _UNIQUE_ID.to_bytes(4, "little")
        if number == hci.FIRMWARE:
            return b"\0" + _FIRMWARE
        if number == hci.SET_MODE and body in (bytes((hci.APPLICATION_MODE,)), bytes((hci.CUSTOMER_MODE,))):
            self.mode = body[0]
            return b"\0"
        return bytes((_UNSUPPORTED,))

    def _status(self) -> bytes:
        session = self.device.session
        if session is None:
            return bytes((0, 3 if self.transmitting else 0))
        rest = bytes((self.data_rate, self.stack.power_dbm, self.max_payload))
        return bytes((0, 2)) + session.dev_addr[::-1] + rest

    def _activate(self, body: bytes) -> bytes:
        if len(body) != 36:
            return bytes((hci.LENGTH,))
        self.activate(body[3::-1], body[4:20], body[20:])
        return b"\0"

    def _set_join(self, body: bytes) -> bytes:
        if len(body) != 24:
            return bytes((hci.LENGTH,))
        self.device.join_eui, self.device.app_key = body[:8], Key(body[8:])
        return b"\0"

    def _set_eui(self, body: bytes) -> bytes:
        if self.mode != hci.CUSTOMER_MODE:
            return bytes((_WRONG_MODE,))
        if len(body) != 8:
            return bytes((hci.LENGTH,))
        self.device.dev_eui = body
        return b"\0"

    def _set_stack(self, body: bytes) -> bytes:
        stack = hci.decode_stack(body)
        if stack is None:
            return bytes((hci.LENGTH,))
        wrong = 0x01 if stack.data_rate >= len(self.network.region.rates) else 0
        wrong |= 0x02 if stack.power_dbm > _MOST_POWER else 0
        wrong |= 0x20 if stack.band & 0x7F not in hci.BANDS.values() else 0
        if wrong:
            return bytes((_WRONG_PARAMETER, wrong))
        self.stack, self.data_rate = stack, stack.data_rate
        return b"\0"

    def _refused(self) -> bytes:
        refuse, self.refuse = self.refuse, ""
        if refuse.startswith("tx "):
            self._tx_status = int(refuse.removeprefix("tx "), 16)
            return b""
        if self.transmitting or self.faults.busy:
            return bytes((hci.BUSY,))
        if self.faults.duty or refuse == f"{hci.BLOCKED:02X}":
            return bytes((hci.BLOCKED,)) + round(DUTY_WAIT_S * 1000).to_bytes(4, "little")
        return bytes.fromhex(refuse)

    def _begin(self, message: Message, now: float) -> bytes:
        """A join or an uplink; its indications follow the answer."""
        number, body = message.number, message.body
        refused = self._refused()
        if self.mode != hci.APPLICATION_MODE:
            refused = bytes((_WRONG_MODE,))
        elif number != hci.JOIN and not self.is_joined:
            refused = bytes((hci.NOT_ACTIVE,))
        elif number in (hci.SEND_UNRELIABLE, hci.SEND_CONFIRMED) and len(body) - 1 > self.max_payload:
            refused = bytes((hci.LENGTH,))
        if refused:
            return refused
        status, self._tx_status = self._tx_status, 0
        sent = {hci.JOIN: hci.JOIN_SENT, hci.SEND_CONFIRMED: hci.SENT_CONFIRMED}.get(
            number, hci.SENT_UNRELIABLE
        )
        if status or number == hci.JOIN or not self.faults.receive_first:
            told = self._sent_body(status, len(body))
            self.after(now, self._on_air_s(len(body)), lambda at: self._indicate(sent, told, at))
        if status:
            return b"\0"
        if number == hci.JOIN:
            self.join(now, self._joined)
        elif number == hci.SEND_MAC_COMMAND:
            self.transmit(0, body[1:], now, self._done(sent), confirmed=body[0] == 1)
        else:
            self.transmit(body[0], body[1:], now, self._done(sent), confirmed=number == hci.SEND_CONFIRMED)
        return b"\0"

    def _on_air_s(self, octets: int) -> float:
        rate = self.network.region.rates[self.data_rate]
        assert rate is not None
        return airtime_s(rate, octets + _FRAME_OVERHEAD) * self.scale

    def _sent_body(self, status: int, octets: int) -> bytes:
        """Status; channel, data rate, number of packets, power, and time on air in milliseconds."""
        if status > 1:
            return bytes((status,))
        airtime = round(self._on_air_s(octets) * 1000).to_bytes(4, "little")
        return bytes((1, 0, self.data_rate, 1, self.stack.power_dbm)) + airtime

    def _joined(self, end: Joined, at: float) -> None:
        session = self.device.session
        if end.accepted and session is not None:
            signal = hci.Extension(
                0, self.data_rate, self.network.behaviour.rssi_dbm, self.network.behaviour.snr_db, 1
            )
            self._indicate(hci.JOINED, b"\x01" + session.dev_addr[::-1] + signal.encode(), at)
        else:
            self._indicate(hci.JOINED, b"\x02", at)

    def _done(self, sent: int) -> Callable[[Transmitted, float], None]:
        def done(end: Transmitted, at: float) -> None:
            self._tell_received(end, at)
            if self.faults.receive_first:
                self._indicate(sent, self._sent_body(0, 0), at)

        return done

    def _tell_received(self, end: Transmitted, at: float) -> None:
        received = end.received
        if received is None:
            error = bytes((1, 0x40 if end.confirmed else 0x20))
            self._indicate(hci.RECEIVED_NOTHING, error, at)
            return
        signal = end.window, end.rssi_dbm, end.snr_db
        if end.link is not None and self.stack.options & hci.MAC_FORWARD:
            self._indicate(
                hci.RECEIVED_MAC_COMMAND, self._heard(_LINK_CHECK + bytes(end.link), 0, *signal), at
            )
        if end.payload or received.ack:
            flags = (hci.ACK if received.ack else 0) | (hci.PENDING if received.pending else 0)
            content = bytes((received.f_port or 0,)) + received.payload if end.payload else b""
            number = hci.RECEIVED_CONFIRMED if received.confirmed else hci.RECEIVED
            self._indicate(number, self._heard(content, flags, *signal), at)

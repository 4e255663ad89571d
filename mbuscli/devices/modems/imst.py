"""IMST modems iU880B and iM880B: binary frames, a status in every answer, indications at any time."""

from __future__ import annotations

from collections.abc import Callable

from mbuscli.devices.modems.base import (
    Abp,
    Activation,
    Command,
    DeviceClass,
    Downlink,
    Event,
    Failed,
    FailureCause,
    Identity,
    Joined,
    Joining,
    LinkCheck,
    Modem,
    Remark,
    Sent,
    Settings,
)
from mbuscli.devices.modems.imst_plan import Step, activation_step, refused, steps
from mbuscli.devices.modems.timed import WINDOWS_S, counts_from_zero
from mbuscli.errors import DeviceError, Reason
from mbuscli.ports.base import Port
from mbuscli.protocol.receivers import wimod_lorawan as hci
from mbuscli.protocol.receivers.framer import Damage
from mbuscli.protocol.receivers.iu891a import BAUD as BAUD
from mbuscli.protocol.receivers.iu891a import MODELS as METER_MODELS
from mbuscli.protocol.receivers.iu891a import WAKE_UP, Message

FAMILY = "imst"
_STEP = "device info in SLIP at 115200 baud, answered"
_ANSWER_S, _PROBE_ANSWER_S = 1.0, 0.6
_TRIES = 3
# Until its second window is over at the slowest data rate.
_LINK_CHECK_S = 10.0
_LINK_CHECK = 0x02
# Requests that carry keys.
_WITH_KEYS = (hci.SET_JOIN_PARAMETER, hci.ACTIVATE_ABP)

_CAUSES: dict[int, FailureCause] = {
    3: "parameter",
    hci.NOT_ACTIVE: "not-joined",
    hci.BUSY: "busy",
    hci.QUEUE_FULL: "busy",
    hci.LENGTH: "payload-length",
    hci.BLOCKED: "duty-cycle",
    hci.NO_CHANNEL: "no-channel",
}


class Imst:
    """A modem of this family. A Modem, as base says; it counts ABP frames from 0.

    trace   gets every frame both ways, "tx" or "rx": access point, message, and content without keys
    """

    family = FAMILY
    classes: tuple[DeviceClass, ...] = ("A", "C")

    def __init__(self, port: Port) -> None:
        self.trace: Callable[[str, str], None] | None = None
        self._port = port
        self._framer = hci.framer()
        self._answer: Message | None = None
        self._awaited: tuple[int, int] | None = None
        self._events: list[Event] = []
        self._activation: Activation | None = None
        # What is on its way.
        self._sending = self._confirming = self._checking = False
        self._sent_at: float | None = None

    def probe(self) -> Identity | None:
        """Who answers, None if nobody does or it is a stick without LoRaWAN."""
        answer = self._ask(hci.DEVICE, hci.DEVICE_INFO, b"", 1, _PROBE_ANSWER_S)
        if answer is None or len(answer) < 2 or answer[1] in METER_MODELS:
            return None
        # The same hardware is sold with other radio firmware, which knows no LoRaWAN messages.
        if self._ask(hci.LORAWAN, hci.NETWORK_STATUS, b"", 1, _PROBE_ANSWER_S) is None:
            return None
        return self._identity(answer)

    def identify(self) -> Identity:
        """As Modem says. Raises DeviceError `device.no-answer`."""
        return self._identity(self._request(hci.DEVICE, hci.DEVICE_INFO))

    def plan(self, settings: Settings, activation: Activation) -> list[Command]:
        """As Modem says; what the modem's own stack configuration adds is that of the factory."""
        wanted = steps(settings, activation, hci.Stack(), self.classes)
        return [step.command for step in (*wanted, activation_step(activation))]

    def configure(self, settings: Settings, activation: Activation) -> None:
        """As Modem says."""
        steps(settings, activation, hci.Stack(), self.classes)
        activation_step(activation)
        found = hci.decode_stack(self._request(hci.LORAWAN, hci.GET_STACK)[1:])
        for step in steps(settings, activation, found or hci.Stack(), self.classes):
            answer = self._request(step.sap, step.number, step.body)
            if answer[0] != hci.OK:
                raise refused(step, answer)
        self._activation = activation

    def start_join(self) -> list[Event]:
        """As Modem says."""
        if self._activation is None:
            raise ValueError("configure the modem before it joins")
        failed = self._begin(activation_step(self._activation))
        if failed is not None:
            return [failed]
        if isinstance(self._activation, Abp):
            return [Joined(self._activation.dev_addr), *counts_from_zero(self._activation)]
        return self._take()

    def start_send(self, f_port: int, payload: bytes, *, confirmed: bool) -> list[Event]:
        """As Modem says. A link check that is on its way comes to its end first."""
        until = self._port.now() + _LINK_CHECK_S
        while self._checking and self._port.now() < until:
            self._listen(until)
        number = hci.SEND_CONFIRMED if confirmed else hci.SEND_UNRELIABLE
        # It may be told as sent before the request is answered.
        self._sending, self._confirming = not confirmed, confirmed
        failed = self._begin(Step(hci.LORAWAN, number, bytes((f_port,)) + payload, "", "send"))
        if failed is not None:
            self._sending = self._confirming = False
        return [*self._take(), *([] if failed is None else [failed])]

    def start_link_check(self) -> list[Event]:
        """As Modem says: the modem sends the request at once."""
        body = bytes((0, _LINK_CHECK))
        self._checking = True
        failed = self._begin(Step(hci.LORAWAN, hci.SEND_MAC_COMMAND, body, "", "link check"))
        self._checking = self._checking and failed is None
        return self._take() if failed is None else [failed]

    def events(self, until: float) -> list[Event]:
        """As Modem says."""
        while not self._events:
            self._listen(until if self._sent_at is None else min(until, self._sent_at))
            if self._sent_at is not None and self._port.now() >= self._sent_at:
                self._events += self._done()
            if self._port.now() >= until:
                break
        return self._take()

    # -- requests ------------------------------------------------------------------------------------

    def _begin(self, step: Step) -> Failed | None:
        """A request that must not be repeated: the first may have been heard although nobody answered."""
        answer = self._ask(step.sap, step.number, step.body, 1, _ANSWER_S)
        if answer is None:
            raise self._silent()
        return None if answer[0] == hci.OK else _failed(answer)

    def _request(self, sap: int, number: int, body: bytes = b"") -> bytes:
        answer = self._ask(sap, number, body, _TRIES, _ANSWER_S)
        if answer is None:
            raise self._silent()
        return answer

    def _ask(self, sap: int, number: int, body: bytes, tries: int, answer_s: float) -> bytes | None:
        """Status and body of the answer, None if there is none. Indications meanwhile become events."""
        for _ in range(tries):
            self._awaited, self._answer = (sap, number + 1), None
            self._tell("tx", sap, number, body)
            # Behind these octets the modem is awake.
            self._port.write(WAKE_UP + hci.encode_request(sap, number, body))
            end = self._port.now() + answer_s
            while self._answer is None and self._port.now() < end:
                self._listen(end)
            self._awaited = None
            if self._answer is not None:
                return self._answer.body
        return None

    def _silent(self) -> DeviceError:
        return DeviceError(
            f"{self._port.name}: the modem does not answer",
            reason=Reason.NO_ANSWER,
            hint=("is it another modem? leave --modem out to ask who it is", "plug it in again"),
        )

    # -- what the modem says -------------------------------------------------------------------------

    def _listen(self, until: float) -> None:
        for message in self._framer.feed(self._port.read(until).data):
            if isinstance(message, Damage):
                continue
            self._tell("rx", message.sap, message.number, message.body)
            if (message.sap, message.number) == self._awaited and message.body and self._answer is None:
                self._answer = message
            elif message.sap == hci.LORAWAN and message.body:
                self._events += self._heard(message.number, message.body)

    def _heard(self, number: int, body: bytes) -> list[Event]:
        """The events in an indication."""
        if number == hci.JOIN_SENT:
            return [_joining(body)]
        if number == hci.JOINED:
            return [_joined(body)]
        if number in (hci.SENT_UNRELIABLE, hci.SENT_CONFIRMED):
            return self._sent(number, body)
        if number == hci.RECEIVED_NOTHING:
            return self._nothing(body)
        if number == hci.RECEIVED_ACK:
            return self._acknowledged()
        if number in (hci.RECEIVED, hci.RECEIVED_CONFIRMED, hci.RECEIVED_MAC_COMMAND):
            return self._received(number, body)
        return []

    def _sent(self, number: int, body: bytes) -> list[Event]:
        status = body[0]
        if number == hci.SENT_UNRELIABLE:
            if status not in (0, 1):
                self._sending = self._checking = False
                return [Failed("modem", f"not sent (status {status:02X})")]
            if self._sending:
                self._sent_at = self._port.now() + WINDOWS_S
            return []
        if status in (0, 1):
            return []
        self._confirming = False
        if status == 2:
            return [Failed("not-acknowledged", "maximum number of retransmissions reached (status 02)")]
        cause: FailureCause = "payload-length" if status == 4 else "modem"
        return [Failed(cause, f"{'payload too long' if status == 4 else 'not sent'} (status {status:02X})")]

    def _nothing(self, body: bytes) -> list[Event]:
        """No data in either window; without an error that is the usual end of an uplink."""
        if self._checking:
            self._checking = False
            return [LinkCheck(None, None)]
        if not self._confirming:
            return self._done()
        if body[0] == hci.OK:
            return []
        self._confirming = False
        code = f", error bits {body[1]:02X}" if len(body) > 1 else ""
        return [Failed("not-acknowledged", f"no acknowledgement received{code}")]

    def _done(self) -> list[Event]:
        """The windows of an unconfirmed uplink are over, if one is on its way."""
        sending, self._sending, self._sent_at = self._sending, False, None
        return [Sent()] if sending else []

    def _acknowledged(self) -> list[Event]:
        if not self._confirming:
            return []
        self._confirming = False
        return [Sent(acknowledged=True)]

    def _received(self, number: int, body: bytes) -> list[Event]:
        heard = hci.decode_heard(body)
        if heard is None:
            return [Remark(f"a received frame is cut short: {body.hex().upper()}")]
        if number == hci.RECEIVED_MAC_COMMAND:
            self._checking = False
            return _mac_commands(heard.content)
        events = self._acknowledged() if heard.flags & hci.ACK else self._done()
        if heard.content:
            signal = heard.extension
            rssi = float(signal.rssi_dbm) if signal else None
            snr = float(signal.snr_db) if signal else None
            events.append(Downlink(heard.content[0], heard.content[1:], rssi, snr))
        return events

    def _identity(self, answer: bytes) -> Identity:
        """From the answer to device info, and from what the modem says of its firmware and its EUI."""
        model = hci.MODELS.get(answer[1], f"IMST module type {answer[1]:02X}") if len(answer) > 1 else "IMST"
        firmware = self._ask(hci.DEVICE, hci.FIRMWARE, b"", 1, _ANSWER_S) or b""
        version = f"{firmware[2]}.{firmware[1]}" if len(firmware) > 2 and not firmware[0] else ""
        eui = self._ask(hci.LORAWAN, hci.GET_EUI, b"", 1, _ANSWER_S) or b""
        dev_eui = eui[1:9] if len(eui) == 9 and not eui[0] else None
        return Identity(FAMILY, model, version, dev_eui, _STEP)

    def _tell(self, direction: str, sap: int, number: int, body: bytes) -> None:
        if self.trace is not None:
            secret = sap == hci.LORAWAN and number in _WITH_KEYS
            content = "<keys>" if secret else body.hex().upper()
            self.trace(direction, f"{sap:02X} {number:02X} {content}".rstrip())

    def _take(self) -> list[Event]:
        events, self._events = self._events, []
        return events


def probe(port: Port) -> Identity | None:
    """Who answers there, at the rate of these modems; None if nobody does."""
    return Imst(port).probe()


def driver(port: Port) -> Modem:
    """The driver on an open port."""
    return Imst(port)


def _failed(answer: bytes) -> Failed:
    """Of a request with a status that is not good; a blocked channel tells for how long in milliseconds."""
    status = answer[0]
    wait_s = None
    if status == hci.BLOCKED and len(answer) >= 5:
        wait_s = int.from_bytes(answer[1:5], "little") / 1000
    text = f"{hci.STATUS.get(status, 'refused')} (status {status:02X})"
    return Failed(_CAUSES.get(status, "modem"), text, wait_s)


def _joining(body: bytes) -> Event:
    if body[0] > 1:
        return Failed("modem", f"the join-request was not sent (status {body[0]:02X})")
    return Joining(body[2] if len(body) > 2 else None)


def _joined(body: bytes) -> Event:
    if body[0] in (0, 1):
        return Joined(body[4:0:-1] if len(body) >= 5 else None)
    return Failed("no-answer", f"not joined (status {body[0]:02X})")


def _mac_commands(content: bytes) -> list[Event]:
    if len(content) >= 3 and content[0] == _LINK_CHECK:
        return [LinkCheck(content[1], content[2])]
    return [Remark(f"MAC command of the network: {content.hex().upper()}")]

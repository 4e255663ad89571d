"""STM32WL with ST's AT_Slave firmware: upper case, an empty line before OK, results as +EVT lines."""

from __future__ import annotations

import re
from typing import Final

from mbuscli.devices.modems.base import (
    Activation,
    Command,
    DeviceClass,
    Downlink,
    Event,
    Failed,
    Identity,
    Joined,
    Joining,
    LinkCheck,
    Modem,
    Otaa,
    Remark,
    Sent,
    Settings,
)
from mbuscli.devices.modems.line_modem import Answer, Meanings, failed
from mbuscli.devices.modems.timed import (
    RETRANSMISSIONS_S,
    WINDOWS_S,
    TimedModem,
    counts_from_zero,
)
from mbuscli.errors import DeviceError, RefusedError
from mbuscli.ports.base import Port

BAUD: Final = 9600
_REGIONS: Final = {"AS923-1": 0, "AU915": 1, "EU868": 5, "KR920": 6, "IN865": 7, "US915": 8}
# Its receive buffer is this small.
_PIECE, _PIECE_PAUSE_S = 8, 0.005
_REBOOT_S: Final = 1.5
# The five lines of its version take a while at this rate.
_LONG_ANSWER_S: Final = 1.0
# How well a downlink was heard follows it at once, and so does a link check.
_SIGNAL_S: Final = 0.5

_ERRORS: Final[Meanings] = {
    "AT_ERROR": ("modem", "it refuses without a reason"),
    "AT_PARAM_ERROR": ("parameter", "it does not take one of the values"),
    "AT_BUSY_ERROR": ("busy", "the stack is not idle"),
    "AT_TEST_PARAM_OVERFLOW": ("parameter", "the command is too long for it"),
    "AT_NO_NETWORK_JOINED": ("not-joined", "it begins to join by itself"),
    "AT_RX_ERROR": ("modem", "it did not receive the command well"),
    "AT_NO_CLASS_B_ENABLE": ("parameter", "its firmware has no class B"),
    "AT_DUTYCYCLE_RESTRICTED": ("duty-cycle", "the duty cycle is used up"),
    "AT_CRYPTO_ERROR": ("modem", "its encryption failed: a key may be missing"),
    "error unknown": ("modem", ""),
}
_TOO_LONG: Final = "AT_ERROR: the payload is too long for this data rate; an empty frame was sent"
_STATUS = re.compile(r"(?:OK|AT_[A-Z_]+|error unknown)$")
_EVENT = re.compile(r"\+EVT:\s*(.+)$")
_DATA = re.compile(r"(\d{1,3}):([0-9A-Fa-f]{2}):((?:[0-9A-Fa-f]{2})*)")
_SIGNAL = re.compile(
    r"RX_(\w+), *PORT (\d+), *DR \d+, *RSSI (-?\d+), *SNR (-?\d+)(?:, *DMODM (\d+), *GWN (\d+))?"
)
_STARTED = re.compile(r"ATtention command interface|AT\? to list all available functions")
_VERSION = re.compile(r"(?:APPLICATION|APP)_VERSION: *(\S+)$|^(V\d[\w.]*)$")
_DEV_ADDR = re.compile(r"([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){3})$")
_EUI = re.compile(r"([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){7})$")


class StAtSlave(TimedModem):
    """A Modem. It tells neither the end of an unconfirmed uplink nor a missing acknowledgement."""

    family = "st_at_slave"
    classes: tuple[DeviceClass, ...] = ("A", "B", "C")
    line_end = b"\r"

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._class: DeviceClass = "A"
        self._checks_link = False

    def configure(self, settings: Settings, activation: Activation) -> None:
        """As Modem says. A joined modem takes no identifiers: it is then started anew, once."""
        self._class = settings.device_class
        try:
            super().configure(settings, activation)
        except RefusedError as refused:
            if "AT_ERROR" not in refused.text:
                raise
            self._restart()
            super().configure(settings, activation)

    def plan(self, settings: Settings, activation: Activation) -> list[Command]:
        """As Modem says; the class is changed after the join."""
        commands = super().plan(settings, activation)
        return (
            commands if settings.device_class == "A" else [*commands, self._to_class(settings.device_class)]
        )

    def start_join(self) -> list[Event]:
        """As Modem says."""
        activation = self._configured
        answer = self._begin(self._join(activation))
        if answer.text != "OK":
            return [_failed(answer)]
        return [Joining()] if isinstance(activation, Otaa) else counts_from_zero(activation)

    def start_send(self, f_port: int, payload: bytes, *, confirmed: bool) -> list[Event]:
        """As Modem says."""
        text = f"AT+SEND={f_port}:{int(confirmed)}:{payload.hex().upper()}"
        answer = self._begin(self._command(text, "uplink"))
        if answer.text == "AT_ERROR":
            return [Failed("payload-length", _TOO_LONG)]
        if answer.text != "OK":
            return [_failed(answer)]
        if confirmed:
            lost = Failed("not-acknowledged", "no +EVT:SEND_CONFIRMED came")
            self._expect("acknowledgement", RETRANSMISSIONS_S, lost)
        else:
            self._expect("sent", WINDOWS_S, Sent())
        return []

    def start_link_check(self) -> list[Event]:
        """As Modem says: with the next uplink."""
        answer = self._begin(self._command("AT+LINKC", "link check"))
        if answer.text != "OK":
            return [_failed(answer)]
        self._checks_link = True
        return []

    def _identify(self) -> Identity | None:
        self._wake()
        version = next((found for line in self._get("AT+VER=?") if (found := _VERSION.search(line))), None)
        if version is None:
            return None
        dev_eui = self._octets("AT+DEUI=?", _EUI)
        return Identity(self.family, "STM32WL AT_Slave", version[1] or version[2], dev_eui, "AT+VER=?")

    def _get(self, text: str) -> tuple[str, ...]:
        """The lines that answer a question, none if it is not answered or refused."""
        try:
            answer = self._ask(
                self._command(text, "asks"), answer_s=max(self.answer_s, _LONG_ANSWER_S), tries=1
            )
        except DeviceError:
            return ()
        return answer.values if answer.text == "OK" else ()

    def _settings(self, settings: Settings, activation: Activation) -> list[Command]:
        self._require_class(settings)
        band = _REGIONS.get(settings.region.name)
        if band is None:
            raise self._unsupported(f"region {settings.region.name}", _REGIONS)
        if settings.sub_band is not None:
            raise self._unsupported("a sub-band")
        commands = [self._command(f"AT+BAND={band}", f"region {settings.region.name}")]
        commands += self._identity(activation)
        if settings.data_rate is not None:
            # A data rate is refused as long as the network may change it.
            commands.append(self._command("AT+ADR=0", "adaptive data rate"))
            commands.append(self._command(f"AT+DR={settings.data_rate}", "data rate"))
        if settings.adr is not None and (settings.adr or settings.data_rate is None):
            commands.append(self._command(f"AT+ADR={int(settings.adr)}", "adaptive data rate"))
        return commands

    def _identity(self, activation: Activation) -> list[Command]:
        if isinstance(activation, Otaa):
            # Without a key of its own for it, a join of 1.0 is signed with the NwkKey.
            nwk_key = activation.nwk_key or activation.app_key
            return [
                self._command(f"AT+DEUI={_set_apart(activation.dev_eui)}", "DevEUI"),
                self._command(f"AT+APPEUI={_set_apart(activation.join_eui)}", "JoinEUI"),
                self._key("AT+APPKEY", "AppKey", activation.app_key.octets),
                self._key("AT+NWKKEY", "NwkKey", nwk_key.octets),
            ]
        self._require_1_0(activation)
        nwk_s, app_s = self._session_keys(activation)
        return [
            self._command(f"AT+DADDR={_set_apart(activation.dev_addr)}", "DevAddr"),
            self._key("AT+NWKSKEY", "NwkSKey", nwk_s.octets),
            self._key("AT+APPSKEY", "AppSKey", app_s.octets),
        ]

    def _key(self, command: str, name: str, octets: bytes) -> Command:
        """A key is written with colons."""
        digits = _set_apart(octets)
        self._secrets[octets.hex().upper()] = f"<{name}>"
        return Command(f"{command}={digits}".encode("ascii") + self.line_end, f"{command}=<{name}>", name)

    def _octets(self, question: str, pattern: re.Pattern[str]) -> bytes | None:
        found = next((found for line in self._get(question) if (found := pattern.search(line))), None)
        return bytes.fromhex(found[1].replace(":", "")) if found else None

    def _change_class(self) -> list[Event]:
        """The class can be changed once the modem is in a network."""
        if self._class == "A":
            return []
        answer = self._ask(self._to_class(self._class))
        return [] if answer.text == "OK" else [Remark(f"class {self._class} is refused: {answer.text}")]

    def _join(self, activation: Activation) -> Command:
        return self._command(f"AT+JOIN={int(isinstance(activation, Otaa))}", "join")

    def _to_class(self, device_class: DeviceClass) -> Command:
        return self._command(f"AT+CLASS={device_class}", f"class {device_class}, once joined")

    def _restart(self) -> None:
        """Start the modem anew; nothing answers."""
        self._port.write(b"ATZ" + self.line_end)
        until = self._port.now() + _REBOOT_S
        while self._port.now() < until:
            self._listen(until)

    def _send(self, command: Command) -> None:
        self._tell("tx", command.shown)
        for at in range(0, len(command.octets), _PIECE):
            self._port.write(command.octets[at : at + _PIECE])
            if at + _PIECE < len(command.octets):
                self._listen(self._port.now() + _PIECE_PAUSE_S)

    def _pattern(self, asked: str) -> re.Pattern[str]:
        return _STATUS

    def _is_refusal(self, answer: Answer) -> bool:
        return answer.text != "OK"

    def _classify(self, line: str) -> list[Event] | None:
        event = _EVENT.search(line)
        if event is None:
            return [Remark(f"the modem has started: {line}")] if _STARTED.search(line) else None
        words = event[1].strip()
        if words == "JOINED":
            return [Joined()]
        if words in ("JOIN FAILED", "JOIN_FAILED"):
            return [Failed("no-answer", line)]
        if words == "SEND_CONFIRMED":
            self._settle("acknowledgement")
            return [Sent(acknowledged=True)]
        data, signal = _DATA.fullmatch(words), _SIGNAL.match(words)
        if data is not None and int(data[2], 16) == len(data[3]) // 2:
            # How well it was heard comes with the next line.
            held = self._settle("downlink")
            self._expect("downlink", _SIGNAL_S, Downlink(int(data[1]), bytes.fromhex(data[3])))
            return [held] if held is not None else []
        return [Remark(line)] if signal is None else self._heard(signal)

    def _heard(self, signal: re.Match[str]) -> list[Event]:
        """The line behind a downlink, or that of one without a payload."""
        events: list[Event] = []
        if signal[1] in ("1", "2") and (sent := self._settle("sent")) is not None:
            events.append(sent)
        held = self._settle("downlink")
        downlink = held if isinstance(held, Downlink) else Downlink(None, b"")
        events.append(downlink._replace(rssi_dbm=float(signal[3]), snr_db=float(signal[4])))
        if signal[5] is not None:
            self._checks_link = False
            self._settle("link check")
            events.append(LinkCheck(int(signal[5]), int(signal[6])))
        return events

    def _enrich(self, event: Event) -> list[Event]:
        if isinstance(event, Joined):
            return [Joined(self._octets("AT+DADDR=?", _DEV_ADDR)), *self._change_class()]
        if isinstance(event, Sent | Failed) and self._checks_link:
            self._checks_link = False
            self._expect("link check", _SIGNAL_S, LinkCheck(None, None))
        return [event]


def _failed(answer: Answer) -> Failed:
    """With the lines in which the modem explains its error, where it does."""
    failure = failed(_ERRORS, answer.text)
    why = " ".join(line for line in answer.values if line.startswith("AT"))
    return failure._replace(text=f"{failure.text} ({why})") if why else failure


def _set_apart(octets: bytes) -> str:
    return octets.hex(":").upper()


def probe(port: Port) -> Identity | None:
    """Who answers on a port at this rate, None if it is no modem with this firmware."""
    return StAtSlave(port).probe()


def driver(port: Port) -> Modem:
    """The driver for a modem on this port."""
    return StAtSlave(port)

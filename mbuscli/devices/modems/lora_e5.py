"""Seeed LoRa-E5 and Wio-E5: every line names its command, and `Done` ends what takes time."""

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
from mbuscli.devices.modems.line_modem import Answer, LineModem, Meanings, failed
from mbuscli.ports.base import Port
from mbuscli.protocol.lorawan.region import sub_band_channels

BAUD: Final = 9600
_REGIONS: Final = {
    "EU868": "EU868",
    "US915": "US915",
    "AU915": "AU915",
    "AS923-1": "AS923",
    "KR920": "KR920",
    "IN865": "IN865",
}
_ERRORS: Final[Meanings] = {
    "ERROR(-1)": ("parameter", "it does not take one of the values"),
    "ERROR(-10)": ("modem", "this firmware does not know the command"),
    "ERROR(-11)": ("modem", "the command has another form in this firmware"),
    "ERROR(-12)": ("modem", "not possible in this mode"),
    "ERROR(-20)": ("parameter", "too many values"),
    "ERROR(-21)": ("parameter", "the command is too long"),
    "ERROR(-22)": ("modem", "the end of the command did not come in time"),
    "ERROR(-23)": ("modem", "a character that it does not know came in"),
    "ERROR(-24)": ("modem", "the command was too long, cut or garbled"),
    "Please join network first": ("not-joined", ""),
    "LoRaWAN modem is busy": ("busy", ""),
    "DR error": ("parameter", "not with this data rate"),
    "No free channel": ("no-channel", ""),
    "Not in OTAA mode": ("parameter", ""),
}
_LINE = re.compile(r"\+(JOIN|C?MSG(?:HEX)?): ?(.*)$")
# What ends the answer to a command that then takes time; all else comes by itself.
_BEGUN = re.compile(
    r"(?:Start|Joined already|ERROR ?\(-?\d+\)|Please join network first|LoRaWAN modem is busy|DR error"
    r"|Length error.*|No free channel|No band in.*|Not in OTAA mode)$"
)
_ERROR = re.compile(r"ERROR ?(\(-?\d+\))$")
_NO_BAND = re.compile(r"No band in (\d+) ?ms")
_ADDRESS = re.compile(r"DevAddr ((?:[0-9A-Fa-f]{2}[: ]?){4})$")
_RECEIVED = re.compile(r'PORT: ?(\d+); ?RX: ?"([0-9A-Fa-f ]*)"')
_SIGNAL = re.compile(r"RXWIN\d, *RSSI *(-?\d+(?:\.\d+)?), *SNR *(-?\d+(?:\.\d+)?)")
_LINK = re.compile(r"Link *(\d+), *(\d+)")
# The second line after a change of the data rate.
_RATE = re.compile(r"\+DR: [A-Z]+\d+\w* +DR\d+")
# The signal strength follows its downlink at once.
_SIGNAL_S: Final = 0.3


class _Uplink:
    """What was told of the uplink on its way."""

    def __init__(self, confirmed: bool, *, checks_link: bool) -> None:
        self.confirmed = confirmed
        self.checks_link = checks_link
        self.acknowledged = False
        self.link = LinkCheck(None, None)
        self.downlink: Downlink | None = None
        self.signal: tuple[float, float] | None = None

    def events(self) -> list[Event]:
        """What it comes to, at its end."""
        events: list[Event] = [Sent(True if self.confirmed else None)]
        if self.confirmed and not self.acknowledged:
            events = [Failed("not-acknowledged", "Done without ACK Received: no acknowledgement came")]
        if self.checks_link:
            events.append(self.link)
        downlink = self.downlink
        if downlink is None and self.signal is not None:
            downlink = Downlink(None, b"")
        if downlink is not None:
            rssi, snr = self.signal or (None, None)
            events.append(downlink._replace(rssi_dbm=rssi, snr_db=snr))
        return events


class LoraE5(LineModem):
    """A Modem. It counts frames by itself, personalised ones too."""

    family = "lora_e5"
    classes: tuple[DeviceClass, ...] = ("A", "C")

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._uplink: _Uplink | None = None
        self._joined = False
        self._checks_link = False
        self._signal: tuple[float, float] | None = None

    def start_join(self) -> list[Event]:
        """As Modem says. A personalised device has nothing to do."""
        activation = self._configured
        command = self._join(activation)
        if command is None or not isinstance(activation, Otaa):
            return [] if isinstance(activation, Otaa) else [Joined(activation.dev_addr)]
        self._joined = False
        return self._begun(self._begin(command), [Joining()])

    def start_send(self, f_port: int, payload: bytes, *, confirmed: bool) -> list[Event]:
        """As Modem says."""
        answer = self._ask(self._command(f"AT+PORT={f_port}", "port"))
        if self._is_refusal(answer):
            return [_failed(answer)]
        name = "CMSGHEX" if confirmed else "MSGHEX"
        answer = self._begin(self._command(f'AT+{name}="{payload.hex().upper()}"', "uplink"))
        return self._begun(answer, [])

    def start_link_check(self) -> list[Event]:
        """As Modem says: with the next uplink."""
        answer = self._ask(self._command("AT+LW=LCR", "link check"))
        if self._is_refusal(answer):
            return [_failed(answer)]
        self._checks_link = True
        return []

    def _identify(self) -> Identity | None:
        self._wake()
        version = self._value("AT+VER", r"\+VER: *(\S.*)$")
        if version is None:
            return None
        eui = self._value("AT+ID=DevEui", r"\+ID: *DevEui, *((?:[0-9A-Fa-f]{2}[: ]?){8})$")
        return Identity(self.family, "LoRa-E5", version[1], _octets(eui[1]) if eui else None, "AT+VER")

    def _settings(self, settings: Settings, activation: Activation) -> list[Command]:
        self._require_1_0(activation)
        self._require_class(settings)
        name = _REGIONS.get(settings.region.name)
        if name is None:
            raise self._unsupported(f"region {settings.region.name}", _REGIONS)
        commands = [
            self._command(f"AT+MODE={'LWOTAA' if isinstance(activation, Otaa) else 'LWABP'}", "activation"),
            self._command(f"AT+DR={name}", "region"),
            *self._identity(activation),
            self._command(f"AT+CLASS={settings.device_class}", "class"),
        ]
        if settings.sub_band is not None:
            first = min(sub_band_channels(settings.region, settings.sub_band))
            commands.append(self._command(f"AT+CH=NUM,{first}-{first + 7}", f"sub-band {settings.sub_band}"))
        if settings.adr is not None:
            commands.append(self._command(f"AT+ADR={'ON' if settings.adr else 'OFF'}", "adaptive data rate"))
        if settings.data_rate is not None:
            commands.append(self._command(f"AT+DR={settings.data_rate}", "data rate"))
        return commands

    def _identity(self, activation: Activation) -> list[Command]:
        if isinstance(activation, Otaa):
            return [
                self._command(f'AT+ID=DevEui,"{activation.dev_eui.hex().upper()}"', "DevEUI"),
                self._command(f'AT+ID=AppEui,"{activation.join_eui.hex().upper()}"', "JoinEUI"),
                self._command('AT+KEY=APPKEY,"{key}"', "AppKey", activation.app_key, "AppKey"),
            ]
        nwk_s, app_s = self._session_keys(activation)
        return [
            self._command(f'AT+ID=DevAddr,"{activation.dev_addr.hex().upper()}"', "DevAddr"),
            self._command('AT+KEY=NWKSKEY,"{key}"', "NwkSKey", nwk_s, "NwkSKey"),
            self._command('AT+KEY=APPSKEY,"{key}"', "AppSKey", app_s, "AppSKey"),
        ]

    def _join(self, activation: Activation) -> Command | None:
        # FORCE: a session from before would prove nothing.
        return self._command("AT+JOIN=FORCE", "join") if isinstance(activation, Otaa) else None

    def _pattern(self, asked: str) -> re.Pattern[str]:
        name = re.match(r"AT\+?(\w*)", asked)
        return re.compile(rf"\+{name[1] if name and name[1] else 'AT'}: ?(.*)$")

    def _is_refusal(self, answer: Answer) -> bool:
        return _ERROR.search(answer.text) is not None

    def _begun(self, answer: Answer, events: list[Event]) -> list[Event]:
        text = answer.match[1]
        if text == "Start":
            return events
        return [Joined()] if text == "Joined already" else [_failed(answer)]

    def _classify(self, line: str) -> list[Event] | None:
        match = _LINE.search(line)
        if match is None:
            return [] if _RATE.search(line) and not self._asked else None
        name, text = match.groups()
        if self._asked.startswith(f"AT+{name}") and _BEGUN.match(text):
            if text == "Start" and name != "JOIN":
                self._uplink = _Uplink(name.startswith("C"), checks_link=self._checks_link)
                self._checks_link = False
            return None
        return self._of_join(text) if name == "JOIN" else self._of_uplink(line, text)

    def _of_join(self, text: str) -> list[Event]:
        address = _ADDRESS.search(text)
        if address is not None:
            self._joined = False
            return [Joined(_octets(address[1]))]
        if text == "Network joined":
            self._joined = True  # its address follows
        elif text == "Join failed":
            return [Failed("no-answer", f"{text}: nobody answered in both windows, or not for this device")]
        elif text == "Done" and self._joined:
            self._joined = False
            return [Joined()]
        elif _BEGUN.match(text) and text != "Start":
            return [_failed_text(text)]
        return []

    def _of_uplink(self, line: str, text: str) -> list[Event]:
        received = _RECEIVED.search(text)
        downlink = received and Downlink(int(received[1]), _octets(received[2]))
        signal, link = _SIGNAL.search(text), _LINK.search(text)
        uplink = self._uplink
        if uplink is None:
            if signal is not None:
                self._signal = float(signal[1]), float(signal[2])
            return [downlink] if downlink else [] if signal or text == "Done" else [Remark(line)]
        if downlink:
            uplink.downlink = downlink
        elif signal is not None:
            uplink.signal = float(signal[1]), float(signal[2])
        elif link is not None:
            uplink.link = LinkCheck(int(link[1]), int(link[2]))
        elif text == "ACK Received":
            uplink.acknowledged = True
        elif text == "Done":
            self._uplink = None
            return uplink.events()
        elif _BEGUN.match(text) and text != "Start":
            self._uplink = None
            return [_failed_text(text)]
        return []

    def _enrich(self, event: Event) -> list[Event]:
        """A downlink out of turn, whose signal strength is told in the line after it."""
        if not isinstance(event, Downlink) or event.rssi_dbm is not None:
            return [event]
        until = self._port.now() + _SIGNAL_S
        while self._signal is None and self._port.now() < until:
            self._listen(until)
        rssi, snr = self._signal or (None, None)
        self._signal = None
        return [event._replace(rssi_dbm=rssi, snr_db=snr)]


def _failed(answer: Answer) -> Failed:
    return _failed_text(answer.match[1])


def _failed_text(text: str) -> Failed:
    wait = _NO_BAND.search(text)
    if wait is not None:
        return Failed("duty-cycle", text, int(wait[1]) / 1000)
    if text.startswith("Length error"):
        limit = text.removeprefix("Length error").strip()
        return Failed("payload-length", f"{text}: {limit} octets fit" if limit.isdecimal() else text)
    error = _ERROR.search(text)
    return failed(_ERRORS, f"ERROR{error[1]}" if error else text)


def _octets(text: str) -> bytes:
    digits = re.sub("[: ]", "", text)
    return bytes.fromhex(digits[: len(digits) // 2 * 2])


def probe(port: Port) -> Identity | None:
    """Who answers on a port at this rate, None if it is no LoRa-E5."""
    return LoraE5(port).probe()


def driver(port: Port) -> Modem:
    """The driver for a modem on this port."""
    return LoraE5(port)

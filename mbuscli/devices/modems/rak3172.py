"""RAK3172 with RUI3: `AT+X=v`, a status word as answer, and events that begin with +EVT."""

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

BAUD: Final = 115200
_BANDS: Final = {
    "IN865": 3,
    "EU868": 4,
    "US915": 5,
    "AU915": 6,
    "KR920": 7,
    "AS923-1": 8,
    "AS923-2": 9,
    "AS923-3": 10,
    "AS923-4": 11,
}
_ERRORS: Final[Meanings] = {
    "AT_ERROR": ("modem", ""),
    "AT_PARAM_ERROR": ("parameter", "it does not take one of the values"),
    "AT_BUSY_ERROR": ("busy", "the stack is not idle"),
    "AT_TEST_PARAM_OVERFLOW": ("parameter", "the command is too long"),
    "AT_NO_CLASSB_ENABLE": ("modem", "it is not of class B"),
    "AT_NO_NETWORK_JOINED": ("not-joined", ""),
    "AT_RX_ERROR": ("modem", "the radio failed while it received"),
    "AT_MODE_NO_SUPPORT": ("modem", "it is not in LoRaWAN mode"),
    "AT_COMMAND_NOT_FOUND": ("modem", "this firmware does not know the command"),
    "AT_UNSUPPORTED_BAND": ("region", "this firmware is without that region"),
}
# With a well-formed uplink both can only mean its length.
_SEND_ERRORS: Final[Meanings] = {
    **_ERRORS,
    "AT_PARAM_ERROR": ("payload-length", "too long for this data rate"),
    "AT_TEST_PARAM_OVERFLOW": ("payload-length", "the command is too long"),
}
_STATUS = re.compile(rf"(?:OK|{'|'.join(_ERRORS)}|AT_[A-Z_]+)$")
_RESTRICTED = re.compile(r"Restricted_Wait_(\d+)_ms")
_EVENT = re.compile(r"\+(EVT|BC):(.*)$")
_RECEIVED = re.compile(r"RX_\w+:(-?\d+):(-?\d+):\w+:(\d+):((?:[0-9A-Fa-f]{2})*)$")
_LINK = re.compile(r"LINKCHECK:(\d+):(\d+):(\d+)")
_ASK_VERSION: Final = "AT+VER=?"


class Rak3172(LineModem):
    """A Modem. It counts frames by itself, personalised ones too."""

    family = "rak3172"
    classes: tuple[DeviceClass, ...] = ("A", "B", "C")

    def start_join(self) -> list[Event]:
        """As Modem says."""
        activation = self._configured
        answer = self._begin(self._join(activation))
        if answer.text != "OK":
            return [self._failed(_ERRORS, answer)]
        return [Joining()] if isinstance(activation, Otaa) else [Joined(activation.dev_addr)]

    def start_send(self, f_port: int, payload: bytes, *, confirmed: bool) -> list[Event]:
        """As Modem says."""
        answer = self._ask(self._command(f"AT+CFM={confirmed:d}", "confirmed uplinks"))
        if answer.text == "OK":
            text = f"AT+SEND={f_port}:{payload.hex().upper()}"
            answer = self._begin(self._command(text, "uplink"))
        return [] if answer.text == "OK" else [self._failed(_SEND_ERRORS, answer)]

    def start_link_check(self) -> list[Event]:
        """As Modem says: with the next uplink."""
        answer = self._ask(self._command("AT+LINKCHECK=1", "link check"))
        return [] if answer.text == "OK" else [self._failed(_ERRORS, answer)]

    def _identify(self) -> Identity | None:
        self._wake()
        version = self._value(_ASK_VERSION, r"AT\+VER=(\S.*)$")
        if version is None:
            return None
        model = self._value("AT+HWMODEL=?", r"AT\+HWMODEL=(\S+)$") or re.search("(RAK[0-9]+)", version[1])
        eui = self._value("AT+DEVEUI=?", r"AT\+DEVEUI=([0-9A-Fa-f]{16})$")
        return Identity(
            self.family,
            model[1].upper() if model else "RUI3",
            version[1],
            bytes.fromhex(eui[1]) if eui else None,
            _ASK_VERSION,
        )

    def _settings(self, settings: Settings, activation: Activation) -> list[Command]:
        self._require_1_0(activation)
        self._require_class(settings)
        band = _BANDS.get(settings.region.name)
        if band is None:
            raise self._unsupported(f"region {settings.region.name}", _BANDS)
        commands = [self._set("NWM", "1", "LoRaWAN mode"), self._set("BAND", str(band), "region")]
        commands += self._identity(activation)
        commands.append(self._set("CLASS", settings.device_class, "class"))
        if settings.sub_band is not None:
            first = min(sub_band_channels(settings.region, settings.sub_band))
            commands.append(self._set("MASK", f"{1 << first // 8:04X}", f"sub-band {settings.sub_band}"))
        if settings.adr is not None:
            commands.append(self._set("ADR", f"{settings.adr:d}", "adaptive data rate"))
        if settings.data_rate is not None:
            commands.append(self._set("DR", str(settings.data_rate), "data rate"))
        return commands

    def _identity(self, activation: Activation) -> list[Command]:
        if isinstance(activation, Otaa):
            return [
                self._set("NJM", "1", "activation over the air"),
                self._set("DEVEUI", activation.dev_eui.hex().upper(), "DevEUI"),
                self._set("APPEUI", activation.join_eui.hex().upper(), "JoinEUI"),
                self._command("AT+APPKEY={key}", "AppKey", activation.app_key, "AppKey"),
            ]
        nwk_s, app_s = self._session_keys(activation)
        return [
            self._set("NJM", "0", "activation by personalisation"),
            self._set("DEVADDR", activation.dev_addr.hex().upper(), "DevAddr"),
            self._command("AT+NWKSKEY={key}", "NwkSKey", nwk_s, "NwkSKey"),
            self._command("AT+APPSKEY={key}", "AppSKey", app_s, "AppSKey"),
        ]

    def _set(self, name: str, value: str, meaning: str) -> Command:
        return self._command(f"AT+{name}={value}", meaning)

    def _join(self, activation: Activation) -> Command:
        return self._command("AT+JOIN=1:0:8:0" if isinstance(activation, Otaa) else "AT+JOIN", "join")

    def _pattern(self, asked: str) -> re.Pattern[str]:
        return _STATUS

    def _is_refusal(self, answer: Answer) -> bool:
        return answer.text != "OK"

    def _failed(self, meanings: Meanings, answer: Answer) -> Failed:
        for line in answer.values:
            wait = _RESTRICTED.search(line)
            if wait is not None:
                return Failed("duty-cycle", f"{answer.text}: {line}", int(wait[1]) / 1000)
        return failed(meanings, answer.text)

    def _classify(self, line: str) -> list[Event] | None:
        event = _EVENT.search(line)
        if event is None:
            return None
        text = event[2]
        if event[1] == "EVT":
            if (received := _RECEIVED.match(text)) is not None:
                rssi, snr, f_port, payload = received.groups()
                return [Downlink(int(f_port) or None, bytes.fromhex(payload), float(rssi), float(snr))]
            if (link := _LINK.match(text)) is not None:
                answered = int(link[1]) == 0
                return [LinkCheck(int(link[2]), int(link[3])) if answered else LinkCheck(None, None)]
            ended = _ended(text)
            if ended is not None:
                return [ended]
        return [Remark(line)]

    def _enrich(self, event: Event) -> list[Event]:
        if isinstance(event, Joined):
            address = self._value("AT+DEVADDR=?", r"AT\+DEVADDR=([0-9A-Fa-f]{8})$")
            return [Joined(bytes.fromhex(address[1]) if address else None)]
        return [event]


def _ended(text: str) -> Event | None:
    """How a join or an uplink ended, if this event tells it."""
    if text == "JOINED":
        return Joined()
    if text == "TX_DONE":
        return Sent()
    if text == "SEND_CONFIRMED_OK":
        return Sent(True)
    if text.startswith("SEND_CONFIRMED_FAILED"):
        return Failed("not-acknowledged", f"{text}: no acknowledgement came")
    if text == "JOIN_FAILED_RX_TIMEOUT":
        return Failed("no-answer", f"{text}: nobody answered in both windows")
    if text.startswith(("JOIN_FAILED", "JOIN FAILED")):
        return Failed("modem", text)
    return None


def probe(port: Port) -> Identity | None:
    """Who answers on a port at this rate, None if it has no RUI3."""
    return Rak3172(port).probe()


def driver(port: Port) -> Modem:
    """The driver for a modem on this port."""
    return Rak3172(port)

"""Microchip RN2483 (868 MHz) and RN2903 (915 MHz): words in lower case, a second line for what happened."""

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

BAUD: Final = 57600
_REGIONS: Final = {"RN2483": "EU868", "RN2903": "US915"}
_CHANNELS: Final = 72
# Writing to its EEPROM takes more than a second.
_SAVE_S: Final = 5.0
_LINK_CHECK_S: Final = 1
_NO_MARGIN: Final = 255
_NUMBER_TRIES: Final = 5

_ERRORS: Final[Meanings] = {
    "invalid_param": ("parameter", "it does not take one of the values"),
    "keys_not_init": ("parameter", "an EUI or a key is missing"),
    "no_free_ch": ("no-channel", "every channel is busy or closed by the duty cycle"),
    "silent": ("modem", "the network has silenced this device; `mac forceENABLE` ends that"),
    "busy": ("busy", "the stack is not idle"),
    "mac_paused": ("modem", "the stack is paused; `mac resume` ends that"),
    "not_joined": ("not-joined", ""),
    "frame_counter_err_rejoin_needed": ("counter", "the frame counter has come to its end: join again"),
    "fram_counter_err_rejoin_needed": ("counter", "the frame counter has come to its end: join again"),
    "invalid_data_len": ("payload-length", "too long for this data rate"),
    "invalid_class": ("parameter", "it cannot be of this class"),
    "denied": ("denied", "nobody accepted it; this modem says so too if nobody answers"),
    "mac_err": ("modem", "the uplink failed"),
    "radio_err": ("modem", "the radio failed"),
    "err": ("modem", ""),
}
_STATUS = re.compile(rf"(?:ok|{'|'.join(sorted(_ERRORS, key=len, reverse=True))})$")
_VALUE = re.compile(r"(?:RN2\w+ .*|-?\d+|[0-9A-Fa-f]+|invalid_param)$")
_VERSION = re.compile(r"(RN2(?:483|903)\w*) +(\d[\w.]*)(?: .*)?$")
_RECEIVED = re.compile(r"mac_rx (\d{1,3}) ?((?:[0-9A-Fa-f]{2})*)$")
_ENDS = re.compile(r"(accepted|denied|mac_tx_ok|mac_err|radio_err|invalid_data_len)$")
_ASK_VERSION: Final = "sys get ver"


class Rn2483(LineModem):
    """A Modem; which of the two it is, `identify` tells."""

    family = "rn2483"
    classes: tuple[DeviceClass, ...] = ("A", "C")

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._model = ""
        self._sending: bool | None = None  # confirmed or not; None: no uplink is on its way
        self._checks_link = False

    def start_join(self) -> list[Event]:
        """As Modem says."""
        answer = self._begin(self._join(self._configured))
        if answer.text != "ok":
            return [failed(_ERRORS, answer.text)]
        return [Joining()] if isinstance(self._configured, Otaa) else []

    def start_send(self, f_port: int, payload: bytes, *, confirmed: bool) -> list[Event]:
        """As Modem says."""
        kind = "cnf" if confirmed else "uncnf"
        answer = self._begin(self._command(f"mac tx {kind} {f_port} {payload.hex().upper()}", "uplink"))
        return [] if answer.text == "ok" else [failed(_ERRORS, answer.text)]

    def start_link_check(self) -> list[Event]:
        """As Modem says. The modem checks every so many seconds: so it is switched on for one uplink."""
        answer = self._ask(self._command(f"mac set linkchk {_LINK_CHECK_S}", "link check"))
        if answer.text != "ok":
            return [failed(_ERRORS, answer.text)]
        self._checks_link = True
        until = self._port.now() + _LINK_CHECK_S
        while self._port.now() < until:
            self._listen(until)
        return []

    def _identify(self) -> Identity | None:
        self._wake()
        version = self._value(_ASK_VERSION, _VERSION.pattern)
        if version is None:
            return None
        self._model = version[1][:6]
        eui = self._value("sys get hweui", r"[0-9A-Fa-f]{16}$")
        return Identity(
            self.family, version[1], version[2], bytes.fromhex(eui[0]) if eui else None, _ASK_VERSION
        )

    def _settings(self, settings: Settings, activation: Activation) -> list[Command]:
        self._require_1_0(activation)
        self._require_class(settings)
        commands = [self._reset(settings)]
        commands += self._identity(activation)
        if settings.adr is not None:
            commands.append(self._set("adr", "on" if settings.adr else "off", "adaptive data rate"))
        if settings.data_rate is not None:
            commands.append(self._set("dr", str(settings.data_rate), "data rate"))
        if settings.device_class != "A":
            commands.append(self._set("class", settings.device_class.lower(), "class"))
        if settings.sub_band is not None:
            used = sub_band_channels(settings.region, settings.sub_band)
            for channel in range(_CHANNELS):
                state = f"status {channel} {'on' if channel in used else 'off'}"
                commands.append(self._set("ch", state, f"sub-band {settings.sub_band}"))
        return [*commands, self._command("mac save", "save")]

    def _reset(self, settings: Settings) -> Command:
        known = {region: model for model, region in _REGIONS.items()}
        model = self._model or known.get(settings.region.name, "")
        if _REGIONS.get(model) != settings.region.name:
            raise self._unsupported(
                f"region {settings.region.name}", [_REGIONS[model]] if model else _REGIONS.values()
            )
        return self._command("mac reset 868" if model == "RN2483" else "mac reset", "region")

    def _identity(self, activation: Activation) -> list[Command]:
        if isinstance(activation, Otaa):
            return [
                self._set("deveui", activation.dev_eui.hex().upper(), "DevEUI"),
                self._set("appeui", activation.join_eui.hex().upper(), "JoinEUI"),
                self._command("mac set appkey {key}", "AppKey", activation.app_key, "AppKey"),
            ]
        nwk_s, app_s = self._session_keys(activation)
        return [
            self._set("devaddr", activation.dev_addr.hex().upper(), "DevAddr"),
            self._command("mac set nwkskey {key}", "NwkSKey", nwk_s, "NwkSKey"),
            self._command("mac set appskey {key}", "AppSKey", app_s, "AppSKey"),
            self._set("upctr", str(activation.f_cnt_up), "frame counter"),
        ]

    def _set(self, name: str, value: str, meaning: str) -> Command:
        return self._command(f"mac set {name} {value}", meaning)

    def _join(self, activation: Activation) -> Command:
        return self._command(f"mac join {'otaa' if isinstance(activation, Otaa) else 'abp'}", "join")

    def _patience_s(self, asked: str) -> float:
        return _SAVE_S if asked == "mac save" else self.answer_s

    def _pattern(self, asked: str) -> re.Pattern[str]:
        return _VALUE if " get " in asked else _STATUS

    def _is_refusal(self, answer: Answer) -> bool:
        return answer.text != "ok"

    def _classify(self, line: str) -> list[Event] | None:
        received = _RECEIVED.search(line)
        if received is not None:
            downlink = Downlink(int(received[1]), bytes.fromhex(received[2]))
            return [*self._done(), downlink]
        if _VERSION.search(line) and self._asked != _ASK_VERSION:
            return [Remark(f"the modem has started: {line}")]
        end = _ENDS.search(line)
        if self._asked.startswith("mac tx") and line.endswith("ok") and end is None:
            self._sending = self._asked.startswith("mac tx cnf")
        if end is None or (end[1] == "invalid_data_len" and self._asked.startswith("mac tx")):
            return None
        if end[1] == "accepted":
            return [Joined()]
        if end[1] == "mac_tx_ok":
            return self._done()
        if end[1] == "denied":
            return [failed(_ERRORS, end[1])]
        return self._lost(end[1])

    def _done(self) -> list[Event]:
        """The uplink on its way is done, if there is one: this was no downlink out of turn."""
        if self._sending is None:
            return []
        confirmed, self._sending = self._sending, None
        return [Sent(True if confirmed else None)]

    def _lost(self, word: str) -> list[Event]:
        confirmed, self._sending = self._sending, None
        if confirmed and word == "mac_err":
            return [Failed("not-acknowledged", "mac_err: no acknowledgement came")]
        return [failed(_ERRORS, word)]

    def _enrich(self, event: Event) -> list[Event]:
        if isinstance(event, Joined):
            address = self._value("mac get devaddr", r"[0-9A-Fa-f]{8}$")
            return [Joined(bytes.fromhex(address[0]) if address else None)]
        if isinstance(event, Downlink):
            rssi, snr = self._number("radio get rssi"), self._number("radio get snr")
            return [event._replace(rssi_dbm=rssi, snr_db=snr)]
        if isinstance(event, Sent | Failed) and self._checks_link:
            self._checks_link = False
            return [event, self._link()]
        return [event]

    def _link(self) -> LinkCheck:
        margin, gateways = self._number("mac get mrgn"), self._number("mac get gwnb")
        self._value("mac set linkchk 0", _STATUS.pattern)
        answered = margin is not None and gateways is not None and margin != _NO_MARGIN
        return LinkCheck(margin, gateways) if answered else LinkCheck(None, None)

    def _number(self, question: str) -> int | None:
        """A bare number fills the whole line: a digit of noise before it would make another number."""
        for _ in range(_NUMBER_TRIES):
            number = self._value(question, r"^-?\d{1,3}$")
            if number is not None:
                return int(number[0])
        return None


def probe(port: Port) -> Identity | None:
    """Who answers on a port at this rate, None if it is no RN2483 or RN2903."""
    return Rn2483(port).probe()


def driver(port: Port) -> Modem:
    """The driver for a modem on this port."""
    return Rn2483(port)

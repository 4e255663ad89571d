"""Dragino LA66: traces of what the radio does, no line for a failed join, downlinks to be fetched."""

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
from mbuscli.errors import DeviceError, Reason, RefusedError
from mbuscli.ports.base import Port

BAUD: Final = 9600
# It tries up to 200 times without saying that it failed; these are some tries on different channels.
_JOIN_S: Final = 45.0
_POLL_S: Final = 10.0
_START_S: Final = 4.0
_TRIES: Final = 3

_ERRORS: Final[Meanings] = {
    "AT_ERROR": ("modem", "it refuses without a reason"),
    "AT_PARAM_ERROR": ("parameter", "it does not take one of the values"),
    "AT_BUSY_ERROR": ("busy", "the stack is not idle"),
    "AT_NO_NET_JOINED": ("not-joined", ""),
}
_STATUS = re.compile(r"(?:OK|AT_[A-Z_]+)$")
_STARTED = re.compile(r"Dragino LA66 Device")
_VERSION = re.compile(r"\b([A-Z]{2}\d{3}\S*) (v\d[\w.]*)$")
_ON_AIR = re.compile(r"TX on freq (\d+(?:\.\d+)?) MHz at DR (\d+)")
_RSSI = re.compile(r"Rssi= *(-?\d+)$")
_TOO_LONG = re.compile(r"uplink payload oversize.*$")
_TO_FETCH = re.compile(r"Run AT\+RECVB=\? to see detail")
_RECEIVED = re.compile(r"(?:AT\+RECVB=)?(\d{1,3}):((?:[0-9A-Fa-f]{2})*)$")
_SNR = re.compile(r"-?\d{1,2}$")
# Some images tell short downlinks at once, in the line behind this one.
_SHORT = re.compile(r"Receive data$")
_FETCH: Final = "AT+RECVB=?"
_UNFETCHED = Downlink(-1, b"")
_TRACES = re.compile(
    r"UpLinkCounter|txDone|txTimeout|RX on freq|rxTimeout|NbTrials"
    r"|Attention:|Image Version|LoRaWan Stack|Frequency Band|DevEui="
)


class La66(TimedModem):
    """A Modem. What it does not tell is concluded from its traces and by asking it."""

    family = "la66"
    classes: tuple[DeviceClass, ...] = ("A", "C")
    line_end = b"\r"

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._joining_until: float | None = None
        self._poll_at = 0.0
        self._requests = 0
        self._something_heard = False
        self._restarted = False
        self._region = ""
        self._rssi_dbm: float | None = None
        self._short_next = False

    def configure(self, settings: Settings, activation: Activation) -> None:
        """As Modem says. The region is that of the firmware; RefusedError for another."""
        self._version()
        super().configure(settings, activation)
        self._restarted = settings.sub_band is not None
        if self._restarted:
            self._ask(self._start(), _STARTED, answer_s=_START_S, tries=1)

    def plan(self, settings: Settings, activation: Activation) -> list[Command]:
        """As Modem says."""
        *commands, join = super().plan(settings, activation)
        return [*commands, *([self._start()] if settings.sub_band is not None else []), join]

    def start_join(self) -> list[Event]:
        """As Modem says."""
        activation = self._configured
        self._requests, self._something_heard = 0, False
        answer = self._begin(self._join(activation))
        # Started anew it joins by itself.
        if answer.text != "OK" and not (self._restarted and answer.text == "AT_BUSY_ERROR"):
            return [failed(_ERRORS, answer.text)]
        if not isinstance(activation, Otaa):
            return [Joined(activation.dev_addr), *counts_from_zero(activation)]
        self._joining_until = self._port.now() + _JOIN_S
        self._poll_at = self._port.now() + _POLL_S
        return self._all_that_happened()

    def start_send(self, f_port: int, payload: bytes, *, confirmed: bool) -> list[Event]:
        """As Modem says."""
        text = f"AT+SENDB={int(confirmed)},{f_port},{len(payload)},{payload.hex()}"
        answer = self._begin(self._command(text, "uplink"))
        if too_long := next((line for line in answer.values if _TOO_LONG.search(line)), None):
            return [Failed("payload-length", too_long)]
        if answer.text != "OK":
            return [failed(_ERRORS, answer.text)]
        if confirmed:
            lost = Failed("not-acknowledged", "nothing was received (no rxDone)")
            self._expect("acknowledgement", RETRANSMISSIONS_S, lost)
        else:
            self._expect("sent", WINDOWS_S, Sent())
        return []

    def start_link_check(self) -> list[Event]:
        """As Modem says. RefusedError `device.unsupported`: it has no command for that."""
        raise self._unsupported("a link check")

    def events(self, until: float) -> list[Event]:
        """As Modem says; while it joins it is asked now and then whether it has."""
        while self._joining_until is not None and self._poll_at <= until:
            if happened := super().events(self._poll_at):
                return happened
            self._poll()
        return super().events(until)

    def _poll(self) -> None:
        self._poll_at = self._port.now() + _POLL_S
        if "1" in self._get("AT+NJS=?"):
            self._happened += self._joined()
        elif self._joining_until is not None and self._port.now() >= self._joining_until:
            self._joining_until = None
            heard = "; something was received (rxDone), but no accept for it" if self._something_heard else ""
            text = f"not joined after {self._requests} join-requests{heard}; the modem goes on by itself"
            self._happened.append(Failed("bad-accept" if self._something_heard else "no-answer", text))

    def _identify(self) -> Identity | None:
        self._wake()
        version = self._version()
        if version is None:
            return None
        digits = "".join(self._get("AT+DEUI=?")).replace(" ", "")[-16:]
        dev_eui = bytes.fromhex(digits) if re.fullmatch("[0-9A-Fa-f]{16}", digits) else None
        return Identity(self.family, f"LA66 {version[1]}", version[2], dev_eui, "AT+VER=?")

    def _version(self) -> re.Match[str] | None:
        """Region and number of the firmware; the region is known from then on."""
        found = next((found for line in self._get("AT+VER=?") if (found := _VERSION.search(line))), None)
        if found is not None:
            self._region = found[1].partition("_")[0]
        return found

    def _get(self, text: str) -> tuple[str, ...]:
        """The lines that answer a question, none if it is not answered or refused."""
        try:
            answer = self._ask(self._command(text, "asks"), tries=1)
        except DeviceError:
            return ()
        return answer.values if answer.text == "OK" else ()

    def _asked_for(self, question: str, pattern: re.Pattern[str], tries: int) -> re.Match[str] | None:
        """A value that noise before it would change: it must begin its line."""
        for _ in range(tries):
            for line in self._get(question):
                if (found := pattern.match(line)) is not None:
                    return found
        return None

    def _settings(self, settings: Settings, activation: Activation) -> list[Command]:
        if not settings.region.name.startswith(self._region):
            raise RefusedError(
                f"this modem's firmware is for {self._region}, not for {settings.region.name}",
                reason=Reason.UNSUPPORTED,
                layer="device",
                hint=("load the firmware for the region", f"or name its region: --region {self._region}"),
            )
        self._require_1_0(activation)
        self._require_class(settings)
        commands = self._identity(activation)
        commands.append(self._command(f"AT+CLASS={settings.device_class}", f"class {settings.device_class}"))
        if settings.data_rate is not None and settings.adr is None:
            commands.append(self._command("AT+ADR=0", "adaptive data rate"))  # else it has no effect
        if settings.adr is not None:
            commands.append(self._command(f"AT+ADR={int(settings.adr)}", "adaptive data rate"))
        if settings.data_rate is not None:
            commands.append(self._command(f"AT+DR={settings.data_rate}", "data rate"))
        if settings.sub_band is not None:
            if not settings.region.has_sub_bands:
                raise self._unsupported(f"a sub-band of {settings.region.name}")
            commands.append(self._command(f"AT+CHE={settings.sub_band}", f"sub-band {settings.sub_band}"))
        return commands

    def _identity(self, activation: Activation) -> list[Command]:
        if isinstance(activation, Otaa):
            return [
                self._command("AT+NJM=1", "activation over the air"),
                self._command(f"AT+DEUI={activation.dev_eui.hex().upper()}", "DevEUI"),
                self._command(f"AT+APPEUI={activation.join_eui.hex().upper()}", "JoinEUI"),
                self._command("AT+APPKEY={key}", "AppKey", activation.app_key, "AppKey"),
            ]
        nwk_s, app_s = self._session_keys(activation)
        return [
            self._command("AT+NJM=0", "activation by personalisation"),
            self._command(f"AT+DADDR={activation.dev_addr.hex().upper()}", "DevAddr"),
            self._command("AT+NWKSKEY={key}", "NwkSKey", nwk_s, "NwkSKey"),
            self._command("AT+APPSKEY={key}", "AppSKey", app_s, "AppSKey"),
        ]

    def _start(self) -> Command:
        return self._command("ATZ", "start anew, so that the sub-band takes effect")

    def _join(self, activation: Activation) -> Command:
        return self._command("AT+JOIN", "join")

    def _pattern(self, asked: str) -> re.Pattern[str]:
        return _STATUS

    def _is_refusal(self, answer: Answer) -> bool:
        return answer.text != "OK" or any("Error Subband" in line for line in answer.values)

    def _classify(self, line: str) -> list[Event] | None:
        on_air = _ON_AIR.search(line)
        if on_air is not None:
            return self._sent(int(on_air[2]), round(float(on_air[1]) * 1e6))
        if line.endswith("JOINED") and not line.endswith("AT_NO_NET_JOINED"):
            return self._joined()
        if "rxDone" in line:
            return self._heard()
        rssi = _RSSI.search(line)
        if rssi is not None:
            self._rssi_dbm = float(rssi[1])
            return []
        if _TO_FETCH.search(line):
            return [_UNFETCHED]
        if _SHORT.search(line):
            self._short_next = True
            return []
        short = _RECEIVED.search(line)
        if short is not None and self._short_next:
            self._short_next = False
            return [Downlink(int(short[1]), bytes.fromhex(short[2]))]
        if _STARTED.search(line) and not self._asked.startswith("ATZ"):
            return [Remark(f"the modem has started: {line}")]
        if _TOO_LONG.search(line) and not self._asked:
            self._settle("sent")
            self._settle("acknowledgement")
            return [Failed("payload-length", line)]
        return [] if _TRACES.search(line) else None

    def _sent(self, data_rate: int, frequency_hz: int) -> list[Event]:
        """On air: a join-request as long as it joins."""
        if self._joining_until is None and self._asked != "AT+JOIN":
            return []
        self._requests += 1
        return [Joining(data_rate, frequency_hz)]

    def _joined(self) -> list[Event]:
        if not self._requests:
            return [Remark("the modem has joined by itself")]
        self._joining_until = None
        return [Joined()]

    def _heard(self) -> list[Event]:
        """A frame was received: as far as one can tell, it acknowledges a confirmed uplink."""
        self._something_heard = True
        if self._settle("acknowledgement") is not None:
            return [Sent(acknowledged=True)]
        sent = self._settle("sent")
        return [] if sent is None else [sent]

    def _enrich(self, event: Event) -> list[Event]:
        if isinstance(event, Joined) and event.dev_addr is None:
            digits = "".join(self._get("AT+DADDR=?")).replace(" ", "")[-8:]
            return [Joined(bytes.fromhex(digits) if re.fullmatch("[0-9A-Fa-f]{8}", digits) else None)]
        if not isinstance(event, Downlink):
            return [event]
        tries = 1
        if event is _UNFETCHED:
            tries = _TRIES
            received = self._asked_for(_FETCH, _RECEIVED, _TRIES)
            if received is None:
                return [Remark("a downlink came, but the modem does not hand it over")]
            event = Downlink(int(received[1]), bytes.fromhex(received[2]))
        snr = self._asked_for("AT+SNR=?", _SNR, tries)
        return [event._replace(rssi_dbm=self._rssi_dbm, snr_db=float(snr[0]) if snr else None)]


def probe(port: Port) -> Identity | None:
    """Who answers on a port at this rate, None if it is no LA66."""
    return La66(port).probe()


def driver(port: Port) -> Modem:
    """The driver for a modem on this port."""
    return La66(port)

"""Murata CMWX1ZZABZ with its modem firmware or the open one: +OK, +ERR=-n, payloads as they are."""

from __future__ import annotations

import re
from typing import Final

from mbuscli.devices.modems.base import (
    Abp,
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
from mbuscli.errors import DeviceError
from mbuscli.ports.base import Port
from mbuscli.protocol.lorawan.region import sub_band_channels

BAUD: Final = 19200
_REGIONS: Final = {"AS923-1": 0, "AU915": 1, "EU868": 5, "KR920": 6, "IN865": 7, "US915": 8}
_CLASSES: Final = {"A": 0, "C": 2}
# After another region it resets its settings and starts anew.
_REBOOT_S: Final = 5.0
_MASK_OCTETS: Final = 12

_BUSY, _DUTY_CYCLE = "+ERR=-7", "+ERR=-18"
_ERRORS: Final[Meanings] = {
    "+ERR=-1": ("modem", "unknown command"),
    "+ERR=-2": ("parameter", "wrong number of parameters"),
    "+ERR=-3": ("parameter", "wrong value of a parameter"),
    "+ERR=-4": ("modem", "the factory reset failed"),
    "+ERR=-5": ("not-joined", "not joined"),
    "+ERR=-6": ("modem", "joined already; AT+FACNEW makes it forget that"),
    _BUSY: ("busy", "the stack is busy"),
    "+ERR=-8": ("modem", "the firmware is this version already"),
    "+ERR=-9": ("modem", "information on the firmware is missing"),
    "+ERR=-10": ("modem", "its flash memory failed"),
    "+ERR=-11": ("modem", "the firmware update failed"),
    "+ERR=-12": ("payload-length", "the payload is too long for this data rate"),
    "+ERR=-13": ("modem", "only with activation by personalisation"),
    "+ERR=-14": ("modem", "only with activation over the air"),
    "+ERR=-15": ("region", "region not supported"),
    "+ERR=-16": ("parameter", "the power is too high for the region"),
    "+ERR=-17": ("region", "not supported in this region"),
    _DUTY_CYCLE: ("duty-cycle", "the duty cycle is used up"),
    "+ERR=-19": ("no-channel", "no channel is free"),
    "+ERR=-20": ("modem", "too many link checks are waiting"),
    "+ERR=-50": ("modem", "access to keys is denied"),
    "+ERR=-51": ("modem", "detaching is denied"),
}
_STUCK: Final = "; it may stay so after its duty cycle was used up: AT+REBOOT ends that"
_STATUS = re.compile(r"\+(?:OK(?:=(?P<value>.*))?|ERR=-\d+)$")
_EVENT = re.compile(r"\+EVENT=(\d),(\d)$")
_RECEIVED = re.compile(r"\+RECV=(\d{1,3}),(\d{1,3})$")
_ANSWERED = re.compile(r"\+ANS=2,(\d{1,3}),(\d{1,3})$")
_ACKNOWLEDGED = re.compile(r"\+(NO)?ACK$")
# The line of +RECV ends, an empty one follows, then the payload.
_BEFORE_PAYLOAD: Final = b"\n\r\n"
_OTHER_EVENTS: Final = {
    "00": "the modem has started",
    "01": "the modem has reset its settings",
    "02": "the modem has started its boot loader",
    "03": "the modem has stopped",
    "22": "the uplink is sent once more",
}


class MurataAbz(TimedModem):
    """A Modem. It does not tell the end of an unconfirmed uplink."""

    family = "murata_abz"
    classes: tuple[DeviceClass, ...] = ("A", "C")
    line_end = b"\r"

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._payload = b""
        self._f_port = 0
        self._started = False
        self._mask_octets = _MASK_OCTETS
        self._blocked_until: float | None = None

    def configure(self, settings: Settings, activation: Activation) -> None:
        """As Modem says."""
        self._settings(settings, activation)
        self._change_region(settings)
        if settings.sub_band is not None:
            mask = self._get("AT+CHMASK?", r"[0-9A-Fa-f]+$")
            self._mask_octets = len(mask) // 2 if mask else _MASK_OCTETS
        super().configure(settings, activation)

    def start_join(self) -> list[Event]:
        """As Modem says."""
        activation = self._configured
        if isinstance(activation, Abp):
            return [Joined(activation.dev_addr), *counts_from_zero(activation)]
        answer = self._begin(self._command("AT+JOIN", "join"))
        return [Joining()] if answer.text == "+OK" else [self._failed(answer)]

    def start_send(self, f_port: int, payload: bytes, *, confirmed: bool) -> list[Event]:
        """As Modem says. While the duty cycle is known to be used up, the modem is not even asked."""
        wait_s = 0.0 if self._blocked_until is None else self._blocked_until - self._port.now()
        if wait_s > 0:
            return [failed(_ERRORS, _DUTY_CYCLE, wait_s)]
        self._payload = payload
        kind = "AT+PCTX" if confirmed else "AT+PUTX"
        answer = self._begin(self._command(f"{kind} {f_port},{len(payload)}", "uplink"))
        if not answer.text.startswith("+OK"):
            return [self._failed(answer)]
        self._blocked_until = None
        if confirmed:
            lost = Failed("not-acknowledged", "neither +ACK nor +NOACK came")
            self._expect("acknowledgement", RETRANSMISSIONS_S, lost)
        else:
            self._expect("sent", WINDOWS_S, Sent())
        return []

    def start_link_check(self) -> list[Event]:
        """As Modem says: with the next uplink."""
        answer = self._begin(self._command("AT+LNCHECK=1", "link check"))
        return [] if answer.text.startswith("+OK") else [self._failed(answer)]

    def _identify(self) -> Identity | None:
        self._wake()
        # Others answer OK, or AT with what they are; this firmware puts a plus sign before it.
        model = self._get("AT+DEV?", r"\w[\w -]*$")
        if model is None and self._get("AT", r"$") is None:
            return None
        version = self._get("AT+VER?", r".+$") or ""
        eui = self._get("AT+DEVEUI?", r"[0-9A-Fa-f]{16}$")
        name = f"Murata {model or 'CMWX1ZZABZ'}"
        return Identity(
            self.family, name, version.partition(",")[0], bytes.fromhex(eui) if eui else None, "AT+DEV?"
        )

    def _get(self, text: str, pattern: str) -> str | None:
        """The value that answers a question; None if there is none, or one of another kind."""
        try:
            answer = self._ask(self._command(text, "asks"), tries=1)
        except DeviceError:
            return None
        value = answer.match["value"] or ""
        fits = answer.text.startswith("+OK") and re.match(pattern, value) is not None
        return value if fits else None

    def _settings(self, settings: Settings, activation: Activation) -> list[Command]:
        self._require_class(settings)
        commands = [self._region(settings), *self._identity(activation)]
        commands.append(self._command("AT+DFORMAT=0", "payloads as they are"))
        commands.append(
            self._command(f"AT+CLASS={_CLASSES[settings.device_class]}", f"class {settings.device_class}")
        )
        if settings.sub_band is not None:
            mask = bytearray(self._mask_octets)
            for channel in sub_band_channels(settings.region, settings.sub_band):
                mask[channel // 8] |= 1 << channel % 8
            commands.append(self._command(f"AT+CHMASK={mask.hex().upper()}", f"sub-band {settings.sub_band}"))
        if settings.adr is not None:
            commands.append(self._command(f"AT+ADR={int(settings.adr)}", "adaptive data rate"))
        if settings.data_rate is not None:
            commands.append(self._command(f"AT+DR={settings.data_rate}", "data rate"))
        return commands

    def _region(self, settings: Settings) -> Command:
        band = _REGIONS.get(settings.region.name)
        if band is None:
            raise self._unsupported(f"region {settings.region.name}", _REGIONS)
        return self._command(f"AT+BAND={band}", f"region {settings.region.name}")

    def _identity(self, activation: Activation) -> list[Command]:
        if isinstance(activation, Otaa):
            commands = [
                self._command("AT+MODE=1", "activation over the air"),
                self._command(f"AT+DEVEUI={activation.dev_eui.hex().upper()}", "DevEUI"),
                self._command(f"AT+APPEUI={activation.join_eui.hex().upper()}", "JoinEUI"),
                # The open firmware takes it for the NwkKey too, until that is set.
                self._command("AT+APPKEY={key}", "AppKey", activation.app_key, "AppKey"),
            ]
            if activation.nwk_key is not None:
                commands.append(self._command("AT$NWKKEY={key}", "NwkKey", activation.nwk_key, "NwkKey"))
            return commands
        self._require_1_0(activation)
        nwk_s, app_s = self._session_keys(activation)
        return [
            self._command("AT+MODE=0", "activation by personalisation"),
            self._command(f"AT+DEVADDR={activation.dev_addr.hex().upper()}", "DevAddr"),
            self._command("AT+NWKSKEY={key}", "NwkSKey", nwk_s, "NwkSKey"),
            self._command("AT+APPSKEY={key}", "AppSKey", app_s, "AppSKey"),
        ]

    def _join(self, activation: Activation) -> Command | None:
        return self._command("AT+JOIN", "join") if isinstance(activation, Otaa) else None

    def _change_region(self, settings: Settings) -> None:
        """Another region than before makes it start anew; what it refuses it will refuse again."""
        command = self._region(settings)
        before = self._get("AT+BAND?", r"\d+$")
        if before is None or f"AT+BAND={before}" == command.shown:
            return
        self._started = False
        if self._is_refusal(self._ask(command)):
            return
        until = self._port.now() + _REBOOT_S
        while not self._started and self._port.now() < until:
            self._listen(until)

    def _send(self, command: Command) -> None:
        """The octets of an uplink follow its command without an end."""
        payload, self._payload = self._payload, b""
        self._tell("tx", f"{command.shown} {payload.hex()}" if payload else command.shown)
        self._port.write(command.octets + payload)

    def _pattern(self, asked: str) -> re.Pattern[str]:
        return _STATUS

    def _is_refusal(self, answer: Answer) -> bool:
        return not answer.text.startswith("+OK")

    def _failed(self, answer: Answer) -> Failed:
        """After a duty cycle that is used up, an early uplink would leave the modem busy for good."""
        failure = failed(_ERRORS, answer.text)
        if answer.text == _BUSY and self._blocked_until is not None:
            return failure._replace(text=failure.text + _STUCK)
        if answer.text != _DUTY_CYCLE:
            return failure
        backoff = self._get("AT+BACKOFF?", r"\d+$")
        wait_s = int(backoff) / 1000 if backoff else None
        self._blocked_until = self._port.now() + (wait_s or 0.0)
        return failure._replace(wait_s=wait_s)

    def _classify(self, line: str) -> list[Event] | None:
        received = _RECEIVED.search(line)
        if received is not None:
            self._f_port = int(received[1])
            self._take(int(received[2]), before=_BEFORE_PAYLOAD)
            return self._settled_by(Downlink(self._f_port, b"")) if received[2] == "0" else []
        acknowledged = _ACKNOWLEDGED.search(line)
        if acknowledged is not None:
            self._settle("acknowledgement")
            lost = Failed("not-acknowledged", "+NOACK: no acknowledgement came")
            return [lost if acknowledged[1] else Sent(acknowledged=True)]
        answered = _ANSWERED.search(line)
        if answered is not None:
            return [LinkCheck(int(answered[1]), int(answered[2]))]
        event = _EVENT.search(line)
        return None if event is None else self._event(event[1] + event[2], line)

    def _taken(self, octets: bytes) -> list[Event]:
        return self._settled_by(Downlink(self._f_port, octets))

    def _settled_by(self, downlink: Downlink) -> list[Event]:
        """What comes in a receive window tells that an unconfirmed uplink is done."""
        sent = self._settle("sent")
        return [downlink] if sent is None else [sent, downlink]

    def _event(self, kind: str, line: str) -> list[Event]:
        if kind == "11":
            return [Joined()]
        if kind == "10":
            return [Failed("no-answer", f"{line}: the join failed")]
        if kind == "20":
            return [LinkCheck(None, None)]
        if kind == "21":
            return []  # the answer itself stands in a line of its own
        if kind == "00":
            self._started = True
        return [Remark(f"{line}: {_OTHER_EVENTS[kind]}" if kind in _OTHER_EVENTS else line)]

    def _enrich(self, event: Event) -> list[Event]:
        if isinstance(event, Joined) and event.dev_addr is None:
            address = self._get("AT+DEVADDR?", r"[0-9A-Fa-f]{8}$")
            return [Joined(bytes.fromhex(address) if address else None)]
        if isinstance(event, Downlink):
            quality = (self._get("AT+RFQ?", r"-?\d+,-?\d+$") or "").split(",")
            if len(quality) == 2:
                return [event._replace(rssi_dbm=float(quality[0]), snr_db=float(quality[1]))]
        return [event]


def probe(port: Port) -> Identity | None:
    """Who answers on a port at this rate, None if it is no modem with this firmware."""
    return MurataAbz(port).probe()


def driver(port: Port) -> Modem:
    """The driver for a modem on this port."""
    return MurataAbz(port)

"""RAK811, both generations of its firmware: `at+x=v`, and events that begin with at+recv.

The first (2.x) tells by events how a join or an uplink ended; RUI (3.x) only answers when it is over.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

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
from mbuscli.devices.modems.line_modem import Answer, LineModem, failed
from mbuscli.devices.modems.rak811_table import OLD_ERRORS, RECEIVE_STATUS, REGIONS, RUI_ERRORS
from mbuscli.ports.base import Port
from mbuscli.protocol.lorawan.region import sub_band_channels

BAUD: Final = 115200
# 72 channels in words of 16.
_MASKS: Final = 5
_STATUS = re.compile(r"(?:OK.*|ERROR *:? *-?\d+)$")
_ERROR = re.compile(r"ERROR *:? *(-?\d+)$")
_EVENT = re.compile(r"at\+recv=(.*)$")
_SESSION_KEYS = re.compile(r",[0-9A-Fa-f]{32},[0-9A-Fa-f]{32}$")
_JOINED = re.compile(r"OK *Join *Success", re.IGNORECASE)
_DATA, _CONFIRMED, _UNCONFIRMED, _JOIN_DONE, _JOIN_FAILED, _TX_TIMEOUT, _RX2_TIMEOUT = range(7)
_NO_ANSWER_IN_RX2: Final = ("95", "96")


class Rak811(LineModem):
    """A Modem; which generation it is, `identify` tells. It counts frames by itself."""

    family = "rak811"
    classes: tuple[DeviceClass, ...] = ("A", "C")

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self.dialect: _Dialect = _Old(self)
        self.is_joining = False
        self.is_sending: bool | None = None  # confirmed or not; None: no uplink is on its way

    def start_join(self) -> list[Event]:
        """As Modem says."""
        self.is_joining = True
        events = self.dialect.start_join(self._configured)
        if any(isinstance(event, Failed) for event in events):
            self.is_joining = False
        return events

    def start_send(self, f_port: int, payload: bytes, *, confirmed: bool) -> list[Event]:
        """As Modem says."""
        self.is_joining = False
        self.is_sending = confirmed
        events = self.dialect.start_send(f_port, payload.hex(), confirmed)
        if any(isinstance(event, Failed) for event in events):
            self.is_sending = None
        return events

    def start_link_check(self) -> list[Event]:
        """RefusedError `device.unsupported`: it has no command for that."""
        raise self._unsupported("link checks")

    def _identify(self) -> Identity | None:
        self._wake()
        version = self._value("at+version", r"OK *(V?\d+\.\d[\w.]*)$")
        if version is None:
            return None
        is_rui = int(version[1].lstrip("V").partition(".")[0]) >= 3
        self.dialect = _Rui(self) if is_rui else _Old(self)
        eui = None if is_rui else self._value("at+get_config=dev_eui", r"OK *([0-9A-Fa-f]{16})$")
        return Identity(
            self.family,
            "RAK811 (RUI)" if is_rui else "RAK811",
            version[1],
            bytes.fromhex(eui[1]) if eui else None,
            "at+version",
        )

    def _settings(self, settings: Settings, activation: Activation) -> list[Command]:
        self._require_1_0(activation)
        self._require_class(settings)
        region = REGIONS.get(settings.region.name)
        if region is None:
            raise self._unsupported(f"region {settings.region.name}", REGIONS)
        prefix, class_c = self.dialect.prefix, settings.device_class == "C"
        commands = self.dialect.begin(region, isinstance(activation, Otaa))
        commands += self._identity(activation)
        commands.append(self._command(f"{prefix}class:{2 * class_c}", "class"))
        if settings.sub_band is not None:
            used = sub_band_channels(settings.region, settings.sub_band)
            for word in range(_MASKS):
                mask = sum(1 << channel % 16 for channel in used if channel // 16 == word)
                commands.append(self._command(self.dialect.mask(word, mask), f"sub-band {settings.sub_band}"))
        if settings.adr is not None:
            commands.append(
                self._command(f"{prefix}adr:{self.dialect.switch(settings.adr)}", "adaptive data rate")
            )
        if settings.data_rate is not None:
            commands.append(self._command(f"{prefix}dr:{settings.data_rate}", "data rate"))
        return commands

    def _identity(self, activation: Activation) -> list[Command]:
        prefix = self.dialect.prefix
        if isinstance(activation, Otaa):
            return [
                self._command(f"{prefix}dev_eui:{activation.dev_eui.hex()}", "DevEUI"),
                self._command(f"{prefix}app_eui:{activation.join_eui.hex()}", "JoinEUI"),
                self._command(f"{prefix}app_key:{{key}}", "AppKey", activation.app_key, "AppKey"),
            ]
        nwk_s, app_s = self._session_keys(activation)
        return [
            self._command(f"{prefix}dev_addr:{activation.dev_addr.hex()}", "DevAddr"),
            self._command(f"{prefix}nwks_key:{{key}}", "NwkSKey", nwk_s, "NwkSKey"),
            self._command(f"{prefix}apps_key:{{key}}", "AppSKey", app_s, "AppSKey"),
        ]

    def _join(self, activation: Activation) -> Command:
        return self.dialect.join(activation)

    def _pattern(self, asked: str) -> re.Pattern[str]:
        return _STATUS

    def _is_refusal(self, answer: Answer) -> bool:
        return _ERROR.search(answer.text) is not None

    def _classify(self, line: str) -> list[Event] | None:
        event = _EVENT.search(line)
        if event is not None:
            return self.dialect.received(event[1], line)
        return self.dialect.ended(line)

    def _enrich(self, event: Event) -> list[Event]:
        if isinstance(event, Joined):
            self.is_joining = False
            return [Joined(self._dev_addr())]
        if isinstance(event, Downlink) and event.rssi_dbm is None and self.dialect.is_old:
            signal = self._value("at+signal", r"OK *(-?\d+),(-?\d+)$")
            if signal is not None:
                return [event._replace(rssi_dbm=float(signal[1]), snr_db=float(signal[2]))]
        return [event]

    def _dev_addr(self) -> bytes | None:
        if self._activation is not None and not isinstance(self._activation, Otaa):
            return self._activation.dev_addr
        if not self.dialect.is_old:
            return None
        # NetID, DevAddr and the session keys, which `_mask` hides.
        session = self._value("at+abp_info", r"OK *[0-9A-Fa-f]+,([0-9A-Fa-f]{8}),")
        return bytes.fromhex(session[1]) if session else None

    def _mask(self, text: str) -> str:
        return _SESSION_KEYS.sub(",<NwkSKey>,<AppSKey>", super()._mask(text))

    # -- for the dialects --------------------------------------------------------------------------------

    def words(self, text: str, meaning: str) -> Command:
        """A command without a key."""
        return self._command(text, meaning)

    def begin(self, command: Command) -> str:
        """Send a command once: the number of its error, "" if there is none."""
        error = _ERROR.search(self._begin(command).text)
        return error[1] if error else ""

    def send_only(self, command: Command) -> None:
        """Send a command whose answer tells later how it ended."""
        self._send(command)

    def sent(self) -> Sent:
        """The end of the uplink on its way."""
        confirmed, self.is_sending = self.is_sending, None
        return Sent(True if confirmed else None)

    @property
    def is_asked(self) -> bool:
        """True while an answer is awaited."""
        return bool(self._asked)


class _Dialect(Protocol):
    """What the generations say differently. `prefix` begins a setting."""

    prefix: str
    is_old: bool

    def begin(self, region: str, otaa: bool) -> list[Command]: ...
    def mask(self, word: int, bits: int) -> str: ...
    def switch(self, on: bool) -> str: ...
    def join(self, activation: Activation) -> Command: ...
    def start_join(self, activation: Activation) -> list[Event]: ...
    def start_send(self, f_port: int, digits: str, confirmed: bool) -> list[Event]: ...
    def received(self, fields: str, line: str) -> list[Event]: ...
    def ended(self, line: str) -> list[Event] | None: ...


class _Old:
    """Firmware 2.x."""

    prefix = "at+set_config="
    is_old = True

    def __init__(self, modem: Rak811) -> None:
        self._modem = modem

    def begin(self, region: str, otaa: bool) -> list[Command]:
        words = self._modem.words
        return [words("at+mode=0", "LoRaWAN mode"), words(f"at+band={region}", "region")]

    def mask(self, word: int, bits: int) -> str:
        return f"{self.prefix}ch_mask:{word},{bits:04X}"

    def switch(self, on: bool) -> str:
        return "on" if on else "off"

    def join(self, activation: Activation) -> Command:
        return self._modem.words(f"at+join={'otaa' if isinstance(activation, Otaa) else 'abp'}", "join")

    def start_join(self, activation: Activation) -> list[Event]:
        error = self._modem.begin(self.join(activation))
        if error:
            return [failed(OLD_ERRORS, f"ERROR{error}")]
        return [Joining()] if isinstance(activation, Otaa) else []

    def start_send(self, f_port: int, digits: str, confirmed: bool) -> list[Event]:
        error = self._modem.begin(self._modem.words(f"at+send={confirmed:d},{f_port},{digits}", "uplink"))
        return [failed(OLD_ERRORS, f"ERROR{error}")] if error else []

    def received(self, fields: str, line: str) -> list[Event]:
        # status, port, [RSSI, SNR,] length [, payload]
        parts = fields.split(",")
        if len(parts) not in (3, 4, 5, 6) or not parts[0].isdecimal():
            return [Remark(line)]
        status = int(parts[0])
        if status == _DATA:
            return _downlink(line, parts[1], parts[2:4] if len(parts) > 4 else [], parts[3:][-1:])
        if status in (_CONFIRMED, _UNCONFIRMED):
            return [self._modem.sent()]
        if status == _JOIN_DONE:
            return [Joined()]
        modem = self._modem
        words = f"at+recv={fields}"
        if status == _JOIN_FAILED or (status == _RX2_TIMEOUT and modem.is_joining):
            modem.is_joining = False
            return [Failed("no-answer", f"{words}: {RECEIVE_STATUS[_JOIN_FAILED]}")]
        if status in (_TX_TIMEOUT, _RX2_TIMEOUT):
            lost = bool(modem.is_sending) and status == _RX2_TIMEOUT
            modem.is_sending = None
            return [Failed("not-acknowledged" if lost else "modem", f"{words}: {RECEIVE_STATUS[status]}")]
        return [Remark(f"{words}: {RECEIVE_STATUS.get(status, 'unknown status')}")]

    def ended(self, line: str) -> list[Event] | None:
        return None


class _Rui:
    """Firmware 3.x."""

    prefix = "at+set_config=lora:"
    is_old = False

    def __init__(self, modem: Rak811) -> None:
        self._modem = modem

    def begin(self, region: str, otaa: bool) -> list[Command]:
        words = self._modem.words
        return [
            words(f"{self.prefix}region:{region}", "region"),
            words(f"{self.prefix}join_mode:{not otaa:d}", "activation"),
        ]

    def mask(self, word: int, bits: int) -> str:
        return f"{self.prefix}ch_mask:{word}:{bits:04X}"

    def switch(self, on: bool) -> str:
        return f"{on:d}"

    def join(self, activation: Activation) -> Command:
        return self._modem.words("at+join", "join")

    def start_join(self, activation: Activation) -> list[Event]:
        self._modem.send_only(self.join(activation))
        return [Joining()] if isinstance(activation, Otaa) else []

    def start_send(self, f_port: int, digits: str, confirmed: bool) -> list[Event]:
        modem = self._modem
        error = modem.begin(modem.words(f"{self.prefix}confirm:{confirmed:d}", "confirmed uplinks"))
        if error:
            return [failed(RUI_ERRORS, f"ERROR: {error}")]
        modem.send_only(modem.words(f"at+send=lora:{f_port}:{digits}", "uplink"))
        return []

    def received(self, fields: str, line: str) -> list[Event]:
        head, _, payload = fields.partition(":")
        parts = head.split(",")
        if len(parts) != 4:
            return [Remark(line)]
        if int(parts[3] or 0) == 0:
            return []  # an acknowledgement
        return _downlink(line, parts[0], parts[1:3], [payload])

    def ended(self, line: str) -> list[Event] | None:
        modem = self._modem
        if modem.is_asked or not (modem.is_joining or modem.is_sending is not None):
            return None
        error = _ERROR.search(line)
        if error is not None:
            return [self._failed(error[1])]
        if modem.is_joining:
            return [Joined()] if _JOINED.search(line) else None
        return [modem.sent()] if line.endswith("OK") else None

    def _failed(self, number: str) -> Failed:
        modem = self._modem
        unacknowledged = bool(modem.is_sending) and number in _NO_ANSWER_IN_RX2
        modem.is_joining, modem.is_sending = False, None
        failure = failed(RUI_ERRORS, f"ERROR: {number}")
        return failure._replace(cause="not-acknowledged") if unacknowledged else failure


def _downlink(line: str, f_port: str, signal: list[str], payload: list[str]) -> list[Event]:
    try:
        octets = bytes.fromhex("".join(payload))
        rssi, snr = map(float, signal) if signal else (None, None)
        return [Downlink(int(f_port) or None, octets, rssi, snr)]
    except ValueError:
        return [Remark(line)]


def probe(port: Port) -> Identity | None:
    """Who answers on a port at this rate, None if it is no RAK811."""
    return Rak811(port).probe()


def driver(port: Port) -> Modem:
    """The driver for a modem on this port."""
    return Rak811(port)

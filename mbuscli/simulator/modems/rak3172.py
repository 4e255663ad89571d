"""Simulated RAK3172 with RUI3."""

from __future__ import annotations

import re
from typing import Final

from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.device import Device
from mbuscli.simulator.lora.network import Network
from mbuscli.simulator.modems.faults import NO_FAULTS, ModemFaults
from mbuscli.simulator.modems.twin import DUTY_WAIT_S, Joined, LineTwin, Transmitted

_BANDS: Final = (
    *("EU433", "CN470", "RU864", "IN865", "EU868", "US915", "AU915", "KR920"),
    *("AS923-1", "AS923-2", "AS923-3", "AS923-4", "LA915"),
)
# The hardware for high frequencies is without these.
_LOW_BANDS: Final = ("EU433", "CN470")
_BOOT_S = 0.6
# What each setting takes, and what it is at first.
_SETTINGS: Final = {
    "NWM": (r"[01]", "1"),
    "NJM": (r"[01]", "1"),
    "DEVEUI": (r"[0-9A-F]{16}", ""),
    "APPEUI": (r"[0-9A-F]{16}", "0" * 16),
    "APPKEY": (r"[0-9A-F]{32}", "0" * 32),
    "DEVADDR": (r"[0-9A-F]{8}", "0" * 8),
    "NWKSKEY": (r"[0-9A-F]{32}", "0" * 32),
    "APPSKEY": (r"[0-9A-F]{32}", "0" * 32),
    "BAND": (r"\d{1,2}", "4"),
    "MASK": (r"[0-9A-F]{4}", "0000"),
    "CLASS": (r"[ABC]", "A"),
    "ADR": (r"[01]", "0"),
    "DR": (r"\d", "5"),
    "CFM": (r"[01]", "0"),
    "RETY": (r"[0-7]", "0"),
    "TXP": (r"\d{1,2}", "0"),
    "LINKCHECK": (r"[012]", "0"),
}
_JOIN = re.compile(r"AT\+JOIN(?:=1:[01]:\d{1,3}:\d{1,3})?$")
_SEND = re.compile(r"AT\+SEND=(\d{1,3}):((?:[0-9A-F]{2})*)$")


class Rak3172Twin(LineTwin):
    """The variant for high frequencies. `refuse` is a status word."""

    baud = 115200

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
        self.values = {name: first for name, (_, first) in _SETTINGS.items()}
        self.values["DEVEUI"] = device.dev_eui.hex().upper()
        self._booted_at = start_s

    def command(self, line: str, now: float) -> None:
        """As LineTwin says. What comes while it boots is lost."""
        text = line.upper()
        if now < self._booted_at:
            return
        if text == "ATZ":
            self._boot(now)
        elif text == "AT":
            self.answer(now, "OK")
        elif _JOIN.match(text):
            self._join(now)
        elif text.startswith("AT+SEND="):
            self._send(text, now)
        elif text.endswith("=?"):
            self._get(line[:-2], now)
        else:
            self._set(text, now)

    def hear_class_c(self, f_port: int, payload: bytes, at: float) -> None:
        """As Twin says."""
        self.tell(at, f"+EVT:RX_C:-71:8:UNICAST:{f_port}:{payload.hex()}")

    def _boot(self, now: float) -> None:
        self._booted_at = now + _BOOT_S
        self.device.session = None
        self.tell(self._booted_at, "RAKwireless RAK3172-H Example", "Current Work Mode: LoRaWAN.")

    def _get(self, name: str, now: float) -> None:
        session = self.device.session
        known = {
            **self.values,
            "VER": "RUI_4.0.6_RAK3172-E",
            "HWMODEL": "rak3172",
            "BAT": "3.300000",
            "NJS": f"{self.is_joined:d}",
            "JOIN": "0:0:8:0",
        }
        if session is not None:
            known["DEVADDR"] = session.dev_addr.hex().upper()
        value = known.get(name.upper().removeprefix("AT+"))
        if value is None:
            self.answer(now, "AT_COMMAND_NOT_FOUND")
        else:
            self.answer(now, f"{name}={value}", "OK")

    def _set(self, text: str, now: float) -> None:
        name, _, value = text.removeprefix("AT+").partition("=")
        if name not in _SETTINGS:
            self.answer(now, "AT_COMMAND_NOT_FOUND")
        elif self.transmitting:
            self.answer(now, "AT_BUSY_ERROR")
        elif re.fullmatch(_SETTINGS[name][0], value) is None or not self._fits(name, value):
            self.answer(now, "AT_PARAM_ERROR")
        elif name == "BAND" and _BANDS[int(value)] in _LOW_BANDS:
            self.answer(now, "AT_UNSUPPORTED_BAND")
        else:
            reboots = name == "NWM" and value != self.values[name]
            self.values[name] = value
            self._apply(name, value)
            self.answer(now, "OK")
            if reboots:
                self._boot(now)

    def _fits(self, name: str, value: str) -> bool:
        if name == "BAND":
            return int(value) < len(_BANDS)
        rates = self.network.region.rates
        return name != "DR" or (int(value) < len(rates) and rates[int(value)] is not None)

    def _apply(self, name: str, value: str) -> None:
        if name == "DR":
            self.data_rate = int(value)
        elif name == "BAND":
            self.is_tuned = _BANDS[int(value)] == self.network.region.name
        elif name == "MASK":
            banks = [bank for bank in range(8) if int(value, 16) >> bank & 1]
            self.channels = {
                channel for bank in banks for channel in (*range(8 * bank, 8 * bank + 8), 64 + bank)
            } or None

    def _refused(self) -> tuple[str, ...]:
        refuse, self.refuse = self.refuse, ""
        if self.values["NWM"] != "1":
            return ("AT_MODE_NO_SUPPORT",)
        if self.transmitting or self.faults.busy:
            return ("AT_BUSY_ERROR",)
        if self.faults.duty:
            return f"Restricted_Wait_{DUTY_WAIT_S * 1000:.0f}_ms", "AT_BUSY_ERROR"
        return (refuse,) if refuse else ()

    def _join(self, now: float) -> None:
        refused = self._refused()
        later = refused[0] if refused and refused[0].startswith("+EVT") else ""
        self.answer(now, *(("OK",) if later else refused or ("OK",)))
        if later:
            self.after(now, 7.0 * self.scale, lambda at: self.tell(at, later))
        elif not refused and self.values["NJM"] == "1":
            octets = {name: bytes.fromhex(self.values[name]) for name in ("DEVEUI", "APPEUI", "APPKEY")}
            self.device.dev_eui, self.device.join_eui = octets["DEVEUI"], octets["APPEUI"]
            self.device.app_key = Key(octets["APPKEY"])
            self.join(now, self._joined)
        elif not refused:
            octets = {name: bytes.fromhex(self.values[name]) for name in ("DEVADDR", "NWKSKEY", "APPSKEY")}
            self.activate(octets["DEVADDR"], octets["NWKSKEY"], octets["APPSKEY"])

    def _joined(self, end: Joined, at: float) -> None:
        self.tell(at, "+EVT:JOINED" if end.accepted else "+EVT:JOIN_FAILED_RX_TIMEOUT")

    def _send(self, text: str, now: float) -> None:
        match = _SEND.match(text)
        refused = self._refused()
        if match is None or not 1 <= int(match[1]) <= 223:
            refused = ("AT_PARAM_ERROR",)
        elif not self.is_joined:
            refused = ("AT_NO_NETWORK_JOINED",)
        elif len(match[2]) // 2 > self.max_payload:
            refused = ("AT_PARAM_ERROR",)
        self.answer(now, *(refused or ("OK",)))
        if match is not None and not refused:
            self.link_check = self.values["LINKCHECK"] != "0"
            confirmed = self.values["CFM"] == "1"
            self.transmit(int(match[1]), bytes.fromhex(match[2]), now, self._transmitted, confirmed=confirmed)

    def _transmitted(self, end: Transmitted, at: float) -> None:
        ended = "TX_DONE"
        if end.confirmed:
            ended = "SEND_CONFIRMED_OK" if end.acknowledged else "SEND_CONFIRMED_FAILED(4)"
        lines = [f"+EVT:{ended}"]
        if self.values["LINKCHECK"] != "0":
            link = f"0:{end.link[0]}:{end.link[1]}:{end.rssi_dbm}:{end.snr_db}" if end.link else "1:0:0:0:0"
            lines.append(f"+EVT:LINKCHECK:{link}")
            if self.values["LINKCHECK"] == "1":
                self.values["LINKCHECK"] = "0"
        if end.payload and end.received is not None:
            heard = f"{end.rssi_dbm}:{end.snr_db}:UNICAST:{end.received.f_port}:{end.received.payload.hex()}"
            lines.insert(0 if self.faults.receive_first else len(lines), f"+EVT:RX_{end.window}:{heard}")
        self.tell(at, *lines)

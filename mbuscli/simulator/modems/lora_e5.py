"""Simulated Seeed LoRa-E5 (firmware 4.0)."""

from __future__ import annotations

import re
from typing import Final

from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.device import Device
from mbuscli.simulator.lora.network import Network
from mbuscli.simulator.modems.faults import NO_FAULTS, ModemFaults
from mbuscli.simulator.modems.twin import DUTY_WAIT_S, Joined, LineTwin, Transmitted

_REGIONS: Final = (
    *("EU868", "US915", "US915HYBRID", "CN779", "EU433", "AU915", "AU915OLD", "CN470", "AS923", "KR920"),
    *("IN865", "RU864"),
)
_IDS: Final = {"DEVEUI": ("DevEui", 16), "APPEUI": ("AppEui", 16), "DEVADDR": ("DevAddr", 8)}
_KEYS: Final = ("APPKEY", "NWKSKEY", "APPSKEY")
# What other settings take.
_SETTINGS: Final = {
    "MODE": r"LWOTAA|LWABP|TEST",
    "ADR": r"ON|OFF",
    "CLASS": r"A|C",
    "PORT": r"\d{1,3}",
    "POWER": r"\d{1,2}",
    "REPT": r"\d{1,2}",
    "RETRY": r"\d{1,3}",
    "CH": r"NUM,\d+-\d+(?:,\d+(?:-\d+)?)*",
}
_MESSAGE = re.compile(r'AT\+(C?MSGHEX)="((?:[0-9A-F]{2})*)"$')
_JOIN_WINDOWS_END_S = 0.9


class LoraE5Twin(LineTwin):
    """It is personalised at first, as its factory setting is. `refuse` is what stands behind the colon."""

    baud = 9600

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
        self.values = {"MODE": "LWABP", "PORT": "8", "ADR": "ON", "CLASS": "A"}
        self.ids = {"DEVEUI": device.dev_eui, "APPEUI": device.join_eui, "DEVADDR": bytes(4)}
        self.keys = dict.fromkeys(_KEYS, bytes(16))
        self._name = "MSGHEX"
        self._checks_link = False

    def command(self, line: str, now: float) -> None:
        """As LineTwin says."""
        text = line.upper()
        name, _, value = text.removeprefix("AT+").partition("=")
        if text == "AT":
            self.answer(now, "+AT: OK")
        elif not text.startswith("AT+"):
            self.answer(now, "+AT: ERROR(-10)")
        elif name in ("JOIN", "MSGHEX", "CMSGHEX"):
            (self._join if name == "JOIN" else self._message)(text, now)
        else:
            lines = self._setting(name, value)
            self.answer(now, *(f"+{name}: {each}" for each in lines))

    def hear_class_c(self, f_port: int, payload: bytes, at: float) -> None:
        """As Twin says."""
        self.tell(
            at, f'+MSG: PORT: {f_port}; RX: "{payload.hex().upper()}"', "+MSG: RXWIN0, RSSI -71, SNR 8.0"
        )

    def _setting(self, name: str, value: str) -> list[str]:
        if name == "VER":
            return ["4.0.11"]
        if name in ("RESET", "FDEFAULT"):
            self.device.session = None
            return ["OK"]
        if name == "ID":
            return self._id(value)
        if name == "KEY":
            return self._key(value)
        if name == "DR":
            return self._rate(value)
        if name == "LW":
            return self._lorawan(value)
        if name not in _SETTINGS:
            return ["ERROR(-10)"]
        if value:
            if re.fullmatch(_SETTINGS[name], value) is None:
                return ["ERROR(-1)"]
            self.values[name] = value
            if name == "CH":
                self.channels = set()
                for part in value.removeprefix("NUM,").split(","):
                    first, _, last = part.partition("-")
                    self.channels |= set(range(int(first), int(last or first) + 1))
        return [self.values.get(name, "")]

    def _id(self, value: str) -> list[str]:
        kind, _, digits = value.partition(",")
        digits = digits.strip('"')
        if kind and kind not in _IDS:
            return ["ERROR(-1)"]
        if digits:
            if re.fullmatch(f"[0-9A-F]{{{_IDS[kind][1]}}}", digits) is None:
                return ["ERROR(-1)"]
            self.ids[kind] = bytes.fromhex(digits)
        asked = [kind] if kind else ["DEVADDR", "DEVEUI", "APPEUI"]
        return [f"{_IDS[each][0]}, {self.ids[each].hex(':').upper()}" for each in asked]

    def _key(self, value: str) -> list[str]:
        kind, _, digits = value.partition(",")
        digits = digits.strip('"')
        if kind not in _KEYS or re.fullmatch("[0-9A-F]{32}", digits) is None:
            return ["ERROR(-1)"]
        self.keys[kind] = bytes.fromhex(digits)
        return [f"{kind} {digits}"]

    def _rate(self, value: str) -> list[str]:
        region = self.network.region
        if value in _REGIONS:
            self.is_tuned = region.name.startswith(value)
            return [value]
        if not value.isdecimal() or int(value) >= len(region.rates):
            return ["ERROR(-1)"]
        rate = region.rates[int(value)]
        if rate is None:
            return ["ERROR(-1)"]
        self.data_rate = int(value)
        return [f"DR{value}", f"{region.name} DR{value}  SF{rate.spreading}  BW{rate.bandwidth_khz}K "]

    def _lorawan(self, value: str) -> list[str]:
        if value == "LCR":
            self._checks_link = True
            return ["LCR"]
        if value == "LEN":
            return [f"LEN, {self.max_payload}"]
        if value == "ULDL":
            return [f"ULDL, {self.device.f_cnt_up}, {self.device.f_cnt_down}"]
        return ["ERROR(-1)"]

    def _refused(self) -> str:
        refuse, self.refuse = self.refuse, ""
        if self.transmitting or self.faults.busy:
            return "LoRaWAN modem is busy"
        return f"No band in {DUTY_WAIT_S * 1000:.0f}ms" if self.faults.duty else refuse

    def _join(self, text: str, now: float) -> None:
        refused = self._refused()
        if self.values["MODE"] != "LWOTAA":
            refused = "Not in OTAA mode"
        elif self.is_joined and not text.endswith("FORCE"):
            refused = "Joined already"
        if refused:
            self.answer(now, f"+JOIN: {refused}")
            return
        self.answer(now, "+JOIN: Start", f"+JOIN: {'FORCE' if text.endswith('FORCE') else 'NORMAL'}")
        self.device.dev_eui, self.device.join_eui = self.ids["DEVEUI"], self.ids["APPEUI"]
        self.device.app_key = Key(self.keys["APPKEY"])
        self.join(now, self._joined)

    def _joined(self, end: Joined, at: float) -> None:
        session = self.device.session
        if end.accepted and session is not None:
            address = session.dev_addr.hex(":").upper()
            self.tell(at, "+JOIN: Network joined", f"+JOIN: NetID 000013 DevAddr {address}", "+JOIN: Done")
        else:
            self.tell(at + _JOIN_WINDOWS_END_S * self.scale, "+JOIN: Join failed", "+JOIN: Done")

    def _message(self, text: str, now: float) -> None:
        match = _MESSAGE.match(text)
        if match is None:
            self.answer(now, f"+{text[3:].partition('=')[0]}: ERROR(-1)")
            return
        self._name = match[1]
        refused = self._refused()
        if self.values["MODE"] == "LWABP":
            self._personalise()
        if not self.is_joined:
            refused = "Please join network first"
        elif len(match[2]) // 2 > self.max_payload:
            refused = f"Length error {self.max_payload}"
        if refused:
            self.answer(now, f"+{self._name}: {refused}")
            return
        confirmed = self._name == "CMSGHEX"
        begun = [f"+{self._name}: Start"]
        if confirmed:
            begun.append(f"+{self._name}: Wait ACK")
        self.answer(now, *begun)
        self.link_check, self._checks_link = self._checks_link, False
        f_port, payload = int(self.values["PORT"]), bytes.fromhex(match[2])
        self.transmit(f_port, payload, now, self._transmitted, confirmed=confirmed)

    def _personalise(self) -> None:
        session = self.device.session
        if session is None or session.dev_addr != self.ids["DEVADDR"]:
            self.activate(self.ids["DEVADDR"], self.keys["NWKSKEY"], self.keys["APPSKEY"])

    def _transmitted(self, end: Transmitted, at: float) -> None:
        lines = []
        if end.link is not None:
            lines.append(f"Link {end.link[0]}, {end.link[1]}")
        if end.received is not None:
            if end.payload:
                payload = end.received.payload.hex().upper()
                lines.append(f'PORT: {end.received.f_port}; RX: "{payload}"')
            lines.append(f"RXWIN{end.window}, RSSI {end.rssi_dbm}, SNR {end.snr_db:.1f}")
        if end.acknowledged and end.confirmed:
            lines.insert(len(lines) if self.faults.receive_first else 0, "ACK Received")
        self.tell(at, *(f"+{self._name}: {line}" for line in (*lines, "Done")))

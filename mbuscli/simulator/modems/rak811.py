"""Simulated RAK811 with the firmware of both generations."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Final

from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.device import Device
from mbuscli.simulator.lora.network import Network
from mbuscli.simulator.modems.faults import NO_FAULTS, ModemFaults
from mbuscli.simulator.modems.twin import Joined, LineTwin, Transmitted

_REGIONS: Final = ("EU868", "US915", "AU915", "KR920", "AS923", "IN865", "CN470", "EU433")
_HEX: Final = {"dev_addr": 8, "dev_eui": 16, "app_eui": 16, "app_key": 32, "nwks_key": 32, "apps_key": 32}
_PAYLOAD: Final = r"((?:[0-9a-fA-F]{2})*)"
_OLD_SEND = re.compile(rf"at\+send=([01]),(\d{{1,3}}),{_PAYLOAD}$")
_RUI_SEND = re.compile(rf"at\+send=lora:(\d{{1,3}}):{_PAYLOAD}$")
_OLD_LONGEST: Final = 64


class _Rak811Twin(LineTwin):
    """What the generations share: the settings and the stack."""

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
        self.values = {name: "0" * digits for name, digits in _HEX.items()}
        self.values["dev_eui"] = device.dev_eui.hex()
        self.signal = 0, 0

    @property
    @abstractmethod
    def others(self) -> dict[str, str]:
        """What settings without hexadecimal take."""

    def set_value(self, name: str, value: str) -> bool:
        """Put a setting in; False if it is none or does not fit."""
        pattern = f"[0-9a-fA-F]{{{_HEX[name]}}}" if name in _HEX else self.others.get(name)
        if pattern is None or re.fullmatch(pattern, value) is None:
            return False
        if name == "dr":
            rates = self.network.region.rates
            if int(value) >= len(rates) or rates[int(value)] is None:
                return False
            self.data_rate = int(value)
        elif name == "ch_mask":
            self._set_mask(int(value[0]), int(value[2:], 16))
        self.values[name] = value
        return True

    def _set_mask(self, word: int, bits: int) -> None:
        """Which channels of this word of 16 may be used."""
        others = {channel for channel in self.channels or range(72) if channel // 16 != word}
        self.channels = others | {16 * word + bit for bit in range(16) if bits >> bit & 1}

    def set_region(self, name: str) -> bool:
        """Tune to a region; False if there is none of that name."""
        self.is_tuned = self.network.region.name.startswith(name)
        return name in _REGIONS

    def octets(self, name: str) -> bytes:
        """A setting in hexadecimal."""
        return bytes.fromhex(self.values[name])

    def personalise(self) -> None:
        """Begin the session of the settings."""
        self.activate(self.octets("dev_addr"), self.octets("nwks_key"), self.octets("apps_key"))

    def join_by(self, now: float) -> None:
        """Join with the settings."""
        self.device.dev_eui, self.device.join_eui = self.octets("dev_eui"), self.octets("app_eui")
        self.device.app_key = Key(self.octets("app_key"))
        self.join(now, self.joined)

    @abstractmethod
    def joined(self, end: Joined, at: float) -> None:
        """Tell how a join ended."""


class Rak811Twin(_Rak811Twin):
    """Firmware 2.0. `refuse` is an answer such as ERROR-6, or an event such as at+recv=5,0,0."""

    @property
    def others(self) -> dict[str, str]:
        """As above."""
        return {"class": "0|2", "adr": "on|off", "dr": r"\d", "ch_mask": r"[0-4],[0-9A-F]{4}"}

    def command(self, line: str, now: float) -> None:
        """As LineTwin says."""
        name, _, value = line.partition("=")
        if name == "at+version":
            self.answer(now, "OK2.0.3.0")
        elif name == "at+signal":
            self.answer(now, f"OK{self.signal[0]},{self.signal[1]}")
        elif name == "at+mode":
            self.answer(now, "OK" if value in ("0", "1") else "ERROR-1")
        elif name == "at+band":
            self.answer(now, "OK" if self.set_region(value) else "ERROR-1")
        elif name == "at+set_config":
            pairs = [pair.partition(":") for pair in value.split("&")]
            self.answer(now, "OK" if all(self.set_value(key, text) for key, _, text in pairs) else "ERROR-1")
        elif name == "at+get_config":
            self.answer(now, f"OK{self.values[value]}" if value in self.values else "ERROR-1")
        elif name == "at+abp_info":
            self.answer(now, self._session())
        elif name == "at+join":
            self._join(value, now)
        elif name == "at+send":
            self._send(line, now)
        else:
            self.answer(now, "ERROR-2")

    def hear_class_c(self, f_port: int, payload: bytes, at: float) -> None:
        """As Twin says."""
        self.tell(at, f"at+recv=0,{f_port},-71,8,{len(payload)},{payload.hex()}")

    def _session(self) -> str:
        session = self.device.session
        if session is None or session.keys.f_nwk_s_int is None or session.keys.app_s is None:
            return "ERROR-5"
        keys = session.keys.f_nwk_s_int.octets.hex(), session.keys.app_s.octets.hex()
        return f"OK000013,{session.dev_addr.hex()},{keys[0]},{keys[1]}"

    def _refused(self) -> str:
        refuse, self.refuse = self.refuse, ""
        if self.transmitting or self.faults.busy:
            return "ERROR-6"
        return "ERROR-7" if self.faults.duty else refuse

    def _begin(self, refused: str, now: float) -> bool:
        """Answer; True if nothing stands against it."""
        later = refused.startswith("at+recv")
        self.answer(now, "OK" if later else refused or "OK")
        if later:
            self.after(now, 5.5 * self.scale, lambda at: self.tell(at, refused))
        return not refused

    def _join(self, how: str, now: float) -> None:
        refused = "ERROR-1" if how not in ("otaa", "abp") else self._refused()
        if not self._begin(refused, now):
            return
        if how == "otaa":
            self.join_by(now)
        else:
            self.personalise()
            self.tell(now + 0.1, "at+recv=3,0,0")

    def joined(self, end: Joined, at: float) -> None:
        """As above."""
        self.tell(at, "at+recv=3,0,0" if end.accepted else "at+recv=4,0,0")

    def _send(self, line: str, now: float) -> None:
        match = _OLD_SEND.match(line)
        refused = self._refused()
        if match is None or not 1 <= int(match[2]) <= 223:
            refused = "ERROR-1"
        elif not self.is_joined:
            refused = "ERROR-5"
        elif len(match[3]) // 2 > min(self.max_payload, _OLD_LONGEST):
            refused = "ERROR-13"
        if self._begin(refused, now) and match is not None:
            payload = bytes.fromhex(match[3])
            self.transmit(int(match[2]), payload, now, self._transmitted, confirmed=match[1] == "1")

    def _transmitted(self, end: Transmitted, at: float) -> None:
        lines = ["at+recv=6,0,0" if end.confirmed else "at+recv=2,0,0"]
        if end.acknowledged:
            lines = ["at+recv=1,0,0"]
        if end.received is not None:
            self.signal = end.rssi_dbm, end.snr_db
        if end.payload and end.received is not None:
            payload = end.received.payload
            heard = f"at+recv=0,{end.received.f_port},{len(payload)},{payload.hex()}"
            lines.insert(0 if self.faults.receive_first else 1, heard)
        self.tell(at, *lines)


class Rak811RuiTwin(_Rak811Twin):
    """Firmware 3.0. `refuse` is an answer such as ERROR: 80."""

    @property
    def others(self) -> dict[str, str]:
        """As above."""
        return {
            "class": "[012]",
            "adr": "[01]",
            "dr": r"\d",
            "confirm": "[01]",
            "join_mode": "[01]",
            "ch_mask": r"[0-4]:[0-9A-F]{4}",
        }

    def command(self, line: str, now: float) -> None:
        """As LineTwin says."""
        name, _, value = line.partition("=")
        if name == "at+version":
            self.answer(now, "OK V3.0.0.14.H")
        elif name == "at+set_config":
            layer, _, setting = value.partition(":")
            key, _, text = setting.partition(":")
            fits = self.set_region(text) if key == "region" else self.set_value(key, text)
            self.answer(now, "OK" if layer == "lora" and fits else "ERROR: 2")
        elif name == "at+join":
            self._join(now)
        elif name == "at+send":
            self._send(line, now)
        else:
            self.answer(now, "ERROR: 1")

    def hear_class_c(self, f_port: int, payload: bytes, at: float) -> None:
        """As Twin says."""
        self.tell(at, f"at+recv={f_port},-71,8,{len(payload)}:{payload.hex()}")

    def _refused(self) -> str:
        refuse, self.refuse = self.refuse, ""
        if self.transmitting or self.faults.busy:
            return "ERROR: 80"
        return "ERROR: 90" if self.faults.duty else refuse

    def _join(self, now: float) -> None:
        refused = self._refused()
        if refused:
            self.answer(now, refused)
        elif self.values.get("join_mode", "0") == "0":
            self.join_by(now)
        else:
            self.personalise()
            self.answer(now, "OK Join Success")

    def joined(self, end: Joined, at: float) -> None:
        """As above."""
        self.tell(at, "OK Join Success" if end.accepted else "ERROR: 99")

    def _send(self, line: str, now: float) -> None:
        match = _RUI_SEND.match(line)
        refused = self._refused()
        if match is None or not 1 <= int(match[1]) <= 223:
            refused = "ERROR: 2"
        elif not self.is_joined:
            refused = "ERROR: 86"
        elif len(match[2]) // 2 > self.max_payload:
            refused = "ERROR: 101"
        if refused or match is None:
            self.answer(now, refused)
            return
        confirmed = self.values.get("confirm", "0") == "1"
        self.transmit(int(match[1]), bytes.fromhex(match[2]), now, self._transmitted, confirmed=confirmed)

    def _transmitted(self, end: Transmitted, at: float) -> None:
        lines = ["ERROR: 96" if end.confirmed and not end.acknowledged else "OK"]
        if end.payload and end.received is not None:
            payload = end.received.payload
            head = f"{end.received.f_port},{end.rssi_dbm},{end.snr_db},{len(payload)}"
            lines.insert(0 if self.faults.receive_first else 1, f"at+recv={head}:{payload.hex()}")
        self.tell(at, *lines)

"""Simulated Microchip RN2483 and RN2903."""

from __future__ import annotations

import re

from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.device import Device
from mbuscli.simulator.lora.network import Network
from mbuscli.simulator.modems.faults import NO_FAULTS, ModemFaults
from mbuscli.simulator.modems.twin import ANSWER_S, Joined, LineTwin, Transmitted

_SAVE_S = 1.4
_BOOT_S = 0.3
_NO_MARGIN = 255
_CHANNELS = 72
_HEX_SETTINGS = {"deveui": 16, "appeui": 16, "appkey": 32, "devaddr": 8, "nwkskey": 32, "appskey": 32}
_SECRET = ("appkey", "nwkskey", "appskey")
_OTAA_NEEDS, _ABP_NEEDS = ("deveui", "appeui", "appkey"), ("devaddr", "nwkskey", "appskey")
# Ranges of what is set as a number.
_LAST = 2**32 - 1
_NUMBERS = {"bat": 255, "retx": 255, "linkchk": 65535, "rxdelay1": 65535, "upctr": _LAST, "dnctr": _LAST}
_TX = re.compile(r"mac tx (cnf|uncnf) (\d{1,3}) ((?:[0-9A-Fa-f]{2})+)")
_CHANNEL_STATUS = re.compile(r"status (\d{1,2}) (on|off)")


class Rn2483Twin(LineTwin):
    """The modem for 868 MHz. `refuse` with "then " before a word says that word in the second line."""

    baud = 57600
    version = "RN2483 1.0.5 Oct 31 2018 15:06:52"
    reset = "mac reset 868"
    power = range(6)
    rates = 8

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
        self.values = {"deveui": device.dev_eui.hex().upper(), "adr": "off", "class": "A", "linkchk": "0"}
        self.channels = set(range(_CHANNELS)) if network.region.has_sub_bands else None
        self.margin, self.gateways = _NO_MARGIN, 0
        self.signal = -128, -128
        self.paused = False

    def command(self, line: str, now: float) -> None:
        """As LineTwin says."""
        if line == "mac save":
            self.reply(self.frame("ok"), now + _SAVE_S)
        elif line in ("sys reset", "sys factoryRESET"):
            self.device.session = None
            self.tell(now + _BOOT_S, self.version)
        elif line.startswith("mac join "):
            self._join(line.removeprefix("mac join "), now)
        elif line.startswith("mac tx "):
            self._tx(line, now)
        elif line.startswith("mac set "):
            self.answer(now, "ok" if self._set(line.removeprefix("mac set ")) else "invalid_param")
        elif line in (self.reset, "mac pause", "mac resume", "mac forceENABLE"):
            self.answer(now, self._state(line))
        elif line.startswith("radio get "):
            # Not `reply`: a driver asks this after every downlink, and another between would go on for ever.
            self.put(self.frame(self._get(line)), now + ANSWER_S)
        else:
            self.answer(now, self._get(line))

    def hear_class_c(self, f_port: int, payload: bytes, at: float) -> None:
        """As Twin says."""
        self.tell(at, f"mac_rx {f_port} {payload.hex().upper()}")

    def _state(self, line: str) -> str:
        self.paused = line == "mac pause"
        if line == self.reset:
            self.device.session = None
        return "4294967245" if self.paused else "ok"

    def _get(self, line: str) -> str:
        known = {
            "sys get ver": self.version,
            "sys get hweui": self.device.dev_eui.hex().upper(),
            "sys get vdd": "3274",
            "radio get rssi": str(self.signal[0]),
            "radio get snr": str(self.signal[1]),
            "mac get mrgn": str(self.margin),
            "mac get gwnb": str(self.gateways),
            "mac get dr": str(self.data_rate),
            "mac get upctr": str(self.device.f_cnt_up),
            "mac get dnctr": str(self.device.f_cnt_down),
            "mac get status": "00000001" if self.is_joined else "00000000",
        }
        if self.device.session is not None:
            known["mac get devaddr"] = self.device.session.dev_addr.hex().upper()
        name = line.removeprefix("mac get ")
        if name not in _SECRET and name in self.values:
            known.setdefault(f"mac get {name}", self.values[name])
        return known.get(line, "invalid_param")

    def _set(self, text: str) -> bool:
        name, _, value = text.partition(" ")
        if name == "ch":
            return self._set_channel(value)
        if name in _HEX_SETTINGS:
            fits = re.fullmatch(f"[0-9A-Fa-f]{{{_HEX_SETTINGS[name]}}}", value) is not None
        elif name in ("adr", "ar"):
            fits = value in ("on", "off")
        elif name == "class":
            fits = value in ("a", "c")
        else:
            last = {"dr": self.rates - 1, **_NUMBERS}.get(name)
            fits = value.isdecimal() and (
                int(value) in self.power if name == "pwridx" else last is not None and int(value) <= last
            )
        if fits:
            self.values[name] = value.upper() if name in _HEX_SETTINGS or name == "class" else value
            if name == "dr":
                self.data_rate = int(value)
        return fits

    def _set_channel(self, text: str) -> bool:
        status = _CHANNEL_STATUS.fullmatch(text)
        if status is None or self.channels is None or int(status[1]) >= _CHANNELS:
            return False
        (self.channels.add if status[2] == "on" else self.channels.discard)(int(status[1]))
        return True

    def _refused(self) -> str:
        refuse, self.refuse = self.refuse, ""
        if self.paused:
            return "mac_paused"
        if self.transmitting or self.faults.busy:
            return "busy"
        return "no_free_ch" if self.faults.duty else refuse

    def _join(self, how: str, now: float) -> None:
        needs = {"otaa": _OTAA_NEEDS, "abp": _ABP_NEEDS}.get(how, ())
        refused = self._refused()
        if not needs:
            refused = "invalid_param"
        elif any(not self.values.get(name, "").strip("0") for name in needs):
            refused = "keys_not_init"
        self.answer(now, refused or "ok")
        if refused:
            return
        octets = {name: bytes.fromhex(self.values.get(name, "")) for name in needs}
        if how == "abp":
            self.activate(octets["devaddr"], octets["nwkskey"], octets["appskey"])
            self.device.f_cnt_up = int(self.values.get("upctr", "0"))
            self.tell(now + 0.05, "accepted")
            return
        self.device.dev_eui, self.device.join_eui = octets["deveui"], octets["appeui"]
        self.device.app_key = Key(octets["appkey"])
        self.join(now, self._joined)

    def _joined(self, end: Joined, at: float) -> None:
        self.tell(at, "accepted" if end.accepted else "denied")

    def _tx(self, line: str, now: float) -> None:
        match = _TX.fullmatch(line)
        refused = self._refused()
        if match is None or not 1 <= int(match[2]) <= 223:
            refused = "invalid_param"
        elif not self.is_joined:
            refused = "not_joined"
        elif len(match[3]) // 2 > self.max_payload:
            refused = "invalid_data_len"
        later = refused.removeprefix("then ") if refused.startswith("then ") else ""
        self.answer(now, "ok" if later else refused or "ok")
        if later:
            self.after(now, 3.0 * self.scale, lambda at: self.tell(at, later))
        elif match is not None and not refused:
            self.link_check = self.values["linkchk"] != "0"
            self.transmit(
                int(match[2]), bytes.fromhex(match[3]), now, self._transmitted, confirmed=match[1] == "cnf"
            )

    def _transmitted(self, end: Transmitted, at: float) -> None:
        if end.received is not None:
            self.signal = end.rssi_dbm, end.snr_db
        if end.link is not None:
            self.margin, self.gateways = end.link
        if end.confirmed and not end.acknowledged:
            self.tell(at, "mac_err")
        elif end.payload and end.received is not None:
            self.tell(at, f"mac_rx {end.received.f_port} {end.received.payload.hex().upper()}")
        else:
            self.tell(at, "mac_tx_ok")


class Rn2903Twin(Rn2483Twin):
    """The modem for 915 MHz."""

    version = "RN2903 1.0.5 Nov 06 2018 10:45:27"
    reset = "mac reset"
    power = range(5, 11)
    rates = 5

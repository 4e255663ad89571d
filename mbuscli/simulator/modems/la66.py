"""Simulated Dragino LA66."""

from __future__ import annotations

import re

from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.device import Device
from mbuscli.simulator.lora.network import Network
from mbuscli.simulator.modems.faults import NO_FAULTS, ModemFaults
from mbuscli.simulator.modems.twin import Joined, LineTwin, Transmitted

_BOOT_S, _AGAIN_S = 0.5, 10.0
_MOST_TRIES = 200
_OCTETS = {"DEUI": 8, "APPEUI": 8, "APPKEY": 16, "APPSKEY": 16, "NWKSKEY": 16, "DADDR": 4}
_NUMBERS = {"NJM": 1, "ADR": 1, "DR": 15, "CFM": 1, "CHE": 8, "RJTDC": 65535, "PNM": 1}
_SEND = re.compile(r"([01]),(\d{1,3}),(\d{1,3}),((?:[0-9A-Fa-f]{2})*)")


class La66Twin(LineTwin):
    """The modem with the firmware for the network's region; `refuse` is the word of the next error."""

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
        self.values = {name: "00" * size for name, size in _OCTETS.items()}
        self.values |= {"DEUI": device.dev_eui.hex(), "NJM": "1", "ADR": "1", "CLASS": "A", "CHE": "0"}
        self.received = ""
        self.signal = 0, 0
        self.joining = 0

    def command(self, line: str, now: float) -> None:
        """As LineTwin says."""
        name, _, value = line.removeprefix("AT+").partition("=")
        if line == "AT":
            self._end(now, "OK")
        elif line == "ATZ":
            self._start(now)
        elif not line.startswith("AT+"):
            self._end(now, "AT_ERROR")
        elif value == "?":
            self._get(name, now)
        elif line == "AT+JOIN":
            self._join(now)
        elif name == "SENDB":
            self._send(value, now)
        else:
            self._set(name, value, now)

    def hear_class_c(self, f_port: int, payload: bytes, at: float) -> None:
        """As Twin says; short ones are told at once."""
        self.tell(at, "rxDone", "Rssi= -60", "Receive data", f"{f_port}:{payload.hex()}")

    def _end(self, now: float, word: str, *values: str) -> None:
        """An answer: values, an empty line, and the word that ends it."""
        self.reply(b"".join(map(self.frame, values)) + b"\r\n" + self.frame(word), now)

    def _start(self, now: float) -> None:
        self.device.session = None
        self.transmitting = False
        eui = " ".join(re.findall("..", self.values["DEUI"]))
        self.tell(
            now + _BOOT_S,
            "Dragino LA66 Device",
            "Image Version: v1.3",
            "LoRaWan Stack: DR-LWS-007",
            f"Frequency Band: {self.network.region.name}",
            f"DevEui= {eui}",
        )
        if self.values["NJM"] == "1":
            self.joining = _MOST_TRIES
            self.transmitting = True
            self.after(now, 2 * _BOOT_S, self._request)

    def _get(self, name: str, now: float) -> None:
        asked = {
            "VER": f"{self.network.region.name} v1.3",
            "NJS": str(int(self.is_joined)),
            "DR": str(self.data_rate),
            "RSSI": str(self.signal[0]),
            "SNR": str(self.signal[1]),
            "RECVB": self.received,
            "BAT": "3298",
        }
        value = asked.get(name, self.values.get(name))
        if name == "DADDR" and self.device.session is not None:
            value = self.device.session.dev_addr.hex().upper()
        elif name in _OCTETS and value is not None:
            value = value.upper() if name == "DADDR" else " ".join(re.findall("..", value))
        if value is None:
            self._end(now, "AT_ERROR")
        else:
            self._end(now, "OK", value)

    def _set(self, name: str, value: str, now: float) -> None:
        notes: tuple[str, ...] = ()
        if name in _OCTETS:
            value = value.replace(" ", "").lower()
            fits = re.fullmatch(f"[0-9a-f]{{{2 * _OCTETS[name]}}}", value) is not None
        elif name == "CLASS":
            fits = value in ("A", "C")
        elif name in _NUMBERS:
            fits = value.isdecimal() and int(value) <= _NUMBERS[name]
        else:
            self._end(now, "AT_ERROR")
            return
        if name == "CHE":
            notes = ("Attention:Take effect after ATZ",) if fits else ("Error Subband, must be 0 ~ 8",)
        elif name == "DR" and fits:
            notes = ("Attention:Take effect after AT+ADR=0",)
            self.data_rate = int(value)
        if fits:
            self.values[name] = value
        self._end(now, "OK" if fits else "AT_PARAM_ERROR", *notes)

    def _refused(self) -> str:
        refuse, self.refuse = self.refuse, ""
        # The sheet knows no word for the duty cycle: the stack is then busy.
        return "AT_BUSY_ERROR" if self.transmitting or self.faults.busy or self.faults.duty else refuse

    def _join(self, now: float) -> None:
        refused = self._refused()
        self._end(now, refused or "OK")
        if refused:
            return
        if self.values["NJM"] == "0":
            octets = {name: bytes.fromhex(self.values[name]) for name in ("DADDR", "NWKSKEY", "APPSKEY")}
            self.activate(octets["DADDR"], octets["NWKSKEY"], octets["APPSKEY"])
            return
        self.device.session = None
        self.joining = _MOST_TRIES
        self.transmitting = True
        self.after(now, 0.02, self._request)

    def _request(self, at: float) -> None:
        self.joining -= 1
        self.device.dev_eui = bytes.fromhex(self.values["DEUI"])
        self.device.join_eui = bytes.fromhex(self.values["APPEUI"])
        self.device.app_key = Key(bytes.fromhex(self.values["APPKEY"]))
        self._trace(at)
        self.join(at, self._joined)

    def _trace(self, at: float) -> None:
        frequency = f"{self.network.region.channels_hz[0] / 1e6:.3f}"
        place = f"on freq {frequency} MHz at DR {self.data_rate}"
        count = 0 if self.joining else self.device.f_cnt_up
        self.tell(at, f"***** UpLinkCounter= {count} *****", f"TX {place}", "txDone", f"RX {place}")

    def _joined(self, end: Joined, at: float) -> None:
        if end.accepted:
            self.joining = 0
            self.signal = self.network.behaviour.rssi_dbm, self.network.behaviour.snr_db
            self.tell(at, "rxDone", f"Rssi= {self.signal[0]}", " JOINED")
            return
        self.tell(at, *(("rxDone", "Rssi= -60") if end.heard else ("rxTimeout", "rxTimeout")))
        self.transmitting = self.joining > 0
        if self.transmitting:
            self.after(at, _AGAIN_S * self.scale, self._request)

    def _send(self, text: str, now: float) -> None:
        match = _SEND.fullmatch(text)
        refused = self._refused()
        notes: tuple[str, ...] = ()
        if match is None or int(match[3]) != len(match[4]) // 2:
            refused = "AT_PARAM_ERROR"
        elif not self.is_joined:
            refused = "AT_NO_NET_JOINED"
        elif int(match[3]) > self.max_payload:
            refused, notes = "AT_ERROR", ("uplink payload oversize at current data rate",)
        self._end(now, refused or "OK", *notes)
        if match is not None and not refused:
            self._trace(now)
            self.transmit(int(match[2]), bytes.fromhex(match[4]), now, self._sent, confirmed=match[1] == "1")

    def _sent(self, end: Transmitted, at: float) -> None:
        if end.received is None:
            self.tell(at, "rxTimeout", "rxTimeout")
            return
        self.signal = end.rssi_dbm, end.snr_db
        if end.payload:
            self._heard(end.received.f_port or 0, end.received.payload, at)
        else:
            self.tell(at, "rxDone", f"Rssi= {end.rssi_dbm}")

    def _heard(self, f_port: int, payload: bytes, at: float) -> None:
        self.received = f"{f_port}:{payload.hex()}"
        self.tell(at, "rxDone", f"Rssi= {self.signal[0]}", "Run AT+RECVB=? to see detail")

"""Simulated STM32WL with ST's AT_Slave firmware."""

from __future__ import annotations

import re

from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.device import Device
from mbuscli.simulator.lora.network import Network
from mbuscli.simulator.modems.faults import NO_FAULTS, ModemFaults
from mbuscli.simulator.modems.twin import Joined, LineTwin, Transmitted

_VERSION = (
    "APPLICATION_VERSION: V1.3.1",
    "MW_LORAWAN_VERSION:  V2.5.0",
    "MW_RADIO_VERSION:    V1.3.0",
    "L2_SPEC_VERSION:     V1.0.4",
    "RP_SPEC_VERSION:     V2-1.0.1",
)
_STARTED = ("ATtention command interface", "AT? to list all available functions")
_BOOT_S = 0.4
_LONGEST = 540
_BANDS = {1: "AU915", 5: "EU868", 8: "US915"}
_FACTORY_KEY = "2B:7E:15:16:28:AE:D2:A6:AB:F7:15:88:09:CF:4F:3C"
# Identifiers and keys by the number of their octets; those of the first line only before a join.
_LOCKED = ("DEUI", "APPEUI", "DADDR", "APPKEY", "NWKKEY", "NWKSKEY", "APPSKEY", "BAND")
_OCTETS = {"DEUI": 8, "APPEUI": 8, "DADDR": 4, "APPKEY": 16, "NWKKEY": 16, "NWKSKEY": 16, "APPSKEY": 16}
_NUMBERS = {"ADR": 1, "DR": 15, "TXP": 15, "NWKID": 127, "DCS": 1, "RX2DR": 15}
_SEND = re.compile(r"(\d{1,3}):([01]):((?:[0-9A-Fa-f]{2})*)")


class StAtSlaveTwin(LineTwin):
    """The modem; `refuse` is the error word of the next join or uplink."""

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
        self.values = {
            "DEUI": device.dev_eui.hex(":").upper(),
            "APPEUI": "01:01:01:01:01:01:01:01",
            "DADDR": "00:00:00:00",
            **dict.fromkeys(("APPKEY", "NWKKEY", "NWKSKEY", "APPSKEY"), _FACTORY_KEY),
            "BAND": "5",
            "ADR": "1",
            "DR": str(self.data_rate),
            "CLASS": "A",
        }

    def command(self, line: str, now: float) -> None:
        """As LineTwin says."""
        name, _, value = line.removeprefix("AT+").partition("=")
        if len(line) > _LONGEST:
            self._end(now, "AT_TEST_PARAM_OVERFLOW")
        elif line in ("AT", "AT?"):
            self._end(now, "OK")
        elif line == "ATZ":
            self.device.session = None
            self.transmitting = False
            self.tell(now + _BOOT_S, *_STARTED)
        elif not line.startswith("AT+"):
            self._end(now, "AT_ERROR")
        elif name == "VER":
            self._end(now, "OK", *_VERSION)
        elif value == "?":
            self._get(name, now)
        elif name == "JOIN":
            self._join(value, now)
        elif name == "SEND":
            self._send(value, now)
        elif name == "LINKC":
            self.link_check = True
            self._end(now, "OK")
        else:
            self._end(now, self._set(name, value))
            if name == "CLASS" and self.values["CLASS"] == "C":
                self.tell(now, "+EVT:SWITCH_TO_CLASS_C")

    def hear_class_c(self, f_port: int, payload: bytes, at: float) -> None:
        """As Twin says."""
        self.tell(at, *self._downlink(f_port, payload), f"+EVT:RX_C, PORT {f_port}, DR 0, RSSI -60, SNR 9")

    def _end(self, now: float, word: str, *values: str) -> None:
        """An answer: values, an empty line, and the word that ends it."""
        self.reply(b"".join(map(self.frame, values)) + b"\r\n" + self.frame(word), now)

    def _get(self, name: str, now: float) -> None:
        value = self.values.get(name)
        if name == "DADDR" and self.device.session is not None:
            value = self.device.session.dev_addr.hex(":").upper()
        elif name == "BAND" and value is not None:
            value = f"{value}:{_BANDS[int(value)]}"
        if value is None:
            self._end(now, "AT_ERROR")
        else:
            self._end(now, "OK", value)

    def _set(self, name: str, value: str) -> str:
        if name in _LOCKED and self.is_joined:
            return "AT_ERROR"
        if name in _OCTETS:
            fits = (
                re.fullmatch(f"[0-9A-Fa-f]{{2}}(:[0-9A-Fa-f]{{2}}){{{_OCTETS[name] - 1}}}", value) is not None
            )
        elif name == "BAND":
            fits = value.isdecimal() and int(value) in _BANDS
        elif name == "CLASS":
            return self._set_class(value)
        elif name in _NUMBERS:
            fits = value.isdecimal() and int(value) <= _NUMBERS[name]
        else:
            return "AT_ERROR"
        if not fits:
            return "AT_PARAM_ERROR"
        if name == "DR":
            if self.values["ADR"] == "1":
                return "AT_ERROR"
            self.data_rate = int(value)
        self.values[name] = value
        return "OK"

    def _set_class(self, value: str) -> str:
        if value not in ("A", "B", "C"):
            return "AT_PARAM_ERROR"
        if value == "B":
            return "AT_NO_CLASS_B_ENABLE"
        if not self.is_joined:
            return "AT_NO_NETWORK_JOINED"
        self.values["CLASS"] = value
        return "OK"

    def _octets(self, name: str) -> bytes:
        return bytes.fromhex(self.values[name].replace(":", ""))

    def _refused(self) -> str:
        refuse, self.refuse = self.refuse, ""
        if self.transmitting or self.faults.busy:
            return "AT_BUSY_ERROR"
        return "AT_DUTYCYCLE_RESTRICTED" if self.faults.duty else refuse

    def _join(self, how: str, now: float) -> None:
        refused = self._refused() if how in ("0", "1") else "AT_PARAM_ERROR"
        self._end(now, refused or "OK")
        if refused:
            return
        if how == "0":
            self.activate(self._octets("DADDR"), self._octets("NWKSKEY"), self._octets("APPSKEY"))
            self.tell(now, "+EVT:JOINED")
            return
        app_key, nwk_key = Key(self._octets("APPKEY")), Key(self._octets("NWKKEY"))
        self.device.dev_eui, self.device.join_eui = self._octets("DEUI"), self._octets("APPEUI")
        self.device.app_key = app_key
        # The join of 1.0 is signed with the NwkKey.
        self.device.nwk_key = None if nwk_key == app_key else nwk_key
        self.join(now, self._joined)

    def _joined(self, end: Joined, at: float) -> None:
        self.tell(at, "+EVT:JOINED" if end.accepted else "+EVT:JOIN FAILED")

    def _send(self, text: str, now: float) -> None:
        match = _SEND.fullmatch(text)
        refused = self._refused()
        why: tuple[str, ...] = ()
        if match is None or not 1 <= int(match[1]) <= 223:
            refused, why = "AT_PARAM_ERROR", ("AT+SEND without the application port",)
        elif not self.is_joined:
            refused = "AT_NO_NETWORK_JOINED"
        elif len(match[3]) // 2 > self.max_payload:
            refused = "AT_ERROR"
        self._end(now, refused or "OK", *why)
        if match is not None and not refused:
            self.transmit(int(match[1]), bytes.fromhex(match[3]), now, self._sent, confirmed=match[2] == "1")

    def _sent(self, end: Transmitted, at: float) -> None:
        confirmed = ["+EVT:SEND_CONFIRMED"] if end.confirmed and end.acknowledged else []
        heard = self._heard(end)
        self.tell(at, *(heard + confirmed if self.faults.receive_first else confirmed + heard))

    def _heard(self, end: Transmitted) -> list[str]:
        if end.received is None:
            return []
        f_port = end.received.f_port or 0
        lines = self._downlink(f_port, end.received.payload) if end.payload else []
        link = "" if end.link is None else f", DMODM {end.link[0]}, GWN {end.link[1]}"
        signal = f"RSSI {end.rssi_dbm}, SNR {end.snr_db}"
        return [*lines, f"+EVT:RX_{end.window}, PORT {f_port}, DR {self.data_rate}, {signal}{link}"]

    def _downlink(self, f_port: int, payload: bytes) -> list[str]:
        return [f"+EVT:{f_port}:{len(payload):02X}:{payload.hex().upper()}"]

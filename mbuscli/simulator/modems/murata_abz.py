"""Simulated Murata CMWX1ZZABZ with the open modem firmware."""

from __future__ import annotations

import re

from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.device import Device
from mbuscli.simulator.lora.network import Network
from mbuscli.simulator.modems.faults import NO_FAULTS, ModemFaults
from mbuscli.simulator.modems.twin import DUTY_WAIT_S, Joined, Transmitted, Twin

_BOOT_S = 0.3
_FACTORY_KEY = "2B7E151628AED2A6ABF7158809CF4F3C"
_DIGITS = {
    "DEVEUI": 16,
    "APPEUI": 16,
    "DEVADDR": 8,
    **dict.fromkeys(("APPKEY", "NWKKEY", "NWKSKEY", "APPSKEY"), 32),
}
# The open firmware has names of its own for some of them.
_SAME = {"JOINEUI": "APPEUI"}
_NUMBERS = {
    "BAND": 9,
    "MODE": 1,
    "NWK": 1,
    "CLASS": 2,
    "PORT": 223,
    "DR": 15,
    "ADR": 1,
    "DFORMAT": 1,
    "JOINDC": 1,
    "DUTYCYCLE": 1,
    "RTYNUM": 15,
    "REP": 15,
}
_SESSION = ("MODE", "DEVADDR", "NWKSKEY", "APPSKEY")
_UPLINK = re.compile(r"AT\+(P?)([UC])TX (?:(\d{1,3}),)?(\d{1,3})")
_COMMAND = re.compile(r"AT[+$](\w+)(\?|=(.*))?")
_LINK_CHECK = b"\x02"


class MurataAbzTwin(Twin):
    """The modem; `refuse` is the number of the next error of a join or an uplink, such as -7.

    Once the duty cycle is used up, an uplink before its end leaves the modem busy until it starts anew.
    """

    baud = 19200

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
            "VER": "1.1.1,May 29 2023 00:00:00",
            "DEV": "ABZ",
            "UART": "19200,8,1,0,0",
            "DEVEUI": device.dev_eui.hex().upper(),
            "APPEUI": "0101010101010101",
            "DEVADDR": "00000000",
            **dict.fromkeys(("APPKEY", "NWKKEY", "NWKSKEY", "APPSKEY"), _FACTORY_KEY),
            **dict.fromkeys(("DFORMAT", "MODE", "CLASS"), "0"),
            **dict.fromkeys(("NWK", "ADR", "JOINDC", "DUTYCYCLE"), "1"),
            "BAND": "5",
            "PORT": "2",
            "CHMASK": "070000000000000000000000",
            "RFQ": "0,0",
            "RTYNUM": "8",
            "REP": "1",
        }
        self.blocked = False
        self._checking = False
        self._held = b""
        self._uplink: re.Match[str] | None = None
        self._starts_at = start_s

    def receive(self, data: bytes, now: float) -> None:
        """As Twin says: CR ends a command, LF says nothing, the octets of an uplink follow its command."""
        self._held += data
        while self._held or self._uplink is not None:
            if self._uplink is not None:
                size = int(self._uplink[4]) * (2 if self.values["DFORMAT"] == "1" else 1)
                if len(self._held) < size:
                    return
                payload, self._held = self._held[:size], self._held[size:]
                uplink, self._uplink = self._uplink, None
                self._send(uplink, payload, now)
                continue
            line, end, rest = self._held.partition(b"\r")
            if not end:
                return
            self._held = rest
            if text := line.replace(b"\n", b"").decode("ascii", "replace"):
                self._command(text, now)

    def hear_class_c(self, f_port: int, payload: bytes, at: float) -> None:
        """As Twin says."""
        self._downlink(f_port, payload, at)

    # -- the line ----------------------------------------------------------------------------------------

    def _answer(self, now: float, text: str) -> None:
        self.reply(_framed(text), now)

    def _tell(self, at: float, *lines: str) -> None:
        for line in lines:
            self.put(_framed(line), at)

    def _downlink(self, f_port: int, payload: bytes, at: float) -> None:
        octets = payload.hex().upper().encode() if self.values["DFORMAT"] == "1" else payload
        self.put(_framed(f"+RECV={f_port},{len(payload)}") + octets, at)

    # -- commands ----------------------------------------------------------------------------------------

    def _command(self, line: str, now: float) -> None:
        if now < self._starts_at:
            return  # it is just starting
        if line == "AT":
            self._answer(now, "+OK")
        elif (uplink := _UPLINK.fullmatch(line)) is not None and bool(uplink[1]) == bool(uplink[3]):
            self._uplink = uplink
        elif (command := _COMMAND.fullmatch(line)) is None:
            self._answer(now, "+ERR=-1")
        elif command[2] == "?":
            value = self._value(_SAME.get(command[1], command[1]))
            self._answer(now, "+ERR=-1" if value is None else f"+OK={value}")
        elif command[1] == "JOIN":
            self._join(now)
        elif command[1] == "LNCHECK":
            self._check_link(command[3] or "0", now)
        elif command[1] in ("REBOOT", "FACNEW"):
            self._restart(now, was_reset=command[1] == "FACNEW")
        elif command[3] is None:
            self._answer(now, "+ERR=-1")
        else:
            self._set(_SAME.get(command[1], command[1]), command[3], now)

    def _value(self, name: str) -> str | None:
        asked = {
            "DR": str(self.data_rate),
            "FRMCNT": f"{self.device.f_cnt_up},{self.device.f_cnt_down}",
            "MSIZE": str(self.max_payload),
            "BACKOFF": str(round(DUTY_WAIT_S * 1000) if self.blocked else 0),
            "DEVNONCE": str(self.device.dev_nonce),
        }
        return asked.get(name, self.values.get(name))

    def _set(self, name: str, value: str, now: float) -> None:
        if name in _DIGITS:
            fits = re.fullmatch(f"[0-9A-Fa-f]{{{_DIGITS[name]}}}", value) is not None
        elif name == "CHMASK":
            fits = re.fullmatch("(?:[0-9A-Fa-f]{2})+", value) is not None and len(value) == len(
                self.values[name]
            )
        elif name in _NUMBERS:
            fits = value.isdecimal() and int(value) <= _NUMBERS[name]
        else:
            self._answer(now, "+ERR=-1")
            return
        if not fits:
            self._answer(now, "+ERR=-3")
            return
        before = self.values.get(name)
        self.values[name] = value.upper()
        if name == "APPKEY":
            self.values["NWKKEY"] = value.upper()
        elif name == "DR":
            self.data_rate = int(value)
        if name == "BAND" and before != value:
            self._restart(now, was_reset=True)
            return
        self._answer(now, "+OK")
        if self.values["MODE"] == "0" and name in _SESSION:
            self._personalise()

    def _restart(self, now: float, *, was_reset: bool) -> None:
        self._answer(now, "+OK")
        self.device.session = None
        self.blocked = self.transmitting = False
        self._starts_at = now + _BOOT_S
        self._tell(now + _BOOT_S, *(["+EVENT=0,1"] if was_reset else []), "+EVENT=0,0")

    def _octets(self, name: str) -> bytes:
        return bytes.fromhex(self.values[name])

    def _personalise(self) -> None:
        """Address and keys are a session; those that are set later belong to it too."""
        self.activate(self._octets("DEVADDR"), self._octets("NWKSKEY"), self._octets("APPSKEY"))

    def _refused(self) -> str:
        refuse, self.refuse = self.refuse, ""
        if self.transmitting or self.faults.busy or self.blocked:
            return "-7"
        if self.faults.duty:
            self.blocked = True
            return "-18"
        return refuse

    def _join(self, now: float) -> None:
        refused = "-14" if self.values["MODE"] == "0" else self._refused()
        self._answer(now, f"+ERR={refused}" if refused else "+OK")
        if refused:
            return
        app_key, nwk_key = Key(self._octets("APPKEY")), Key(self._octets("NWKKEY"))
        self.device.dev_eui, self.device.join_eui = self._octets("DEVEUI"), self._octets("APPEUI")
        self.device.app_key = app_key
        self.device.nwk_key = None if nwk_key == app_key else nwk_key
        self.join(now, self._joined)

    def _joined(self, end: Joined, at: float) -> None:
        if end.accepted and self.device.session is not None:
            self.values["DEVADDR"] = self.device.session.dev_addr.hex().upper()
        self._tell(at, "+EVENT=1,1" if end.accepted else "+EVENT=1,0")

    def _send(self, uplink: re.Match[str], payload: bytes, now: float) -> None:
        if self.values["DFORMAT"] == "1":
            payload = bytes.fromhex(payload.decode("ascii", "replace"))
        f_port = int(uplink[3] or self.values["PORT"])
        if not 1 <= f_port <= 223:
            refused = "-3"
        elif not self.is_joined:
            refused = "-5"
        else:
            refused = "-12" if len(payload) > self.max_payload else self._refused()
        self._answer(now, f"+ERR={refused}" if refused else "+OK")
        if not refused:
            self._checking = self.link_check
            self.transmit(f_port, payload, now, self._sent, confirmed=uplink[2] == "C")

    def _check_link(self, how: str, now: float) -> None:
        refused = self._refused() if self.is_joined else "-5"
        self._answer(now, f"+ERR={refused}" if refused else "+OK")
        if refused:
            return
        if how == "1":
            self.link_check = True
        else:
            self.transmit(0, _LINK_CHECK, now, self._checked, confirmed=False)

    def _checked(self, end: Transmitted, at: float) -> None:
        if end.link is None:
            self._tell(at, "+EVENT=2,0")
        else:
            self._tell(at, "+EVENT=2,1", f"+ANS=2,{end.link[0]},{end.link[1]}")

    def _sent(self, end: Transmitted, at: float) -> None:
        if end.received is not None:
            self.values["RFQ"] = f"{end.rssi_dbm},{end.snr_db}"
        done = ["+ACK" if end.acknowledged else "+NOACK"] if end.confirmed else []
        if not self.faults.receive_first:
            self._tell(at, *done)
        if end.payload and end.received is not None:
            self._downlink(end.received.f_port or 0, end.received.payload, at)
        if self.faults.receive_first:
            self._tell(at, *done)
        if self._checking:
            self._checked(end, at)


def _framed(line: str) -> bytes:
    """A line as it goes on the wire, with an empty one behind it."""
    return line.encode("ascii") + b"\r\n\r\n"

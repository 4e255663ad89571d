"""Receivers in software: rtl_wmbus and rtl_433, started as child processes, or piped in by the user."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from typing import NamedTuple

from mbuscli.devices.sticks.base import Identity, Reception, Stick
from mbuscli.devices.sticks.choice import choose_modes
from mbuscli.devices.sticks.line_input import LineInput, TimedLine
from mbuscli.errors import DeviceError, PortError, Reason
from mbuscli.ports.base import Port
from mbuscli.ports.child import ChildPort, split_pipeline
from mbuscli.protocol.receivers import rtl_433, rtl_wmbus
from mbuscli.protocol.receivers.lines import LineTelegram, octets_of

# How often the words of the programs are looked at while nothing is heard.
_LOOK_S = 1.0
_START_S, _START_LOOK_S = 1.0, 0.1
# A pipe has no rate; the registry asks every family for one.
BAUD = 0

_SCT = frozenset(("C1", "S1", "T1"))
_CT = frozenset(("C1", "T1"))
_S = frozenset(("S1",))
_SAMPLES = "rtl_sdr -f {} -s 1600000 -"
_RTL_WMBUS = {
    _SCT: f"{_SAMPLES.format('868.625M')} | rtl_wmbus -s -f",
    _CT: f"{_SAMPLES.format('868.95M')} | rtl_wmbus -p S -f",
    _S: f"{_SAMPLES.format('868.3M')} | rtl_wmbus -p T -f",
}
# Decoders 104 and 105 are wireless M-Bus of the modes C and T, and S.
_RTL_433 = {
    _CT: "rtl_433 -f 868.95M -s 1600k -R 104 -F json",
    _S: "rtl_433 -f 868.3M -s 1600k -R 105 -F json",
}


class _Trouble(NamedTuple):
    """What a program says (a part of its line, in lower case), what that means, and what to try."""

    told: str
    text: str
    reason: Reason
    hint: tuple[str, ...]


_STALLED = _Trouble(
    rtl_wmbus.STALLED,
    "the SDR dongle has stopped to deliver",
    Reason.UNPLUGGED,
    ("plug it in again", "a hub or a long cable may give it too little power"),
)
_TROUBLES = (
    _Trouble(
        "no supported devices found",
        "no SDR dongle is plugged in",
        Reason.MISSING,
        ("plug an RTL-SDR dongle in, straight into the computer rather than a hub", "rtl_test shows it"),
    ),
    _Trouble(
        "usb_claim_interface error",
        "the SDR dongle is in use by another program",
        Reason.BUSY,
        (
            "close other programs that receive with it",
            "a television driver may hold it: sudo modprobe -r dvb_usb_rtl28xxu",
        ),
    ),
    _Trouble(
        "usb_open error",
        "no permission to open the SDR dongle",
        Reason.PERMISSION,
        ("install the udev rules that come with librtlsdr, and plug it in again",),
    ),
    _STALLED,
)
_INSTALL = {
    "rtl_sdr": "install rtl-sdr: sudo apt install rtl-sdr",
    "rtl_433": "install rtl_433: sudo apt install rtl-433",
    "rtl_wmbus": "build rtl_wmbus from its source: packages of it are rare",
}


class _Child(ABC):
    """What both programs have in common: they run from `listen` to `restore`."""

    family: str
    _pipelines: dict[frozenset[str], str]

    def __init__(self, port: Port) -> None:
        self._port = port
        self._child = port if isinstance(port, ChildPort) else None
        self._lines = LineInput(port)
        self.hears = tuple(self._pipelines)

    def identify(self) -> Identity:
        """Looks for the programs without starting any. Raises PortError `port.missing`."""
        if self._child is None:
            return Identity(self.family, self.family, step="named by the user; a pipe cannot be asked")
        command = self._child.command or next(iter(self._pipelines.values()))
        for program, *_ in split_pipeline(command):
            if shutil.which(program) is None:
                raise _missing(self._port.name, program)
        return Identity(self.family, self.family, step="its programs are installed")

    def listen(self, modes: frozenset[str]) -> frozenset[str]:
        if self._child is None:
            return modes
        chosen = choose_modes(self.family, self.hears, modes)
        command = self._child.command
        if command is None:
            # One that is not wanted costs the computer more than it brings.
            fitting = [heard for heard in self._pipelines if modes & chosen <= heard]
            chosen = min(fitting, key=len)
            command = self._pipelines[chosen]
        self.identify()
        self._lines = LineInput(self._port)
        self._child.start(command)
        self._await_start()
        return modes if self._child.command is not None else chosen

    def receive(self, until: float) -> list[Reception]:
        while True:
            heard = self._hear(min(until, self._port.now() + _LOOK_S))
            if heard:
                return heard
            self._look_at_words()
            if self._port.now() >= until:
                return []

    def is_alive(self) -> bool:
        return self._child is None or self._child.is_running

    def restore(self) -> None:
        """Ends the programs."""
        self._port.close()

    @abstractmethod
    def _parse(self, line: str) -> LineTelegram | None:
        """What a line of the program tells."""

    def _await_start(self) -> None:
        """A program that cannot receive says so and ends soon: then it was never set to listen."""
        until = self._port.now() + _START_S
        while (now := self._port.now()) < until:
            lines = self._read(min(until, now + _START_LOOK_S))
            self._look_at_words()
            if lines:
                self._lines.put_back(lines)
                return

    def _read(self, until: float) -> list[TimedLine]:
        try:
            return self._lines.read(until)
        except PortError as error:
            trouble = self._trouble()
            raise (error if trouble is None else _failed(self._port.name, trouble)) from error

    def _hear(self, until: float) -> list[Reception]:
        lines = self._read(until)
        heard: list[Reception] = []
        for index, line in enumerate(lines):
            if rtl_wmbus.STALLED in line.text:
                if heard:
                    self._lines.put_back(lines[index:])
                    return heard
                raise _failed(self._port.name, _STALLED)
            told = self._parse(line.text)
            if told is not None and (told.data or told.error):
                heard.append(_reception(told, line))
        return heard

    def _look_at_words(self) -> None:
        """Trouble on stderr, while the program may go on running without receiving anything."""
        trouble = self._trouble()
        if trouble is not None:
            raise _failed(self._port.name, trouble)

    def _trouble(self) -> _Trouble | None:
        return None if self._child is None else _find_trouble(self._child.words())


class RtlWmbus(_Child):
    """rtl_wmbus behind rtl_sdr."""

    family = rtl_wmbus.PROGRAM
    _pipelines = _RTL_WMBUS

    def _parse(self, line: str) -> LineTelegram | None:
        told = rtl_wmbus.parse_line(line)
        if told is None and line.startswith("0x"):
            data, error = octets_of(line.strip(), self.family)
            return LineTelegram(data, error=error)
        return told


class Rtl433(_Child):
    """rtl_433, which receives by itself. From a pipe it may write JSON or a table."""

    family = rtl_433.PROGRAM
    _pipelines = _RTL_433

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._columns: tuple[str, ...] = ()

    def _parse(self, line: str) -> LineTelegram | None:
        if line.startswith("{"):
            return rtl_433.parse_json_line(line)
        columns = rtl_433.parse_header(line)
        if columns is not None:
            self._columns = columns
            return None
        return rtl_433.parse_row(line, self._columns)


def driver(port: Port) -> Stick:
    """The driver for rtl_wmbus."""
    return RtlWmbus(port)


def rtl_433_driver(port: Port) -> Stick:
    """The driver for rtl_433."""
    return Rtl433(port)


def _reception(told: LineTelegram, line: TimedLine) -> Reception:
    frame_format = "none" if told.data else None
    raw = line.text.encode()
    return Reception(told.data, line.time, told.rssi_dbm, told.mode, frame_format, told.error, raw)


def _find_trouble(words: list[str]) -> _Trouble | None:
    for word in reversed(words):
        for trouble in _TROUBLES:
            if trouble.told in word.lower():
                return trouble
    return None


def _failed(name: str, trouble: _Trouble) -> DeviceError:
    return DeviceError(f"{name}: {trouble.text}", reason=trouble.reason, hint=trouble.hint)


def _missing(name: str, program: str) -> PortError:
    return PortError(
        f"{name}: {program} is not installed, or not where programs are looked for (PATH)",
        reason=Reason.MISSING,
        hint=(
            _INSTALL.get(program, f"install {program}, or give its whole path"),
            "another way to start it: --command 'rtl_sdr … | rtl_wmbus …'",
        ),
    )

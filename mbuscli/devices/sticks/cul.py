"""CUL, nanoCUL and other sticks with culfw or a-culfw: lines of text at 38400 baud."""

from __future__ import annotations

import re
from contextlib import suppress

from mbuscli.devices.sticks.base import Identity, Reception, Stick
from mbuscli.devices.sticks.choice import choose_modes
from mbuscli.devices.sticks.line_input import LineInput, TimedLine
from mbuscli.errors import DecodeError, DeviceError, PortError, Reason
from mbuscli.ports.base import Port
from mbuscli.protocol.receivers.cul import (
    ASK_VERSION,
    END,
    REPORT_RSSI,
    REPORT_TELEGRAM_ONLY,
    SETTINGS,
    Received,
    is_intact,
    parse_merged,
    parse_received,
)
from mbuscli.protocol.receivers.cul import BAUD as BAUD

FAMILY = "cul"
_STEP = "V at 38400 baud, answered with a version that names a CUL"
# The first question may end a line of garbage that questions at other rates have left there.
_PROBES, _TRIES = 2, 3
# It answers within 200 ms; later if it is handing over a telegram, and through slow converters.
_ANSWER_S, _LATE_ANSWER_S = 0.5, 1.0
_PAUSE_S = 0.2
# Lines of a stick that is switched to another protocol; more than this is not kept while asking.
_MOST_HELD = 1000
_VERSION = re.compile(r"V\s+(\S+)\s+(\S*CUL\S*)", re.IGNORECASE)
# What has so many digits was a telegram.
_RECEPTION = re.compile(r"^b[Y0-9A-Fa-f]|[0-9A-Fa-f]{24}")


class Cul:
    """A CUL. Its firmware does not tell how it was set: `restore` ends the reports of signal strength, which
    are off when it gets power."""

    family = FAMILY
    hears = tuple(setting.modes for setting in SETTINGS[:2])

    def __init__(self, port: Port) -> None:
        self._port = port
        self._lines = LineInput(port)
        self._held: list[TimedLine] = []
        self._reports = False

    def identify(self, tries: int = _TRIES) -> Identity:
        answer = self._version(tries)
        if answer is None:
            raise _silent(self._port.name)
        return Identity(FAMILY, answer[2], answer[1], step=_STEP)

    def listen(self, modes: frozenset[str]) -> frozenset[str]:
        wanted = choose_modes("a CUL", self.hears, modes)
        # T alone where C is not wanted: what is heard of C would only be noise.
        setting = next((item for item in SETTINGS if item.modes == modes & wanted), None)
        setting = setting or next(item for item in SETTINGS if item.modes == wanted)
        for _ in range(_TRIES):
            if self._ask(setting.command, re.compile(setting.answer)) is not None:
                self._port.write(REPORT_RSSI + END)
                self._reports = True
                return setting.modes
        names = " and ".join(sorted(setting.modes))
        raise DeviceError(
            f"{self._port.name}: the CUL does not confirm that it hears {names}",
            reason=Reason.NO_ANSWER,
            hint=("its firmware may lack wireless M-Bus: a-culfw has it", "mbuscli sticks shows its version"),
        )

    def receive(self, until: float) -> list[Reception]:
        lines, self._held = self._held, []
        return [heard for line in lines or self._lines.read(until) for heard in _receptions(line)]

    def is_alive(self) -> bool:
        return self._version() is not None

    def restore(self) -> None:
        if not self._reports:
            return
        self._reports = False
        # A stick that is gone has lost what was set, too.
        with suppress(PortError):
            self._port.write(REPORT_TELEGRAM_ONLY + END)

    def _version(self, tries: int = _TRIES) -> re.Match[str] | None:
        for attempt in range(tries):
            if attempt:
                self._wait(self._port.now() + _PAUSE_S)
            answer = self._ask(ASK_VERSION, _VERSION)
            if answer is not None:
                return answer
        return None

    def _ask(self, command: bytes, answer: re.Pattern[str]) -> re.Match[str] | None:
        """Send a command; telegrams that come before its answer are kept for `receive`."""
        self._port.write(command + END)
        start = self._port.now()
        while (now := self._port.now()) < start + _LATE_ANSWER_S:
            if now >= start + _ANSWER_S and self._lines.last_octet <= start:
                break
            lines = self._lines.read(start + (_ANSWER_S if now < start + _ANSWER_S else _LATE_ANSWER_S))
            for index, line in enumerate(lines):
                match = answer.search(line.text)
                if match is not None:
                    self._lines.put_back(lines[index + 1 :])
                    return match
                self._hold(line)
        return None

    def _wait(self, until: float) -> None:
        while self._port.now() < until:
            for line in self._lines.read(until):
                self._hold(line)

    def _hold(self, line: TimedLine) -> None:
        if len(self._held) < _MOST_HELD:
            self._held.append(line)


def probe(port: Port) -> Identity | None:
    """Who answers there, at the rate of a CUL; None if nobody does."""
    try:
        return Cul(port).identify(_PROBES)
    except DeviceError:
        return None


def driver(port: Port) -> Stick:
    """The driver on an open port."""
    return Cul(port)


def _receptions(line: TimedLine) -> list[Reception]:
    """What a line tells; nothing for lines of other protocols and answers to commands."""
    received = parse_received(line.text)
    if received is not None and is_intact(received):
        return [_reception(received, line)]
    merged = parse_merged(line.text)
    if merged is None and received is not None:
        return [_reception(received, line)]
    if merged is None and _RECEPTION.search(line.text) is None:
        return []
    error = DecodeError("the line of the CUL is damaged", reason=Reason.GARBAGE)
    damage = Reception(b"", line.time, error=error, raw=line.text.encode())
    return [damage] if merged is None else [damage, _reception(merged, line)]


def _reception(received: Received, line: TimedLine) -> Reception:
    return Reception(
        received.data,
        line.time,
        received.rssi_dbm,
        frame_format=received.frame_format,
        error=received.error,
        raw=line.text.encode(),
    )


def _silent(name: str) -> DeviceError:
    return DeviceError(
        f"{name}: no CUL answers", reason=Reason.NO_ANSWER, hint=("plug it in again", "mbuscli sticks")
    )

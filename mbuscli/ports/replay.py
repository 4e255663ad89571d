"""A capture file played as a port: `replay:FILE`."""

from __future__ import annotations

import json
import math
from collections import deque
from typing import Any, NamedTuple

from mbuscli.errors import InputError, PortError, Reason
from mbuscli.ports.base import NOTHING, Received
from mbuscli.ports.closing import Closing
from mbuscli.ports.realtime import BITS_PER_OCTET
from mbuscli.ports.tap import MAX_LINE, Transfer

_REMOTE = ("tcp:", "rfc2217:")


class Line(NamedTuple):
    """A transfer and the number of its line in the capture."""

    number: int
    transfer: Transfer


class ReplayPort(Closing):
    """Plays the other side of a recorded conversation, on a virtual clock that starts at 0.

    What is written must be what was written then; what was received comes as long after the last request
    as it did then. After the end of the capture there is silence. `cut` tells that its last line was
    unfinished and left out, `is_remote` that it was taken through a network, which explains the waits in it.
    Raises InputError for a file that is not a capture.
    """

    def __init__(self, path: str, *, baud: int = 2400) -> None:
        self.name = f"replay:{path}"
        self.baud = baud
        lines, self.cut = read_capture(path)
        self._lines = deque(lines)
        # Received then, but not yet asked for when the next request went out.
        self._waiting: deque[Received] = deque()
        self._now = 0.0
        self._shift = -lines[0].transfer.time if lines else 0.0
        self._closed = False
        if lines and lines[0].transfer.direction == "baud":
            self.baud = int(self._lines.popleft().transfer.data)
        self.is_remote = bool(lines) and lines[0].transfer.port.startswith(_REMOTE)

    def now(self) -> float:
        return self._now

    def write(self, data: bytes) -> None:
        self._check_open()
        sent = self._next_request()
        if sent is None or sent.transfer.direction != "tx" or sent.transfer.data != data:
            raise self._mismatch(f"sent {_shown(data)}", sent)
        self._now += len(data) * BITS_PER_OCTET / self.baud
        self._advance(sent)

    def read(self, until: float) -> Received:
        self._check_open()
        if self._waiting:
            return self._waiting.popleft()
        self._skip_known_bauds()
        if self._lines and self._lines[0].transfer.direction == "rx":
            transfer = self._lines[0].transfer
            if transfer.time + self._shift <= until:
                self._now = max(self._now, transfer.time + self._shift)
                self._lines.popleft()
                return Received(transfer.data, transfer.bad)
        if math.isinf(until):
            raise PortError(f"{self.name} has nothing more to play", reason=Reason.CLOSED)
        self._now = max(self._now, until)
        return NOTHING

    def set_baud(self, baud: int) -> None:
        self._check_open()
        if baud == self.baud:
            return
        change = self._next_request()
        if change is None or change.transfer.direction != "baud" or int(change.transfer.data) != baud:
            raise self._mismatch(f"change to {baud} baud", change)
        self.baud = baud
        self._advance(change)

    def close(self) -> None:
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise PortError(f"{self.name} is closed", reason=Reason.CLOSED)

    def _next_request(self) -> Line | None:
        """The next thing that was done to the port then; what had come in before it waits to be read."""
        self._skip_known_bauds()
        while self._lines and self._lines[0].transfer.direction == "rx":
            transfer = self._lines.popleft().transfer
            self._waiting.append(Received(transfer.data, transfer.bad))
            self._skip_known_bauds()
        return self._lines[0] if self._lines else None

    def _skip_known_bauds(self) -> None:
        """A capture that several runs have appended to repeats the rate at the start of each."""
        while self._lines:
            transfer = self._lines[0].transfer
            if transfer.direction != "baud" or int(transfer.data) != self.baud:
                return
            self._lines.popleft()

    def _advance(self, request: Line) -> None:
        self._lines.popleft()
        self._shift = self._now - request.transfer.time

    def _mismatch(self, asked: str, recorded: Line | None) -> PortError:
        if recorded is None:
            where, expected = "after the end of the capture", "nothing"
        else:
            transfer = recorded.transfer
            where = f"at line {recorded.number} of the capture"
            expected = (
                f"{transfer.data.decode()} baud" if transfer.direction == "baud" else _shown(transfer.data)
            )
        return PortError(
            f"{self.name}: {asked} {where}, where {expected} was recorded",
            reason=Reason.REPLAY_MISMATCH,
            hint=["repeat the command, with the options, that the capture was taken with"],
        )


def read_capture(path: str) -> tuple[list[Line], bool]:
    """The lines of a capture, and whether a cut last line was left out. Raises InputError."""
    lines: list[Line] = []
    try:
        with open(path, "rb") as file:
            number = 0
            while raw := file.readline(MAX_LINE + 1):
                number += 1
                if len(raw) > MAX_LINE:
                    raise _bad_line(path, number, f"longer than {MAX_LINE} octets")
                if not raw.strip():
                    continue
                try:
                    lines.append(Line(number, decode_line(raw)))
                except ValueError as error:
                    if not raw.endswith(b"\n"):
                        return lines, True
                    raise _bad_line(path, number, str(error)) from error
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read the capture {path}: {cause}", reason=Reason.UNREADABLE) from error
    return lines, False


def decode_line(raw: bytes) -> Transfer:
    """One line of a capture. Raises ValueError that says what is wrong with it."""
    try:
        line: Any = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(line, dict):
        raise ValueError("not a JSON object")
    direction, text = line.get("dir"), line.get("data")
    if direction not in ("tx", "rx", "baud"):
        raise ValueError("dir is not tx, rx or baud")
    if not isinstance(text, str):
        raise ValueError("data is not a text")
    if direction == "baud":
        data = _baud_digits(text)
    else:
        try:
            data = bytes.fromhex(text)
        except ValueError as error:
            raise ValueError("data is not hexadecimal") from error
    port = line.get("port", "")
    if not isinstance(port, str):
        raise ValueError("port is not a text")
    return Transfer(_time(line.get("time")), direction, data, _bad(line.get("bad", []), len(data)), port)


def _baud_digits(text: str) -> bytes:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10_000_000):
        raise ValueError("data is not a baud rate")
    return text.encode("ascii")


def _time(value: object) -> float:
    if isinstance(value, (int, float)) and abs(value) < 1e15:
        return float(value)
    raise ValueError("time is not a number of seconds")


def _bad(value: object, count: int) -> frozenset[int]:
    if not isinstance(value, list) or not all(type(index) is int and 0 <= index < count for index in value):
        raise ValueError("bad is not a list of indices into data")
    return frozenset(value)


def _bad_line(path: str, number: int, cause: str) -> InputError:
    return InputError(
        f"{path}, line {number}: {cause}",
        reason=Reason.UNRECOGNISED,
        hint=['a capture line looks like {"time": 1.25, "dir": "rx", "data": "E5"}'],
    )


def _shown(data: bytes) -> str:
    return data.hex(" ").upper() or "nothing"

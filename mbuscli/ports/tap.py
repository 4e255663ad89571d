"""Looking at the traffic of a port without changing it: the trace and the capture file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from mbuscli.errors import InputError, Reason
from mbuscli.ports.base import Port, Received
from mbuscli.ports.closing import Closing

# An octet takes two characters in a capture, so this holds far more than one read of a port brings.
MAX_LINE = 65536
_LINE_START = b'{"time"'

Direction: TypeAlias = Literal["tx", "rx", "baud"]


class Transfer(NamedTuple):
    """One event on a port.

    `time` is the port's clock in seconds when the last octet was through. For "baud" `data` holds the new
    rate in ASCII digits. `bad` are the indices of received octets with a parity or framing error. `port` is
    the port's name, in the first transfer only.
    """

    time: float
    direction: Direction
    data: bytes
    bad: frozenset[int] = frozenset()
    port: str = ""


Sink: TypeAlias = Callable[[Transfer], None]


class Tap(Closing):
    """A port that behaves as the one inside it and hands every transfer to a sink.

    Rate and name at the start are the first transfer, so that a capture says how it was taken. Closing the
    tap closes the port; the sink stays open.
    """

    def __init__(self, port: Port, sink: Sink) -> None:
        self.port = port
        self._sink = sink
        self._note_baud(port.name)

    @property
    def name(self) -> str:
        return self.port.name

    @name.setter
    def name(self, name: str) -> None:
        self.port.name = name

    @property
    def baud(self) -> int:
        return self.port.baud

    @baud.setter
    def baud(self, baud: int) -> None:
        self.port.baud = baud

    @property
    def is_remote(self) -> bool:
        return self.port.is_remote

    def now(self) -> float:
        return self.port.now()

    def write(self, data: bytes) -> None:
        self.port.write(data)
        self._sink(Transfer(self.now(), "tx", data))

    def read(self, until: float) -> Received:
        received = self.port.read(until)
        if received.data:
            self._sink(Transfer(self.now(), "rx", received.data, received.bad))
        return received

    def set_baud(self, baud: int) -> None:
        self.port.set_baud(baud)
        self._note_baud()

    def close(self) -> None:
        self.port.close()

    def _note_baud(self, name: str = "") -> None:
        self._sink(Transfer(self.now(), "baud", b"%d" % self.baud, port=name))


def encode_line(transfer: Transfer) -> bytes:
    """One line of a capture file, newline included."""
    is_baud = transfer.direction == "baud"
    line: dict[str, object] = {
        "time": round(transfer.time, 9),
        "dir": transfer.direction,
        "data": transfer.data.decode("ascii") if is_baud else transfer.data.hex().upper(),
    }
    if transfer.bad:
        line["bad"] = sorted(transfer.bad)
    if transfer.port:
        line["port"] = transfer.port
    return json.dumps(line).encode() + b"\n"


class CaptureWriter(Closing):
    """A sink that appends transfers to a capture file, which at any time is whole up to its last full line.

    A line that a power cut left unfinished at the end of an existing capture is removed first. Raises
    InputError where the file cannot be written or is not a capture.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - lives as long as the writer
        except (OSError, ValueError) as error:
            raise _unwritable(path, error) from error
        try:
            self._drop_cut_line()
        except (OSError, InputError) as error:
            self._file.close()
            if isinstance(error, InputError):
                raise
            raise _unwritable(path, error) from error

    def __call__(self, transfer: Transfer) -> None:
        line = encode_line(transfer)
        try:
            # One write() a line: a reader, or a power cut, never meets two lines mixed up.
            written = self._file.write(line)
        except (OSError, ValueError) as error:
            raise _unwritable(self.path, error) from error
        if written != len(line):
            raise _unwritable(self.path, OSError("the disk is full"))

    def close(self) -> None:
        """Put the lines onto the disk and release the file."""
        if self._file.closed:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError:
            pass  # a pipe or a terminal has nothing to sync
        finally:
            self._file.close()

    def _drop_cut_line(self) -> None:
        if not self._file.seekable() or not (size := self._file.seek(0, os.SEEK_END)):
            return
        start = max(0, size - MAX_LINE)
        with open(self.path, "rb") as existing:
            existing.seek(start)
            end = existing.read(MAX_LINE)
        cut = end[end.rfind(b"\n") + 1 :]
        if not cut:
            return
        if not _LINE_START.startswith(cut[: len(_LINE_START)]):
            raise InputError(
                f"{self.path} holds something else than a capture",
                reason=Reason.UNRECOGNISED,
                hint=["choose the name of a new file"],
            )
        self._file.truncate(size - len(cut))


def _unwritable(path: str, error: Exception) -> InputError:
    cause = getattr(error, "strerror", None) or str(error)
    return InputError(f"cannot write the capture {path}: {cause}", reason=Reason.UNWRITABLE)

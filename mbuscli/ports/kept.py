"""Ports that stay open from one command to the next, for a program that runs several."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeAlias

from mbuscli.errors import PortError, Reason
from mbuscli.ports.base import Parity, Port, Received
from mbuscli.ports.closing import Closing

Opener: TypeAlias = Callable[[], Port]

_BITS_OF_LONGEST_FRAME = 261 * 11
_REPLY_BITS = 330
_REPLY_MARGIN_S = 0.1
_REMOTE_MARGIN_S = 0.3
# Reads that empty the buffers of a port; a stick that never stops talking must not keep us here.
_MOST_READS = 64


class Kept:
    """A port that is kept open.

    device, mode    what the last command found there, in words; "" while nothing is known
    in_use          a command has it
    was_broken_off  that command was stopped, perhaps between a request and its answer
    """

    def __init__(self, text: str, port: Port, parity: Parity) -> None:
        self.text = text
        self.port = port
        self.parity = parity
        self.device = self.mode = ""
        self.in_use = True
        self.was_broken_off = False
        self.is_lost = False
        self._left_at = time.monotonic()
        self._left_clock = port.now()

    def leave(self) -> None:
        """The command is done with it."""
        self._left_at, self._left_clock = time.monotonic(), self.port.now()
        self.in_use = False

    def catch_up(self) -> None:
        """Drop what came while nobody listened, as a port that is closed does; PortError if it is lost.

        The clock of a simulated port stands still meanwhile: it is moved on by the time that has passed.
        """
        until = self._left_clock + time.monotonic() - self._left_at
        while self.port.now() < until:
            self.port.read(until)
        for _ in range(_MOST_READS):
            if not self.port.read(self.port.now()).data:
                break
        self._left_at, self._left_clock = time.monotonic(), self.port.now()

    def settle(self, baud: int) -> None:
        """Make it ready for the next command: at this rate, and with nobody answering the last one."""
        if self.was_broken_off:
            self._await_silence()
            self.was_broken_off = False
        if self.port.baud != baud:
            self.port.set_baud(baud)
        self.catch_up()

    def _await_silence(self) -> None:
        port = self.port
        reply_s = _REPLY_BITS / port.baud + (_REMOTE_MARGIN_S if port.is_remote else _REPLY_MARGIN_S)
        limit = self._left_clock + _BITS_OF_LONGEST_FRAME / port.baud + reply_s
        quiet = min(port.now() + reply_s, limit)
        while port.now() < quiet:
            if port.read(quiet).data:
                quiet = min(port.now() + reply_s, limit)


class Lease(Closing):
    """A kept port in the hands of one command; closing gives it back. Once lost it is not kept any longer."""

    def __init__(self, keeper: Keeper, kept: Kept) -> None:
        self.kept = kept
        self._keeper = keeper
        self._closed = False

    @property
    def name(self) -> str:
        return self.kept.port.name

    @name.setter
    def name(self, name: str) -> None:
        self.kept.port.name = name

    @property
    def baud(self) -> int:
        return self.kept.port.baud

    @baud.setter
    def baud(self, baud: int) -> None:
        self.kept.port.baud = baud

    @property
    def is_remote(self) -> bool:
        return self.kept.port.is_remote

    def now(self) -> float:
        return self.kept.port.now()

    def write(self, data: bytes) -> None:
        port = self._port()
        try:
            port.write(data)
        except PortError:
            self.kept.is_lost = True
            raise

    def read(self, until: float) -> Received:
        port = self._port()
        try:
            return port.read(until)
        except PortError:
            self.kept.is_lost = True
            raise

    def set_baud(self, baud: int) -> None:
        port = self._port()
        try:
            port.set_baud(baud)
        except PortError as error:
            self.kept.is_lost = error.reason is not Reason.UNSUPPORTED
            raise

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._keeper.give_back(self.kept)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, Exception):
            self.kept.was_broken_off = True
        self.close()

    def _port(self) -> Port:
        if self._closed:
            raise PortError(f"{self.name} is closed", reason=Reason.CLOSED)
        return self.kept.port


def innermost(port: Port) -> Port:
    """The port itself, where `port` is the lease of a kept one."""
    return port.kept.port if isinstance(port, Lease) else port


def note_device(port: Port, *, device: str = "", mode: str = "") -> None:
    """Remember, of a port that is kept, who is there and how it listens."""
    if isinstance(port, Lease):
        port.kept.device = device or port.kept.device
        port.kept.mode = mode or port.kept.mode


class Keeper:
    """All kept ports, by the text that names them. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._kept: dict[str, Kept] = {}

    @property
    def ports(self) -> list[Kept]:
        """The kept ports, the one opened last at the end."""
        with self._lock:
            return list(self._kept.values())

    def open(self, text: str, *, baud: int, parity: Parity, opener: Opener, keep: bool) -> Port:
        """The kept port of this name, or what `opener` opens, which with `keep` is kept from now on.

        PortError `port.busy` if another command has it; otherwise as `opener`.
        """
        with self._lock:
            kept = self._kept.get(text)
            if kept is not None:
                if kept.in_use:
                    raise _in_use(text)
                kept.in_use = True
        if kept is not None:
            if kept.parity == parity and _is_ready(kept, baud):
                return Lease(self, kept)
            self._drop(kept)
        port = self._open_anew(opener)
        if not keep:
            return port
        with self._lock:
            if text in self._kept:
                port.close()
                raise _in_use(text)
            kept = self._kept[text] = Kept(text, port, parity)
        return Lease(self, kept)

    def give_back(self, kept: Kept) -> None:
        """A command is done with a port."""
        with self._lock:
            if self._kept.get(kept.text) is kept and not kept.is_lost:
                kept.leave()
                return
        self._drop(kept)

    def look_after(self) -> list[PortError]:
        """Empty the buffers of idle ports, and close those that are lost: their errors."""
        lost = []
        with self._lock:
            for kept in self.ports:
                if kept.in_use:
                    continue
                try:
                    kept.catch_up()
                except PortError as error:
                    lost.append(error)
                    self._drop(kept)
        return lost

    def close_idle(self) -> list[str]:
        """Release the ports that no command has; their names."""
        with self._lock:
            idle = [kept for kept in self.ports if not kept.in_use]
            for kept in idle:
                self._drop(kept)
        return [kept.text for kept in idle]

    def close(self) -> None:
        """Release everything; what a command still has is released when it is done."""
        with self._lock:
            self.close_idle()
            self._kept.clear()

    def _open_anew(self, opener: Opener) -> Port:
        try:
            return opener()
        except PortError as error:
            # The same device may be kept under another name.
            if error.reason is not Reason.BUSY or not self.close_idle():
                raise
        return opener()

    def _drop(self, kept: Kept) -> None:
        with self._lock:
            if self._kept.get(kept.text) is kept:
                del self._kept[kept.text]
        with suppress(PortError):
            kept.port.close()


def _is_ready(kept: Kept, baud: int) -> bool:
    """False if it must be opened anew: it is lost, or its rate cannot be changed."""
    try:
        kept.settle(baud)
    except PortError:
        return False
    return True


def _in_use(text: str) -> PortError:
    return PortError(
        f"{text} is in use by another command of this shell",
        reason=Reason.BUSY,
        hint=("jobs shows what runs in the background, stop ends it",),
    )

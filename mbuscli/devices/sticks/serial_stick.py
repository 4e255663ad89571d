"""What sticks on a serial line share: commands with answers among telegrams that come at any time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from mbuscli.devices.sticks.base import Identity, Reception
from mbuscli.devices.sticks.choice import unheard
from mbuscli.errors import DeviceError, PortError, Reason
from mbuscli.ports.base import Port
from mbuscli.protocol.receivers.framer import Damage

M = TypeVar("M")
R = TypeVar("R")

TRIES = 3
# A stick answers within a tenth of a second, behind telegrams that it hands over first, through USB.
ANSWER_S = 1.0
# Where it is only the question who is there, a late first answer is still heard behind the second question.
PROBE_TRIES, PROBE_ANSWER_S = 2, 0.4
# A pause of this length may stand between messages, but hardly inside one.
PAUSE_S = 0.06
# What has not become whole by then never will; bare telegrams, between which nothing stands, sooner.
HALF_MESSAGE_S = 2.0
HALF_BARE_TELEGRAM_S = 0.6
# Octets without a message: more than this are damage, whatever may follow.
_MOST_HELD = 2048
# More than this is not kept while an answer is waited for.
_MOST_KEPT = 1000


class Line(Protocol[M]):
    """Cuts octets into messages: a Framer, a BareStream."""

    @property
    def held(self) -> int: ...
    def feed(self, data: bytes, /) -> list[M | Damage]: ...
    def pause(self) -> list[M | Damage]: ...
    def flush(self) -> list[M | Damage]: ...


class SerialStick(ABC, Generic[M]):
    """A stick whose line is cut into messages of type M. A Stick, as base says.

    A family says how it is identified, how it is tuned, and what a message tells of reception. `listen`
    tries the sets of modes that fit, the best one first, and leaves out of `hears` what the stick refuses.
    """

    family: str
    hears: tuple[frozenset[str], ...]
    half_message_s = HALF_MESSAGE_S
    answer_s = ANSWER_S
    tries = TRIES

    def __init__(self, port: Port, line: Line[M]) -> None:
        self._port = port
        self._line = line
        self._kept: list[tuple[float, M | Damage]] = []
        self._last_octet = port.now()
        self._paused = False
        self._identity: Identity | None = None

    @abstractmethod
    def _identify(self) -> Identity | None:
        """Who answers, None if nobody does."""

    @abstractmethod
    def _tune(self, modes: frozenset[str]) -> bool:
        """Listen in exactly these modes, one of `hears`; False if the stick refuses them.

        Remembers what was set before, for `_undo`.
        """

    @abstractmethod
    def _undo(self) -> None:
        """Set back what `_tune` changed."""

    @abstractmethod
    def _reception(self, message: M, time: float) -> Reception | None:
        """The telegram in a message, None for messages without one."""

    @abstractmethod
    def is_alive(self) -> bool:
        """As Stick says."""

    def identify(self) -> Identity:
        """As Stick says. Raises DeviceError `device.no-answer`."""
        identity = self._identify()
        if identity is None:
            raise self._silent()
        self._identity = identity
        return identity

    def probe(self) -> Identity | None:
        """Who answers, None if nobody does: with less patience than `identify`."""
        self.tries, self.answer_s = PROBE_TRIES, min(PROBE_ANSWER_S, self.answer_s)
        return self._identify()

    def listen(self, modes: frozenset[str]) -> frozenset[str]:
        """As Stick says. Raises DeviceError `device.unsupported`, `device.no-answer`."""
        identity = self._identity or self.identify()
        while any(heard & modes for heard in self.hears):
            choice = self._choose(modes)
            if self._tune(choice):
                return choice
            self.hears = tuple(heard for heard in self.hears if heard != choice)
        raise unheard(f"this {identity.model}", self.hears, modes)

    def receive(self, until: float) -> list[Reception]:
        """As Stick says."""
        while True:
            kept, self._kept = self._kept, []
            heard = [self._heard(message, time) for time, message in kept]
            telegrams = [reception for reception in heard if reception is not None]
            if telegrams:
                return telegrams
            self._listen_on(until)
            if not self._kept and self._port.now() >= until:
                return []

    def restore(self) -> None:
        """As Stick says."""
        with suppress(PortError):
            self._undo()

    def _choose(self, modes: frozenset[str]) -> frozenset[str]:
        """Of what can be heard at once, most of `modes`, and then as little else as possible."""
        return max(self.hears, key=lambda heard: (len(heard & modes), -len(heard - modes)))

    def _ask(self, request: bytes, match: Callable[[M], R | None]) -> R | None:
        """Send a command until a message matches; None if none does. Whatever else comes is kept."""
        for _ in range(self.tries):
            self._port.write(request)
            end = self._port.now() + self.answer_s
            while True:
                place = len(self._kept)
                self._listen_on(end)
                for index, (_time, message) in enumerate(self._kept[place:], place):
                    answer = None if isinstance(message, Damage) else match(message)
                    if answer is not None:
                        del self._kept[index]
                        return answer
                if self._port.now() >= end:
                    break
        return None

    def _listen_on(self, until: float) -> None:
        """One read of the port, at most up to `until`; what became whole is kept."""
        wake = until
        if self._line.held:
            wake = min(until, self._last_octet + (self.half_message_s if self._paused else PAUSE_S))
        data = self._port.read(wake).data
        now = self._port.now()
        found: list[M | Damage] = []
        if data:
            self._last_octet, self._paused = now, False
            found = self._line.feed(data)
        if self._line.held > _MOST_HELD or (
            self._line.held and not data and now >= self._last_octet + self.half_message_s
        ):
            found += self._line.flush()
        elif not data and not self._paused and now >= self._last_octet + PAUSE_S:
            self._paused = True
            found = self._line.pause()
        self._keep(found)

    def _keep(self, found: list[M | Damage]) -> None:
        room = _MOST_KEPT - len(self._kept)
        self._kept += [(self._last_octet, message) for message in found[:room]]

    def _heard(self, message: M | Damage, time: float) -> Reception | None:
        if isinstance(message, Damage):
            return Reception(b"", time, error=message.error, raw=message.raw)
        return self._reception(message, time)

    def _silent(self) -> DeviceError:
        return DeviceError(
            f"{self._port.name}: no {self.family} answers",
            reason=Reason.NO_ANSWER,
            hint=("is it another stick? mbuscli sticks asks all of them", "plug it in again"),
        )

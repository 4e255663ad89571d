"""What every radio stick can do, and what it hands over."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from mbuscli.errors import DecodeError


class Reception(NamedTuple):
    """One telegram, or one event without a telegram, as the stick handed it over.

    data          the telegram, L first, L correct, strength and other additions of the stick removed; empty
                  where `error` says why there is none
    time          when its last octet came, in seconds of the port's clock
    rssi_dbm      None unless the stick tells dBm
    mode          link mode such as T1 if the stick tells it
    frame_format  A or B: CRCs of this format are inside; none: the stick took them out; None: not told
    error         damage that the stick reports or that was seen on its line: CRC, truncation, garbage
    raw           the octets of the line, for captures and error reports
    """

    data: bytes
    time: float
    rssi_dbm: float | None = None
    mode: str | None = None
    frame_format: str | None = None
    error: DecodeError | None = None
    raw: bytes = b""


class Identity(NamedTuple):
    """Who a stick says it is. `step` is the step of the identification that was answered, in words."""

    family: str
    model: str
    firmware: str = ""
    serial: str = ""
    step: str = ""


class Stick(Protocol):
    """A receiver ready to be configured. Every failure is a PortError or DeviceError with a hint.

    family        as in the registry, such as im871a
    hears         sets of link modes, each a set that the stick hears at once; the widest first
    """

    family: str
    hears: tuple[frozenset[str], ...]

    def identify(self) -> Identity:
        """Ask the stick who it is; safe at any time before `listen`."""
        ...

    def listen(self, modes: frozenset[str]) -> frozenset[str]:
        """Receive in these link modes; returns those that the stick really hears now.

        Settings are volatile where the stick can, and what was there before is remembered.
        """
        ...

    def receive(self, until: float) -> list[Reception]:
        """What was heard up to `until` of the port's clock; returns as soon as there is something."""
        ...

    def is_alive(self) -> bool:
        """Ask for a sign of life, so that silence of the radio can be told from a dead stick."""
        ...

    def restore(self) -> None:
        """Put back what `listen` changed; never raises for a stick that is gone."""
        ...

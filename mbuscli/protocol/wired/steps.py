"""What a link-layer conversation asks of the port, one step at a time.

A conversation is a generator: it yields a step, the driver carries it out on a real or simulated port and
sends back what was heard and when. So retries, frame count bits and multi-telegram loops read as plain
code, and the same code serves a tty, a gateway, a replayed capture and a test that plays both sides.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")


class Send(NamedTuple):
    """Put these bytes on the wire. `Heard.now` is then the moment when the last bit has left."""

    data: bytes


class Listen(NamedTuple):
    """Wait for bytes until this time of the port's clock, in seconds; return as soon as there are some."""

    until: float


class SwitchBaud(NamedTuple):
    """Go on at another baud rate."""

    baud: int


class Heard(NamedTuple):
    """What came back: the port's clock in seconds, the bytes (none when the time ran out), and the
    indices of those among them that had a parity or framing error."""

    now: float
    data: bytes = b""
    bad: frozenset[int] = frozenset()


Step: TypeAlias = Send | Listen | SwitchBaud
Talk: TypeAlias = Generator[Step, Heard, T]

"""What every port can do."""

from __future__ import annotations

from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self, TypeAlias

# Of the serial line: a wired bus runs 8E1, a stick 8N1.
Parity: TypeAlias = Literal["even", "none"]


class Received(NamedTuple):
    """Bytes that came in, and the indices of those with a parity or framing error (where it is visible)."""

    data: bytes
    bad: frozenset[int] = frozenset()


NOTHING = Received(b"")


class Port(Protocol):
    """A byte pipe with a clock of its own.

    Times are seconds of `now()`: monotonic for real ports, virtual for the simulator. Every failure is a
    PortError; bytes that arrived before a failure are returned first.
    """

    name: str
    baud: int

    @property
    def is_remote(self) -> bool:
        """True if a network lies between: answers come later, and in pieces."""
        ...

    def now(self) -> float:
        """The port's clock, in seconds."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of `data`; returns when its last bit can be expected to have left the port."""
        ...

    def read(self, until: float) -> Received:
        """Wait until at least one byte is there or the clock reaches `until`; return what is there."""
        ...

    def set_baud(self, baud: int) -> None:
        """Change the baud rate of both directions."""
        ...

    def close(self) -> None:
        """Release the port; safe to call twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

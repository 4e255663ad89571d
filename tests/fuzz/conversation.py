"""A device on the other end of a port that says what stands in a case, in pieces, whatever it is asked."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Self

from mbuscli.ports.base import NOTHING, Received

_GAP_S = 0.01


class Talker:
    """A Port. Each read that waits gets the next piece; the clock jumps where nothing more comes."""

    is_remote = False

    def __init__(self, case: bytes, ends: bytes, baud: int = 9600) -> None:
        """`ends`: octets behind which a piece ends."""
        self.name = "fuzz"
        self.baud = baud
        self._now = 0.0
        self._pieces = deque(_pieces(case, ends))
        self._is_woken = False

    @property
    def is_done(self) -> bool:
        """Everything has been said."""
        return not self._pieces

    def now(self) -> float:
        return self._now

    def write(self, data: bytes) -> None:
        """What follows a bare line end is thrown away unread: the conversation goes on behind it."""
        self._now += _GAP_S
        self._is_woken = not data.strip()

    def read(self, until: float) -> Received:
        if until <= self._now:
            return NOTHING
        if not self._pieces or self._is_woken:
            self._now, self._is_woken = until, False
            return NOTHING
        self._now = min(until, self._now + _GAP_S)
        return Received(self._pieces.popleft())

    def set_baud(self, baud: int) -> None:
        self.baud = baud

    def close(self) -> None:
        self._pieces.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pieces(case: bytes, ends: bytes) -> list[bytes]:
    pieces = []
    begin = 0
    for index, octet in enumerate(case, 1):
        if octet in ends:
            pieces.append(case[begin:index])
            begin = index
    return [*pieces, case[begin:]] if case[begin:] else pieces

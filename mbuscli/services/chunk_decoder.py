"""Decoding a part of a log apart from the rest of it, as one of several processes does.

Most telegrams stand alone. The few that may depend on what came before them (fragments, compact frames of a
format that was learnt on the way, LoRaWAN sessions, a stick that may append the signal strength) are left to
the one decoder that sees everything in order.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from datetime import date

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.security.keys import KeySource
from mbuscli.protocol.transport.afl import Afl, Message, join
from mbuscli.services.decrypt import Decoded, Decoder, Lorawan
from mbuscli.services.input import Piece
from mbuscli.services.replay import Counters, Range


class OrderNeededError(Exception):
    """This piece depends on those before it."""


class ChunkFormats(Formats):
    """The formats known at the start, and those of the chunk; `learnt` collects the latter."""

    def __init__(self, known: Iterable[bytes]) -> None:
        self.learnt: list[bytes] = []
        super().__init__()
        for headers in known:
            self.learn(headers)
        self.learnt.clear()

    def learn(self, headers: bytes) -> int:
        """Remember the concatenated headers of a frame; returns their signature."""
        if headers not in self._known:
            self.learnt.append(headers)
        return super().learn(headers)

    def find(self, signature: int) -> bytes | None:
        """The headers with this signature; OrderNeededError if an earlier chunk may have taught them."""
        headers = super().find(signature)
        if headers is None:
            raise OrderNeededError
        return headers


class _NoFragments:
    """A `FragmentJoiner` that knows only a part of the fragments."""

    is_waiting = False

    def add(self, sender: Hashable, afl: Afl, body: bytes, now_s: float) -> Message | None:
        if afl.fid:
            raise OrderNeededError
        return join([(afl, body)])


class ChunkDecoder(Decoder):
    """A decoder that raises OrderNeededError for what it must not decide."""

    def __init__(
        self,
        keys: KeySource | None,
        formats: ChunkFormats,
        received_on: date | None,
        lorawan: Lorawan,
        *,
        strict: bool,
    ) -> None:
        super().__init__(keys, formats, received_on, lorawan, _NoFragments(), strict=strict)

    def decode(self, piece: Piece) -> Decoded:
        """As `Decoder.decode`."""
        if piece.rssi_tail:
            raise OrderNeededError
        return super().decode(piece)

    def taken_ranges(self) -> dict[MeterAddress, Range]:
        """The counters since this was last asked; the next chunk begins without them."""
        ranges = dict(self.counters.ranges)
        self._counters, self._first_opened = Counters(), None
        return ranges

    def decode_lorawan(self, piece: Piece) -> list[Decoded]:
        """Frames of a session teach each other."""
        raise OrderNeededError

"""Decode telegrams that were received earlier, whatever they came in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from mbuscli.errors import DecodeError, MbuscliError
from mbuscli.protocol.application.compact import Formats
from mbuscli.services.input import Piece
from mbuscli.telegram import Telegram, decode


class Decoded(NamedTuple):
    """A telegram, and the line of the input where it begins."""

    telegram: Telegram
    line: int | None


class Undecodable(NamedTuple):
    """Octets of which nothing can be made, and why."""

    error: MbuscliError
    line: int | None


DecryptEvent: TypeAlias = Decoded | Undecodable


def decrypt(pieces: Iterable[Piece]) -> Iterator[DecryptEvent]:
    """Decode each piece; full frames teach the formats of the compact frames behind them."""
    formats = Formats()
    for piece in pieces:
        if piece.error is not None:
            yield Undecodable(piece.error, piece.line)
            continue
        try:
            yield Decoded(decode(piece.data, formats=formats), piece.line)
        except DecodeError as error:
            yield Undecodable(error, piece.line)

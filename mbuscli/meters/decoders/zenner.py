"""Zenner water meters whose records consist of one block of the maker's own."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from typing import TYPE_CHECKING

from mbuscli.meters.decoders.octets import FILLERS, little, own_block, undecoded
from mbuscli.meters.reading import Reading

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram

_SIZE = 12
_PER_CUBIC_METRE = 256_000
_DIGITS = Context(prec=12)


def decode(telegram: Telegram) -> Iterator[Reading]:
    """Total and value of the due date, and four octets of status."""
    block = own_block(telegram)
    if block is None or len(block.raw) < _SIZE:
        return
    raw, offset = block.raw, block.offset
    yield Reading("total_m3", _volume(raw[8:12]), offset=offset)
    yield Reading("target_m3", _volume(raw[4:8]), offset=offset)
    status = little(raw[:4])
    yield Reading("status", f"ERROR_FLAGS_{status:X}" if status else "OK", offset=offset)
    if raw[_SIZE:].strip(FILLERS):
        yield undecoded(raw[_SIZE:], offset)


def _volume(octets: bytes) -> Decimal:
    return _DIGITS.divide(Decimal(little(octets)), Decimal(_PER_CUBIC_METRE))

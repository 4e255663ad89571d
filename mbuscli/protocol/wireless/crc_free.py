"""Telegrams that the receiver freed from CRCs: told without computing the CRCs.

A CRC is linear: each of its bits is the parity of some bits of the block, so that one parity which is wrong
proves that no CRC stands there. Half of all blocks fail the first parity, and of the others half the second.
"""

from __future__ import annotations

from functools import lru_cache

from mbuscli.protocol.checksum import EN13757
from mbuscli.protocol.wireless.frame_format import places_of_crcs

_ONES = 0xFFFF
_HIGH_BIT = 0x8000
# What passes them all is for a full look: one block in 256.
_PARITIES = 8
# The parities of one length cost as much as some hundred telegrams checked by CRC.
_WORTH = 64
_seen: dict[int, int] = {}


def is_free_of_crcs(data: bytes) -> bool:
    """True if it is proved that no CRC of frame format A or B stands in `data`, whose L field announces none.

    False proves nothing.
    """
    size = len(data)
    count = _seen[size] = _seen.get(size, 0) + 1
    if count < _WORTH:
        return False
    number = int.from_bytes(data, "little")
    for masks in _masks(size):
        for mask in masks:
            if not (number & mask).bit_count() & 1:
                break
        else:
            return False
    return True


@lru_cache(maxsize=256)
def _masks(size: int) -> tuple[tuple[int, ...], ...]:
    return tuple([_parities(start, end) for start, end in places_of_crcs(size)])


@lru_cache(maxsize=768)
def _parities(start: int, end: int) -> tuple[int, ...]:
    """Which bits of the telegram, its first octet being the lowest, give an odd number where the CRC of the
    octets from `start` to `end` stands behind them; for some bits of the CRC."""
    # The bits of a CRC that is right, inverted as it is, add up to one with what it is computed from.
    masks = [1 << 8 * (end + 1) + bit for bit in range(_PARITIES)]
    remainder = EN13757
    for octet in range(end - 1, start - 1, -1):
        for bit in range(8):
            place = 1 << 8 * octet + bit
            for parity in range(_PARITIES):
                if remainder >> parity & 1:
                    masks[parity] |= place
            remainder = remainder << 1 & _ONES ^ (EN13757 if remainder & _HIGH_BIT else 0)
    return tuple(masks)

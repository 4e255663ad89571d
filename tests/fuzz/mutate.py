"""Damages good inputs in the ways in which lines, radios and disks do; the same for the same seed.

A quarter each: flipped bits (1 to 8), truncation, extension (a random tail, octets that look like record
headers, repeated slices), and random bodies, half of them behind a real header. Of every second group of
four the length fields and check sums are repaired, so that what stands behind them is reached.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

# DIF, VIF and CI fields, fillers, and what begins frames and escapes.
TELLING = bytes.fromhex(
    "0001020304050607 08090A0B0C0D0E0F 1F2F3F4F6F7F8C8F 04130413426C446D 7A7278798C8D8E90 FDFBFF80EF1068E5"
    "161B0D0A00FFA5C0 DBDCDDAF02FD1784"
)
_LONGEST_TAIL = 64
_LONGEST_BODY = 255
_HEADER = 20


def cases(seeds: Sequence[bytes], repair: Callable[[bytes], bytes], seed: str) -> Iterator[bytes]:
    """Damaged inputs without end."""
    rng = random.Random(seed)
    number = 0
    while True:
        mutate = _KINDS[number % 4]
        case = mutate(rng, seeds[int(rng.random() * len(seeds))])
        yield repair(case) if number // 4 % 2 else case
        number += 1


def _flip(rng: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    octets = bytearray(data)
    for _ in range(1 + int(rng.random() * 8)):
        bit = int(rng.random() * 8 * len(octets))
        octets[bit >> 3] ^= 1 << (bit & 7)
    return bytes(octets)


def _truncate(rng: random.Random, data: bytes) -> bytes:
    return data[: int(rng.random() * len(data))]


def _extend(rng: random.Random, data: bytes) -> bytes:
    at = int(rng.random() * (len(data) + 1))
    size = 1 + int(rng.random() * _LONGEST_TAIL)
    kind = int(rng.random() * 3)
    if kind == 0:
        return data + rng.randbytes(size)
    if kind == 1:
        return data[:at] + bytes(rng.choices(TELLING, k=1 + size // 8)) + data[at:]
    return data[: at + size] + data[at : at + size] * (1 + int(rng.random() * 3)) + data[at + size :]


def _random(rng: random.Random, data: bytes) -> bytes:
    body = rng.randbytes(int(rng.random() * (_LONGEST_BODY + 1)))
    return data[: 1 + int(rng.random() * _HEADER)] + body if rng.random() < 0.5 else body


_KINDS = (_flip, _truncate, _extend, _random)

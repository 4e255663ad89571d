"""Meters of simulated buses: identification numbers as they come in the field."""

from __future__ import annotations

import random

from mbuscli.protocol.address import MeterAddress

KAM = MeterAddress("00000000", 0x2C2D, 0x1B, 0x16)
MAKERS = (
    (0x2C2D, 0x1B, 0x16),
    (0x32A7, 0x08, 0x04),
    (0x4CB4, 0x0E, 0x07),
    (0x4024, 0x11, 0x04),
    (0x15A8, 1, 6),
)


def random_ids(count: int, rng: random.Random) -> list[MeterAddress]:
    """Numbers all over the eight digits."""
    return [KAM._replace(id=f"{number:08d}") for number in rng.sample(range(10**8), count)]


def consecutive(count: int, rng: random.Random) -> list[MeterAddress]:
    """One dense run."""
    first = rng.randrange(10**8 - count)
    return [KAM._replace(id=f"{first + offset:08d}") for offset in range(count)]


def deliveries(count: int, rng: random.Random) -> list[MeterAddress]:
    """Runs of twelve, anywhere."""
    numbers: set[int] = set()
    while len(numbers) < count:
        first = rng.randrange(10**8 - 12)
        numbers.update(range(first, first + min(12, count - len(numbers))))
    return [KAM._replace(id=f"{number:08d}") for number in sorted(numbers)]


def mixed(count: int, rng: random.Random) -> list[MeterAddress]:
    """Five makers, each with small lots whose numbers lie close together."""
    meters: dict[str, MeterAddress] = {}
    while len(meters) < count:
        maker = rng.choice(MAKERS)
        number = rng.randrange(10**8 - 1000)
        for _ in range(min(rng.randint(3, 12), count - len(meters))):
            meters[f"{number:08d}"] = MeterAddress(f"{number:08d}", *maker)
            number += rng.randint(1, 8)
    return list(meters.values())

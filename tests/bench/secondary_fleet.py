"""Searches many simulated buses and counts the meters lost and invented.

    python -m tests.bench.secondary_fleet [--count N] [--first SEED] [--replies step,apart] [--parity seen,hidden]

Every seed is a bus of its own: 1 to 30 meters (and twins), numbers at random, in runs, in deliveries or of mixed makers,
every fourth with letters in some numbers, every fourth with two twins that differ in maker, version or type,
every fourth with meters that are new and all send the same values.
Answers come in step (ANDed bit by bit) or each with its own delay; "hidden" is a port that cannot tell parity
errors, such as a TCP converter. A run can go on later with --first.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mbuscli.devices.converters.level_converter import LevelConverter
from mbuscli.ports.base import Received
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.search import Search
from mbuscli.protocol.wired.session import Session
from mbuscli.protocol.wired.timing import timing_for
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.scenario import Scenario
from mbuscli.simulator.slave import MeterSpec
from tests.bench.populations import MAKERS, consecutive, deliveries, mixed, random_ids

KINDS: tuple[Callable[[int, random.Random], list[MeterAddress]], ...] = (
    random_ids,
    consecutive,
    deliveries,
    mixed,
)
LARGEST = 30
REPLY_S = 0.05
_REPORT_EVERY = 100


class DeafToParity(SimPort):
    """A converter that hands over octets and keeps their parity errors to itself."""

    def read(self, until: float) -> Received:
        """As a SimPort, without the marks."""
        return Received(super().read(until).data)


class Outcome(NamedTuple):
    """One bus: meters on it, lost, invented, not told apart; selections sent."""

    meters: int
    lost: int
    invented: int
    unresolved: int
    asked: int


def population(seed: int) -> list[MeterAddress]:
    """The meters of this seed's bus."""
    rng = random.Random(seed)
    meters = KINDS[seed % len(KINDS)](rng.randint(1, LARGEST), rng)
    if seed // 4 % 4 == 1:
        meters = [_with_letter(meter, rng) if rng.random() < 0.3 else meter for meter in meters]
    if seed // 4 % 4 == 2:
        meters += [twin for meter in rng.sample(meters, min(2, len(meters))) for twin in _twins(meter, rng)]
    return list(dict.fromkeys(meters))


def _with_letter(meter: MeterAddress, rng: random.Random) -> MeterAddress:
    digits = list(meter.id)
    for place in rng.sample(range(8), rng.randint(1, 2)):
        digits[place] = rng.choice("ABCDE")
    return meter._replace(id="".join(digits))


def _twins(meter: MeterAddress, rng: random.Random) -> Iterator[MeterAddress]:
    kind = rng.randrange(3)
    if kind == 0:
        yield MeterAddress(meter.id, *rng.choice([maker for maker in MAKERS if maker != meter[1:]]))
    elif kind == 1:
        yield meter._replace(version=meter.version ^ 1)
    else:
        yield meter._replace(device_type=meter.device_type ^ 1)


def records(meter: MeterAddress, *, new: bool = False) -> tuple[bytes, ...]:
    """A volume, a date and an operating time of the meter's own; all alike for new ones."""
    rng = random.Random("" if new else str(meter))
    if new:
        return (b"\x0c\x13" + bytes(4), b"\x04\x6d" + rng.randbytes(4), b"\x02\x24" + bytes(2))
    volume = bytes.fromhex(f"{rng.randrange(10**8):08d}")
    return (b"\x0c\x13" + volume, b"\x04\x6d" + rng.randbytes(4), b"\x02\x24" + rng.randbytes(2))


def search(meters: list[MeterAddress], *, in_step: bool, parity: bool, new: bool = False) -> Outcome:
    """Search one bus at 2400 baud."""
    delay_s = REPLY_S if in_step else None
    specs = tuple(
        MeterSpec(meter.octets(), telegrams=(records(meter, new=new),), reply_delay_s=delay_s)
        for meter in meters
    )
    port = (SimPort if parity else DeafToParity)(Bus(Scenario(specs)))
    converter = LevelConverter(port)
    search = Search(Session(timing_for(2400)))
    while not search.is_over:
        converter.run(search.step())
    found = set(search.addresses)
    return Outcome(
        len(meters),
        len(set(meters) - found),
        len(found - set(meters)),
        len(search.unresolved),
        search.asked,
    )


def search_seed(seed: int, *, in_step: bool, parity: bool) -> Outcome:
    """Search the bus of this seed."""
    return search(population(seed), in_step=in_step, parity=parity, new=seed // 4 % 4 == 3)


def main() -> None:
    """Print a line for each bus that is not found whole, and the sums so far."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--replies", default="step,apart")
    options.add_argument("--parity", default="seen,hidden")
    wanted = options.parse_args()
    for replies in wanted.replies.split(","):
        for parity in wanted.parity.split(","):
            _run(range(wanted.first, wanted.first + wanted.count), replies, parity)


def _run(seeds: range, replies: str, parity: str) -> None:
    outcomes: list[Outcome] = []
    for seed in seeds:
        outcomes.append(search_seed(seed, in_step=replies == "step", parity=parity == "seen"))
        last = outcomes[-1]
        if last.lost or last.invented or last.unresolved:
            print(f"  bus {seed}: {last}", flush=True)
        if len(outcomes) % _REPORT_EVERY and len(outcomes) < len(seeds):
            continue
        sums = Outcome(*map(sum, zip(*outcomes, strict=True)))
        buses = sum(outcome.lost > 0 for outcome in outcomes)
        print(
            f"replies {replies}, parity {parity}: {len(outcomes)} buses, {sums.meters} meters, {sums.lost} "
            f"lost on {buses} buses, {sums.invented} invented, {sums.unresolved} masks unresolved, "
            f"{sums.asked} selections",
            flush=True,
        )


if __name__ == "__main__":
    main()

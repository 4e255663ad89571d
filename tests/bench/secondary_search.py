"""Wire time of the secondary search on simulated buses at 2400 Bd, beside libmbus's measured figures.

    python tests/bench/secondary_search.py [POPULATIONS]

All meters answer in step after 50 ms with telegrams of 69 octets; times are simulated seconds on the wire
without a converter's delay, so silence costs 187.5 ms. Mean of POPULATIONS (10) populations each.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import NamedTuple

from mbuscli.devices.converters.level_converter import LevelConverter
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.search import Search
from mbuscli.protocol.wired.session import Session
from mbuscli.protocol.wired.timing import timing_for
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.scenario import Scenario
from mbuscli.simulator.slave import MeterSpec

KAM = MeterAddress("00000000", 0x2C2D, 0x1B, 0x16)
MAKERS = (
    (0x2C2D, 0x1B, 0x16),
    (0x32A7, 0x08, 0x04),
    (0x4CB4, 0x0E, 0x07),
    (0x4024, 0x11, 0x04),
    (0x15A8, 1, 6),
)
RECORD = bytes.fromhex("0D78 2D")  # a text of 45 octets of the meter's own
REPLY_S = 0.05


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


class Case(NamedTuple):
    """A row of the table; `limit_s` and `libmbus_s` were measured with other strategies in the same model."""

    name: str
    make: Callable[[int, random.Random], list[MeterAddress]]
    count: int
    limit_s: float
    libmbus_s: float
    expect: bool = False
    known: bool = False


CASES = (
    Case("random 250", random_ids, 250, 394, 595),
    Case("consecutive 250", consecutive, 250, 178, 197),
    Case("consecutive 250, expected", consecutive, 250, 139, 197, expect=True),
    Case("deliveries of 12, 60", deliveries, 60, 93, 245),
    Case("deliveries of 12, 250", deliveries, 250, 409, 938),
    Case("mixed makers 60", mixed, 60, 91, 274),
    Case("mixed makers 250", mixed, 250, 410, 1011),
    Case("random 60", random_ids, 60, 92, 139),
    Case("random 20", random_ids, 20, 34, 50),
    Case("list of 250", random_ids, 250, 1.1 * 137, 595, known=True),
)


class Result(NamedTuple):
    """One search: simulated seconds, selections, meters lost and invented."""

    wire_s: float
    asked: int
    lost: int
    invented: int


def search(meters: list[MeterAddress], case: Case, *, in_step: bool = True) -> Result:
    """Search one population."""
    specs = tuple(
        MeterSpec(
            meter.octets(),
            telegrams=((RECORD + random.Random(str(meter)).randbytes(45),),),
            reply_delay_s=REPLY_S if in_step else None,
        )
        for meter in meters
    )
    port = SimPort(Bus(Scenario(specs)))
    converter = LevelConverter(port)
    search = Search(
        Session(timing_for(2400, margin_s=0)),
        expect=len(meters) if case.expect else None,
        known=meters if case.known else (),
    )
    while not search.is_over:
        converter.run(search.step())
    found = set(search.addresses)
    return Result(port.now(), search.asked, len(set(meters) - found), len(found - set(meters)))


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print("simulated wire time at 2400 Bd; libmbus: measured before in the same model, not in this run")
    print(
        f"{'population':28}{'in step s':>10}{'selects':>9}{'apart s':>9}{'best other':>11}{'libmbus':>9}  lost/invented"
    )
    for case in CASES:
        rows = {True: [], False: []}  # type: dict[bool, list[Result]]
        for seed in range(rounds):
            meters = case.make(case.count, random.Random(seed))
            for in_step in rows:
                rows[in_step].append(search(meters, case, in_step=in_step))
        means = {key: sum(row.wire_s for row in results) / rounds for key, results in rows.items()}
        lost = "+".join(str(sum(row.lost for row in results)) for results in rows.values())
        both = rows[True] + rows[False]
        print(
            f"{case.name:28}{means[True]:10.1f}{sum(row.asked for row in rows[True]) / rounds:9.0f}"
            f"{means[False]:9.1f}{case.limit_s:11.0f}{case.libmbus_s:9.0f}"
            f"  {lost}/{sum(row.invented for row in both)}"
        )


if __name__ == "__main__":
    main()

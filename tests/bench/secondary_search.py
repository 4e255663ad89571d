"""Wire time of the secondary search on simulated buses at 2400 Bd, beside other strategies' figures.

    python -m tests.bench.secondary_search [POPULATIONS]

Telegrams of 69 octets; times are simulated seconds on the wire without a converter's delay, so silence costs
187.5 ms. "step": all meters answer after 50 ms, ANDed bit by bit; "apart": each with a delay of its own. Mean
of POPULATIONS (10) each. The other strategies were measured before in the same model, in step: libmbus (most
significant digit first, two tries), the same with one try, least significant digit first, "sibling" (open
masks predicted from those beside them), and "counted" (neighbours guessed, number of meters known). None of
these looks for letters in numbers, and only "sibling" and this search verify a meter by a second selection.
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
from tests.bench.populations import consecutive, deliveries, mixed, random_ids

RECORD = bytes.fromhex("0D78 2D")  # a text of 45 octets of the meter's own
REPLY_S = 0.05


class Case(NamedTuple):
    """A row of the table; `others`: seconds of libmbus, one try, least significant first, sibling, counted."""

    name: str
    make: Callable[[int, random.Random], list[MeterAddress]]
    count: int
    others: tuple[int, ...] = ()
    target_s: float | None = None
    expect: bool = False
    known: bool = False


CASES = (
    Case("random 20", random_ids, 20, (50, 34, 34, 35, 53)),
    Case("random 60", random_ids, 60, (139, 94, 92, 96, 155)),
    Case("random 250", random_ids, 250, (595, 399, 394, 435, 658), 394),
    Case("consecutive 20", consecutive, 20, (55, 36, 39, 42, 14)),
    Case("consecutive 60", consecutive, 60, (80, 61, 50, 59, 35)),
    Case("consecutive 250", consecutive, 250, (197, 178, 401, 274, 139), 178),
    Case("consecutive 20, expected", consecutive, 20, (55, 36, 39, 42, 14), expect=True),
    Case("consecutive 60, expected", consecutive, 60, (80, 61, 50, 59, 35), expect=True),
    Case("consecutive 250, expected", consecutive, 250, (197, 178, 401, 274, 139), 139, expect=True),
    Case("deliveries of 12, 60", deliveries, 60, (245, 153, 93, 108, 126), 93),
    Case("deliveries of 12, 250", deliveries, 250, (938, 591, 409, 432, 563)),
    Case("mixed makers 60", mixed, 60, (274, 169, 91, 115, 150)),
    Case("mixed makers 250", mixed, 250, (1011, 631, 410, 474, 661), 410),
    Case("list of 60", random_ids, 60, target_s=1.1 * 33, known=True),
    Case("list of 250", random_ids, 250, target_s=1.1 * 137, known=True),
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
    print(
        f"{'population':26}{'step s':>7}{'selects':>8}{'apart s':>8}{'target':>7}  {'libmbus':>8}{'one try':>8}"
        f"{'least':>6}{'sibling':>8}{'counted':>8}  lost/invented"
    )
    for case in CASES:
        rows: dict[bool, list[Result]] = {True: [], False: []}
        for seed in range(rounds):
            meters = case.make(case.count, random.Random(seed))
            for in_step, results in rows.items():
                results.append(search(meters, case, in_step=in_step))
        means = {key: sum(row.wire_s for row in results) / rounds for key, results in rows.items()}
        both = rows[True] + rows[False]
        others = "".join(
            f"{seconds:{width}}" for seconds, width in zip(case.others, (8, 8, 6, 8, 8), strict=False)
        )
        target = "" if case.target_s is None else f"{case.target_s:.0f}"
        print(
            f"{case.name:26}{means[True]:7.1f}{sum(row.asked for row in rows[True]) / rounds:8.0f}"
            f"{means[False]:8.1f}{target:>7}  {others:38}"
            f"  {sum(row.lost for row in both)}/{sum(row.invented for row in both)}",
            flush=True,
        )


if __name__ == "__main__":
    main()

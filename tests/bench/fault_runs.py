"""What faults on the bus do to a scan and to readouts: how much is right, doubtful, lost or wrong.

    python tests/bench/fault_runs.py [BUSES]

BUSES (300) seeded buses a row, up to eight meters each, 40 addresses, at 2400 Bd in simulated time. "lost" are
meters that were passed over without a mark; "untrue" are statements about a meter that are not so.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.services.fault_bus import (
    KINDS,
    a_readout,
    a_scan,
    a_selected_readout,
    population,
    sim_port,
)

RUNS = {"scan": a_scan, "read": a_readout, "read selected": a_selected_readout}


def main() -> None:
    """Print the table."""
    buses = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(
        f"{'fault':8}{'run':15}{'right':>7}{'doubtful':>10}{'lost':>6}{'untrue':>8}{'port lost':>11}{'wire s':>8}"
    )
    for kind in KINDS:
        for name, run in RUNS.items():
            people = [population(kind, seed, shared=run is a_scan) for seed in range(buses)]
            outcomes = [run(each, sim_port(each)) for each in people]
            right, doubtful, lost = (sum(each[column] for each in outcomes) for column in range(3))
            untrue = sum(len(each.wrong) for each in outcomes)
            ended = sum(each.ended != "done" for each in outcomes)
            wire_s = sum(each.wire_s for each in outcomes) / buses
            print(f"{kind:8}{name:15}{right:7}{doubtful:10}{lost:6}{untrue:8}{ended:11}{wire_s:8.1f}")


if __name__ == "__main__":
    main()

"""`python -m tests.fuzz`: as many cases as wanted, or one again."""

from __future__ import annotations

import argparse
import sys

from tests.fuzz.campaign import Report, run, run_case
from tests.fuzz.targets import GROUPS, TARGETS, of_group


def main(words: list[str]) -> int:
    """1 if something failed."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description="Damaged inputs for every decoder.")
    parser.add_argument("--cases", type=int, default=100_000, help="for each group; 1000000 takes a while")
    parser.add_argument("--target", action="append", help=f"one of {', '.join(GROUPS)}, or of their parts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", help="run this input only, in hexadecimal (- is an empty one)")
    given = parser.parse_args(words)
    wanted = given.target or list(GROUPS)
    if given.case is not None:
        (name,) = wanted
        case = b"" if given.case == "-" else bytes.fromhex(given.case)
        sys.stdout.write(f"{run_case(name, TARGETS[name], case)}\n")
        return 0
    failed = 0
    for group in wanted:
        for report in campaign(group, given.cases, given.seed):
            sys.stdout.write(f"{report}\n")
            for failure in report.failures:
                sys.stdout.write(f"{failure}\n")
            sys.stdout.flush()
            failed += len(report.failures)
    return int(failed > 0)


def campaign(group: str, cases: int, seed: int = 1) -> list[Report]:
    """`cases` for all targets of a group together."""
    targets = of_group(group)
    each = -(-cases // len(targets))
    return [run(name, target, each, seed) for name, target in targets.items()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

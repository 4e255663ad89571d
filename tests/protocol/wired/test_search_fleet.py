"""A fixed sample of the buses that tests/bench/secondary_fleet.py searches by the thousand."""

from __future__ import annotations

import pytest

from tests.bench.secondary_fleet import search_seed

SAMPLE = range(10)


@pytest.mark.parametrize("in_step", [True, False])
def test_no_meter_is_lost_or_invented_where_parity_errors_are_seen(in_step: bool) -> None:
    for seed in SAMPLE:
        outcome = search_seed(seed, in_step=in_step, parity=True)
        assert (seed, outcome.lost, outcome.invented, outcome.unresolved) == (seed, 0, 0, 0)


def test_no_meter_is_invented_where_parity_errors_are_not_seen() -> None:
    outcomes = [search_seed(seed, in_step=True, parity=False) for seed in SAMPLE]
    assert sum(outcome.invented for outcome in outcomes) == 0
    meters = sum(outcome.meters for outcome in outcomes)
    assert sum(outcome.lost for outcome in outcomes) < meters / 50

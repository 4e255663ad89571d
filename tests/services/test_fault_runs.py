"""Hundreds of buses on which things go wrong: every run ends, nothing said of a meter is untrue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mbuscli.ports.base import Port
from mbuscli.ports.replay import ReplayPort
from mbuscli.ports.tap import CaptureWriter, Tap
from tests.services.fault_bus import (
    KINDS,
    Outcome,
    Population,
    a_readout,
    a_scan,
    a_selected_readout,
    population,
    sim_port,
)

Run = Callable[[Population, Port], Outcome]
SEEDS = 40
# An acknowledgement that is lost where nothing else was leaves no trace: so many meters in a thousand.
UNTRACED = 5


@pytest.mark.parametrize("run", [a_scan, a_readout, a_selected_readout])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_told_is_true_or_marked(kind: str, run: Run) -> None:
    outcomes, meters = [], 0
    for seed in range(SEEDS):
        people = population(kind, seed, shared=run is a_scan)
        outcomes.append(run(people, sim_port(people)))
        meters += sum(map(len, people.meters.values()))
    assert [lie for outcome in outcomes for lie in outcome.wrong] == []
    assert any(outcome.ended == "port lost" for outcome in outcomes) is (kind == "unplug")
    lost = sum(outcome.lost for outcome in outcomes)
    assert lost <= (meters * UNTRACED / 1000 if kind in ("drop", "all") and run is a_scan else 0)
    if kind in ("clean", "echo"):
        assert not any(outcome.doubtful for outcome in outcomes)
    else:
        assert sum(outcome.right for outcome in outcomes) > meters * (0.1 if kind == "unplug" else 0.6)


@pytest.mark.parametrize("run", [a_scan, a_readout])
@pytest.mark.parametrize("kind", KINDS)
def test_a_capture_of_it_plays_the_same(kind: str, run: Run, tmp_path: Path) -> None:
    for seed in range(12):
        people = population(kind, seed)
        capture = str(tmp_path / f"{seed}.ndjson")
        with CaptureWriter(capture) as sink, Tap(sim_port(people), sink) as tap:
            live = run(people, tap)
        with ReplayPort(capture) as port:
            played = run(people, port)
        assert played._replace(wire_s=live.wire_s) == live
        assert played.wire_s == pytest.approx(live.wire_s, abs=0.5)


def test_a_late_answer_of_one_meter_is_never_another_ones() -> None:
    for seed in range(100):
        people = population("late", seed)
        outcome = a_scan(people, sim_port(people))
        assert outcome.wrong == []
        assert outcome.lost == 0

"""Plans against the simulated bus: what stops them, and that they arrive, cut anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mbuscli.services.link import Link
from mbuscli.services.plan import Moved, PlanEvent, Survey, move_all, survey
from mbuscli.settings.journal import Journal
from mbuscli.settings.meter_list import read_meter_list
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.faults import Faults
from mbuscli.simulator.port import SimPort
from tests.services.plan_meters import registers, scenario_of, write_plan

A, B, C, D = "11111111", "22222222", "33333333", "44444444"


class LastingBus(Bus):
    """A bus whose time goes on from one port to the next."""

    at = 0.0

    def send(self, data: bytes, at: float, baud: int) -> float:
        self.at = super().send(data, at, baud)
        return self.at


class Watched(SimPort):
    """Sees to it that no two meters share an address that neither of them had; may be cut at a frame."""

    def __init__(self, bus: LastingBus, cut_at: int | None = None, *, lost: bool = False) -> None:
        super().__init__(bus)
        self._now = bus.at + 1
        self.frames = 0
        self._cut_at = cut_at
        self._lost = lost
        self._shared = self._sharing()

    def write(self, data: bytes) -> None:
        self.frames += 1
        cut = self.frames == self._cut_at
        if cut and self._lost:
            raise KeyboardInterrupt
        super().write(data)
        assert self._sharing() <= self._shared
        if cut:
            raise KeyboardInterrupt

    def _sharing(self) -> set[int]:
        addresses = [slave.address for slave in self.bus.slaves]
        return {address for address in addresses if addresses.count(address) > 1}


def surveyed(link: Link, path: Path) -> Survey:
    steps = survey(link, read_meter_list(path))
    try:
        while True:
            next(steps)
    except StopIteration as end:
        found: Survey = end.value
        return found


def carried_out(bus: LastingBus, path: Path, port: Watched | None = None) -> list[PlanEvent]:
    link = Link(port or Watched(bus))
    found = surveyed(link, path)
    assert found.obstacles == ()
    return list(move_all(link, found, Journal(path.with_suffix(".journal"))))


def obstacles(
    bus: LastingBus, folder: Path, rows: Sequence[tuple[str, object]]
) -> list[tuple[int, str, str]]:
    before = registers(bus)
    found = surveyed(Link(Watched(bus)), write_plan(folder / "plan.csv", rows))
    assert registers(bus) == before
    assert found.steps == ()
    return [(each.line, each.text, each.reason.value) for each in found.obstacles]


@pytest.mark.parametrize(
    ("present", "wanted"),
    [
        ((0, 0, 0, 0), (1, 2, 3, 4)),
        ((1, 2, 3, 4), (2, 3, 4, 5)),
        ((1, 2, 3, 4), (2, 1, 4, 3)),
        ((1, 2, 3, 4), (2, 3, 4, 1)),
        ((5, 5, 6, 7), (6, 7, 5, 8)),
        ((250, 249, 3, 3), (249, 250, 3, 4)),
        ((1, 2, 3, 4), (1, 2, 3, 4)),
    ],
)
def test_every_meter_arrives_and_no_two_meet(
    present: tuple[int, ...], wanted: tuple[int, ...], tmp_path: Path
) -> None:
    bus = LastingBus(scenario_of(zip((A, B, C, D), present, strict=True)))
    path = write_plan(tmp_path / "plan.csv", zip((A, B, C, D), wanted, strict=True))
    events = carried_out(bus, path)
    assert registers(bus) == dict(zip((A, B, C, D), wanted, strict=True))
    states = [event.state for event in events if isinstance(event, Moved)]
    assert set(states) <= {"written"}
    assert carried_out(bus, path) == []


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("present", [(0, 0, 0), (2, 3, 1), (2, 1, 4)])
def test_cut_at_every_frame_it_goes_on_to_the_right_end(
    present: tuple[int, ...], lost: bool, tmp_path: Path
) -> None:
    ids = (A, B, C)
    path = write_plan(tmp_path / "plan.csv", zip(ids, (1, 2, 3), strict=True))
    unhurt = LastingBus(scenario_of(zip(ids, present, strict=True)))
    whole = Watched(unhurt)
    carried_out(unhurt, path, whole)
    assert whole.frames > 30
    for cut_at in range(1, whole.frames + 1):
        bus = LastingBus(scenario_of(zip(ids, present, strict=True)))
        with pytest.raises(KeyboardInterrupt):
            carried_out(bus, path, Watched(bus, cut_at, lost=lost))
        where = registers(bus)
        events = carried_out(bus, path)
        assert registers(bus) == {A: 1, B: 2, C: 3}
        done = {number for row, number in enumerate(ids) if where[number] == row + 1}
        assert done.isdisjoint(ids[event.step.row] for event in events if isinstance(event, Moved))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "faults",
    [
        Faults(noise=0.02),
        Faults(drop=0.005),
        Faults(late=0.05, late_ms=400),
        Faults(noise=0.02, drop=0.005, echo=True),
    ],
)
def test_on_a_bad_line_it_arrives_or_says_why_not(faults: Faults, seed: int, tmp_path: Path) -> None:
    ids = (A, B, C, D)
    path = write_plan(tmp_path / "plan.csv", zip(ids, (1, 2, 3, 4), strict=True))
    scenario = scenario_of(zip(ids, (2, 3, 0, 0), strict=True))
    bus = LastingBus(scenario, faults=faults._replace(seed=seed))
    for _ in range(6):
        link = Link(Watched(bus))
        found = surveyed(link, path)
        moved = [
            event for event in move_all(link, found, Journal(tmp_path / "j")) if isinstance(event, Moved)
        ]
        if not found.obstacles and all(event.error is None for event in moved):
            break
    else:
        pytest.fail("six runs were not enough")
    assert registers(bus) == {A: 1, B: 2, C: 3, D: 4}


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    meters = [(A, 0), (B, 0), (C, 7), (D, 8), ("55555555", 0)]
    bus = LastingBus(scenario_of(meters))
    rows = [(A, 7), (B, 7), ("99999999", 9), ("88888888", 252), (D, 0), ("55555555", ""), ("1.2E+07", 4)]
    assert obstacles(bus, tmp_path, rows) == [
        (2, f"address 7 is taken by {C}.KAM.04.16, who is not in the plan", "taken"),
        (3, f"address 7 is given to {A} in line 2 already", "invalid"),
        (3, f"address 7 is taken by {C}.KAM.04.16, who is not in the plan", "taken"),
        (4, "the meter does not answer", "no-answer"),
        (5, "meters have addresses from 1 to 250", "unsafe"),
        (5, "the meter does not answer", "no-answer"),
        (6, "address 0 is where new meters are: a plan gives each meter one of its own", "unsafe"),
        (7, "no new address is given", "invalid"),
        (
            8,
            "a spreadsheet has turned the meter's number into one such as 1.23E+07: digits are lost",
            "invalid",
        ),
    ]


def test_a_number_that_two_meters_have(tmp_path: Path) -> None:
    meters = [(A, 1), (A, 2)]
    scenario = scenario_of(meters)
    other = scenario.meters[1]._replace(meter=scenario.meters[1].meter[:7] + b"\x07")
    bus = LastingBus(scenario._replace(meters=(scenario.meters[0], other)))
    ((line, text, reason),) = obstacles(bus, tmp_path, [(A, 9)])
    assert (line, reason) == (2, "collision")
    assert A in text
    path = write_plan(tmp_path / "full.csv", [(f"{A}.KAM.04.16", 9), (f"{A}.KAM.04.07", 1)])
    carried_out(bus, path)
    assert [slave.address for slave in bus.slaves] == [9, 1]


def test_two_lines_for_one_meter(tmp_path: Path) -> None:
    bus = LastingBus(scenario_of([(A, 1)]))
    texts = obstacles(bus, tmp_path, [(A, 8), (f"{A}.KAM", 9)])
    assert (3, f"it may be the meter of line 2, {A}", "invalid") in texts


def test_meters_that_share_the_address_with_one_of_the_plan(tmp_path: Path) -> None:
    bus = LastingBus(scenario_of([(A, 0), (B, 5), (C, 5)]))
    assert obstacles(bus, tmp_path, [(A, 5), (B, 6)]) == [
        (2, "address 5 is taken by several meters", "taken")
    ]
    path = write_plan(tmp_path / "all.csv", [(A, 5), (B, 6), (C, 7)])
    carried_out(bus, path)
    assert registers(bus) == {A: 5, B: 6, C: 7}


def test_a_meter_that_does_not_change_stops_only_those_behind_it(tmp_path: Path) -> None:
    scenario = scenario_of([(A, 1), (B, 2), (C, 0)])
    stubborn = scenario.meters[1]._replace(write_protected=True)
    bus = LastingBus(scenario._replace(meters=(scenario.meters[0], stubborn, scenario.meters[2])))
    path = write_plan(tmp_path / "plan.csv", [(A, 2), (B, 3), (C, 9)])
    events = [event for event in carried_out(bus, path) if isinstance(event, Moved)]
    assert registers(bus) == {A: 1, B: 2, C: 9}
    assert {(event.step.row, event.state) for event in events} == {
        (1, "refused"),
        (0, "failed"),
        (2, "written"),
    }


def test_no_meter_is_read_more_often_than_it_must(tmp_path: Path) -> None:
    """Once to know it, once to prove it: meters on batteries ration their readouts."""
    bus = LastingBus(scenario_of([(A, 0), (B, 0)]))
    carried_out(bus, write_plan(tmp_path / "plan.csv", [(A, 1), (B, 2)]))
    assert [slave.access_number for slave in bus.slaves] == [2, 2]

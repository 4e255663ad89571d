"""Clocks of simulated meters, set from a computer's time that the test owns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mbuscli.errors import RefusedError
from mbuscli.protocol.application.date_types import is_summer_time
from mbuscli.protocol.wired.commands import ClockType
from mbuscli.services.change_clock import describe_difference
from mbuscli.services.commission import Outcome, SetClock, attempt, prepare
from mbuscli.services.link import Link
from mbuscli.settings.journal import Journal
from mbuscli.simulator.slave import IGNORES_WRITES, LOSES_ACKS
from tests.services.written_meters import bus_of, clock_of, link_to, meter

BERLIN = ZoneInfo("Europe/Berlin")
WINTER = datetime(2026, 1, 31, 10, 0, 20, tzinfo=BERLIN)
SUMMER = datetime(2026, 7, 1, 12, 0, 0, tzinfo=BERLIN)
WRONG = "2026-01-31T08:30:00"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.ndjson")


def clock_at(link: Link, start: datetime) -> Callable[[], datetime]:
    """A computer's clock that runs with the bus's."""
    return lambda: start + timedelta(seconds=link.clock())


def set_clock(link: Link, journal: Journal, change: SetClock) -> Outcome:
    return attempt(link, prepare(link, 1, change), journal=journal)


@pytest.mark.parametrize("data_type", ["F", "I", None])
@pytest.mark.parametrize("quirks", [(), (LOSES_ACKS,)])
def test_the_meter_runs_with_the_computer(
    journal: Journal, data_type: ClockType | None, quirks: tuple[str, ...]
) -> None:
    bus = bus_of(meter(clock=WRONG, running_clock=True, quirks=quirks))
    link = link_to(bus)
    now = clock_at(link, WINTER)
    outcome = set_clock(link, journal, SetClock(None, data_type, now=now))
    assert (outcome.state, outcome.verified) == ("written", True)
    assert "1 h 30 min slow" in outcome.prepared.old
    off = clock_of(bus, 0, link.clock()) - now().replace(tzinfo=None)
    assert abs(off.total_seconds()) <= (31 if data_type == "F" else 2)


@pytest.mark.parametrize(
    ("start", "standard_time", "shown", "saving"),
    [
        (WINTER, False, "10:00", False),
        (WINTER, True, "10:00", False),
        (SUMMER, False, "12:00", True),
        (SUMMER, True, "11:00", False),
    ],
)
@pytest.mark.parametrize("data_type", ["F", "I"])
def test_daylight_saving_is_stated(
    journal: Journal, start: datetime, standard_time: bool, shown: str, saving: bool, data_type: ClockType
) -> None:
    bus = bus_of(meter(clock=WRONG if data_type == "I" else WRONG[:16], running_clock=True))
    link = link_to(bus)
    outcome = set_clock(link, journal, SetClock(None, None, standard_time, now=clock_at(link, start)))
    assert outcome.verified
    assert not outcome.warnings
    clock = bus.slaves[0].clock
    assert clock is not None
    octets = clock.octets(4 if data_type == "F" else 6, link.clock())
    assert is_summer_time(octets) is saving
    assert clock_of(bus, 0, link.clock()).isoformat()[11:16] == shown


def test_a_given_moment(journal: Journal) -> None:
    bus = bus_of(meter(clock=WRONG, running_clock=True))
    link = link_to(bus)
    moment = datetime(2027, 3, 4, 5, 6, 7)
    assert set_clock(link, journal, SetClock(moment, standard_time=True)).verified
    assert abs((clock_of(bus, 0, link.clock()) - moment).total_seconds()) < 5


def test_a_clock_that_is_right_is_left_alone(journal: Journal) -> None:
    bus = bus_of(meter(clock="2026-01-31T10:00:20", running_clock=True))
    link = link_to(bus)
    assert set_clock(link, journal, SetClock(now=clock_at(link, WINTER))).state == "already"
    assert journal.read() == []


def test_a_clock_that_does_not_take_it(journal: Journal) -> None:
    bus = bus_of(meter(clock=WRONG, running_clock=True, quirks=(IGNORES_WRITES,)))
    link = link_to(bus)
    outcome = set_clock(link, journal, SetClock(now=clock_at(link, WINTER)))
    assert isinstance(outcome.error, RefusedError)
    assert "08:30" in outcome.error.text


def test_a_readout_without_a_clock(journal: Journal) -> None:
    link = link_to(bus_of(meter()))
    outcome = set_clock(link, journal, SetClock(now=clock_at(link, WINTER)))
    assert (outcome.state, outcome.verified) == ("written", False)
    assert outcome.warnings
    assert outcome.prepared.old == "unknown"


def test_a_clock_in_the_second_telegram(journal: Journal) -> None:
    telegrams = ((bytes.fromhex("0C1367452301"),), (bytes.fromhex("046D1E285F31"),))
    bus = bus_of(meter(telegrams=telegrams, running_clock=True))
    link = link_to(bus)
    outcome = set_clock(link, journal, SetClock(now=clock_at(link, WINTER)))
    assert outcome.verified
    assert outcome.prepared.old.startswith("2026-01-31 08:30")


def test_the_time_is_that_of_writing_not_that_of_asking(journal: Journal) -> None:
    bus = bus_of(meter(clock=WRONG, running_clock=True))
    link = link_to(bus)
    late = timedelta()
    change = SetClock(now=lambda: WINTER + timedelta(seconds=link.clock()) + late)
    prepared = prepare(link, 1, change)
    late = timedelta(minutes=7)  # the user looks for the meter's number before typing it
    assert attempt(link, prepared, journal=journal).verified
    assert clock_of(bus, 0, link.clock()).isoformat()[11:16] == "10:07"


@pytest.mark.parametrize("wrong", [WRONG, WRONG[:16], "2031-12-31T23:59:59"])
@pytest.mark.parametrize("start", [WINTER, SUMMER])
def test_undo_makes_it_as_wrong_as_before(journal: Journal, wrong: str, start: datetime) -> None:
    bus = bus_of(meter(clock=wrong, running_clock=True))
    link = link_to(bus)
    now = clock_at(link, start)
    before = clock_of(bus, 0, 0.0)
    done = set_clock(link, journal, SetClock(now=now))
    assert done.verified
    words = done.prepared.undo
    shift = next(int(word.removeprefix("--shift=")) for word in words if word.startswith("--shift="))
    undone = SetClock(None, "F" if "F" in words else "I", "--standard-time" in words, shift, now)
    assert set_clock(link, journal, undone).verified
    off = clock_of(bus, 0, link.clock()) - (before + timedelta(seconds=link.clock()))
    assert abs(off.total_seconds()) <= (61 if len(wrong) == 16 else 2)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "right to the second"),
        (59, "59 s fast"),
        (-192, "3 min 12 s slow"),
        (-3600, "1 h slow"),
        (90061, "1 d 1 h fast"),
    ],
)
def test_differences_in_words(seconds: int, words: str) -> None:
    assert describe_difference(seconds) == words

"""Several sticks, one thread each: unplugged, back again, lost for good, at their end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mbuscli.devices.sticks.base import Identity, Reception
from mbuscli.errors import DecodeError, DeviceError, InputError, MbuscliError, PortError, Reason
from mbuscli.services import listen
from mbuscli.services.listen import (
    Alive,
    Ended,
    Gap,
    Listeners,
    ListenEvent,
    Listening,
    Received,
    Source,
)
from mbuscli.services.walk_capture import WalkCapture
from tests.services.radio import heard, meter, short, volume

TELEGRAM = short(meter(), 1, volume(1))
UNPLUGGED = PortError("the stick is gone", reason=Reason.UNPLUGGED)


class Scripted:
    """A stick that plays a script: receptions, errors to raise, and steps of its clock in seconds."""

    hears = (frozenset(("C1", "T1")), frozenset(("S1",)))
    ended = False
    asked: frozenset[str]

    def __init__(
        self, *script: Reception | float | Exception, alive: bool = True, name: str = "fake"
    ) -> None:
        self.name = name
        self.script = list(script)
        self.alive = alive
        self.clock = 100.0
        self.closed = 0
        self.refuses: MbuscliError | None = None

    def identify(self) -> Identity:
        return Identity("fake", "Fake 1")

    def listen(self, modes: frozenset[str]) -> frozenset[str]:
        if self.refuses is not None:
            raise self.refuses
        self.asked = modes
        return modes & self.hears[0]

    def now(self) -> float:
        return self.clock

    def wall_time(self, moment: float) -> float:
        return 1_800_000_000.0 + moment

    def receive(self, until: float) -> list[Reception]:
        if not self.script:
            self.clock = until
            threading.Event().wait(0.001)
            return []
        step = self.script.pop(0)
        if isinstance(step, EOFError):
            self.ended = True
            return []
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Reception):
            return [step]
        self.clock += step
        return []

    def is_alive(self) -> bool:
        return self.alive

    def close(self) -> None:
        self.closed += 1


def opener(*receivers: Scripted | MbuscliError) -> Source:
    left = list(receivers)

    def open_next() -> Scripted:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, MbuscliError):
            raise found
        return found

    return Source("fake", open_next)


def collect(listeners: Listeners) -> Iterator[ListenEvent]:
    listeners.start()
    deadline = time.monotonic() + 20
    while listeners.running:
        yield from listeners.events(0.1)
        assert time.monotonic() < deadline
    yield from listeners.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(listen, "_LONGEST_PAUSE_S", 0.01)


def test_a_stick_is_heard_to_its_end_and_given_back() -> None:
    stick = Scripted(heard(TELEGRAM, 101.0), 0.5, heard(TELEGRAM, 102.0), EOFError())
    events = list(collect(Listeners([opener(stick)])))
    assert [type(event) for event in events] == [Listening, Received, Received, Ended]
    assert isinstance(events[1], Received)
    assert events[1].time == 1_800_000_101.0
    assert events[-1] == Ended("fake", None)
    assert stick.closed == 1


def test_as_many_modes_as_possible_unless_some_are_named() -> None:
    stick = Scripted(EOFError())
    list(collect(Listeners([opener(stick)])))
    assert stick.asked == {"C1", "T1"}
    named = Scripted(EOFError())
    source = opener(named)._replace(modes=frozenset(("S1", "T1")))
    tuned = next(event.tuned for event in collect(Listeners([source])) if isinstance(event, Listening))
    assert (tuned.modes, tuned.deaf) == ({"T1"}, {"S1"})


def test_two_sticks_are_heard_at_once() -> None:
    sticks = [Scripted(*[heard(TELEGRAM, n)] * 50, EOFError(), name=name) for n, name in ((1, "a"), (2, "b"))]
    events = list(collect(Listeners([opener(stick) for stick in sticks])))
    ports = [event.port for event in events if isinstance(event, Received)]
    assert (ports.count("a"), ports.count("b")) == (50, 50)


def test_time_is_counted_on_the_clock_of_the_port() -> None:
    stick = Scripted()
    began = time.monotonic()
    events = list(collect(Listeners([opener(stick)], for_s=600.0)))
    assert stick.clock == pytest.approx(700.0)
    assert time.monotonic() - began < 20
    # Every ten seconds of silence the stick was asked for a sign of life.
    assert sum(isinstance(event, Alive) for event in events) in (58, 59, 60)


def test_an_unplugged_stick_is_waited_for() -> None:
    first = Scripted(heard(TELEGRAM, 101.0), UNPLUGGED)
    again = Scripted(heard(TELEGRAM, 102.0), EOFError())
    events = list(collect(Listeners([opener(first, UNPLUGGED, UNPLUGGED, again)])))
    kinds = [type(event).__name__ for event in events]
    assert kinds == ["Listening", "Received", "Gap", "Gap", "Listening", "Received", "Ended"]
    lost, back = (event for event in events if isinstance(event, Gap))
    assert lost.until is None
    assert back.until is not None
    assert back.until >= back.since == lost.since
    assert (first.closed, again.closed) == (1, 1)


def test_a_stick_that_answers_no_more_is_opened_again() -> None:
    dead = Scripted(heard(TELEGRAM), 11.0, alive=False)
    events = list(collect(Listeners([opener(dead, Scripted(EOFError()))])))
    lost = next(event for event in events if isinstance(event, Gap))
    assert isinstance(lost.error, DeviceError)


def test_one_gap_is_told_once_though_the_stick_needs_several_attempts() -> None:
    sleepy = Scripted()
    sleepy.refuses = DeviceError("not ready", reason=Reason.NO_ANSWER)
    events = list(collect(Listeners([opener(Scripted(UNPLUGGED), sleepy, sleepy, Scripted(EOFError()))])))
    gaps = [event for event in events if isinstance(event, Gap)]
    assert [gap.until is None for gap in gaps] == [True, False]


def test_a_stick_that_does_not_come_back_is_lost_for_good() -> None:
    for options in ({"patience_s": 0.05}, {"for_s": 0.05}):
        stick = Scripted(heard(TELEGRAM), UNPLUGGED)
        events = list(collect(Listeners([opener(stick, UNPLUGGED)], **options)))  # type: ignore[arg-type]
        assert events[-1] == Ended("fake", UNPLUGGED)


def test_a_stick_that_never_opened_or_cannot_hear_the_modes_is_an_error() -> None:
    deaf = Scripted()
    deaf.refuses = DeviceError("does not hear N1a", reason=Reason.UNSUPPORTED)
    for source, error in ((opener(UNPLUGGED), UNPLUGGED), (opener(deaf), deaf.refuses)):
        assert list(collect(Listeners([source]))) == [Ended("fake", error)]
    assert deaf.closed == 1


def test_a_bug_in_one_driver_does_not_stop_the_others() -> None:
    bad = Scripted(ZeroDivisionError())
    events = list(collect(Listeners([opener(bad), opener(Scripted(heard(TELEGRAM), EOFError()))])))
    ended = [event.error for event in events if isinstance(event, Ended)]
    assert sum(error is not None and error.reason is Reason.UNEXPECTED for error in ended) == 1
    assert any(isinstance(event, Received) for event in events)


def test_the_user_may_stop_a_stick_that_is_lost() -> None:
    stick = Scripted(heard(TELEGRAM), UNPLUGGED)
    listeners = Listeners([opener(stick, UNPLUGGED)])
    listeners.start()
    seen: list[ListenEvent] = []
    while not any(isinstance(event, Gap) for event in seen):
        seen += listeners.events(0.1)
    assert list(listeners.stop())[-1] == Ended("fake", None)


def test_a_capture_has_everything_even_what_nobody_took_from_the_queue(tmp_path: Path) -> None:
    path = tmp_path / "walk.ndjson"
    damage = Reception(b"", 103.0, error=DecodeError("crc", reason=Reason.CRC), raw=b"\x01\x02")
    stick = Scripted(heard(TELEGRAM, 101.0), damage, UNPLUGGED)
    capture = WalkCapture(str(path))
    listeners = Listeners([opener(stick, Scripted(EOFError()))], tap=capture)
    list(collect(listeners))
    capture.close()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row.get("event") for row in rows] == [None, "damage", "lost", "gap"]
    assert bytes.fromhex(rows[0]["raw"]) == TELEGRAM
    assert rows[0]["stick"] == "fake"
    assert rows[0]["rssi_dbm"] == -70.0


def test_a_capture_that_cannot_be_written_does_not_end_the_walk(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    capture = WalkCapture(str(full))
    stick = Scripted(*[heard(TELEGRAM, 101.0)] * 3, EOFError())
    events = list(collect(Listeners([opener(stick)], tap=capture)))
    capture.close()
    assert sum(isinstance(event, Received) for event in events) == 3
    assert isinstance(capture.trouble, InputError)
    assert "No space left" in capture.trouble.text

"""A stick that is pulled out and plugged in again, under another name: it is found by its USB identity, no
telegram outside the gap is lost, and nothing is left behind."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from mbuscli.ports import serial_port
from mbuscli.ports.serial_port import PresentPort
from mbuscli.services import listen
from mbuscli.services.listen import Ended, Gap, Listeners, ListenEvent, Listening, Received, Source
from mbuscli.services.sticks import open_stick
from tests.reliability.size import FULL
from tests.services.radio import meter, short, volume

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
CYCLES = 100
# Telegrams of each time that it is plugged in.
EACH = 5
# The pauses between attempts are as in the program only at full size: 100 times 0.2 s and more.
PAUSE_S = listen._FIRST_PAUSE_S if FULL else 0.005


class Adapter:
    """A USB adapter with a serial number; each plugging in gives it a new pty."""

    def __init__(self) -> None:
        self._fds: tuple[int, int] | None = None
        self.present: list[PresentPort] = []

    def plug_in(self) -> None:
        import tty

        master, slave = os.openpty()
        tty.setraw(slave)
        self._fds = master, slave
        self.present = [PresentPort(os.ttyname(slave), "adapter", "A1")]

    def pull_out(self) -> None:
        self.present = []
        if self._fds is not None:
            for fd in self._fds:
                os.close(fd)
            self._fds = None

    def say(self, data: bytes) -> None:
        assert self._fds is not None
        os.write(self._fds[0], data)

    heard: list[bytes]
    took_s: float


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Adapter]:
    made = Adapter()
    monkeypatch.setattr(serial_port, "present_ports", lambda: made.present)
    monkeypatch.setattr(listen, "_FIRST_PAUSE_S", PAUSE_S)
    yield made
    made.pull_out()


def telegram(number: int) -> bytes:
    return short(meter(), number % 256, volume(number))


class Watch:
    """Follows the events, one kind after the other, with a deadline."""

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners
        self._events: list[ListenEvent] = []

    def next(self, kind: type, seconds: float = 20.0) -> ListenEvent:
        deadline = time.monotonic() + seconds
        while True:
            while self._events:
                event = self._events.pop(0)
                assert not isinstance(event, Ended), event
                if isinstance(event, kind):
                    return event
            assert time.monotonic() < deadline, f"no {kind.__name__}"
            self._events += self._listeners.events(0.1)


def descriptors() -> int:
    folder = "/proc/self/fd"
    return len(os.listdir(folder)) if os.path.isdir(folder) else 0


@pytest.mark.timeout(300)
def test_a_hundred_times(adapter: Adapter) -> None:
    adapter.plug_in()
    listeners = Listeners([Source("id:A1", lambda: open_stick("id:A1", family="hextty"))])
    listeners.start()
    watch = Watch(listeners)
    watch.next(Listening)
    settled: list[int] = []
    recoveries = number = 0
    slowest_s = 0.0
    for cycle in range(CYCLES):
        sent = [telegram(number + index) for index in range(EACH)]
        number += EACH
        for octets in sent:
            adapter.say(octets.hex().encode() + b"\n")
        heard = []
        while len(heard) < EACH:
            event = watch.next(Received)
            assert isinstance(event, Received)
            heard.append(event.reception.data)
        assert heard == sent, f"cycle {cycle}"
        adapter.pull_out()
        gap = watch.next(Gap)
        assert isinstance(gap, Gap)
        assert gap.until is None
        adapter.plug_in()
        began = time.monotonic()
        again = watch.next(Listening)
        slowest_s = max(slowest_s, time.monotonic() - began)
        assert isinstance(again, Listening)
        assert again.again
        recoveries += 1
        if cycle >= 2:
            settled.append(descriptors())
    assert recoveries == CYCLES
    assert max(settled) == min(settled), "descriptors are left behind"
    assert threading.active_count() < 10
    if FULL:
        assert slowest_s < 1.0
    for _ in listeners.stop():
        pass


def test_it_comes_back_while_another_one_is_there(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name that it had before belongs to another adapter now."""
    adapter.plug_in()
    other = Adapter()
    listeners = Listeners([Source("id:A1", lambda: open_stick("id:A1", family="hextty"))])
    listeners.start()
    watch = Watch(listeners)
    watch.next(Listening)
    adapter.pull_out()
    watch.next(Gap)
    other.plug_in()
    (stranger,) = other.present
    monkeypatch.setattr(
        serial_port, "present_ports", lambda: [stranger._replace(usb_serial="B2"), *adapter.present]
    )
    adapter.plug_in()
    event = watch.next(Listening)
    assert isinstance(event, Listening)
    adapter.say(telegram(1).hex().encode() + b"\n")
    received = watch.next(Received)
    assert isinstance(received, Received)
    assert received.reception.data == telegram(1)
    for _ in listeners.stop():
        pass
    other.pull_out()

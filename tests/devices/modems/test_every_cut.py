"""What a modem says gives the same events however the operating system cuts it into pieces."""

from __future__ import annotations

from functools import cache
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mbuscli.devices.modems.base import Event, Joined, Sent
from mbuscli.ports.base import Received
from mbuscli.simulator.port import SimPort
from tests.devices.modems.bench import OTAA, Bench, driver, simulated

NAMES = ["st_at_slave", "murata_abz", "la66", "imst"]


class Pieces(SimPort):
    """Hands over so many octets at a time; the sizes come round again and again."""

    def __init__(self, port: SimPort, sizes: list[int]) -> None:
        super().__init__(port.bus, port.name, port.baud)
        self._sizes = cycle(sizes)
        self._held = b""

    def read(self, until: float) -> Received:
        held = self._held or super().read(until).data
        size = next(self._sizes)
        self._held = held[size:]
        return Received(held[:size])


def events_of(name: str, sizes: list[int]) -> list[Event]:
    """Those of a join, a confirmed uplink with a downlink full of line ends, and an unconfirmed one."""
    bench = simulated(name)
    assert isinstance(bench.port, SimPort)
    assert bench.twin is not None
    port = Pieces(bench.port, sizes)
    bench = Bench(driver(name, port), port, bench.settings, OTAA, bench.twin)
    events = bench.join()
    bench.wait(Joined, events)
    assert bench.twin is not None
    assert bench.twin.device.session is not None
    bench.twin.network.queue(bench.twin.device.session.dev_addr, 7, b"\r\n+ACK\r\n\xc0\xdb\xdc")
    for confirmed in (True, False):
        sent = bench.modem.start_send(5, b"\r\1\n", confirmed=confirmed)
        bench.wait(Sent, sent)
        events += sent + bench.listen(3)
    return events


@cache
def whole(name: str) -> list[Event]:
    return events_of(name, [10_000])


@pytest.mark.parametrize("name", NAMES)
@hypothesis_settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_every_cut(name: str, sizes: list[int]) -> None:
    assert events_of(name, sizes) == whole(name)
    assert len(whole(name)) >= 4

"""Meters at different baud rates on one bus."""

from __future__ import annotations

from mbuscli.errors import NoAnswerError
from mbuscli.protocol.address import MeterAddress
from mbuscli.services import read as reading
from mbuscli.services import sweep as sweeping
from mbuscli.services.link import Link, more_follows
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.faults import Faults
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.scenario import Scenario
from mbuscli.simulator.slave import MeterSpec


def meter(number: int, baud: int) -> MeterSpec:
    address = MeterAddress(f"{number:08d}", 0x2C2D, 0x1B, 0x16)
    return MeterSpec(address.octets(), number, ((b"\x04\x13\x01\x00\x00\x00",),), baud=baud)


def link(*meters: MeterSpec, faults: Faults | None = None) -> Link:
    return Link(SimPort(Bus(Scenario(meters), faults=faults)), more_follows=more_follows)


def answered(bus: Link) -> list[int]:
    return [tried.baud for tried in sweeping.sweep(bus) if tried.is_answered]


def test_every_rate_at_which_somebody_listens() -> None:
    bus = link(meter(1, 300), meter(2, 9600), meter(3, 9600))
    tried = list(sweeping.sweep(bus))
    assert [each.baud for each in tried] == list(sweeping.USUAL)
    assert [each.baud for each in tried if each.is_answered] == [300, 9600]
    assert bus.clock() < 2.5


def test_the_other_rates_only_if_nobody_answered() -> None:
    bus = link(meter(1, 19200))
    tried = list(sweeping.sweep(bus))
    assert [each.baud for each in tried] == [*sweeping.USUAL, *sweeping.OTHERS]
    assert answered(link(meter(1, 19200))) == [19200]


def test_an_echo_is_nobody() -> None:
    assert answered(link(faults=Faults(echo=True))) == []
    assert answered(link(meter(1, 300), faults=Faults(echo=True))) == [300]


def test_meters_at_different_rates_are_all_read() -> None:
    bus = link(meter(1, 2400), meter(2, 300), meter(3, 9600))
    wanted = [3, MeterAddress("00000002"), 1, 9]
    events = sweeping.read_at_any(bus, wanted, sweeping.USUAL)
    rates = {}
    failed = []
    for event in events:
        if isinstance(event, reading.Read):
            rates[event.address] = bus.baud
        elif isinstance(event, reading.Failed):
            failed.append((event.address, type(event.error), event.error.text))
    assert rates == {1: 2400, wanted[1]: 300, 3: 9600}
    assert failed == [(9, NoAnswerError, "no answer from 9 at any of 2400, 300, 9600 baud")]


def test_the_same_address_at_two_rates_keeps_two_frame_count_bits() -> None:
    one, other = meter(5, 2400), meter(5, 300)._replace(meter=meter(6, 300).meter)
    bus = link(one, other)
    found = []
    for baud in (2400, 300, 2400, 300):
        bus.set_baud(baud)
        (reply,) = bus.converter.run(bus.session.read(5))
        found.append(reply.raw[7:11])
    assert found == [one.meter[:4], other.meter[:4]] * 2


class Deaf(SimPort):
    """A bus whose meters do not know the test address."""

    def write(self, data: bytes) -> None:
        super().write(b"\x00" * len(data) if data[2:3] == b"\xfe" else data)


def test_meters_that_do_not_know_the_test_address() -> None:
    bus = Link(Deaf(Bus(Scenario((meter(1, 2400),)))))
    assert answered(bus) == []
    (event,) = (e for e in sweeping.read_at_any(bus, [1], sweeping.USUAL) if isinstance(e, reading.Read))
    assert event.address == 1

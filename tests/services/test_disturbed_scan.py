"""A primary scan where answers come late, are lost, or collide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mbuscli.errors import PortError
from mbuscli.protocol.address import MeterAddress
from mbuscli.services import scan as scanning
from mbuscli.services.link import Link
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.faults import Faults
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.scenario import Scenario
from mbuscli.simulator.slave import MeterSpec

RECORDS = ((b"\x04\x13\x01\x00\x00\x00",),)


def meter(address: int, delay_s: float | None = None, number: int = 0) -> MeterSpec:
    identity = MeterAddress(f"{number or address:08d}", 0x2C2D, 0x1B, 0x16)
    return MeterSpec(identity.octets(), address, RECORDS, reply_delay_s=delay_s)


def scan(
    *meters: MeterSpec, last: int = 9, faults: Faults | None = None
) -> tuple[dict[int, str], scanning.Finished, Bus]:
    """What is where with its note, the summary, and the bus."""
    bus = Bus(Scenario(meters), faults=faults)
    found: dict[int, str] = {}
    for event in scanning.scan(Link(SimPort(bus)), range(last + 1)):
        if isinstance(event, scanning.Found):
            assert event.probe.address not in found
            found[event.probe.address] = f"{event.probe.state} {event.note}".strip()
    assert isinstance(event, scanning.Finished)
    return found, event, bus


def test_a_quiet_bus_is_asked_once() -> None:
    found, end, bus = scan(meter(3), meter(7))
    assert found == {3: "meter", 7: "meter"}
    assert end.disturbed == 0
    assert bus.requests == 10 + 2


@pytest.mark.parametrize("delay_s", [0.3, 0.5, 0.75, 1.0, 1.2])
@pytest.mark.parametrize("address", [0, 3, 9])
def test_a_late_meter_is_found_at_its_own_address(address: int, delay_s: float) -> None:
    found, end, _ = scan(meter(address, delay_s), meter(5))
    assert found == {address: f"meter {scanning.LATE_NOTE}", 5: "meter"} or (
        # Its late answer may have spoilt the first one of the other meter.
        found.keys() == {address, 5} and all(note.startswith("meter") for note in found.values())
    )
    assert end.disturbed


def test_several_late_meters_in_a_row() -> None:
    found, _, _ = scan(*(meter(address, 0.7) for address in (2, 3, 4)))
    assert {address: note.split()[0] for address, note in found.items()} == dict.fromkeys((2, 3, 4), "meter")


@pytest.mark.parametrize("delays", [(0.05, 0.05), (0.01, 0.15), (0.02, 0.1), (None, None)])
def test_two_meters_at_one_address_collide_and_do_not_disturb_the_others(
    delays: tuple[float | None, float | None],
) -> None:
    twins = [meter(4, delay_s, number) for number, delay_s in zip((11, 12), delays, strict=True)]
    found, end, _ = scan(*twins, meter(6))
    assert found.keys() == {4, 6}
    assert found[4].startswith("collision")
    assert found[6] == "meter"
    assert end.disturbed == 0


def test_a_lost_port_still_tells_of_noise() -> None:
    told = 0
    for seed in range(20):
        faults = Faults(noise=0.4, unplug_after_requests=8, seed=seed)
        scanned = scanning.scan(Link(SimPort(Bus(Scenario((meter(200),)), faults=faults))), range(9))
        states = list(_states(scanned))
        assert states[-1] == "port lost"
        told += "noise" in states
    assert told > 5


def _states(scanned: Iterator[scanning.ScanEvent]) -> Iterator[str]:
    try:
        for event in scanned:
            if isinstance(event, scanning.Found):
                yield event.probe.state
    except PortError:
        yield "port lost"

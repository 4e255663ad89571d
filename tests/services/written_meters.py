"""Simulated meters whose registers a test looks at after a write."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.encode import encode_record
from mbuscli.services.link import Link, more_follows
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.faults import NO_FAULTS, Faults
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.scenario import Scenario
from mbuscli.simulator.slave import MeterSpec

MAKER = 0x2C2D  # KAM
CLOCK_F = bytes.fromhex("046D")
CLOCK_I = bytes.fromhex("066D")


def address_of(number: str) -> MeterAddress:
    """The complete address of one of these meters."""
    return MeterAddress(number, MAKER, 0x1B, 0x16)


def meter(number: str = "11111111", address: int = 1, **details: Any) -> MeterSpec:
    """A water meter with a volume; `clock`, a text, adds a clock record of type F, or I if it has seconds."""
    clock = details.pop("clock", None)
    records = [bytes.fromhex("0C1367452301")]
    if clock is not None:
        records.append(encode_record(CLOCK_I if len(clock) > 16 else CLOCK_F, clock))
    details.setdefault("telegrams", (tuple(records),))
    return MeterSpec(address_of(number).octets(), address, **details)


def bus_of(*meters: MeterSpec, faults: Faults = NO_FAULTS) -> Bus:
    """A bus with these meters."""
    return Bus(Scenario(meters, faults))


def link_to(bus: Bus, baud: int = 2400) -> Link:
    """A link to it, whose clock is virtual."""
    return Link(SimPort(bus, "sim:", baud), more_follows=more_follows)


def clock_of(bus: Bus, index: int, now: float) -> datetime:
    """What a meter's running clock shows, from its register."""
    clock = bus.slaves[index].clock
    assert clock is not None
    from mbuscli.protocol.application.date_types import decode_type_i

    return datetime.fromisoformat(decode_type_i(clock.octets(6, now)))

"""Buses of plain meters for plans and lists, and the registers of the simulated meters."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mbuscli.protocol.address import MeterAddress
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.scenario import Scenario, parse_scenario


def toml_of(meters: Iterable[tuple[str, int]], *, baud: int = 2400, extra: str = "") -> str:
    """Cold-water meters KAM.04.16, one for each number and primary address; `extra` lines go into each."""
    blocks = [
        f"[[meter]]\nid = '{number}'\naddress = {address}\nmanufacturer = 'KAM'\nversion = 4\n"
        f"device_type = 0x16\nbaud = {baud}\n{extra}\n"
        f"records = ['0C13 = {position}.123', '4C13 = {position}.000', '426C = 2025-12-31']\n"
        for position, (number, address) in enumerate(meters, 1)
    ]
    return "\n".join(blocks)


def scenario_of(meters: Iterable[tuple[str, int]], *, baud: int = 2400, extra: str = "") -> Scenario:
    """As `toml_of`, parsed."""
    return parse_scenario(toml_of(meters, baud=baud, extra=extra))


def registers(bus: Bus) -> dict[str, int]:
    """Primary addresses as the meters have them, by number."""
    return {MeterAddress.from_octets(slave.meter).id: slave.address for slave in bus.slaves}


def write_plan(path: Path, rows: Iterable[tuple[str, object]], heading: str = "meter;new address") -> Path:
    """A plan as CSV."""
    path.write_text("\n".join([heading, *(f"{number};{new}" for number, new in rows)]) + "\n", "utf-8")
    return path

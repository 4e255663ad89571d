"""Units and media of the fixed data structure (EN 13757-3, CI 73; withdrawn, still met)."""

from __future__ import annotations

from typing import NamedTuple

MEDIA = (
    "other",
    "oil",
    "electricity",
    "gas",
    "heat",
    "steam",
    "hot water",
    "water",
    "heat cost allocator",
    "reserved",
    "gas (mode 2)",
    "heat (mode 2)",
    "hot water (mode 2)",
    "water (mode 2)",
    "heat cost allocator (mode 2)",
    "reserved",
)


class Unit(NamedTuple):
    """value = counter · 10^exponent, in `unit`; an empty quantity has no number."""

    quantity: str
    unit: str = ""
    exponent: int = 0


def _ladder(first: int, quantity: str, unit: str, exponent: int) -> dict[int, Unit]:
    """Nine codes in a row, each ten times the one before."""
    return {first + step: Unit(quantity, unit, exponent + step) for step in range(9)}


UNITS: dict[int, Unit] = {
    0x00: Unit("time_hms"),
    0x01: Unit("date_dmy"),
    **_ladder(0x02, "energy", "Wh", 0),
    **_ladder(0x0B, "energy", "J", 3),
    **_ladder(0x14, "power", "W", 0),
    **_ladder(0x1D, "power", "J/h", 3),
    **_ladder(0x26, "volume", "m³", -6),
    **_ladder(0x2F, "volume_flow", "m³/h", -6),
    0x38: Unit("temperature", "°C", -3),
    0x39: Unit("hca"),
    0x3F: Unit("dimensionless"),
}

# Same unit as the other counter, but an older value.
UNIT_OF_OTHER_COUNTER = 0x3E
# No number: hours-minutes-seconds and day-month-year have no layout in the standard's text.
UNREADABLE_UNITS = frozenset((0x00, 0x01))

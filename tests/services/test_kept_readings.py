"""Names of values that come out of the inventory."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mbuscli.protocol.address import MeterAddress
from mbuscli.services.inventory import StoredReading
from mbuscli.services.kept_readings import kept_reading

WATER = MeterAddress.parse("65003821.KAM.1B.16")
STRANGER = MeterAddress.parse("12345678.XYZ.01.07")


def stored(
    quantity: str, value: str, unit: str, storage: int = 0, function: str = "instantaneous"
) -> StoredReading:
    return StoredReading(0.0, quantity, function, storage, 0, 0, (), "", value, unit)


@pytest.mark.parametrize(
    ("meter", "kept", "expected"),
    [
        (WATER, stored("volume", "6.408", "m³"), ("total_m3", Decimal("6.408"), "m³")),
        (STRANGER, stored("energy", "1500", "Wh"), ("total_energy_consumption_kwh", Decimal("1.5"), "kWh")),
        (STRANGER, stored("volume", "2", "m³", 3, "maximum"), ("max_volume_storage_3_m3", Decimal(2), "m³")),
        (STRANGER, stored("total_m3", "7.1", "m³"), ("total_m3", Decimal("7.1"), "m³")),
        (STRANGER, stored("date", "2025-12-31", "", 1), ("target_date", "2025-12-31", "")),
    ],
)
def test_names(meter: MeterAddress, kept: StoredReading, expected: tuple[str, object, str]) -> None:
    reading = kept_reading(meter, kept)
    assert (reading.name, reading.value, reading.unit) == expected

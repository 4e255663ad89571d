"""What billing is told of a readout."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mbuscli.protocol.wired.frames import encode_long
from mbuscli.services.summary import Summary, summarise
from mbuscli.simulator.scenario import encode_words
from mbuscli.telegram import Telegram, decode


def telegram(records: list[str], device_type: int = 0x16) -> Telegram:
    header = bytes.fromhex("785634122D2C1B") + bytes((device_type, 1, 0, 0, 0))
    return decode(encode_long(0x08, 1, 0x72, header + b"".join(map(encode_words, records))))


def of(records: list[str], device_type: int = 0x16) -> Summary:
    return summarise([telegram(records, device_type)])


def test_a_water_meter() -> None:
    records = ["0C13 = 1234.560", "4C13 = 1200.000", "426C = 2025-12-31", "046D = 2026-01-31T10:00"]
    found = of(records)
    assert (found.quantity, found.unit) == ("volume", "m³")
    assert str(found.value) == "1234.560"
    assert (found.due_date, found.due_value) == ("2025-12-31", Decimal("1200.000"))
    assert found.meter_time == "2026-01-31T10:00"


@pytest.mark.parametrize(("device_type", "quantity"), [(0x04, "energy"), (0x02, "energy"), (0x07, "volume")])
def test_the_counter_that_the_meter_is_there_for(device_type: int, quantity: str) -> None:
    assert of(["0C13 = 1.000", "0C06 = 2000"], device_type).quantity == quantity


def test_what_is_no_total_is_passed_over() -> None:
    records = ["8C1013 = 1.000", "1C13 = 2.000", "3C13 = 3.000", "4C13 = 4.000", "8C4013 = 5.000"]
    found = of(records)
    assert (found.quantity, found.value) == ("", None)
    assert of([*records, "0C13 = 6.000"]).value == Decimal("6.000")


def test_the_due_date_is_where_a_date_is() -> None:
    records = ["0C13 = 9.000", "4C13 = 8.000", "8C0113 = 7.000", "82016C = 2025-12-31"]
    found = of(records)
    assert (found.due_date, found.due_value) == ("2025-12-31", Decimal("7.000"))
    found = of(records[:3])
    assert (found.due_date, found.due_value) == (None, Decimal("8.000"))


def test_several_telegrams_are_one_readout() -> None:
    found = summarise([telegram(["0C13 = 1.000"]), telegram(["4C13 = 0.500", "426C = 2025-12-31"])])
    assert (found.value, found.due_value) == (Decimal("1.000"), Decimal("0.500"))


def test_a_number_that_is_none() -> None:
    assert of(["hex:0C13A1230567"]).value is None
    assert summarise([]).value is None

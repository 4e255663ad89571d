"""A meter's numbers over time."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from mbuscli.services.history import heard_series, newest, quantities, steps, stored_series
from mbuscli.services.inventory import StoredReading


def reading(
    time: str, value: str, quantity: str = "volume", storage: int = 0, moment: str = "", **other: object
) -> StoredReading:
    found = StoredReading(
        datetime.fromisoformat(time).timestamp(),
        quantity,
        "instantaneous",
        storage,
        0,
        0,
        (),
        moment,
        value,
        "" if quantity == "date" else "m³",
    )
    return found._replace(**other)


def test_the_last_value_of_each_day_or_every_value_of_one_day() -> None:
    days = [
        reading("2026-01-30T08:00", "1.0"),
        reading("2026-01-30T18:00", "1.5"),
        reading("2026-01-31T08:00", "2.25"),
    ]
    series = heard_series(days, "volume")
    assert series is not None
    assert (series.moments, series.values) == (
        ("2026-01-30", "2026-01-31"),
        (Decimal("1.5"), Decimal("2.25")),
    )
    assert steps(series) == series._replace(moments=("2026-01-31",), values=(Decimal("0.75"),))
    assert newest(series, 1).moments == ("2026-01-31",)
    one = heard_series(days[:2], "volume")
    assert one is not None
    assert one.moments == ("08:00", "18:00")
    assert heard_series(days, "energy") is None


def test_tariffs_maxima_and_words_are_left_out() -> None:
    odd = [
        reading("2026-01-30T08:00", "9", tariff=1),
        reading("2026-01-30T08:00", "9", function="maximum"),
        reading("2026-01-30T08:00", "9", qualifiers=("backward_flow",)),
        reading("2026-01-30T08:00", "error text"),
        reading("2026-01-30T08:00", "NaN"),
    ]
    assert heard_series(odd, "volume") is None
    assert quantities(odd) == []


def test_stored_values_stand_at_their_dates() -> None:
    kept = [
        reading("2026-02-01T08:00", "2025-12-31", "date", 1),
        reading("2026-02-01T08:00", "100", storage=1),
        reading("2026-02-01T08:00", "90", storage=2, moment="2025-11-30"),
        reading("2026-02-01T08:00", "101", storage=1),
        reading("2026-02-01T08:00", "102"),
    ]
    series = stored_series(kept, "volume")
    assert series is not None
    assert (series.moments, series.values) == (("2025-11-30", "2025-12-31"), (Decimal(90), Decimal(101)))
    undated = [reading("2026-02-01T08:00", str(100 - n), storage=n) for n in (1, 2, 3)]
    found = stored_series(undated, "volume")
    assert found is not None
    assert found.moments == ("storage 3", "storage 2", "storage 1")
    assert stored_series(undated, "energy") is None
    assert quantities(kept) == ["volume"]

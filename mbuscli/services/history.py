"""A meter's numbers over time: what was heard of its main reading, or the values that it stores itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from mbuscli.services.inventory import StoredReading

_DATES = ("date", "datetime")


class Series(NamedTuple):
    """Numbers with their moments, the oldest first. `moments` are dates, or times where several fall on one
    day, or storage numbers where the meter does not tell when."""

    quantity: str
    unit: str
    moments: tuple[str, ...]
    values: tuple[Decimal, ...]


def heard_series(readings: Sequence[StoredReading], quantity: str) -> Series | None:
    """The present value of a quantity as it was heard: the last one of each day, or all if it is one day."""
    present = [
        reading
        for reading in readings
        if reading.quantity == quantity and _is_plain(reading) and not reading.storage and not reading.moment
    ]
    if not present:
        return None
    unit = present[-1].unit
    points = [(datetime.fromtimestamp(r.time), r.number) for r in present if r.unit == unit]
    days = {moment.date() for moment, _ in points}
    form = "%Y-%m-%d" if len(days) > 1 else "%H:%M"
    return _series(quantity, unit, ((moment.strftime(form), number) for moment, number in points))


def stored_series(readings: Sequence[StoredReading], quantity: str) -> Series | None:
    """The values of a quantity that the meter keeps (monthly, on due days), as it sent them last."""
    latest: dict[tuple[int, str], StoredReading] = {}
    dates: dict[int, str] = {}
    for reading in readings:
        if reading.quantity in _DATES and reading.storage and not reading.qualifiers:
            dates[reading.storage] = reading.value[:10]
        elif reading.quantity == quantity and _is_plain(reading) and (reading.storage or reading.moment):
            latest[reading.storage, reading.moment] = reading
    if not latest:
        return None
    unit = next(iter(latest.values())).unit
    points = []
    for (storage, moment), reading in latest.items():
        if reading.unit == unit:
            when = moment[:10] or dates.get(storage, "")
            # A value without a date stands in the order of its storage number: higher ones are older.
            points.append((when, -storage, when or f"storage {storage}", reading.number))
    points.sort(key=lambda point: point[:2])
    return _series(quantity, unit, ((label, number) for _, _, label, number in points))


def quantities(readings: Sequence[StoredReading]) -> list[str]:
    """The quantities that can be drawn, those with the most values first."""
    counts: dict[str, int] = {}
    for reading in readings:
        if _is_plain(reading) and reading.quantity not in _DATES:
            counts[reading.quantity] = counts.get(reading.quantity, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def steps(series: Series) -> Series:
    """What was used between one moment and the next, instead of what the counter showed."""
    pairs = zip(series.values, series.values[1:], strict=False)
    return series._replace(
        moments=series.moments[1:], values=tuple(after - before for before, after in pairs)
    )


def newest(series: Series, count: int) -> Series:
    """The last `count` points."""
    return series._replace(moments=series.moments[-count:], values=series.values[-count:])


def _is_plain(reading: StoredReading) -> bool:
    return (
        reading.number is not None
        and reading.function == "instantaneous"
        and not reading.tariff
        and not reading.subunit
        and not reading.qualifiers
    )


def _series(quantity: str, unit: str, points: Iterable[tuple[str, Decimal | None]]) -> Series:
    """The last number of each moment."""
    last = {label: number for label, number in points if number is not None}
    return Series(quantity, unit, tuple(last), tuple(last.values()))

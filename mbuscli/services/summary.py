"""What billing wants of a meter's readout: its main counter now, at the due date, and the meter's clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from mbuscli.protocol.application.records import Record
from mbuscli.telegram import Telegram

_ENERGY_FIRST = ("energy", "volume", "mass", "hca")
_VOLUME_FIRST = ("volume", "mass", "energy", "hca")
_UNITS_FIRST = ("hca", "energy", "volume", "mass")
# By device type (EN 13757-3 table 13): what the meter is there to count. Others count energy if they can.
_COUNTED = {
    **dict.fromkeys((0x01, 0x03, 0x05, 0x06, 0x07, 0x09, 0x10, 0x11, 0x12, 0x13), _VOLUME_FIRST),
    **dict.fromkeys((0x15, 0x16, 0x17, 0x28), _VOLUME_FIRST),
    0x08: _UNITS_FIRST,
}
_INSTANTANEOUS = "instantaneous"


class Summary(NamedTuple):
    """`quantity` and `unit` as in the records, "" if the meter has no counter; values are exact."""

    quantity: str
    value: int | Decimal | None
    unit: str
    exponent: int
    due_date: str | None
    due_value: int | Decimal | None
    meter_time: str | None


def summarise(telegrams: Sequence[Telegram]) -> Summary:
    """The summary of one meter's readout. A total only: tariffs and subunits are not added up."""
    records = [record for telegram in telegrams for record in telegram.records]
    plain = [record for record in records if _is_plain(record)]
    current = _counter(plain, _order(telegrams))
    clock = _text(plain, 0, ("datetime",)) or _text(plain, 0, ("date",))
    if current is None:
        return Summary("", None, "", 0, None, None, clock)
    due = _due(plain, current)
    due_date = None if due is None else _text(plain, due.storage, ("date", "datetime"))
    return Summary(
        current.header.quantity,
        _number(current),
        current.header.unit,
        current.header.exponent,
        due_date,
        None if due is None else _number(due),
        clock,
    )


def _order(telegrams: Sequence[Telegram]) -> tuple[str, ...]:
    meter = telegrams[0].meter if telegrams else None
    return _COUNTED.get(meter.device_type, _ENERGY_FIRST) if meter is not None else _ENERGY_FIRST


def _is_plain(record: Record) -> bool:
    header = record.header
    return (
        header.function == _INSTANTANEOUS
        and not header.tariff
        and not header.subunit
        and not header.qualifiers
        and record.time is None
    )


def _counter(records: Iterable[Record], order: Sequence[str]) -> Record | None:
    found: dict[str, Record] = {}
    for record in records:
        if record.storage == 0 and _number(record) is not None:
            found.setdefault(record.header.quantity, record)
    return next((found[quantity] for quantity in order if quantity in found), None)


def _due(records: Sequence[Record], current: Record) -> Record | None:
    """The same counter at the due date: the first storage number with a date, else storage 1."""
    quantity = current.header.quantity
    stored = [
        record
        for record in records
        if record.storage and _number(record) is not None and record.header.quantity == quantity
    ]
    stored.sort(key=lambda record: record.storage)
    dated = [record for record in stored if _text(records, record.storage, ("date", "datetime"))]
    first = [record for record in stored if record.storage == 1]
    return next(iter(dated or first), None)


def _text(records: Iterable[Record], storage: int, quantities: Sequence[str]) -> str | None:
    for record in records:
        if record.storage == storage and record.header.quantity in quantities:
            return record.value if isinstance(record.value, str) else None
    return None


def _number(record: Record) -> int | Decimal | None:
    value = record.value
    return value if isinstance(value, int | Decimal) else None

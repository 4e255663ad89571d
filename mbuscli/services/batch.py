"""Telegrams in, columns out: one pure function for process pools, data frames and clusters.

It reads no file but the program's own tables, writes none, and asks nobody. What it has learnt of the shapes
of telegrams is kept in its process, and bounded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, TypeAlias

from mbuscli.errors import DecodeError, InputError
from mbuscli.meters.evaluate import evaluate
from mbuscli.meters.plan import evaluate_laid
from mbuscli.meters.reading import Readings
from mbuscli.meters.registry import Registry
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import KeySource, parse_key
from mbuscli.settings.keystore import Entry, KeyRing
from mbuscli.telegram import Telegram, decode
from mbuscli.telegram.plans import Plans

Columns: TypeAlias = dict[str, list[Any]]

# Of each row: the telegram's number in the batch, and what one of its records says.
COLUMNS = (
    "row",
    "address",
    "security",
    "proof",
    "quantity",
    "value",
    "number",
    "unit",
    "function",
    "storage",
    "tariff",
    "subunit",
    "reading",
    "error",
)


class _Kept(threading.local):
    """What a thread has learnt."""

    def __init__(self) -> None:
        self.plans = Plans()


_kept = _Kept()


def decode_batch(
    telegrams: Iterable[bytes | str], keys: KeySource | Mapping[str, str] | None = None
) -> Columns:
    """The values of many telegrams as columns of equal length: one row a value, telegram after telegram.

    `telegrams`: octets, or hexadecimal; one that is no telegram, or holds no value, has one row that says why
    in `error`. `keys`: hexadecimal by meter address, F for any digit, parts left out; or a `KeyRing`.

    row       number of the telegram in the batch, from 0
    address   12345678.KAM.1B.16
    security  none, decrypted, key_missing, key_wrong, unsupported, unauthentic
    proof     mac, payload-crc, check-bytes, plausible, none
    value     text with the meter's exact digits; `number` is the same as a float, None where it is none
    reading   its name, total_m3 or the like; None for records that have none
    error     why there is no value

    Raises UsageError for a key that cannot be one; InputError for two keys of one address.
    """
    ring = _ring(tuple(sorted(keys.items()))) if isinstance(keys, Mapping) else keys
    columns: Columns = {name: [] for name in COLUMNS}
    for row, data in enumerate(telegrams):
        try:
            octets = bytes.fromhex(data) if isinstance(data, str) else bytes(data)
            telegram = decode(octets, keys=ring, plans=_kept.plans)
        except (DecodeError, InputError, ValueError) as error:
            _add(columns, row, None, error=str(error))
            continue
        _add_telegram(columns, row, telegram)
    return columns


def _add_telegram(columns: Columns, row: int, telegram: Telegram) -> None:
    readings = _readings(telegram)  # first: a decoder may see records as the maker's own format
    names, others = readings.by_record()
    for record in telegram.records:
        header = record.header
        _add(
            columns,
            row,
            telegram,
            quantity=header.quantity,
            value=record.value,
            unit=header.unit,
            function=header.function,
            storage=record.storage,
            tariff=header.tariff,
            subunit=header.subunit,
            reading=names.get(record.offset),
            error=record.error,
        )
    for reading in others:
        _add(
            columns,
            row,
            telegram,
            value=reading.value,
            unit=reading.unit,
            reading=reading.name,
            error=reading.error,
        )
    if not telegram.records and not others:
        why = "; ".join(problem.text for problem in telegram.problems)
        _add(columns, row, telegram, error=why or "no records")


def _add(columns: Columns, row: int, telegram: Telegram | None, **cells: Any) -> None:
    value = cells.pop("value", None)
    is_number = isinstance(value, int | Decimal)
    cells["row"] = row
    cells["value"] = (
        format(value, "f") if isinstance(value, Decimal) else None if value is None else str(value)
    )
    cells["number"] = float(value) if is_number else None
    if telegram is not None:
        cells["address"] = None if telegram.meter is None else str(telegram.meter)
        cells["security"] = telegram.security.state
        cells["proof"] = telegram.security.proof
    for name, column in columns.items():
        column.append(cells.get(name))


def _readings(telegram: Telegram) -> Readings:
    driver = _registry().driver_for(telegram.meter)
    planned = None if telegram.laid is None else evaluate_laid(telegram, telegram.laid, driver)
    return planned or evaluate(telegram, driver)


@cache
def _registry() -> Registry:
    """The drivers that come with the program: those of a user would make the result depend on the machine."""
    return Registry(None)


@lru_cache(maxsize=4)
def _ring(keys: tuple[tuple[str, str], ...]) -> KeyRing:
    return KeyRing(Entry(meters, MeterAddress.parse(meters), parse_key(text)) for meters, text in keys)

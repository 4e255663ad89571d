"""Rows of `mbuscli meters`: drivers, their fields, their tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mbuscli.meters.units import unit_of
from mbuscli.render.columns import Columns
from mbuscli.render.lists import named_columns
from mbuscli.render.rows import Row

if TYPE_CHECKING:
    from mbuscli.meters.driver import Driver, Field
    from mbuscli.services.meter_drivers import Tested

DRIVER_COLUMNS: Columns = named_columns(
    {
        "name": "the driver's name",
        "title": "whose meters it reads",
        "origin": "built-in, or own",
        "main": "the reading that a bill is made from",
        "serves": "manufacturer, version, device type; * for any",
    }
)
FIELD_COLUMNS: Columns = named_columns(
    {
        "reading": "the reading's name",
        "unit": "its unit",
        "source": "the record or octet that it comes from",
        "about": "what it means",
    }
)
TEST_COLUMNS: Columns = named_columns(
    {"driver": "the driver's name", "test": "number of the test", "result": "ok or failed", "wrong": "why"}
)

COLUMNS: dict[str, tuple[Columns, tuple[str, ...]]] = {
    "drivers": (DRIVER_COLUMNS, tuple(DRIVER_COLUMNS)),
    "driver_fields": (FIELD_COLUMNS, tuple(FIELD_COLUMNS)),
    "driver_tests": (TEST_COLUMNS, tuple(TEST_COLUMNS)),
}


def driver_row(driver: Driver, *, own: bool) -> Row:
    """One driver."""
    return {
        "name": driver.name,
        "title": driver.title,
        "origin": "own" if own else "built-in",
        "main": driver.main,
        "serves": " ".join(driver.serves),
    }


def field_rows(driver: Driver) -> Iterable[Row]:
    """What a driver reads."""
    for field in driver.fields:
        unit = unit_of(field.name)
        yield {
            "reading": field.name,
            "unit": unit.text if unit else "",
            "source": _source(field),
            "about": field.about,
        }


def _source(field: Field) -> str:
    if field.source:
        return "the decoder" if field.source == "decoder" else f"{field.source} octet of the header"
    words = [f"VIF {field.vib.hex().upper()}" if field.vib is not None else field.quantity or ""]
    if field.function not in ("instantaneous", "any"):
        words.append(field.function)
    for name, numbers in (("storage", field.storage), ("tariff", field.tariff), ("subunit", field.subunit)):
        if numbers.stop > 1 << 40:
            words.append(f"any {name}")
        elif numbers != range(1):
            last = f"-{numbers.stop - 1}" if len(numbers) > 1 else ""
            words.append(f"{name} {numbers.start}{last}")
    return ", ".join([*words, *sorted(field.qualifiers or ())])


def test_row(tested: Tested) -> Row:
    """One test of a driver."""
    return {
        "driver": tested.driver,
        "test": tested.number,
        "result": "failed" if tested.wrong else "ok",
        "wrong": "; ".join(tested.wrong),
    }

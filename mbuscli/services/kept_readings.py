"""Values out of the inventory under the names that they have as readings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from mbuscli.meters.generic import systematic_name
from mbuscli.meters.reading import Reading
from mbuscli.meters.unit_table import SUFFIXES
from mbuscli.meters.units import convert, suffix_of
from mbuscli.services.readings import registry

if TYPE_CHECKING:
    from mbuscli.protocol.address import MeterAddress
    from mbuscli.protocol.application.header import RecordHeader
    from mbuscli.services.inventory import StoredReading


class _Kept(NamedTuple):
    """What the inventory keeps of a record's header: all that names it but a maker's own code."""

    quantity: str
    function: str
    storage: int
    tariff: int
    subunit: int
    qualifiers: tuple[str, ...]
    unit: str
    vib: bytes = b""
    data_field: int = 0


def kept_reading(meter: MeterAddress, kept: StoredReading) -> Reading:
    """The reading behind a kept value: named by the meter's driver, else by what it is."""
    value = kept.value if kept.number is None else kept.number
    if _is_name(kept):
        return Reading(kept.quantity, value, kept.unit)
    name = _name(meter, kept)
    suffix = suffix_of(name)
    if suffix is None or isinstance(value, str):
        return Reading(name, value, kept.unit)
    converted = convert(value, kept.unit, SUFFIXES[suffix])
    if converted is None:
        return Reading(name, value, kept.unit)
    return Reading(name, converted, SUFFIXES[suffix].text)


def _is_name(kept: StoredReading) -> bool:
    """True for what a decoder has named already."""
    suffix = suffix_of(kept.quantity)
    return suffix is not None and SUFFIXES[suffix].text == kept.unit


def _name(meter: MeterAddress, kept: StoredReading) -> str:
    header = cast(
        "RecordHeader",
        _Kept(
            kept.quantity, kept.function, kept.storage, kept.tariff, kept.subunit, kept.qualifiers, kept.unit
        ),
    )
    driver = registry().driver_for(meter)
    for field in driver.fields if driver is not None else ():
        if not field.source and field.vib is None and field.takes(header):
            return field.name_for(header, 1)
    return systematic_name(header)

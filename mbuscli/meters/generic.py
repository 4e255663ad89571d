"""Systematic names for what no driver names: quantity, what sets it apart, unit."""

from __future__ import annotations

from functools import lru_cache

from mbuscli.meters.units import default_suffix
from mbuscli.protocol.application.header import RecordHeader

# What dashboards call the present value; energy and volume carry no quantity there.
_PRESENT = {
    "volume": "total",
    "energy": "total_energy_consumption",
    "datetime": "meter_datetime",
    "date": "meter_date",
    "hca": "current_consumption",
}
# At storage 1, where most meters keep the value of the last due date.
_DUE = {
    "volume": "target",
    "energy": "target_energy_consumption",
    "datetime": "target_datetime",
    "date": "target_date",
    "hca": "consumption_at_set_date",
}
_FUNCTIONS = {"maximum": "max", "minimum": "min", "error": "at_error"}
_COUNTED = frozenset(("hca",))
# The reading that a bill is made from, where no driver says which.
MAIN_QUANTITIES = ("volume", "energy", "hca")


@lru_cache(maxsize=4096)
def systematic_name(header: RecordHeader) -> str:
    """`total_m3`, `max_flow_temperature_storage_3_c`, `volume_tariff_1_m3`."""
    words = [_stem(header)]
    if header.function in _FUNCTIONS:
        words.insert(0, _FUNCTIONS[header.function])
    if header.storage > 1 or (header.storage == 1 and header.quantity not in _DUE):
        words.append(f"storage_{header.storage}")
    if header.tariff:
        words.append(f"tariff_{header.tariff}")
    if header.subunit:
        words.append(f"subunit_{header.subunit}")
    if not header.quantity.startswith("manufacturer"):  # its octets are in the name already
        words += [_word(qualifier) for qualifier in header.qualifiers]
    suffix = "hca" if header.quantity in _COUNTED else default_suffix(header.unit)
    return "_".join([*words, suffix] if suffix else words)


def is_main(header: RecordHeader, device_type: int) -> bool:
    """True for the present total of a meter without tariffs and parts."""
    plain = not (header.storage or header.tariff or header.subunit or header.qualifiers)
    return plain and header.function == "instantaneous" and header.quantity == main_quantity(device_type)


def main_quantity(device_type: int) -> str:
    """What a meter of this type is read for (EN 13757-3, device types)."""
    if device_type in (0x02, 0x04, 0x0A, 0x0B, 0x0C, 0x0D):
        return "energy"
    return "hca" if device_type == 0x08 else "volume"


def _stem(header: RecordHeader) -> str:
    quantity = header.quantity
    if header.storage == 0 and quantity in _PRESENT:
        return _PRESENT[quantity]
    if header.storage == 1 and quantity in _DUE:
        return _DUE[quantity]
    if header.data_field == 0x0F:
        return "manufacturer_data"
    if quantity.startswith("manufacturer"):
        return f"manufacturer_{header.vib.hex()}"
    return _word(quantity)


def _word(text: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in text.lower()).strip("_")

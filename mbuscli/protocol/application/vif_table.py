"""Value information codes: primary table, extensions FB, FD and FD FD (EN 13757-3:2018 tables 10-14).

A row covers the codes `first` to `last`. Its unit is the base unit: the exponent of the first code is
given, and rises by one with each code, or stays where the row lists a unit for each code.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """How the data octets are to be read."""

    NUMBER = "number"  # as the DIF's data field says: type A, B or H
    UNSIGNED = "unsigned"  # type C where the data field is an integer
    BITS = "bits"  # type D
    DATE = "date"  # type G
    DATETIME = "datetime"  # type G, J, F or I by length
    MANUFACTURER = "manufacturer"  # a manufacturer code
    IDENTITY = "identity"  # an identification number or a complete address
    OCTETS = "octets"  # a container: bytes, no number
    OPAQUE = "opaque"  # layout or meaning not known: raw octets only
    PRIVATE = "private"  # the maker's own


class Vif(NamedTuple):
    """Meaning of one code: value = raw · 10^exponent / divisor, in `unit`."""

    quantity: str
    unit: str = ""
    exponent: int = 0
    kind: Kind = Kind.NUMBER
    divisor: int = 1
    legacy: bool = False


class _Row(NamedTuple):
    first: int
    last: int
    quantity: str
    unit: str | tuple[str, ...] = ""
    exponent: int = 0
    kind: Kind = Kind.NUMBER
    divisor: int = 1
    legacy: bool = False


_TIMES = ("s", "min", "h", "d")
_LONG_TIMES = ("h", "d", "month", "year")

_PRIMARY = (
    _Row(0x00, 0x07, "energy", "Wh", -3),
    _Row(0x08, 0x0F, "energy", "J", 0),
    _Row(0x10, 0x17, "volume", "m³", -6),
    _Row(0x18, 0x1F, "mass", "kg", -3),
    _Row(0x20, 0x23, "on_time", _TIMES),
    _Row(0x24, 0x27, "operating_time", _TIMES),
    _Row(0x28, 0x2F, "power", "W", -3),
    _Row(0x30, 0x37, "power", "J/h", 0),
    _Row(0x38, 0x3F, "volume_flow", "m³/h", -6),
    _Row(0x40, 0x47, "volume_flow", "m³/min", -7),
    _Row(0x48, 0x4F, "volume_flow", "m³/s", -9),
    _Row(0x50, 0x57, "mass_flow", "kg/h", -3),
    _Row(0x58, 0x5B, "flow_temperature", "°C", -3),
    _Row(0x5C, 0x5F, "return_temperature", "°C", -3),
    _Row(0x60, 0x63, "temperature_difference", "K", -3),
    _Row(0x64, 0x67, "external_temperature", "°C", -3),
    _Row(0x68, 0x6B, "pressure", "bar", -3),
    _Row(0x6C, 0x6C, "date", kind=Kind.DATE),
    _Row(0x6D, 0x6D, "datetime", kind=Kind.DATETIME),
    _Row(0x6E, 0x6E, "hca"),
    _Row(0x6F, 0x6F, "reserved", kind=Kind.OPAQUE),
    _Row(0x70, 0x73, "averaging_duration", _TIMES),
    _Row(0x74, 0x77, "actuality_duration", _TIMES),
    _Row(0x78, 0x78, "fabrication_number", kind=Kind.UNSIGNED),
    _Row(0x79, 0x79, "enhanced_identification", kind=Kind.IDENTITY),
    _Row(0x7A, 0x7A, "address", kind=Kind.UNSIGNED),
    _Row(0x7C, 0x7C, "plain_text"),
    _Row(0x7E, 0x7E, "any"),
    _Row(0x7F, 0x7F, "manufacturer_specific", kind=Kind.PRIVATE),
)

_FB = (
    _Row(0x00, 0x01, "energy", "Wh", 5),
    _Row(0x02, 0x03, "reactive_energy", "varh", 3),
    _Row(0x04, 0x05, "apparent_energy", "VAh", 3),
    _Row(0x08, 0x09, "energy", "J", 8),
    _Row(0x0C, 0x0F, "energy", "cal", 5),
    _Row(0x10, 0x11, "volume", "m³", 2),
    _Row(0x14, 0x17, "reactive_power", "var", 0),
    _Row(0x18, 0x19, "mass", "kg", 5),
    _Row(0x1A, 0x1B, "relative_humidity", "%RH", -1),
    _Row(0x20, 0x20, "volume", "ft³"),
    _Row(0x21, 0x21, "volume", "ft³", -1),
    # US gallons and °F left the standard in 2004; old meters still send them.
    _Row(0x22, 0x22, "volume", "gal", -1, legacy=True),
    _Row(0x23, 0x23, "volume", "gal", legacy=True),
    _Row(0x24, 0x24, "volume_flow", "gal/min", -3, legacy=True),
    _Row(0x25, 0x25, "volume_flow", "gal/min", legacy=True),
    _Row(0x26, 0x26, "volume_flow", "gal/h", legacy=True),
    _Row(0x28, 0x29, "power", "W", 5),
    _Row(0x2A, 0x2A, "phase_angle_voltage_voltage", "°", -1),
    _Row(0x2B, 0x2B, "phase_angle_voltage_current", "°", -1),
    _Row(0x2C, 0x2F, "frequency", "Hz", -3),
    _Row(0x30, 0x31, "power", "J/h", 8),
    _Row(0x34, 0x37, "apparent_power", "VA", 0),
    _Row(0x58, 0x5B, "flow_temperature", "°F", -3, legacy=True),
    _Row(0x5C, 0x5F, "return_temperature", "°F", -3, legacy=True),
    _Row(0x60, 0x63, "temperature_difference", "°F", -3, legacy=True),
    _Row(0x64, 0x67, "external_temperature", "°F", -3, legacy=True),
    _Row(0x68, 0x68, "rating_factor", divisor=4096),
    # The sources disagree on the scale of Kq (1 W or 2^-12): no number.
    _Row(0x69, 0x69, "thermal_output_rating_factor", kind=Kind.OPAQUE),
    _Row(0x6A, 0x6A, "thermal_coupling_rating_factor_overall", divisor=4096),
    _Row(0x6B, 0x6B, "thermal_coupling_rating_factor_room", divisor=4096),
    _Row(0x6C, 0x6C, "thermal_coupling_rating_factor_heater", divisor=4096),
    _Row(0x6D, 0x6D, "low_temperature_rating_factor", divisor=4096),
    _Row(0x6E, 0x6E, "display_output_scaling_factor", divisor=4096),
    _Row(0x74, 0x77, "temperature_limit", "°C", -3),
    _Row(0x78, 0x7F, "cumulative_maximum_power", "W", -3),
)

_FD = (
    _Row(0x00, 0x03, "credit", "currency", -3),
    _Row(0x04, 0x07, "debit", "currency", -3),
    _Row(0x08, 0x08, "access_number", kind=Kind.UNSIGNED),
    _Row(0x09, 0x09, "device_type", kind=Kind.UNSIGNED),
    _Row(0x0A, 0x0A, "manufacturer", kind=Kind.MANUFACTURER),
    _Row(0x0B, 0x0B, "parameter_set_identification", kind=Kind.UNSIGNED),
    _Row(0x0C, 0x0C, "model_version", kind=Kind.UNSIGNED),
    _Row(0x0D, 0x0D, "hardware_version", kind=Kind.UNSIGNED),
    _Row(0x0E, 0x0E, "firmware_version", kind=Kind.UNSIGNED),
    _Row(0x0F, 0x0F, "software_version", kind=Kind.UNSIGNED),
    _Row(0x10, 0x10, "customer_location", kind=Kind.UNSIGNED),
    _Row(0x11, 0x11, "customer", kind=Kind.UNSIGNED),
    _Row(0x12, 0x12, "access_code_user", kind=Kind.UNSIGNED),
    _Row(0x13, 0x13, "access_code_operator", kind=Kind.UNSIGNED),
    _Row(0x14, 0x14, "access_code_system_operator", kind=Kind.UNSIGNED),
    _Row(0x15, 0x15, "access_code_developer", kind=Kind.UNSIGNED),
    _Row(0x16, 0x16, "password", kind=Kind.UNSIGNED),
    _Row(0x17, 0x17, "error_flags", kind=Kind.BITS),
    _Row(0x18, 0x18, "error_mask", kind=Kind.BITS),
    _Row(0x19, 0x19, "security_key", kind=Kind.OCTETS),
    _Row(0x1A, 0x1A, "digital_output", kind=Kind.BITS),
    _Row(0x1B, 0x1B, "digital_input", kind=Kind.BITS),
    _Row(0x1C, 0x1C, "baud_rate", "Bd", kind=Kind.UNSIGNED),
    _Row(0x1D, 0x1D, "response_delay_time", "bit times", kind=Kind.UNSIGNED),
    _Row(0x1E, 0x1E, "retry", kind=Kind.UNSIGNED),
    _Row(0x1F, 0x1F, "remote_control", kind=Kind.BITS),
    _Row(0x20, 0x20, "first_cyclic_storage_number", kind=Kind.UNSIGNED),
    _Row(0x21, 0x21, "last_cyclic_storage_number", kind=Kind.UNSIGNED),
    _Row(0x22, 0x22, "storage_block_size", kind=Kind.UNSIGNED),
    _Row(0x23, 0x23, "tariff_and_subunit_descriptor", kind=Kind.UNSIGNED),
    _Row(0x24, 0x27, "storage_interval", _TIMES),
    _Row(0x28, 0x28, "storage_interval", "month"),
    _Row(0x29, 0x29, "storage_interval", "year"),
    _Row(0x2A, 0x2A, "operator_specific_data", kind=Kind.UNSIGNED),
    _Row(0x2B, 0x2B, "time_point_second", "s"),
    _Row(0x2C, 0x2F, "duration_since_last_readout", _TIMES),
    _Row(0x30, 0x30, "start_of_tariff", kind=Kind.DATETIME),
    _Row(0x31, 0x33, "duration_of_tariff", _TIMES[1:]),
    _Row(0x34, 0x37, "period_of_tariff", _TIMES),
    _Row(0x38, 0x38, "period_of_tariff", "month"),
    _Row(0x39, 0x39, "period_of_tariff", "year"),
    _Row(0x3A, 0x3A, "dimensionless"),
    _Row(0x3B, 0x3B, "wireless_mbus_container", kind=Kind.OCTETS),
    _Row(0x3C, 0x3F, "period_of_nominal_transmission", _TIMES),
    _Row(0x40, 0x4F, "voltage", "V", -9),
    _Row(0x50, 0x5F, "current", "A", -12),
    _Row(0x60, 0x60, "reset_counter", kind=Kind.UNSIGNED),
    _Row(0x61, 0x61, "cumulation_counter", kind=Kind.UNSIGNED),
    _Row(0x62, 0x62, "control_signal"),
    _Row(0x63, 0x63, "day_of_week"),
    _Row(0x64, 0x64, "week_number"),
    _Row(0x65, 0x65, "time_point_of_day_change", kind=Kind.DATETIME),
    _Row(0x66, 0x66, "parameter_activation_state"),
    _Row(0x67, 0x67, "special_supplier_information"),
    _Row(0x68, 0x6B, "duration_since_last_cumulation", _LONG_TIMES),
    _Row(0x6C, 0x6F, "battery_operating_time", _LONG_TIMES),
    _Row(0x70, 0x70, "battery_change", kind=Kind.DATETIME),
    _Row(0x71, 0x71, "rf_level", "dBm"),
    # The bit layouts of types K and L are not public.
    _Row(0x72, 0x72, "daylight_saving", kind=Kind.OPAQUE),
    _Row(0x73, 0x73, "listening_window", kind=Kind.OPAQUE),
    _Row(0x74, 0x74, "remaining_battery_lifetime", "d"),
    _Row(0x75, 0x75, "number_of_stops", kind=Kind.UNSIGNED),
    _Row(0x76, 0x76, "manufacturer_container", kind=Kind.OCTETS),
)

_FD_FD = (
    _Row(0x00, 0x00, "selected_application", kind=Kind.UNSIGNED),
    _Row(0x02, 0x02, "remaining_battery_lifetime", "month"),
    _Row(0x03, 0x03, "remaining_battery_lifetime", "year"),
)


def _expand(rows: tuple[_Row, ...]) -> dict[int, Vif]:
    table = {}
    for first, last, quantity, units, exponent, kind, divisor, legacy in rows:
        for step in range(last - first + 1):
            if isinstance(units, tuple):
                table[first + step] = Vif(quantity, units[step], exponent, kind, divisor, legacy)
            else:
                table[first + step] = Vif(quantity, units, exponent + step, kind, divisor, legacy)
    return table


PRIMARY = _expand(_PRIMARY)
EXTENSION_FB = _expand(_FB)
EXTENSION_FD = _expand(_FD)
EXTENSION_FD_FD = _expand(_FD_FD)

RESERVED = Vif("reserved", kind=Kind.OPAQUE)

VIF_FB = 0xFB
VIF_FD = 0xFD
VIF_PLAIN_TEXT = 0x7C

"""Combinable (orthogonal) VIFEs and their extension FC (EN 13757-3:2018 tables 15-17)."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Effect(Enum):
    """What a VIFE does to the value in front of it."""

    QUALIFY = "qualify"  # says more about the value, which stays as it is
    UNIT = "unit"  # goes on with the unit: "/h"
    SCALE = "scale"  # raises the power of ten
    ADD = "add"  # adds 10^exponent of the unit
    COUNT = "count"  # the data is a number of events
    DATE = "date"  # the data is a date or date-time
    DURATION = "duration"  # the data is a time span in `text`
    UNSIGNED = "unsigned"  # type C
    BITS = "bits"  # type D
    PROFILE = "profile"  # the data is a compact profile
    ERROR = "error"  # the value is not to be trusted
    NOTHING = "nothing"


class Vife(NamedTuple):
    """`text` is a qualifier, unit part or error; `exponent` goes with SCALE and ADD."""

    effect: Effect
    text: str = ""
    exponent: int = 0
    unit: str = ""


_TIMES = ("s", "min", "h", "d")

VIFE_EXTENSION = 0x7C
VIFE_MANUFACTURER = 0x7F

# 00-1F, master to slave: what to do with the record.
ACTIONS = {
    0x00: "write",
    0x01: "add_value",
    0x02: "subtract_value",
    0x03: "or_set_bits",
    0x04: "and",
    0x05: "xor_toggle_bits",
    0x06: "and_not_clear_bits",
    0x07: "clear",
    0x08: "add_entry",
    0x09: "delete_entry",
    0x0A: "delayed_action",
    0x0B: "freeze",
    0x0C: "add_to_readout_list",
    0x0D: "delete_from_readout_list",
}

# 00-1F, slave to master: record errors and qualifiers.
FROM_SLAVE = {
    0x00: Vife(Effect.NOTHING),
    0x01: Vife(Effect.ERROR, "too many DIFE"),
    0x02: Vife(Effect.ERROR, "storage number not implemented"),
    0x03: Vife(Effect.ERROR, "unit number not implemented"),
    0x04: Vife(Effect.ERROR, "tariff number not implemented"),
    0x05: Vife(Effect.ERROR, "function not implemented"),
    0x06: Vife(Effect.ERROR, "data class not implemented"),
    0x07: Vife(Effect.ERROR, "data size not implemented"),
    0x0B: Vife(Effect.ERROR, "too many VIFE"),
    0x0C: Vife(Effect.ERROR, "illegal VIF group"),
    0x0D: Vife(Effect.ERROR, "illegal VIF exponent"),
    0x0E: Vife(Effect.ERROR, "VIF/DIF mismatch"),
    0x0F: Vife(Effect.ERROR, "unimplemented action"),
    0x12: Vife(Effect.QUALIFY, "average"),
    0x13: Vife(Effect.PROFILE, "inverse_compact_profile"),
    0x14: Vife(Effect.QUALIFY, "relative_deviation"),
    0x15: Vife(Effect.ERROR, "no data available"),
    0x16: Vife(Effect.ERROR, "data overflow"),
    0x17: Vife(Effect.ERROR, "data underflow"),
    0x18: Vife(Effect.ERROR, "data error"),
    0x1C: Vife(Effect.ERROR, "premature end of record"),
    0x1D: Vife(Effect.QUALIFY, "standard_conform"),
    0x1E: Vife(Effect.PROFILE, "compact_profile_with_registers"),
    0x1F: Vife(Effect.PROFILE, "compact_profile"),
}


def _limits() -> dict[int, Vife]:
    """40-6F: limit exceedings; the bits u (upper), f (last), b (end), n (unit) stand in the code."""
    table: dict[int, Vife] = {}
    for upper, side in ((0, "lower"), (1, "upper")):
        table[0x40 | upper << 3] = Vife(Effect.QUALIFY, f"{side}_limit")
        table[0x41 | upper << 3] = Vife(Effect.COUNT, f"number_of_{side}_limit_exceeds")
        table[0x68 | upper << 2] = Vife(Effect.QUALIFY, f"during_{side}_limit_exceed")
        for last, rank in ((0, "first"), (1, "last")):
            for end, edge in ((0, "begin"), (1, "end")):
                code = 0x42 | upper << 3 | last << 2 | end
                table[code] = Vife(Effect.DATE, f"date_of_{rank}_{side}_limit_exceed_{edge}")
            for n, unit in enumerate(_TIMES):
                code = 0x50 | upper << 3 | last << 2 | n
                table[code] = Vife(Effect.DURATION, f"duration_of_{rank}_{side}_limit_exceed", unit=unit)
    for last, rank in ((0, "first"), (1, "last")):
        for n, unit in enumerate(_TIMES):
            table[0x60 | last << 2 | n] = Vife(Effect.DURATION, f"duration_of_{rank}", unit=unit)
        for end, edge in ((0, "begin"), (1, "end")):
            table[0x6A | last << 2 | end] = Vife(Effect.DATE, f"date_of_{rank}_{edge}")
    return table


COMBINABLE: dict[int, Vife] = {
    0x20: Vife(Effect.UNIT, "/s"),
    0x21: Vife(Effect.UNIT, "/min"),
    0x22: Vife(Effect.UNIT, "/h"),
    0x23: Vife(Effect.UNIT, "/d"),
    0x24: Vife(Effect.UNIT, "/week"),
    0x25: Vife(Effect.UNIT, "/month"),
    0x26: Vife(Effect.UNIT, "/year"),
    0x27: Vife(Effect.UNIT, "/revolution"),
    0x28: Vife(Effect.QUALIFY, "increment_per_input_pulse_0"),
    0x29: Vife(Effect.QUALIFY, "increment_per_input_pulse_1"),
    0x2A: Vife(Effect.QUALIFY, "increment_per_output_pulse_0"),
    0x2B: Vife(Effect.QUALIFY, "increment_per_output_pulse_1"),
    0x2C: Vife(Effect.UNIT, "/l"),
    0x2D: Vife(Effect.UNIT, "/m³"),
    0x2E: Vife(Effect.UNIT, "/kg"),
    0x2F: Vife(Effect.UNIT, "/K"),
    0x30: Vife(Effect.UNIT, "/kWh"),
    0x31: Vife(Effect.UNIT, "/GJ"),
    0x32: Vife(Effect.UNIT, "/kW"),
    0x33: Vife(Effect.UNIT, "/(K·l)"),
    0x34: Vife(Effect.UNIT, "/V"),
    0x35: Vife(Effect.UNIT, "/A"),
    0x36: Vife(Effect.UNIT, "·s"),
    0x37: Vife(Effect.UNIT, "·s/V"),
    0x38: Vife(Effect.UNIT, "·s/A"),
    0x39: Vife(Effect.DATE, "start_date_of"),
    0x3A: Vife(Effect.QUALIFY, "uncorrected"),
    0x3B: Vife(Effect.QUALIFY, "positive_contributions"),
    0x3C: Vife(Effect.QUALIFY, "negative_contributions"),
    0x3E: Vife(Effect.QUALIFY, "at_base_conditions"),
    0x3F: Vife(Effect.QUALIFY, "obis_declaration"),
    **_limits(),
    0x69: Vife(Effect.QUALIFY, "leakage"),
    0x6D: Vife(Effect.QUALIFY, "overflow"),
    **{0x70 + n: Vife(Effect.SCALE, exponent=n - 6) for n in range(8)},
    **{0x78 + n: Vife(Effect.ADD, exponent=n - 3) for n in range(4)},
    0x7D: Vife(Effect.SCALE, exponent=3),
    0x7E: Vife(Effect.QUALIFY, "future_value"),
}

# After VIFE FC.
EXTENSION_FC: dict[int, Vife] = {
    0x01: Vife(Effect.QUALIFY, "phase_l1"),
    0x02: Vife(Effect.QUALIFY, "phase_l2"),
    0x03: Vife(Effect.QUALIFY, "phase_l3"),
    0x04: Vife(Effect.QUALIFY, "neutral"),
    0x05: Vife(Effect.QUALIFY, "phase_l1_l2"),
    0x06: Vife(Effect.QUALIFY, "phase_l2_l3"),
    0x07: Vife(Effect.QUALIFY, "phase_l3_l1"),
    0x08: Vife(Effect.QUALIFY, "quadrant_q1"),
    0x09: Vife(Effect.QUALIFY, "quadrant_q2"),
    0x0A: Vife(Effect.QUALIFY, "quadrant_q3"),
    0x0B: Vife(Effect.QUALIFY, "quadrant_q4"),
    0x0C: Vife(Effect.QUALIFY, "delta_import_export"),
    0x10: Vife(Effect.QUALIFY, "absolute_contributions"),
    0x11: Vife(Effect.UNSIGNED),
    0x12: Vife(Effect.BITS),
    0x14: Vife(Effect.QUALIFY, "from_partner_to_meter"),
    0x15: Vife(Effect.QUALIFY, "from_meter_to_partner"),
}

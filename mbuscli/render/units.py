"""Values as people read them: kWh instead of Wh, digits in groups of three. Exact, never rounded."""

from __future__ import annotations

from decimal import Decimal

# Base unit -> (least exponent, least magnitude, unit, decimal places to shift). The first row whose exponent
# or magnitude is reached wins: the exponent is the resolution that the meter chose, 3 for counting in kWh.
_STEPS: dict[str, tuple[tuple[int, int, str, int], ...]] = {
    "Wh": ((6, 10**9, "MWh", 6), (3, 1000, "kWh", 3)),
    "J": ((8, 10**11, "GJ", 9), (6, 10**6, "MJ", 6), (3, 1000, "kJ", 3)),
    "W": ((6, 10**9, "MW", 6), (2, 1000, "kW", 3)),
    "J/h": ((8, 10**11, "GJ/h", 9), (6, 10**6, "MJ/h", 6), (3, 1000, "kJ/h", 3)),
    "varh": ((6, 10**9, "Mvarh", 6), (3, 1000, "kvarh", 3)),
    "VAh": ((6, 10**9, "MVAh", 6), (3, 1000, "kVAh", 3)),
    "var": ((6, 10**9, "Mvar", 6), (3, 1000, "kvar", 3)),
    "VA": ((6, 10**9, "MVA", 6), (3, 1000, "kVA", 3)),
    "cal": ((6, 10**9, "Gcal", 9), (3, 1000, "kcal", 3)),
}


def readable(value: int | Decimal, unit: str, exponent: int) -> tuple[str, str]:
    """Value and unit as text; `exponent` is the power of ten of the last digit that the meter counts."""
    number = Decimal(value)
    for least_exponent, least, shown, shift in _STEPS.get(unit, ()):
        if exponent >= least_exponent or abs(number) >= least:
            return grouped(_shifted(number, shift, exponent - shift)), shown
    # A number without a unit is often an identification: its digits stay together.
    return grouped(number) if unit else format(number, "f"), unit


def _shifted(number: Decimal, places: int, resolution: int) -> Decimal:
    """`number` divided by 10^places, digit for digit; zeros finer than the resolution are not shown."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    exponent -= places
    while digits[-1] == 0 and exponent < min(resolution, 0):
        digits, exponent = digits[:-1] or (0,), exponent + 1
    return Decimal((sign, digits, exponent))


def grouped(number: Decimal) -> str:
    """All digits, those before the point in groups of three."""
    whole, point, fraction = format(number, "f").partition(".")
    # A whole part of -0 would lose its sign as an int; it needs no groups.
    return (f"{int(whole):,}".replace(",", " ") if len(whole) > 3 else whole) + point + fraction

"""Values as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.render.units import readable

SCALE = {"kWh": 3, "MWh": 6, "Wh": 0}


@pytest.mark.parametrize(
    ("value", "unit", "exponent", "shown"),
    [
        (482175000, "Wh", 3, "482 175 kWh"),
        (Decimal("27438120"), "Wh", 1, "27 438.12 kWh"),
        (950, "Wh", 0, "950 Wh"),
        (0, "Wh", 3, "0 kWh"),
        (5_000_000_000, "Wh", 6, "5 000 MWh"),
        (1_234_000_000, "J", 6, "1 234 MJ"),
        (230, "W", 2, "0.23 kW"),
        (Decimal("-1234.50"), "°C", -2, "-1 234.50 °C"),
        (Decimal("-0.50"), "K", -2, "-0.50 K"),
        (67284105, "", 0, "67284105 "),
    ],
)
def test_known_values(value: int | Decimal, unit: str, exponent: int, shown: str) -> None:
    assert " ".join(readable(value, unit, exponent)) == shown


@given(st.integers(-(10**12), 10**12), st.integers(-3, 6))
def test_the_shift_is_exact(number: int, exponent: int) -> None:
    value = Decimal(number).scaleb(exponent)
    text, unit = readable(value, "Wh", exponent)
    assert Decimal(text.replace(" ", "")).scaleb(SCALE[unit]) == value

"""Fixed data structure (CI 73, 77)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mbuscli.errors import Reason
from mbuscli.protocol.application.fixed import decode_fixed, describe_medium
from mbuscli.protocol.application.fixed_table import UNITS
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.telegram import decode

# id 12345678, access number 10, status 0; water, counter 1 in litres, counter 2 the same but historic.
EXAMPLE = bytes.fromhex("785634120A00E97E0100000035010000")


def with_status(status: int, counter1: str, counter2: str = "00000000", units: str = "E929") -> bytes:
    return EXAMPLE[:5] + bytes((status,)) + bytes.fromhex(units + counter1 + counter2)


def test_example() -> None:
    telegram = decode(encode_long(8, 5, 0x73, EXAMPLE))
    assert telegram.meter is not None
    assert telegram.meter.id == "12345678"
    assert (telegram.acc, telegram.status, telegram.medium) == (10, 0, 7)
    assert describe_medium(7) == "water"
    first, second = telegram.records
    assert (first.value, first.header.unit, first.qualifiers) == (Decimal("0.001"), "m³", ())
    assert (second.value, second.header.unit, second.qualifiers) == (Decimal("0.135"), "m³", ("historic",))
    assert [record.offset for record in telegram.records] == [15, 19]
    assert telegram.raw[15:19] == first.raw


def test_most_significant_octet_first() -> None:
    data = bytes.fromhex("123456780A00E97E0000000100000135")
    telegram = decode(encode_long(8, 5, 0x77, data))
    assert telegram.meter is not None
    assert telegram.meter.id == "12345678"
    assert [record.value for record in telegram.records] == [Decimal("0.001"), Decimal("0.135")]


@pytest.mark.parametrize(
    ("status", "counter", "value"),
    [
        (0x00, "01000000", Decimal("0.001")),
        (0x00, "0A000000", None),  # BCD with a letter
        (0x81, "10000000", Decimal("0.016")),  # both readings of the bit agree: binary
        (0x80, "0A000000", Decimal("0.010")),  # no BCD, so it must be binary
        (0x01, "0A000000", Decimal("0.010")),
        (0x80, "10000000", None),  # 10 or 16: not sure, so no number
        (0x01, "10000000", None),
        (0x80, "05000000", Decimal("0.005")),  # the same either way
    ],
)
def test_a_doubtful_coding_gives_no_number(status: int, counter: str, value: Decimal | None) -> None:
    record = decode_fixed(with_status(status, counter), 0).records[0]
    assert record.value == value
    assert (record.error is None) == (value is not None)


@pytest.mark.parametrize("status", [0x40, 0x02])
def test_stored_counters_say_so(status: int) -> None:
    assert decode_fixed(with_status(status, "01000000"), 0).records[0].qualifiers == ("stored_at_fixed_date",)


@pytest.mark.parametrize("units", ["0029", "3A29", "3E3E", "3E00"])
def test_units_without_a_number(units: str) -> None:
    record = decode_fixed(with_status(0, "01000000", units=units), 0).records[0]
    assert record.value is None
    assert "unit code" in str(record.error)


@pytest.mark.parametrize(
    ("code", "unit", "factor"),
    [(0x02, "Wh", "1"), (0x05, "Wh", "1E+3"), (0x0A, "Wh", "1E+8"), (0x0D, "J", "1E+5"), (0x0E, "J", "1E+6"),
     (0x14, "W", "1"), (0x1C, "W", "1E+8"), (0x1D, "J/h", "1E+3"), (0x25, "J/h", "1E+11"), (0x26, "m³", "1E-6"),
     (0x2C, "m³", "1"), (0x2E, "m³", "1E+2"), (0x2F, "m³/h", "1E-6"), (0x37, "m³/h", "1E+2"), (0x38, "°C", "1E-3")],
)  # fmt: skip
def test_unit_ladder(code: int, unit: str, factor: str) -> None:
    assert UNITS[code].unit == unit
    assert Decimal(1).scaleb(UNITS[code].exponent) == Decimal(factor)


@pytest.mark.parametrize("size", [0, 3, 15])
def test_a_short_structure_is_damage(size: int) -> None:
    telegram = decode(encode_long(8, 5, 0x73, EXAMPLE[:size]))
    assert [problem.reason for problem in telegram.problems] == [Reason.LENGTH_MISMATCH]
    assert telegram.meter is None

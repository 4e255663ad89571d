"""The engine behind the drivers: fields, units, names, words, the user's own drivers."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import InputError, UsageError
from mbuscli.meters.driver import Driver, parse_driver
from mbuscli.meters.evaluate import evaluate
from mbuscli.meters.reading import Reading, Readings
from mbuscli.meters.registry import Registry
from mbuscli.meters.unit_table import SUFFIXES
from mbuscli.meters.units import convert, in_units, parse_unit
from mbuscli.telegram import Telegram, decode

HEAD = "44 AE4C 78563412 68 07 7A 05 {status:02X} 0000"


def telegram(records: str, status: int = 0) -> Telegram:
    """A radio telegram of the water meter 12345678.SEN.68.07."""
    body = bytes.fromhex(HEAD.format(status=status) + records)
    return decode(bytes((len(body),)) + body)


def driver(*fields: dict[str, Any], **more: Any) -> Driver:
    return parse_driver({"name": "own", "serves": ["SEN.68.07"], "field": [*fields], **more}, "own.toml")


def values(readings: Readings) -> dict[str, object]:
    return {reading.name: reading.value for reading in readings.values}


VOLUME = "0413 181E0000"


def test_without_a_driver_every_record_has_a_systematic_name() -> None:
    read = evaluate(
        telegram(f"{VOLUME} 123B 0500 4413 01000000 426C 3F3C 8401 13 02000000 02FD17 0100"), None
    )
    assert values(read) == {
        "total_m3": Decimal("7.704"),
        "max_volume_flow_m3h": Decimal("0.005"),
        "target_m3": Decimal("0.001"),
        "target_date": "2025-12-31",
        "volume_storage_2_m3": Decimal("0.002"),
        "error_flags": 1,
        "status": "OK",
    }
    assert read.driver is None
    assert read.main is not None
    assert read.main.name == "total_m3"


def test_two_records_with_one_header_are_both_shown() -> None:
    read = evaluate(telegram(f"{VOLUME} 0413 01000000"), None)
    assert values(read)["total_m3"] == Decimal("7.704")
    assert values(read)["total_m3_2"] == Decimal("0.001")


def test_a_driver_names_and_orders_and_hides_nothing() -> None:
    own = driver(
        {"name": "flow_m3h", "quantity": "volume_flow"},
        {"name": "total_m3", "quantity": "volume", "about": "All of it."},
        main="total_m3",
    )
    read = evaluate(telegram(f"{VOLUME} 023B 0500 025A 9600"), own)
    assert [reading.name for reading in read.values] == [
        "flow_m3h",
        "total_m3",
        "flow_temperature_c",
        "status",
    ]
    assert read.main == read.values[1]
    assert read.values[1].about == "All of it."


def test_ranges_and_counted_names() -> None:
    own = driver({"name": "month_{n}_m3", "quantity": "volume", "storage": "8-10", "first": 8})
    read = evaluate(telegram("8404 13 01000000 C404 13 02000000 8405 13 03000000 C405 13 04000000"), own)
    assert [*values(read)][:4] == ["month_1_m3", "month_2_m3", "month_3_m3", "volume_storage_11_m3"]


@pytest.mark.parametrize(("flags", "words"), [(0, "OK"), (1, "DRY"), (5, "DRY LEAK"), (9, "DRY STATUS_8")])
def test_bits_become_words(flags: int, words: str) -> None:
    own = driver({"name": "status", "quantity": "error_flags", "bits": {"1": "DRY", "0x04": "LEAK"}})
    assert values(evaluate(telegram(f"02FD17 {flags:02X}00"), own))["status"] == words


def test_the_status_octet_joins_the_words_of_the_flags() -> None:
    own = driver(
        {"name": "status", "quantity": "error_flags", "bits": {"1": "DRY"}},
        {"name": "status", "from": "status", "bits": {"0x20": "TAMPER"}},
    )
    read = evaluate(telegram("02FD17 0100", status=0x24), own)
    assert values(read)["status"] == "DRY POWER_LOW TAMPER"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "OK"),
        (0x01, "BUSY"),
        (0x03, "ALARM"),
        (0x1C, "PERMANENT_ERROR POWER_LOW TEMPORARY_ERROR"),
        (0xE0, "UNKNOWN_E0"),
    ],
)
def test_status_octet(status: int, words: str) -> None:
    assert values(evaluate(telegram(VOLUME, status), None))["status"] == words


def test_a_unit_that_does_not_fit_is_no_number() -> None:
    read = evaluate(telegram(VOLUME), driver({"name": "total_kwh", "quantity": "volume"}))
    assert read.values[0].value is None
    assert "m³ is no kWh" in (read.values[0].error or "")


def test_makers_own_codes() -> None:
    own = driver(
        {"name": "energy_m3c", "vib": "FF07", "unit": "m³·°C"},
        {"name": "level", "vib": "FF08", "words": {"1": "low", "2": "high"}},
        {"name": "product", "vib": "FF09", "as": "hex-reversed"},
    )
    read = values(evaluate(telegram("04FF07 05000000 01FF08 02 03FF09 010203"), own))
    assert read["energy_m3c"] == 5
    assert read["level"] == "high"
    assert read["product"] == "030201"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"serves": []}, "name"),
        ({"name": "x", "serves": "KAM"}, "serves"),
        ({"name": "x", "serves": [], "feld": []}, "did you mean 'field'"),
        ({"name": "x", "serves": [], "field": [{"quantity": "volume"}]}, "field 1: it has no name"),
        ({"name": "x", "serves": [], "field": [{"name": "y"}]}, "quantity, vib or from"),
        ({"name": "x", "serves": [], "field": [{"name": "y", "vib": "zz"}]}, "field 1"),
        (
            {"name": "x", "serves": [], "field": [{"name": "y", "quantity": "volume", "storage": "a-b"}]},
            "field 1",
        ),
        ({"name": "x", "serves": [], "field": [{"name": "y", "from": "moon"}]}, "from"),
    ],
)
def test_a_wrong_driver_is_refused_with_its_place(table: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=r"own\.toml") as caught:
        parse_driver(table, "own.toml")
    assert words in caught.value.text


def test_the_users_drivers_win(tmp_path: Path) -> None:
    text = 'name = "mine"\nserves = ["SEN.*.07"]\n[[field]]\nname = "water_m3"\nquantity = "volume"\n'
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    drivers = Registry(str(tmp_path))
    meter = telegram(VOLUME).meter
    found = drivers.driver_for(meter)
    assert found is not None
    assert found.name == "mine"
    assert drivers.is_own("mine")
    assert "mine" in drivers.names()
    assert Registry().driver_for(meter) is not found


def test_two_drivers_for_one_meter_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(f'name = "{name}"\nserves = ["SEN.68.07"]\n', encoding="utf-8")
    with pytest.raises(InputError, match="served by a and by b"):
        Registry(str(tmp_path))


def test_an_unknown_driver_has_neighbours() -> None:
    with pytest.raises(InputError) as caught:
        Registry().by_name("iperll")
    assert "iperl" in caught.value.hint[0]


@given(value=st.integers(-(10**9), 10**9))
def test_conversions_there_and_back(value: int) -> None:
    kwh = convert(value, "Wh", SUFFIXES["kwh"])
    assert kwh == Decimal(value) / 1000
    reading = Reading("total_energy_kwh", kwh, "kWh")
    there = in_units(reading, ("mwh",))
    assert there.name == "total_energy_mwh"
    back = in_units(there, ("kwh",))
    assert back.value == kwh


@pytest.mark.parametrize(
    ("value", "unit", "suffix", "expected"),
    [
        (3600000, "J", "kwh", "1"),
        (1, "J", "kwh", "2.77777777778E-7"),
        (60, "s", "min", "1"),
        (2, "m³/min", "m3h", "120"),
        (36, "month", "y", "3"),
        (5, "bar", "bar", "5"),
    ],
)
def test_convert(value: int, unit: str, suffix: str, expected: str) -> None:
    assert convert(value, unit, SUFFIXES[suffix]) == Decimal(expected)
    assert convert(value, "V", SUFFIXES[suffix]) is None


def test_units_that_users_name() -> None:
    assert parse_unit("kWh") == "kwh"
    assert parse_unit("m³/h") == "m3h"
    with pytest.raises(UsageError, match="furlong"):
        parse_unit("furlong")
    temperature = Reading("flow_temperature_c", Decimal(5), "°C")
    assert in_units(temperature, ("kwh", "m3")) == temperature

"""What a driver's TOML can say beyond plain fields: bases, order, masks, histories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mbuscli.errors import InputError
from mbuscli.meters.driver import parse_driver
from mbuscli.meters.evaluate import evaluate
from mbuscli.meters.registry import Registry, load_driver, resolved
from mbuscli.telegram import decode

BASE = {
    "main": "total_m3",
    "field": [
        {"name": "flow_m3h", "quantity": "volume_flow"},
        {"name": "total_m3", "quantity": "volume"},
        {"name": "target_m3", "quantity": "volume", "storage": 1},
    ],
}


def read(records: str, *fields: dict[str, Any], **more: Any) -> dict[str, object]:
    body = bytes.fromhex("44 AE4C 78563412 68 07 7A 05 00 0000" + records)
    own = parse_driver({"name": "own", "serves": [], "field": [*fields], **more}, "own.toml")
    return {
        reading.name: reading.value
        for reading in evaluate(decode(bytes((len(body),)) + body), own).values
        if reading.name != "status" or reading.value != "OK"
    }


def test_own_fields_come_before_those_of_the_base_and_behind_the_main_reading() -> None:
    own = {
        "name": "own",
        "extends": "x",
        "field": [{"name": "a", "quantity": "date"}, {"name": "target_m3", "vib": "7F"}],
    }
    table = resolved(own, {"x": BASE}.get, "own.toml")
    assert [field["name"] for field in table["field"]] == ["total_m3", "a", "target_m3", "flow_m3h"]
    assert table["field"][2] == {"name": "target_m3", "vib": "7F"}
    assert (table["name"], table["main"]) == ("own", "total_m3")


def test_an_own_main_reading_leaves_the_base_its_place() -> None:
    own = {"extends": "x", "main": "own_m3", "field": [{"name": "own_m3", "quantity": "volume"}]}
    names = [field["name"] for field in resolved(own, {"x": BASE}.get, "")["field"]]
    assert names == ["own_m3", "flow_m3h", "total_m3", "target_m3"]


def test_a_missing_base_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"own\.toml: there is no base 'wine'") as caught:
        resolved({"extends": "wine"}, lambda name: None, "own.toml")
    assert "water" in str(caught.value.hint)


def test_a_driver_of_the_user_extends_a_base_of_the_program(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nserves = ["SEN.68.07"]\nextends = "water"\n', encoding="utf-8")
    assert load_driver(str(path)).main == "total_m3"
    found = Registry(str(tmp_path)).by_name("mine")
    assert found.fields[0].name == "total_m3"


@pytest.mark.parametrize("base", ["water", "gas", "heat", "electricity", "hca"])
def test_each_base_is_a_driver_by_itself_and_explains_its_fields(base: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'name = "mine"\nserves = []\nextends = "{base}"\n', encoding="utf-8")
    driver = load_driver(str(path))
    assert driver.fields[0].name == driver.main
    assert all(field.about for field in driver.fields)


def test_records_with_one_header_are_told_apart_by_their_order() -> None:
    fields = [{"name": name, "quantity": "volume", "nr": nr} for nr, name in ((1, "hot_m3"), (2, "cold_m3"))]
    sent = read("0413 01000000 0413 02000000 0413 03000000", *fields)
    assert [float(str(sent[name])) for name in ("hot_m3", "cold_m3", "total_m3")] == [0.001, 0.002, 0.003]


def test_fields_with_a_mask_share_a_record() -> None:
    fields = (
        {"name": "level_counter", "vib": "FF2C", "mask": "0x1F"},
        {"name": "battery", "vib": "FF2C", "mask": "0x0F00", "words": {"10": "2.75V"}},
        {"name": "faults", "vib": "FF2C", "mask": "0xF0E0", "bits": {"0x20": "HORN", "0x2000": "SENSOR"}},
    )
    assert read("02FF2C 254A", *fields) == {
        "level_counter": 5,
        "battery": "2.75V",
        "faults": "FAULTS_4000 HORN",
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [("24", "DRY OPEN"), ("30", "REVERSE"), ("70", "FAULTS_70"), ("00", "NONE"), ("04", "OPEN")],
)
def test_codes_under_a_mask_become_words(value: str, words: str) -> None:
    bits = {"0x20/0xF0": "DRY", "0x30/0xF0": "REVERSE", "0x4/0xF": "OPEN"}
    field = {"name": "faults", "vib": "FF2C", "bits": bits, "ok": "NONE"}
    assert read(f"01FF2C {value}", field) == {"faults": words}


def test_bits_with_an_empty_word_say_nothing() -> None:
    field = {"name": "faults", "vib": "FF2C", "bits": {"0x1C/0x1C": "CLEAN", "0x4": "", "0x8": ""}}
    assert read("01FF2C 1C", field) == {"faults": "CLEAN"}
    assert read("01FF2C 0C", field) == {"faults": "OK"}
    assert read("01FF2C 14", field) == {"faults": "FAULTS_10"}


def test_a_history_counts_from_its_first_or_its_last() -> None:
    newest_first = {"name": "ago_{n}_hca", "quantity": "hca", "storage": "2-4", "first": 2}
    newest_last = {"name": "ago_{n}_hca", "quantity": "hca", "storage": "2-4", "last": 4}
    records = "82016E 0100 C2016E 0200 82026E 0300"
    assert read(records, newest_first) == {"ago_1_hca": 1, "ago_2_hca": 2, "ago_3_hca": 3}
    assert read(records, newest_last) == {"ago_3_hca": 1, "ago_2_hca": 2, "ago_1_hca": 3}


def test_a_history_has_the_months_before_a_date_that_is_sent() -> None:
    field = {
        "name": "past_{n}_hca",
        "quantity": "hca",
        "storage": "8-10",
        "first": 8,
        "dated": "past_{n}_date",
        "since": 8,
    }
    base_date = {"name": "base_date", "quantity": "date", "storage": 8}
    dated = read("82046C 7F33 82046E 0100 C2046E 0200 82056E 0300", field, base_date)
    assert [dated[f"past_{n}_date"] for n in (1, 2, 3)] == ["2027-03-31", "2027-02-28", "2027-01-31"]
    undated = read("82046E 0100", field, base_date)
    assert undated == {"past_1_hca": 1}


def test_elements_of_a_profile_are_counted_and_dated() -> None:
    field = {
        "name": "month_{count}_hca",
        "quantity": "hca",
        "storage": 8,
        "qualifiers": ["compact_profile"],
        "dated": "month_{count}",
    }
    sent = read("82046C 7F33 82046E 0A00 8D04EE1F 06 72FE 0300 0500", field)
    assert [sent[f"month_{n}_hca"] for n in (1, 2)] == [13, 18]
    assert [sent[f"month_{n}"] for n in (1, 2)] == ["2027-04-30", "2027-05-31"]


@pytest.mark.parametrize(
    ("records", "name", "form", "text"),
    [
        ("0C78 21436500", "fabrication_number", "digits", "00654321"),
        ("0478 21436500", "fabrication_number", "digits", str(0x00654321)),
        ("0D78 03 433241", "fabrication_number", "digits", "A2C"),
        ("0DFD10 03 A1B2C3", "customer_location", "hex", "A1B2C3"),
        ("02FD17 1234", "error_flags", "hex-reversed", "3412"),
    ],
)
def test_forms_of_text(records: str, name: str, form: str, text: str) -> None:
    assert read(records, {"name": "own", "quantity": name, "as": form}) == {"own": text}


@pytest.mark.parametrize("name", ["past_{month}_m3", "past_{}_m3", "past_{_m3"])
def test_a_name_with_strange_braces_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"own\.toml, field 1: "):
        parse_driver({"name": "own", "field": [{"name": name, "quantity": "volume"}]}, "own.toml")


def test_the_largest_real_number_is_converted() -> None:
    sent = read("0506 FFFF7F7F", {"name": "total_kwh", "quantity": "energy"})
    assert float(str(sent["total_kwh"])) == pytest.approx(3.4028235e38)


def test_a_field_may_ask_for_one_size_of_a_record() -> None:
    fields = [
        {"name": name, "vib": "FF22", "data": data, "bits": {"0x1": word}}
        for data, name, word in ((2, "short", "LOW"), (4, "long", "HIGH"))
    ]
    assert read("02FF22 0100 04FF22 01000000", *fields) == {"short": "LOW", "long": "HIGH"}
    assert list(read("01FF22 01", *fields)) == ["manufacturer_ff22"]


def test_a_number_may_stand_for_no_value() -> None:
    field = {"name": "flow_temperature_c", "quantity": "flow_temperature", "none": 127}
    assert read("015B 7F", field) == {"flow_temperature_c": None}
    assert read("015B 7E", field) == {"flow_temperature_c": 126}


def test_two_values_of_one_name_are_both_shown() -> None:
    field = {"name": "total_m3", "quantity": "volume", "tariff": "0-1"}
    sent = read("0413 E8030000 0413 E8030000 841013 D0070000", field)
    assert {name: float(str(value)) for name, value in sent.items()} == {"total_m3": 1, "total_m3_2": 2}


def test_a_real_number_keeps_its_digits() -> None:
    sent = read("052E 0000A841", {"name": "power_kw", "quantity": "power"})
    assert sent == {"power_kw": 21}
    sent = read("052E CDCC2C40", {"name": "power_kw", "quantity": "power"})
    assert float(str(sent["power_kw"])) == pytest.approx(2.7)

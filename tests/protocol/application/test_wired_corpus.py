"""Every wired telegram of the collection against another program's reading of it.

That reading is a reference, not the truth: where it is known to be wrong the case stands in EXCEPTIONS with
the reason, and the test checks that ours differs in the stated way.
"""

from __future__ import annotations

import re
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from mbuscli.errors import DecodeError
from mbuscli.protocol.application.device_types import describe_device_type
from mbuscli.protocol.application.records import Record
from mbuscli.telegram import Telegram, decode
from tests.corpus import lines, needs_corpus

ALL = lines("wired.jsonl")

# The reference's quantity for each of ours, where the words differ.
QUANTITIES = {
    "H.C.A.": "hca",
    "Fabrication No": "fabrication_number",
    "Time point (date & time)": "datetime",
    "Time point (date)": "date",
    "Model / Version": "model_version",
}

# The reference converts times to seconds, ours are in the unit that the meter sent.
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
UNITS = {"m^3": "m³", "m^3/h": "m³/h", "-": "", "%": "%RH", "Units for H.C.A.": ""}
FUNCTIONS = {
    "Instantaneous value": "instantaneous",
    "Maximum value": "maximum",
    "Minimum value": "minimum",
    "Value during error state": "error",
    "Manufacturer specific": "instantaneous",
    "More records follow": "instantaneous",
    "Actual value": "instantaneous",
}

# (telegram, record number): (what the reference says, what is right, why)
EXCEPTIONS: dict[tuple[str, int], tuple[str, str | None, str]] = {
    ("REL-Relay-Padpuls2", 1): ("1900-01-00T00:00:00Z", None, "the meter marks the time invalid (IV bit)"),
    ("abb_f95", 2): ("1311041.300000", None, "BCD digits A-F are the meter's error marker, no number"),
    ("abb_f95", 3): ("11.041300", None, "BCD digits A-F are the meter's error marker, no number"),
    ("itron_bm_+m", 2): ("2000-00-00", None, "month 0, day 0 is no date"),
    ("siemens_water", 3): ("2000-00-00", None, "month 0, day 0 is no date"),
    ("landis+gyr_ultraheat_t230", 19): ("0.000000", None, "VIFE 6F makes it a date; all zero is no date"),
    ("landis+gyr_ultraheat_t230", 20): ("0.000000", None, "VIFE 6F makes it a date; all zero is no date"),
    ("landis+gyr_ultraheat_t230", 21): ("41065374.600000", "2011-08-26T20:50", "VIFE 6F makes it a date"),
    ("landis+gyr_ultraheat_t230", 22): ("40953732.300000", "2011-08-09T11:43", "VIFE 6F makes it a date"),
    ("landis+gyr_ultraheat_t230", 32): ("2027-01-01T00:00:00Z", "****-01-01T00:00", "year 127 is every year"),
}


def cases(kind: str) -> list[object]:
    return [pytest.param(case, id=case["name"]) for case in ALL if case["kind"] == kind]


def reference_records(xml: str) -> list[dict[str, str]]:
    root = ElementTree.fromstring(xml.encode("latin-1"))
    return [{child.tag: child.text or "" for child in record} for record in root.iter("DataRecord")]


def as_reference(record: Record) -> str:
    """Our value written as the reference would write it."""
    value = record.value
    unit = record.header.unit
    if isinstance(value, int | Decimal):
        if unit in SECONDS:
            value *= SECONDS[unit]
        return f"{Decimal(value):.6f}"
    if record.header.quantity == "datetime" and isinstance(value, str):
        return value + (":00Z" if len(value) == 16 else "Z")
    return str(value)


def check_header(telegram: Telegram, xml: str) -> None:
    info = ElementTree.fromstring(xml.encode("latin-1")).find("SlaveInformation")
    assert info is not None
    assert telegram.meter is not None
    assert telegram.meter.id.lstrip("0") == info.findtext("Id", "").upper().lstrip("0")
    manufacturer = info.findtext("Manufacturer")
    if manufacturer is not None:
        assert telegram.meter.manufacturer_name == manufacturer
        assert telegram.meter.version == int(info.findtext("Version", ""))
    assert telegram.acc == int(info.findtext("AccessNumber", ""))
    assert telegram.status == int(info.findtext("Status", ""), 16)


@needs_corpus
@pytest.mark.parametrize("case", cases("ok"))
def test_good_telegram_gives_the_reference_values(case: dict[str, str]) -> None:
    telegram = decode(bytes.fromhex(case["hex"]))
    assert not telegram.is_damaged
    check_header(telegram, case["normalized_xml"])
    expected = reference_records(case["normalized_xml"])
    more = [entry for entry in expected if entry["Function"] == "More records follow"]
    assert telegram.more_follows == bool(more)
    expected = [entry for entry in expected if entry not in more or entry["Value"]]
    assert len(telegram.records) == len(expected)
    for number, (record, entry) in enumerate(zip(telegram.records, expected, strict=True)):
        check_record(case["name"], number, record, entry)


def check_record(name: str, number: int, record: Record, entry: dict[str, str]) -> None:
    exception = EXCEPTIONS.get((name, number))
    if exception is not None:
        theirs, ours, _ = exception
        assert entry["Value"] == theirs
        assert record.value == ours
        assert (record.error is None) == (ours is not None)
        return
    header = record.header
    assert header.function == FUNCTIONS[entry["Function"]]
    if header.quantity == "manufacturer_specific" and header.raw in (b"\x0f", b"\x1f"):
        assert record.raw.hex(" ").upper() == entry["Value"]
        return
    if "Quantity" not in entry:
        check_fixed(record, entry)
        return
    assert record.storage == int(entry["StorageNumber"])
    assert header.tariff == int(entry.get("Tariff", 0))
    assert header.subunit == int(entry.get("Device", 0))
    if header.quantity == "plain_text":
        assert header.unit == entry["Quantity"]
    else:
        want = QUANTITIES.get(entry["Quantity"], entry["Quantity"].lower().replace(" ", "_"))
        assert header.quantity == want
        unit = "s" if header.unit in SECONDS else header.unit
        assert unit == UNITS.get(entry["Unit"], entry["Unit"])
    if re.fullmatch(r"-?\d+\.\d{6}", entry["Value"]) and header.data_field == 5:
        # A 32-bit real has seven digits; the reference prints what its binary fraction happens to be.
        assert record.value is not None
        assert float(record.value) == pytest.approx(float(entry["Value"]), rel=1e-6, abs=1e-6)
        return
    assert as_reference(record) == entry["Value"]


def check_fixed(record: Record, entry: dict[str, str]) -> None:
    """Fixed structure: the reference keeps the prefixed unit."""
    factor, unit = {"kWh": (Decimal(1000), "Wh"), "l": (Decimal("0.001"), "m³")}[entry["Unit"]]
    assert isinstance(record.value, int | Decimal)
    assert Decimal(record.value) == Decimal(entry["Value"]) * factor
    assert record.header.unit == unit


@needs_corpus
@pytest.mark.parametrize("case", cases("error"))
def test_bad_telegram_says_what_is_wrong(case: dict[str, str]) -> None:
    telegram = decode(bytes.fromhex(case["hex"]))
    if telegram.application_error is None:
        assert telegram.is_damaged
        assert telegram.records, "what stands before the damage stays"
        assert all(problem.offset < len(telegram.raw) for problem in telegram.problems)
    else:
        codes = {"error": 0, "unspecified_error": 0, "application_busy": 8, "too_many_readouts": 9}
        codes |= {
            "too_many_records": 3,
            "premature_end_of_record": 4,
            "too_many_difes": 5,
            "too_many_vifes": 6,
        }
        assert telegram.application_error == codes[case["name"]]


@needs_corpus
@pytest.mark.parametrize("case", cases("unsupported"))
def test_odd_telegram_gives_what_is_sure(case: dict[str, str]) -> None:
    try:
        telegram = decode(bytes.fromhex(case["hex"]))
    except DecodeError as error:
        assert error.offset is not None
    else:
        assert telegram.records or telegram.problems or telegram.command


def test_device_type_has_a_name() -> None:
    assert describe_device_type(0x16) == "cold water"
    assert describe_device_type(0x3A) == "reserved 3A"

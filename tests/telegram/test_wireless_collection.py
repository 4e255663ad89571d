"""Wireless telegrams of the collection: each opens with its key and tells its meter, and the records that
follow the standard give the numbers that another program reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.security.keys import Candidate, FixedKeys, parse_key
from mbuscli.telegram import Telegram, decode
from tests.corpus import lines, needs_corpus

VECTORS = [vector for vector in lines("vectors_security.jsonl") if "telegram" in vector]
WIRELESS = lines("wireless.jsonl")

# Families whose payload, or part of it, is the maker's own: their numbers come with meter drivers.
OWN_FORMAT = {
    *("apator08", "apator162", "apator172", "apatoreitn", "apatorna1", "bfw240radio", "compact5", "ei6500"),
    *("fhkvdataiii", "hydroclimav2", "hydrodigit", "izar", "izarv2", "mkradio3", "nemo", "qcaloric", "qheat"),
    *("qwaterv2", "rfmtx1", "zenner0b"),
}

# (family, field): why the other program's number is not in the telegram.
NOT_SENT = {
    ("aquastream", "battery_y"): "days divided into years by the program",
    ("gwfwater", "battery_y"): "in the maker's bits",
    ("topaseskr", "battery_y"): "days divided into years by the program",
    ("hydrus", "remaining_battery_life_y"): "days divided into years by the program",
    ("ebzwmbe", "current_power_consumption_kw"): "the sum of three phases",
    ("em24", "total_apparent_energy_consumption_kvah"): "computed from active and reactive energy",
    ("fhkvdataiv", "consumption_at_set_date_1_hca"): "an increment of the profile, not added to its base",
}
# Values that mean "no value": the most negative integer is no number.
NO_VALUE = (-2147483648,)
# What the receiver adds.
RECEIVER = ("rssi_dbm",)
# Telegrams that were altered by hand: the check that fails is right to do so.
ALTERED = ("3244372C763081233C168D2057D2ED11205A8179",)


def keys_of(text: str | None) -> FixedKeys | None:
    if not text or len(text) not in (16, 32):
        return None
    return FixedKeys([Candidate("given", parse_key(text), exact=True)])


def decode_case(case: dict[str, Any]) -> Telegram:
    keys, formats = keys_of(case["key"]), Formats()
    for earlier in case["preceding"]:
        octets = earlier if isinstance(earlier, str) else earlier["telegram"]
        decode(bytes.fromhex(octets), keys=keys, formats=formats)
    return decode(bytes.fromhex(case["telegram"]), keys=keys, formats=formats)


@needs_corpus
@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vector_reaches_its_plaintext(vector: dict[str, Any]) -> None:
    octets = vector.get("telegram_with_crc", vector["telegram"])
    telegram = decode(bytes.fromhex(octets), keys=keys_of(vector.get("key")), received_on=date(2024, 3, 17))
    if vector.get("key"):
        assert telegram.security.state == "decrypted"
        assert telegram.security.checks
    if vector.get("plaintext"):
        assert bytes.fromhex(vector["plaintext"]) in telegram.clear
    if "telegram_with_crc" in vector:
        assert telegram.link.crc == "ok"
        assert telegram.link.frame_format == vector.get("frame_format", telegram.link.frame_format)
        assert telegram.raw == decode(bytes.fromhex(vector["telegram"])).raw


def ids() -> list[str]:
    return [f"{case['family']}-{number}" for number, case in enumerate(WIRELESS)]


@needs_corpus
@pytest.mark.parametrize("case", WIRELESS, ids=ids())
def test_telegram_opens_and_tells_its_meter(case: dict[str, Any]) -> None:
    telegram = decode_case(case)
    if case["family"] not in OWN_FORMAT:
        own_mode = telegram.security.state == "unsupported" and telegram.security.mode >= 16
        assert telegram.security.state in ("none", "decrypted") or own_mode
        assert telegram.meter is not None
        if not own_mode:
            assert telegram.meter.id == case["expected"]["id"].upper()
        assert telegram.meter.manufacturer_name.isalpha()
    if case["key"] and len(case["key"]) == 32 and case["family"] not in OWN_FORMAT:
        in_clear = telegram.security.mode == telegram.security.ell == 0
        assert telegram.security.state == "decrypted" or in_clear


@needs_corpus
@pytest.mark.parametrize("case", WIRELESS, ids=ids())
def test_standard_records_give_the_expected_numbers(case: dict[str, Any]) -> None:
    family = case["family"]
    telegram = decode_case(case)
    if case["telegram"].startswith(ALTERED):
        assert telegram.is_damaged
        assert not telegram.records
        return
    if family in OWN_FORMAT:
        return
    sent = {round(number, 5) for number in all_numbers(telegram)}
    for name, expected in case["expected"].items():
        if isinstance(expected, bool) or not isinstance(expected, int | float) or expected in NO_VALUE:
            continue
        if name in RECEIVER or (family, name) in NOT_SENT:
            continue
        near = {round(float(expected), 5), round(float(expected) + 1e-5, 5), round(float(expected) - 1e-5, 5)}
        big = any(abs(number - expected) <= abs(expected) * 1e-6 for number in sent)
        assert near & sent or big, f"{name} = {expected}"


def all_numbers(telegram: Telegram) -> Iterator[float]:
    """Every number of the telegram, in the units that programs show them in."""
    for record in telegram.records:
        value = record.value
        if isinstance(value, int | Decimal):
            for factor in (1, 1e-3, 1e-6, 1e3, 3600, 1 / 3600, 1e-2, 100, 60, 1 / 60, 24, 1 / 24, 1 / 3.6e6):
                yield float(value) * factor

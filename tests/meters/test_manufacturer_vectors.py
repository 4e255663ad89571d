"""The makers' own formats, on a collection of real telegrams with independently decoded values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mbuscli.meters.evaluate import evaluate
from mbuscli.meters.registry import Registry
from mbuscli.protocol.security.keys import Candidate, FixedKeys, parse_key
from mbuscli.telegram import Telegram, decode
from tests.corpus import lines, needs_corpus

pytestmark = needs_corpus

REGISTRY = Registry()
VECTORS = lines("vectors_manufacturer.jsonl")
# Of the address, or the reference program's own.
ASIDE = {
    "id",
    "media",
    "_status_ok",
    "lfsr_key",
    "plain_first",
    "total_raw",
    "plaintext",
    "block",
    "status_bits",
}
# How the independent decoding calls what a reading has another name for.
NAMES = {
    "Techem 64/80 A0": "hca",
    "Techem 69/80 A0": "hca",
    "Techem 94/80 A2": "hca",
    "Techem 70/62 A0": "water",
    "Techem 70/72 A0": "water",
    "Techem 74/62 A2": "water",
    "Techem 74/72 A2": "water",
    "Techem 71/43 A0": "counter",
}
RENAMED = {
    "hca": {
        "past": "previous_hca",
        "current": "current_hca",
        "prev_date": "previous_date",
        "curr_date": "current_date",
        "room": "temp_room_c",
        "radiator": "temp_radiator_c",
    },
    "water": {"past": "target_m3", "current": "current_m3", "curr_date": "current_date"},
    "counter": {"past": "previous_counter", "current": "current_counter", "prev_date": "previous_date"},
    "qundis": {
        "due_date": "target_year_date",
        "due_date_m3": "target_year_m3",
        "due_17_date": "target_date",
        "due_17_date_m3": "target_m3",
        **{f"x{n}": f"consumption_delta_{n}_hca" for n in range(2, 14)},
    },
}
# The reference says 0 or -32.768 where the telegram says "no value", and does not know a cut telegram.
NO_MONTH = ("BMeters Hydrodigit block", 0)
NO_DIFFERENCE = (-32.768, -32768)
CUT = "0C4468506935639176F0A0019F"


def values(vector: dict[str, Any]) -> tuple[Telegram, dict[str, Any]]:
    """The telegram, and its readings by name."""
    keys = None
    if vector["key"]:
        keys = FixedKeys([Candidate("key", parse_key(vector["key"]), exact=True)])
    telegram = decode(bytes.fromhex(vector["telegram"]), keys=keys)
    readings = evaluate(telegram, REGISTRY.driver_for(telegram.meter))
    return telegram, {reading.name: reading.value for reading in readings.values}


def same(value: Any, expected: Any) -> bool:
    if isinstance(expected, (int, float)) and isinstance(value, (int, Decimal)):
        return abs(float(value) - expected) <= max(1e-6 * abs(expected), 5e-7)
    if isinstance(expected, str) and isinstance(value, str):
        return value == expected.replace(" ", "T") or value == expected
    return value is None and expected is None


@pytest.mark.parametrize(
    "vector", VECTORS, ids=lambda vector: f"{vector['family']} {vector['telegram'][:24]}"
)
def test_values(vector: dict[str, Any]) -> None:
    telegram, found = values(vector)
    reference = vector["reference"]
    if "id" in reference and not reference["id"].startswith("19680750"):
        assert telegram.meter is not None
        assert telegram.meter.id.lower() in (reference["id"], *_inner(found))
    renamed = RENAMED.get(NAMES.get(vector["family"], "qundis" if "Qundis" in vector["family"] else ""), {})
    wrong = []
    for name, expected in {**vector["decoded"], **reference}.items():
        name = renamed.get(name, name)
        if name in ASIDE or name in ("deltas_raw", "registers") or name.endswith("_raw"):
            continue
        month = name[0].isupper() and (vector["family"], expected) == NO_MONTH
        if expected in NO_DIFFERENCE or month:
            expected = None
        if vector["telegram"] == CUT:
            expected = {"status": "SMOKE", "prev_date": None}[name]
        if name == "fraud_byte":
            continue
        if not same(found.get(name, "missing"), expected):
            wrong.append((name, expected, found.get(name, "missing")))
    assert not wrong
    for register, octets in vector["decoded"].get("registers", {}).items():
        assert register == "10" or found[f"register_{register.lower()}"] == octets.upper()


def _inner(found: dict[str, Any]) -> list[str]:
    return [str(value)[:8].lower() for name, value in found.items() if name == "enhanced_identification"]


@pytest.mark.parametrize(
    "vector", VECTORS, ids=lambda vector: f"{vector['family']} {vector['telegram'][:24]}"
)
def test_no_doubt_remains(vector: dict[str, Any]) -> None:
    """What a decoder has understood is not unread; two octets behind some ends are the receiver's."""
    telegram, found = values(vector)
    unread = [
        problem
        for problem in telegram.problems
        if problem.layer != "link" and "header of the record is cut" not in problem.text
    ]
    assert not unread
    assert found

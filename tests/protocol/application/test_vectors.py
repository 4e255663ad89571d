"""The worked examples of tests/vectors/application.json: one record each."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.application.records import parse_records

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "application.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["rule"] for vector in VECTORS])
def test_record_reads_as_the_rule_says(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    parsed = parse_records(data)
    assert not parsed.problems
    (record,) = parsed.records
    header = record.header
    assert header.quantity == vector["quantity"]
    assert record.storage == vector.get("storage", 0)
    assert header.tariff == vector.get("tariff", 0)
    assert header.subunit == vector.get("subunit", 0)
    assert header.function == vector.get("function", "instantaneous")
    assert list(record.qualifiers) == vector.get("qualifiers", [])
    assert header.raw + record.raw == data
    if "value_text" in vector:
        assert record.value == vector["value_text"]
        return
    if vector["value"] is None:
        assert record.value is None
        assert record.error
        return
    assert record.error is None
    assert header.unit == vector["unit"]
    assert isinstance(record.value, int | Decimal)
    if "factor" in vector:
        assert Decimal(record.value) == Decimal(vector["value"]) * vector["factor"]
    else:
        assert str(record.value) == vector["value"], "exact digits, with the meter's resolution"


def has_one_encoding(vector: dict[str, Any]) -> bool:
    """True where a value has just one form on the wire: no marker, blob, summer time or binary LVAR."""
    header = vector["hex"]
    return (
        vector.get("value_text", vector.get("value")) is not None
        and not header.startswith(("0F", "0D13", "046D00007FCC"))
        and "summer_time" not in vector.get("qualifiers", [])
    )


REVERSIBLE = [vector for vector in VECTORS if has_one_encoding(vector)]


@pytest.mark.parametrize("vector", REVERSIBLE, ids=[vector["rule"] for vector in REVERSIBLE])
def test_encoding_the_value_gives_the_octets_back(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    (record,) = parse_records(data).records
    again = encode_record(record.header.raw, record.value)
    (decoded,) = parse_records(again).records
    assert decoded.value == record.value
    # Type F sets the hundred-year bits, type I fills in weekday and week: the meter need not.
    if "T" not in vector.get("value_text", ""):
        assert again == data

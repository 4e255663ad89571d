"""The worked examples of tests/vectors/application.json: one record each."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.application.records import Blob, parse_records

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


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["rule"] for vector in VECTORS])
def test_encoding_the_value_gives_the_octets_back(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    (record,) = parse_records(data).records
    if record.value is None or isinstance(record, Blob) or "summer_time" in record.qualifiers:
        pytest.skip("nothing to send back")
    if record.header.data_field == 0xD and not isinstance(record.value, str):
        pytest.skip("numbers of variable length have several encodings")
    if record.header.quantity == "datetime" and "1999" in str(record.value):
        pytest.skip("the encoder always sets the hundred-year bits")
    again = encode_record(record.header.raw, record.value)
    decoded = parse_records(again).records[0]
    assert decoded.value == record.value
    if record.header.quantity not in ("datetime", "volume_flow"):
        assert again == data

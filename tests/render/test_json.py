"""JSON is valid, harmless on a terminal, and keeps every digit."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.render import json as render_json
from mbuscli.render.json import dump_document, dump_line
from mbuscli.render.text import UNSAFE

SCALARS = st.none() | st.booleans() | st.integers() | st.text()
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5)
)


@given(TREES, st.booleans())
def test_both_forms_read_back_as_what_was_written(tree: Any, ascii_only: bool) -> None:
    assert json.loads(dump_line(tree, ascii_only=ascii_only)) == tree
    assert json.loads(dump_document(tree, ascii_only=ascii_only)) == tree


@given(st.text(), st.booleans())
def test_no_control_reaches_the_terminal(text: str, ascii_only: bool) -> None:
    line = dump_line(text, ascii_only=ascii_only)
    assert not UNSAFE.search(line)
    if ascii_only:
        assert line.isascii()


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_digits(number: Decimal) -> None:
    read = json.loads(dump_line(number), parse_float=Decimal, parse_int=Decimal)
    assert read == number
    assert "E" not in dump_line(number).upper()


@pytest.mark.parametrize(
    ("number", "text"),
    [("1234.500", "1234.500"), ("1E+3", "1000"), ("0.1", "0.1"), ("-0.00", "-0.00"), ("1E-9", "0.000000001")],
)
def test_known_numbers(number: str, text: str) -> None:
    assert dump_line(Decimal(number)) == text


def test_what_is_no_number_is_null() -> None:
    assert dump_line([Decimal("NaN"), Decimal("Infinity")]) == "[null,null]"


def test_a_record_stays_on_one_line() -> None:
    record = {"quantity": "x" * 200, "qualifiers": ["a"], "value": 1}
    assert dump_document({"records": [record, record], "text": "y"}).count("\n") == 6


@given(TREES | st.recursive(SCALARS | st.decimals(), lambda inner: st.lists(inner, max_size=4)))
def test_orjson_writes_the_same_text_or_none(tree: Any) -> None:
    pytest.importorskip("orjson")
    line = render_json._by_orjson()(tree)
    assert line is None or line == render_json._compact(tree, ",", ":", render_json._quoted)


def test_orjson_is_used_for_long_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("orjson")
    row = {"value": Decimal("402.166"), "unit": "m³", "part": render_json.Rendered('{"a":1}'), "none": None}
    assert render_json._by_orjson()(row) == '{"value":402.166,"unit":"m³","part":{"a":1},"none":null}'
    assert render_json._by_orjson()({"text": 'with "quotes"'}) is None
    monkeypatch.setattr(render_json, "_lines", iter(range(10**6, 10**6 + 5)))
    calls = []
    monkeypatch.setattr(render_json, "_by_orjson", lambda: lambda value: calls.append(value) or "fast")
    assert dump_line(row) == "fast"
    assert dump_line(row, ascii_only=True) != "fast"


def test_without_orjson(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "orjson", None)
    assert render_json._by_orjson.__wrapped__()({"a": 1}) is None

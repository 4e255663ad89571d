"""Plain, TSV and CSV: one line a row whatever is in it, and no formulas."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.render.delimited import bare_csv_line, csv_line, plain_line, tsv_line
from mbuscli.render.text import inert

CELLS = st.lists(st.text() | st.none() | st.integers() | st.decimals(allow_nan=False), min_size=2, max_size=6)


@given(CELLS)
def test_a_row_is_one_line_with_all_its_cells(cells: list[str | int | Decimal | None]) -> None:
    assert len(plain_line(cells).split("\t")) == len(tsv_line(cells).split("\t")) == len(cells)
    (row,) = csv.reader(io.StringIO(csv_line(cells)))
    assert len(row) == len(cells)


@given(st.text())
def test_plain_shows_the_text(text: str) -> None:
    assert plain_line([text]) == inert(text)


@given(st.sampled_from("=+-@\t\r\n＝＋－＠"), st.text())
def test_no_text_begins_like_a_formula(first: str, rest: str) -> None:
    assert csv_line([first + rest]).lstrip('"').startswith("'")
    assert tsv_line([first + rest]).startswith("'")


@pytest.mark.parametrize("blank", [" ", "\xa0", "\u3000"])
def test_blanks_in_front_do_not_hide_a_formula(blank: str) -> None:
    assert tsv_line([blank + "=1+1"]).startswith("'")


@pytest.mark.parametrize("number", [-5, Decimal("-1.50")])
def test_a_negative_number_is_no_formula(number: int | Decimal) -> None:
    assert csv_line([number]) == tsv_line([number]) == plain_line([number]) == str(number)


def test_quotes_only_where_needed() -> None:
    assert csv_line(["a", "b,c", 'd"e', None]) == 'a,"b,c","d""e",'


@given(st.text())
def test_for_programs_the_text_stays_as_it_is(text: str) -> None:
    assert next(csv.reader(io.StringIO(bare_csv_line([text, 1])))) == [inert(text), "1"]

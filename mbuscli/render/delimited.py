"""Rows for other programs: plain (tabs, no header), TSV and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from mbuscli.render.text import inert

Cell = str | int | Decimal | None

# What a spreadsheet takes for the start of a formula, full-width forms included (OWASP, CSV injection).
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_NEEDS_QUOTES = frozenset('",\r\n')


def plain_line(cells: Sequence[Cell]) -> str:
    """Cells between tabs; an absent value is an empty cell."""
    return "\t".join(inert(cell_text(cell)) for cell in cells)


def tsv_line(cells: Sequence[Cell]) -> str:
    """As plain, but safe to open in a spreadsheet."""
    return "\t".join(_sheet_text(cell) for cell in cells)


def csv_line(cells: Sequence[Cell]) -> str:
    """RFC 4180 with the quotes only where needed, safe to open in a spreadsheet."""
    return ",".join(_quoted(_sheet_text(cell)) for cell in cells)


def bare_csv_line(cells: Sequence[Cell]) -> str:
    """As `csv_line`, the text as it is: for programs. A spreadsheet may take a cell for a formula."""
    return ",".join(_quoted(inert(cell_text(cell))) for cell in cells)


def cell_text(cell: Cell) -> str:
    """A cell as text: numbers with all their digits and without an exponent."""
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return str(cell)


def _sheet_text(cell: Cell) -> str:
    text = cell_text(cell)
    # A negative number is no formula: only text is disarmed. Leading blanks do not protect a spreadsheet.
    if isinstance(cell, str) and (text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)):
        text = "'" + text
    return inert(text)


def _quoted(text: str) -> str:
    if _NEEDS_QUOTES.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'

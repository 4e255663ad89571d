"""Rows of named cells: plain, TSV and CSV, and whatever format with columns of the user's choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mbuscli.render.columns import Columns
from mbuscli.render.delimited import Cell, bare_csv_line, csv_line, plain_line, tsv_line
from mbuscli.render.rows import SCHEMA, Row
from mbuscli.render.text import ascii_unit

if TYPE_CHECKING:
    from mbuscli.render.report import Output

_LINE = {"plain": plain_line, "csv": csv_line, "tsv": tsv_line}
# Of --csv-plain.
_BARE_LINE = {**_LINE, "csv": bare_csv_line, "tsv": plain_line}


class Cells:
    """Rows of cells: as lines at once, or, as JSON document and table, when all are known."""

    def __init__(
        self, output: Output, columns: Columns, default: Sequence[str], *, header: bool = True
    ) -> None:
        self.output = output
        self.names = output.fields or tuple(default)
        self.columns = [columns[name] for name in self.names]
        self.kept: list[list[Cell]] = []
        if header and output.format in ("csv", "tsv"):
            output.streams.data(self._line(self.names))

    def add(self, event: Row, record: Row) -> None:
        """One row."""
        cells = [column.get(event, record) for column in self.columns]
        streams = self.output.streams
        if self.output.format == "ndjson":
            from mbuscli.render.json import dump_line

            streams.data(dump_line(self._named(cells), ascii_only=streams.ascii_out))
        elif self.output.format in _LINE:
            if streams.ascii_out:
                cells = [self._fallback(name, cell) for name, cell in zip(self.names, cells, strict=True)]
            streams.data(self._line(cells))
        else:
            self.kept.append(cells)

    def finish(self) -> None:
        """Write what waited for the end."""
        streams = self.output.streams
        if self.output.format == "json":
            from mbuscli.render.json import dump_document

            rows = [self._named(cells) for cells in self.kept]
            document = {"schema": SCHEMA, "event": "rows", "rows": rows}
            streams.data(dump_document(document, ascii_only=streams.ascii_out))
        elif self.output.format == "table":
            from mbuscli.render.table import cells_table

            streams.data(cells_table(self.names, self.kept, streams))

    def _line(self, cells: Sequence[Cell]) -> str:
        return (_BARE_LINE if self.output.csv_plain else _LINE)[self.output.format](cells)

    def _named(self, cells: list[Cell]) -> dict[str, Cell]:
        return dict(zip(self.names, cells, strict=True))

    @staticmethod
    def _fallback(name: str, cell: Cell) -> Cell:
        return ascii_unit(cell) if name == "unit" and isinstance(cell, str) else cell

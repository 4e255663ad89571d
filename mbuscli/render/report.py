"""Writes the events of a command in the chosen format: one object a command, the same for every format."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.render import columns as cols
from mbuscli.render.delimited import Cell, csv_line, plain_line, tsv_line
from mbuscli.render.json import dump_document, dump_line
from mbuscli.render.rows import SCHEMA, UNKNOWN, Origin, Row, telegram_row, telegrams_document
from mbuscli.render.streams import Streams
from mbuscli.render.text import ascii_unit

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram

JSON_FORMATS = frozenset(("json", "ndjson"))
_LINE = {"plain": plain_line, "csv": csv_line, "tsv": tsv_line}


class Output(NamedTuple):
    """What the user asked for: a format, columns (None: the default ones), and where it goes."""

    format: str
    fields: tuple[str, ...] | None
    streams: Streams

    @property
    def is_json(self) -> bool:
        """True if a program reads the output, and the errors."""
        return self.format in JSON_FORMATS

    @property
    def is_table(self) -> bool:
        """True if people read the output and chose no columns."""
        return self.format == "table" and self.fields is None


class Cells:
    """Rows of cells: as lines at once, or, as JSON document and table, when all are known."""

    def __init__(self, output: Output, columns: cols.Columns, default: Sequence[str]) -> None:
        self.output = output
        self.names = output.fields or tuple(default)
        self.columns = [columns[name] for name in self.names]
        self.kept: list[list[Cell]] = []
        if output.format in ("csv", "tsv"):
            output.streams.data(_LINE[output.format](self.names))

    def add(self, event: Row, record: Row) -> None:
        """One row."""
        cells = [column.get(event, record) for column in self.columns]
        streams = self.output.streams
        if self.output.format == "ndjson":
            streams.data(dump_line(self._named(cells), ascii_only=streams.ascii_out))
        elif self.output.format in _LINE:
            if streams.ascii_out:
                cells = [self._fallback(name, cell) for name, cell in zip(self.names, cells, strict=True)]
            streams.data(_LINE[self.output.format](cells))
        else:
            self.kept.append(cells)

    def finish(self) -> None:
        """Write what waited for the end."""
        streams = self.output.streams
        if self.output.format == "json":
            document = {
                "schema": SCHEMA,
                "event": "rows",
                "rows": [self._named(cells) for cells in self.kept],
            }
            streams.data(dump_document(document, ascii_only=streams.ascii_out))
        elif self.output.format == "table":
            from mbuscli.render.table import cells_table

            streams.data(cells_table(self.names, self.kept, streams))

    def _named(self, cells: list[Cell]) -> dict[str, Cell]:
        return dict(zip(self.names, cells, strict=True))

    @staticmethod
    def _fallback(name: str, cell: Cell) -> Cell:
        return ascii_unit(cell) if name == "unit" and isinstance(cell, str) else cell


class TelegramReport:
    """Telegrams, as they come."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.rows: list[Row] = []
        self.count = 0
        self.cells = None
        if not output.is_table and (output.fields or not output.is_json):
            self.cells = Cells(output, cols.TELEGRAM_COLUMNS, cols.TELEGRAM_DEFAULT)

    def add(self, telegram: Telegram, origin: Origin = UNKNOWN) -> None:
        """Write one telegram, or keep it for the document."""
        self.count += 1
        streams = self.output.streams
        if self.output.is_table:
            from mbuscli.render.table import telegram_table

            streams.data(("\n" if self.count > 1 else "") + telegram_table(telegram, streams))
            return
        row = telegram_row(telegram, origin)
        if self.cells is not None:
            for record in row["records"] or [{}]:
                self.cells.add(row, record)
        elif self.output.format == "ndjson":
            streams.data(dump_line(row, ascii_only=streams.ascii_out))
        else:
            self.rows.append(row)

    def finish(self) -> None:
        """Write what waited for the end; nothing if there was no telegram at all."""
        if not self.count:
            return
        if self.cells is not None:
            self.cells.finish()
        elif self.output.format == "json":
            streams = self.output.streams
            streams.data(dump_document(telegrams_document(self.rows), ascii_only=streams.ascii_out))


class ScanReport:
    """Results of a scan, as they come, and the summary at the end."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.found: list[Row] = []
        self.cells = None
        if not output.is_table and (output.fields or not output.is_json):
            self.cells = Cells(output, cols.SCAN_COLUMNS, cols.SCAN_DEFAULT)

    def add(self, row: Row) -> None:
        """Write one hit, or keep it for the document."""
        self.found.append(row)
        streams = self.output.streams
        if self.output.is_table:
            from mbuscli.render.table import scan_lines

            streams.data(scan_lines(row, streams, header=len(self.found) == 1))
        elif self.cells is not None:
            self.cells.add(row, {})
        elif self.output.format == "ndjson":
            event = {"schema": SCHEMA, "event": "found", **row}
            streams.data(dump_line(event, ascii_only=streams.ascii_out))

    def finish(self, port: str, baud: int, addresses_asked: int, wire_time_s: Decimal) -> None:
        """Write the document or the summary event."""
        if self.cells is not None:
            self.cells.finish()
            return
        streams = self.output.streams
        facts = {"port": port, "baud": baud, "addresses_asked": addresses_asked}
        if self.output.format == "json":
            document = {"schema": SCHEMA, "event": "scan", **facts, "found": self.found}
            document["wire_time_s"] = wire_time_s
            streams.data(dump_document(document, ascii_only=streams.ascii_out))
        elif self.output.format == "ndjson":
            summary = {"schema": SCHEMA, "event": "summary", **facts, "found": len(self.found)}
            summary["wire_time_s"] = wire_time_s
            streams.data(dump_line(summary, ascii_only=streams.ascii_out))

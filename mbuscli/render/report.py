"""Writes the events of a command in the chosen format: one object a command, the same for every format."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.errors import Reason, UsageError
from mbuscli.render.rows import SCHEMA, UNKNOWN, Origin, Row, record_rows, telegram_row
from mbuscli.render.streams import Streams, terminal_width

if TYPE_CHECKING:
    from mbuscli.meters.reading import Readings
    from mbuscli.render.cells import Cells
    from mbuscli.render.telegram_lines import TelegramLines
    from mbuscli.telegram import Telegram

JSON_FORMATS = frozenset(("json", "ndjson"))


class Output(NamedTuple):
    """What the user asked for: a format, columns (None: the default ones), and where it goes.

    `verbose`: the records too, where readings are shown; `units`: suffixes of units for readings.
    `format_given`: the user has named the format. `csv_plain`: text that a spreadsheet would take for a
    formula stays as it is.
    """

    format: str
    fields: tuple[str, ...] | None
    streams: Streams
    verbose: bool = False
    units: tuple[str, ...] = ()
    format_given: bool = True
    csv_plain: bool = False

    @property
    def is_json(self) -> bool:
        """True if a program reads the output, and the errors."""
        return self.format in JSON_FORMATS

    @property
    def is_table(self) -> bool:
        """True if people read the output and chose no columns."""
        return self.format == "table" and self.fields is None


def _cells(output: Output, kind: str, *, header: bool = True) -> Cells | None:
    """The cells of formats and choices that are made of them; None for whole objects and meter blocks."""
    if output.is_table or (output.is_json and output.fields is None):
        return None
    from mbuscli.render import columns
    from mbuscli.render.cells import Cells

    if kind in ("scan", "sweep"):
        default = columns.SCAN_DEFAULT if kind == "scan" else columns.SWEEP_DEFAULT
        return Cells(output, columns.SCAN_COLUMNS, default)
    return Cells(output, columns.TELEGRAM_COLUMNS, columns.TELEGRAM_DEFAULT, header=header)


class TelegramReport:
    """Telegrams, as they come. `header`: CSV and TSV begin with the names of their columns."""

    def __init__(self, output: Output, *, explain: bool = False, header: bool = True) -> None:
        self.output = output
        self.explain = explain
        self.count = 0
        self.cells = None if explain else _cells(output, "telegram", header=header)
        self._written: TelegramLines | None = None
        self._first: Row | None = None  # of a document, which may turn out to hold just this one
        if explain and output.format not in (*JSON_FORMATS, "table", "plain"):
            raise UsageError(
                f"--explain does not go with -o {output.format}",
                reason=Reason.INVALID,
                hint=("use table, plain, json or ndjson",),
            )

    def add(self, telegram: Telegram, origin: Origin = UNKNOWN) -> None:
        """Write one telegram, or keep it for the document."""
        readings = self._readings(telegram)  # first: a decoder may see records as the maker's own format
        self.count += 1
        streams = self.output.streams
        gap = "\n" if self.count > 1 else ""
        if self.explain and not self.output.is_json:
            from mbuscli.render.explain import explain_text

            streams.data(gap + explain_text(telegram, terminal_width(), streams.colour))
            return
        if self.output.is_table:
            from mbuscli.render.table import telegram_table

            streams.data(gap + telegram_table(telegram, readings, streams, verbose=self.output.verbose))
            return
        if telegram.laid is not None and self.output.format == "ndjson" and not (self.explain or self.cells):
            streams.data(self._lines().line(telegram, origin, readings), raw=True)
            return
        row = telegram_row(telegram, origin, readings)
        if self.explain:
            from mbuscli.render.explain import explain_rows

            row["explain"] = explain_rows(telegram)
        if self.cells is not None:
            for cells in record_rows(row, readings):
                self.cells.add(row, cells)
        elif self.output.format == "ndjson":
            _json_line(streams, row)
        else:
            self._add_to_document(row)

    def _lines(self) -> TelegramLines:
        if self._written is None:
            from mbuscli.render.telegram_lines import TelegramLines

            self._written = TelegramLines(ascii_only=self.output.streams.ascii_out)
        return self._written

    def _readings(self, telegram: Telegram) -> Readings:
        from mbuscli.services.readings import readings_of

        return readings_of(telegram, self.output.units)

    def _add_to_document(self, row: Row) -> None:
        """A document of one telegram is that telegram; from the second on it is a list that grows."""
        if self.count == 1:
            self._first = row
            return
        if self._first is not None:
            opening = f'{{\n  "schema": "{SCHEMA}",\n  "event": "telegrams",\n  "telegrams": [\n'
            self.output.streams.data(opening + self._document(self._first), end="", raw=True)
            self._first = None
        self.output.streams.data(",\n" + self._document(row), end="", raw=True)

    def _document(self, row: Row) -> str:
        from mbuscli.render.json import dump_document

        return dump_document(row, ascii_only=self.output.streams.ascii_out)

    def finish(self) -> None:
        """Write what waited for the end; nothing if there was no telegram at all."""
        if not self.count:
            return
        if self.cells is not None:
            self.cells.finish()
        elif self.output.format == "json":
            end = "\n  ]\n}" if self._first is None else self._document(self._first)
            self.output.streams.data(end, raw=True)


class ScanReport:
    """Results of a scan, as they come, and the summary at the end. `swept`: at several baud rates."""

    def __init__(self, output: Output, *, swept: bool = False) -> None:
        self.output = output
        self.found: list[Row] = []
        self.cells = _cells(output, "sweep" if swept else "scan")

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
            _json_line(streams, {"schema": SCHEMA, "event": "found", **row})

    def finish(
        self,
        port: str,
        baud: int | None,
        addresses_asked: int,
        wire_time_s: Decimal,
        more: Mapping[str, object] | None = None,
    ) -> None:
        """Write the document or the summary event; `baud` None if swept, `more`: what else is to be said."""
        if self.cells is not None:
            self.cells.finish()
            return
        streams = self.output.streams
        facts = {"port": port, "baud": baud, "addresses_asked": addresses_asked, **(more or {})}
        if self.output.format == "json":
            document = {"schema": SCHEMA, "event": "scan", **facts, "found": self.found}
            document["wire_time_s"] = wire_time_s
            _json_document(streams, document)
        elif self.output.format == "ndjson":
            summary = {"schema": SCHEMA, "event": "summary", **facts, "found": len(self.found)}
            summary["wire_time_s"] = wire_time_s
            _json_line(streams, summary)


def _json_line(streams: Streams, row: Row) -> None:
    from mbuscli.render.json import dump_line

    streams.data(dump_line(row, ascii_only=streams.ascii_out), raw=True)


def _json_document(streams: Streams, document: Row) -> None:
    from mbuscli.render.json import dump_document

    streams.data(dump_document(document, ascii_only=streams.ascii_out), raw=True)

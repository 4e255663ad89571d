"""Lists of things that are no telegrams (keys, ports) in every format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mbuscli.render.cells import Cells
from mbuscli.render.columns import Column, Columns
from mbuscli.render.rows import SCHEMA, Row

if TYPE_CHECKING:
    from mbuscli.render.report import Output


def named_columns(helps: Mapping[str, str]) -> Columns:
    """Columns that are the row's members of the same name."""

    def column(name: str, text: str) -> Column:
        return Column(text, lambda row, _record: row.get(name))

    return {name: column(name, text) for name, text in helps.items()}


def write_list(output: Output, kind: str, columns: tuple[Columns, Sequence[str]], rows: list[Row]) -> None:
    """The rows in the format of the command; `kind`, a plural, is their name in JSON."""
    streams = output.streams
    if output.is_json and output.fields is None:
        from mbuscli.render.json import dump_document, dump_line

        if output.format == "json":
            document = {"schema": SCHEMA, "event": kind, kind: rows}
            streams.data(dump_document(document, ascii_only=streams.ascii_out))
            return
        for row in rows:
            event = {"schema": SCHEMA, "event": kind.removesuffix("s"), **row}
            streams.data(dump_line(event, ascii_only=streams.ascii_out))
    elif rows or output.format != "table":
        cells = Cells(output, *columns)
        for row in rows:
            cells.add(row, {})
        cells.finish()

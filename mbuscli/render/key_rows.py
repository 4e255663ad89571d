"""Rows of the commands about keys: a key is shown by its check value, never by its octets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mbuscli.render.cells import Cells
from mbuscli.render.columns import Column, Columns
from mbuscli.render.rows import SCHEMA, Row

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.keys import Finding
    from mbuscli.settings.keystore import Entry


def _columns(helps: Mapping[str, str]) -> Columns:
    def column(name: str, text: str) -> Column:
        return Column(text, lambda row, _record: row.get(name))

    return {name: column(name, text) for name, text in helps.items()}


_KEYS = _columns(
    {
        "name": "the user's name for it",
        "meters": "the meters it belongs to, F for any digit",
        "check": "check value: start of AES-CMAC over 16 zero octets",
        "bits": "length of the key: 128 (AES) or 64 (DES)",
        "note": "the user's note",
    }
)
_FINDINGS = _columns(
    {
        "severity": "error or note",
        "entry": "the key it is about",
        "text": "what was found",
        "hint": "what to do",
    }
)
COLUMNS = {"keys": (_KEYS, tuple(_KEYS)), "findings": (_FINDINGS, tuple(_FINDINGS))}


def key_row(entry: Entry) -> Row:
    """A key of the ring."""
    return {
        "name": entry.name,
        "meters": str(entry.meters),
        "check": entry.key.check_value,
        "bits": 8 * len(entry.key),
        "note": entry.note,
    }


def finding_row(finding: Finding) -> Row:
    """Something that `keys check` found."""
    return finding._asdict()


def write_rows(output: Output, kind: str, rows: list[Row]) -> None:
    """The rows in the format of the command; `kind`, keys or findings, is their name in JSON."""
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
        cells = Cells(output, *COLUMNS[kind])
        for row in rows:
            cells.add(row, {})
        cells.finish()

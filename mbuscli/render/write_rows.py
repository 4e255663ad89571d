"""Rows and words of what was written into a meter, and of the journal."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from mbuscli.protocol.application.device_types import describe_device_type
from mbuscli.protocol.octets import hex_text, spaced_hex
from mbuscli.render.columns import Column, Columns
from mbuscli.render.delimited import Cell
from mbuscli.render.lists import named_columns, write_list
from mbuscli.render.rows import SCHEMA, Origin, Row, telegram_row
from mbuscli.render.text import inert
from mbuscli.settings.journal import local_time

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.commission import Outcome, Prepared
    from mbuscli.settings.journal import Line

_STATES = {
    "already": "nothing was written: it is so already",
    "dry-run": "not written (dry run)",
    "refused": "refused by the meter",
    "failed": "not written: the meter is as it was",
    "unknown": "whether it was written is not known",
}


def _meter(row: Row, _record: Row) -> Cell:
    meter: Row | str | None = row["meter"]
    address: str | None = meter["address"] if isinstance(meter, dict) else meter
    return address


def _primary(row: Row, _record: Row) -> Cell:
    meter: Row | None = row["meter"]
    primary: int | None = None if meter is None else meter["primary_address"]
    return primary


def _undo(row: Row, _record: Row) -> Cell:
    return shlex.join(row["undo"])


def _flag(name: str) -> Callable[[Row, Row], Cell]:
    return lambda row, _record: "true" if row[name] else "false"


def _frames(row: Row, _record: Row) -> Cell:
    return " ".join(frame["hex"] for frame in row["frames"])


WRITE_COLUMNS: Columns = {
    "meter": Column("the meter's address before, 12345678.KAM.1B.16", _meter),
    "primary_address": Column("its primary address before", _primary),
    **named_columns(
        {
            "command": "what was to be done",
            "old": "the value before",
            "new": "the value that it was to get",
            "outcome": "written, already, dry-run, refused, failed or unknown",
        }
    ),
    "undo": Column("the command that takes it back", _undo),
    **named_columns(
        {
            "target": "how the meter was addressed",
            "port": "the port",
            "baud": "the baud rate before",
        }
    ),
    "acknowledged": Column("true if the meter acknowledged", _flag("acknowledged")),
    "verified": Column("true if the meter shows the new value", _flag("verified")),
    **named_columns({"time": "when"}),
    "frames": Column("what was sent, in hexadecimal", _frames),
}
WRITE_DEFAULT = tuple(WRITE_COLUMNS)[:7]

JOURNAL_COLUMNS: Columns = {
    **named_columns({"time": "when it began"}),
    "meter": Column("the meter's address before, 12345678.KAM.1B.16", _meter),
    **named_columns(
        {
            "command": "what was done",
            "old": "the value before",
            "new": "the value that it was to get",
            "outcome": "as the command said; begun: it was interrupted, nobody knows how far it came",
        }
    ),
    "undo": Column("the command that takes it back", _undo),
    **named_columns(
        {
            "target": "how the meter was addressed",
            "port": "the port",
            "baud": "the baud rate before",
            "note": "what else was observed",
        }
    ),
}
JOURNAL_DEFAULT = tuple(JOURNAL_COLUMNS)[:7]
COLUMNS = {"write": (WRITE_COLUMNS, WRITE_DEFAULT), "journal": (JOURNAL_COLUMNS, JOURNAL_DEFAULT)}


def write_row(outcome: Outcome) -> Row:
    """The object of the schema for one write."""
    prepared = outcome.prepared
    warnings = [*prepared.warnings, *outcome.warnings]
    row: Row = {
        "schema": SCHEMA,
        "event": "write",
        "time": local_time(),
        "command": prepared.command,
        "port": prepared.port,
        "baud": prepared.baud,
        "meter": _meter_row(prepared),
        "target": prepared.target_text,
        "old": prepared.old,
        "new": prepared.new,
        "outcome": outcome.state,
        "acknowledged": outcome.acknowledged,
        "verified": outcome.verified,
        "warnings": warnings,
        "frames": [{"hex": hex_text(frame.raw), "meaning": frame.meaning} for frame in prepared.frames],
        "undo": list(prepared.undo),
    }
    if outcome.telegram is not None:
        row["answer"] = telegram_row(outcome.telegram, Origin(row["time"], prepared.port))
    return row


def write_report(output: Output, outcome: Outcome) -> None:
    """One write in the format of the command; to people a block, and the meter's answer below it."""
    streams = output.streams
    if output.is_table:
        streams.words(_block(outcome))
        if outcome.telegram is not None:
            from mbuscli.render.table import telegram_table
            from mbuscli.services.readings import readings_of

            streams.data("\n" + telegram_table(outcome.telegram, readings_of(outcome.telegram), streams))
        return
    row = write_row(outcome)
    if output.is_json and output.fields is None:
        from mbuscli.render.json import dump_document, dump_line

        dump = dump_document if output.format == "json" else dump_line
        streams.data(dump(row, ascii_only=streams.ascii_out))
        return
    write_list(output, "writes", (WRITE_COLUMNS, WRITE_DEFAULT), [row])


def describe_meter(prepared: Prepared) -> str:
    """`meter 67284105.KAM.19.04, heat, primary address 1`."""
    meter, primary = prepared.meter, prepared.primary
    parts = []
    if meter is None:
        parts.append("a meter that does not say who it is")
    elif meter.is_complete:
        parts.append(f"meter {meter}, {describe_device_type(meter.device_type)}")
    else:
        parts.append(f"meter {meter}")
    if primary is not None:
        parts.append(f"primary address {primary}")
    return ", ".join(parts)


def describe_change(prepared: Prepared) -> str:
    """`set-address: 1 -> 7`."""
    return _change(prepared.command, prepared.old, "" if prepared.already else prepared.new)


def _change(command: str, old: str, new: str) -> str:
    return f"{command}: {' -> '.join(filter(None, (old, new)))}"


def journal_row(line: Line) -> Row:
    """One write of the journal."""
    entry = line.entry
    return {
        "time": line.time,
        "command": entry.command,
        "port": entry.port,
        "baud": entry.baud,
        "meter": entry.meter,
        "target": entry.target,
        "old": entry.old,
        "new": entry.new,
        "outcome": line.outcome,
        "note": line.note,
        "frames": list(entry.frames),
        "undo": list(entry.undo),
    }


def write_journal(output: Output, rows: list[Row]) -> None:
    """The journal in the format of the command; to people, a block for each write."""
    if output.is_table:
        if rows:
            output.streams.words("\n".join(map(_journal_block, rows)))
        return
    write_list(output, "writes", (JOURNAL_COLUMNS, JOURNAL_DEFAULT), rows)


def _journal_block(row: Row) -> str:
    time = row["time"][:19].replace("T", " ")
    lines = [
        f"{time}  {row['meter'] or row['target']}  {_change(row['command'], row['old'], row['new'])}",
        f"  {row['outcome']}{': ' + row['note'] if row['note'] else ''}",
    ]
    if row["undo"]:
        lines.append(f"  undo: {shlex.join(row['undo'])}")
    return "\n".join(map(inert, lines))


def _meter_row(prepared: Prepared) -> Row | None:
    meter = prepared.meter
    if meter is None:
        return None
    full = meter.is_complete
    return {
        "address": str(meter),
        "id": meter.id,
        "manufacturer": meter.manufacturer_name if full else None,
        "version": meter.version if full else None,
        "device_type": meter.device_type if full else None,
        "device_type_name": describe_device_type(meter.device_type) if full else None,
        "primary_address": prepared.primary,
    }


def _block(outcome: Outcome) -> str:
    prepared = outcome.prepared
    lines = [describe_meter(prepared), f"  {describe_change(prepared)}", f"  {_state(outcome)}"]
    for frame in prepared.frames:
        lines += [f"  {frame.meaning}", f"    {spaced_hex(frame.raw)}"]
    if prepared.undo and outcome.state not in ("already", "refused", "failed"):
        lines.append(f"  undo: {shlex.join(prepared.undo)}")
    return "\n".join(map(inert, lines))


def _state(outcome: Outcome) -> str:
    if outcome.state == "written":
        return "written and read back" if outcome.verified else "acknowledged; no register shows it"
    return _STATES[outcome.state]

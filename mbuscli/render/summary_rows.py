"""One row a meter, for billing: main counter, due date and clock, and why there is none of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.render.delimited import Cell
from mbuscli.render.lists import named_columns
from mbuscli.render.rows import SCHEMA, Row, device_type_name, primary_address, status_words
from mbuscli.render.units import readable

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.read import Address
    from mbuscli.services.summary import Summary
    from mbuscli.telegram import Telegram

COLUMNS = named_columns(
    {
        "address": "the meter's address, 12345678.KAM.1B.16; what was asked, if none answered",
        "id": "identification number",
        "primary_address": "primary address 0-250",
        "name": "name in the list",
        "place": "place in the list",
        "device_type_name": "device type in words",
        "quantity": "what the main counter counts",
        "value": "the main counter now, exact",
        "unit": "base unit of both values",
        "due_date": "date of the stored value, in the meter's time",
        "due_value": "the main counter at the due date, exact",
        "meter_time": "the meter's clock",
        "status": "status in words, ok if nothing is wrong",
        "time": "when it was read, by this computer",
        "error": "why the meter was not read, or not well",
    }
)
DEFAULT = tuple(COLUMNS)
_TABLE = ("id", "pa", "name", "value", "unit", "due date", "due value", "status")
_NUMBERS = frozenset(("pa", "value", "due value"))


class Reading(NamedTuple):
    """All that came of one meter. `address`: as it was asked; `name` and `place`: as the list has them."""

    address: Address
    telegrams: Sequence[Telegram]
    errors: Sequence[str]
    time: str | None
    name: str = ""
    place: str = ""
    summary: Summary | None = None


def summary_row(reading: Reading) -> Row:
    """The meter object of the schema."""
    known = [telegram for telegram in reading.telegrams if telegram.meter is not None]
    first = known[0] if known else None
    asked = reading.address
    meter = first.meter if first is not None else None
    if meter is None and not isinstance(asked, int):
        meter = asked
    primary = primary_address(reading.telegrams[0]) if reading.telegrams else None
    summary = reading.summary
    status = [telegram for telegram in reading.telegrams if telegram.status is not None]
    return {
        "address": None if meter is None else str(meter),
        "id": None if meter is None else meter.id,
        "primary_address": asked if primary is None and isinstance(asked, int) else primary,
        "name": reading.name,
        "place": reading.place,
        "device_type_name": None if first is None else device_type_name(first),
        "quantity": None if summary is None else summary.quantity or None,
        "value": None if summary is None else summary.value,
        "unit": None if summary is None else summary.unit,
        "due_date": None if summary is None else summary.due_date,
        "due_value": None if summary is None else summary.due_value,
        "meter_time": None if summary is None else summary.meter_time,
        "status": ",".join(status_words(status[0])) or "ok" if status else None,
        "time": reading.time,
        "error": "; ".join(reading.errors) or None,
    }


class SummaryReport:
    """The rows of a command, as they come."""

    def __init__(self, output: Output) -> None:
        from mbuscli.render.cells import Cells

        self.output = output
        self._rows: list[Row] = []
        self._table: list[list[Cell]] = []
        whole = output.is_table or (output.is_json and output.fields is None)
        self._cells = None if whole else Cells(output, COLUMNS, DEFAULT)

    def add(self, reading: Reading) -> None:
        """Write one meter, or keep it for the document."""
        row = summary_row(reading)
        if self._cells is not None:
            self._cells.add(row, {})
        elif self.output.format == "ndjson":
            from mbuscli.render.json import dump_line

            streams = self.output.streams
            streams.data(dump_line({"schema": SCHEMA, "event": "meter", **row}, ascii_only=streams.ascii_out))
        elif self.output.is_table:
            self._table.append(_table_cells(row, reading.summary))
        else:
            self._rows.append(row)

    def finish(self) -> None:
        """Write what waited for the end; nothing if no meter came."""
        streams = self.output.streams
        if self._cells is not None:
            self._cells.finish()
        elif self._table:
            from mbuscli.render.table import cells_table

            streams.data(cells_table(_TABLE, self._table, streams, numbers=_NUMBERS))
        elif self.output.format == "json":
            from mbuscli.render.json import dump_document

            document = {"schema": SCHEMA, "event": "meters", "meters": self._rows}
            streams.data(dump_document(document, ascii_only=streams.ascii_out))


def _table_cells(row: Row, summary: Summary | None) -> list[Cell]:
    """As people read it: kWh, digits in groups."""
    value = due = unit = ""
    if summary is not None and summary.value is not None:
        value, unit = readable(summary.value, summary.unit, summary.exponent)
        if summary.due_value is not None:
            due, due_unit = readable(summary.due_value, summary.unit, summary.exponent)
            due += "" if due_unit == unit else f" {due_unit}"
    return [
        row["id"],
        row["primary_address"],
        ", ".join(text for text in (row["name"], row["place"]) if text),
        value,
        unit,
        row["due_date"],
        due,
        row["error"] or row["status"],
    ]

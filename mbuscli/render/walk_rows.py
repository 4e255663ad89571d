"""What `sniff` writes in every format but the live table: telegrams as they come, the summary at the end."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from mbuscli.render.cells import Cells
from mbuscli.render.columns import TELEGRAM_COLUMNS, Column, Columns
from mbuscli.render.delimited import Cell
from mbuscli.render.rows import SCHEMA, Origin, Row, record_rows, telegram_row
from mbuscli.render.streams import terminal_width
from mbuscli.render.walk_view import Row as ViewRow
from mbuscli.render.walk_view import row_of
from mbuscli.services.readings import readings_of
from mbuscli.services.walk_capture import moment_of

if TYPE_CHECKING:
    from mbuscli.meters.reading import Readings
    from mbuscli.render.report import Output
    from mbuscli.render.streams import Streams
    from mbuscli.services.coverage import Route
    from mbuscli.services.heard_meter import HeardMeter
    from mbuscli.services.listen import Gap
    from mbuscli.services.recorder import Position
    from mbuscli.services.sniff import Heard, Walk


def _heard(name: str) -> Column:
    helps = {
        "name": "name on the route list",
        "place": "place on the route list",
        "count": "telegrams of this meter so far, without copies",
        "copy": "duplicate or repeater: the same telegram was heard before",
        "suspicion": "why it may be an old telegram sent again",
        "need": "what it takes to read the meter",
    }
    return Column(helps[name], lambda event, _record: event["heard"].get(name))


def _link(name: str, text: str) -> Column:
    return Column(text, lambda event, _record: event["link"].get(name))


COLUMNS: Columns = {
    "time": TELEGRAM_COLUMNS["time"],
    "address": TELEGRAM_COLUMNS["address"],
    "name": _heard("name"),
    **{name: column for name, column in TELEGRAM_COLUMNS.items() if name not in ("time", "address")},
    "rssi_dbm": _link("rssi_dbm", "signal strength in dBm"),
    "mode": _link("mode", "link mode such as T1"),
    **{name: _heard(name) for name in ("place", "count", "copy", "suspicion", "need")},
}
DEFAULT = (
    "time",
    "address",
    "name",
    "function",
    "storage",
    "tariff",
    "subunit",
    "quantity",
    "value",
    "unit",
    "qualifiers",
    "error",
    "reading",
    "rssi_dbm",
    "security",
    "copy",
    "suspicion",
)

_NARROW_COLUMNS = ("meter", "type", "reading", "n", "best", "key")
_WIDE_COLUMNS = ("meter", "place", "address", "type", "reading", "n", "best", "heard", "key")
_WIDE = 120


def heard_row(heard: Heard, readings: Readings, position: Position | None = None) -> Row:
    """The telegram object with what the walk knows of its meter. `heard.telegram` must be there."""
    assert heard.telegram is not None
    reception = heard.reception
    time = moment_of(heard.time).isoformat(timespec="milliseconds")
    origin = Origin(time, heard.port, reception.mode, reception.rssi_dbm)
    row = telegram_row(heard.telegram, origin, readings)
    meter, freshness = heard.meter, heard.freshness
    known: Row = {"copy": freshness.copy or None, "relayed": freshness.relayed}
    known["suspicion"] = freshness.suspicion or None
    if meter is not None:
        known |= {"name": meter.name or None, "place": meter.place or None, "count": meter.count}
        known |= {"best_rssi_dbm": _decimal(meter.best_rssi_dbm), "need": meter.need or None}
    if position is not None:
        known["position"] = [_decimal(position.latitude), _decimal(position.longitude)]
    row["heard"] = known
    return row


def gap_row(gap: Gap) -> Row:
    """A stick was lost, or came back."""
    return {
        "schema": SCHEMA,
        "event": "gap",
        "port": gap.port,
        "since": moment_of(gap.since).isoformat(timespec="milliseconds"),
        "until": None if gap.until is None else moment_of(gap.until).isoformat(timespec="milliseconds"),
        "error": {"name": gap.error.name, "text": gap.error.text},
    }


def summary_row(walk: Walk, route: Route | None, elapsed_s: float) -> Row:
    """The last event of a walk."""
    row: Row = {"schema": SCHEMA, "event": "summary", **walk.counters.as_dict()}
    row |= {"meters": len(walk.roster), "forgotten": walk.roster.forgotten}
    row["elapsed_s"] = Decimal(f"{elapsed_s:.1f}")
    if route is not None:
        total = route.total
        row["route"] = {
            "listed": total.listed,
            "heard": total.heard,
            "read": total.read,
            "missing": [
                {"address": str(meter.address), "name": meter.name or None, "place": missing.place or None}
                for missing in route.missing()
                for meter in missing.meters
            ],
        }
    return row


class WalkReport:
    """Telegrams as they come, in a format for programs."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.count = 0
        whole = output.is_json and output.fields is None
        self._cells = None if whole else Cells(output, COLUMNS, DEFAULT)

    def add(self, heard: Heard, position: Position | None) -> None:
        """Write one telegram."""
        assert heard.telegram is not None
        readings = readings_of(heard.telegram)
        row = heard_row(heard, readings, position)
        self.count += 1
        if self._cells is not None:
            for record in record_rows(row, readings):
                self._cells.add(row, record)
        elif self.output.format == "ndjson":
            self._line(row)
        else:
            opening = f'{{\n  "schema": "{SCHEMA}",\n  "event": "telegrams",\n  "telegrams": [\n'
            self._write(opening if self.count == 1 else ",\n", row)

    def note(self, row: Row) -> None:
        """Something that is no telegram; only a stream of events has a place for it."""
        if self.output.format == "ndjson" and self._cells is None:
            self._line(row)

    def finish(self) -> None:
        """Write what waited for the end."""
        if self._cells is not None:
            self._cells.finish()
        elif self.output.format == "json":
            empty = f'{{"schema": "{SCHEMA}", "event": "telegrams", "telegrams": []}}'
            self.output.streams.data("\n  ]\n}" if self.count else empty)

    def _line(self, row: Row) -> None:
        from mbuscli.render.json import dump_line

        self.output.streams.data(dump_line(row, ascii_only=self.output.streams.ascii_out))

    def _write(self, before: str, row: Row) -> None:
        from mbuscli.render.json import dump_document

        text = dump_document(row, ascii_only=self.output.streams.ascii_out)
        self.output.streams.data(before + text, end="")


def meters_table(meters: Iterable[HeardMeter], route: Route | None, streams: Streams) -> str:
    """All meters at the end of a walk, by name; what does not fit into the terminal is left out."""
    from mbuscli.render.table import cells_table

    names = _WIDE_COLUMNS if terminal_width() >= _WIDE else _NARROW_COLUMNS
    rows = [_cells_of(row_of(meter, route), meter) for meter in meters]
    rows.sort(key=lambda cells: str(cells["meter"]).casefold())
    return cells_table(names, [[cells[name] for name in names] for cells in rows], streams)


def _cells_of(shown: ViewRow, meter: HeardMeter) -> dict[str, Cell]:
    best = meter.best_rssi_dbm
    return {
        "meter": shown.title,
        "place": shown.place,
        "address": meter.text,
        "type": shown.type,
        "reading": shown.reading,
        "n": meter.count,
        "best": None if best is None else f"{best:.0f} dBm",
        "heard": moment_of(meter.last).strftime("%H:%M:%S"),
        "key": shown.note,
    }


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))

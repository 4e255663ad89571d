"""The tables of the handover: meters, what needs attention, who is missing, what was changed."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from mbuscli.render.handover.charts import sparkline
from mbuscli.render.handover.markup import Html, join, tag
from mbuscli.render.handover.words import (
    clock,
    day,
    gain_words,
    history_words,
    minute,
    outcome_words,
    quantity_words,
    reading_words,
    signal_words,
    span_words,
)
from mbuscli.services.handover import WRITTEN
from mbuscli.services.handover_readings import moment

if TYPE_CHECKING:
    from mbuscli.services.handover import Disturbance, Handover, MissingMeter, ReportedMeter
    from mbuscli.settings.journal import Line

_NOTHING = "–"
T = TypeVar("T")
MakeCell: TypeAlias = "Callable[[ReportedMeter], object]"
# What the unit alone does not tell; counters of energy and volume need no word.
_TOLD = frozenset(
    (
        "mass",
        "reactive_energy",
        "external_temperature",
        "flow_temperature",
        "relative_humidity",
        "pressure",
        "power",
        "volume_flow",
    )
)
_STATES = {"collision": "several meters answer at once", "noise": "an answer that nobody can read"}
_NO_PLACE = "Without a place"
# So many meters with the same trouble share a line.
_MANY = 5


class Column(NamedTuple):
    """A heading and the class of its cells."""

    name: str
    kind: str = ""


def table(columns: Sequence[Column], bodies: Sequence[Html], caption: str, kind: str = "") -> Html:
    """A table whose head comes again on each page; on a narrow screen each row becomes a card."""
    head = tag("tr", *(tag("th", c.name, class_=c.kind or None, scope="col") for c in columns))
    return tag(
        "table",
        tag("caption", caption),
        tag("thead", head),
        *bodies,
        class_=f"list {kind}".rstrip(),
    )


def _row(columns: Sequence[Column], cells: Sequence[object], kind: str | None = None) -> Html:
    return tag(
        "tr",
        *(
            tag("td", cell, class_=column.kind or None, data_label=column.name)
            for column, cell in zip(columns, cells, strict=True)
        ),
        class_=kind,
    )


def two_lines(first: object, second: object) -> Html:
    """A cell with something smaller below."""
    return tag("div", first, tag("small", second) if second else None)


# -- meters ------------------------------------------------------------------------------------------------


def meters_table(handover: Handover) -> Html:
    """All meters; under the heading of their place, where places are known."""
    meters = handover.meters
    columns, makers = _meter_columns(handover)
    bodies = []
    with_places = any(meter.place for meter in meters)
    for place, group in groupby(meters, key=lambda meter: meter.place):
        rows = [_row(columns, [make(meter) for make in makers]) for meter in group]
        heading = _place_heading(handover, place, len(columns)) if with_places else None
        bodies.append(tag("tbody", heading, *rows))
    return table(columns, bodies, "Meters with their readings", "meters")


def _place_heading(handover: Handover, place: str, width: int) -> Html:
    done, total = handover.places[place]
    how_far = tag("small", f"{done} of {total} read") if handover.was_read else None
    words = join(place or _NO_PLACE, " ", how_far)
    return tag("tr", tag("th", words, colspan=str(width), scope="rowgroup"), class_="place")


def _meter_columns(handover: Handover) -> tuple[list[Column], list[MakeCell]]:
    meters = handover.meters
    found: list[tuple[Column, MakeCell]] = []
    if any(meter.primary is not None for meter in meters):
        found.append((Column("Addr.", "num pa"), _primary))
    found.append((Column("Meter", "meter"), _meter))
    if any(meter.name for meter in meters):
        found.append((Column("Name", "name"), lambda meter: meter.name or _NOTHING))
    found.append((Column("Medium", "medium"), _medium))
    if handover.was_read:
        found += [(Column("Reading", "num reading"), _reading), (Column("Read at", "time"), _read_at)]
    if any(meter.signal_dbm is not None for meter in meters):
        found.append((Column("Signal", "num signal"), _signal))
    if any(meter.history is not None for meter in meters):
        found.append((Column("History", "history"), _history))
    found.append((Column("Status", "status"), _status))
    return [column for column, _ in found], [make for _, make in found]


def _primary(meter: ReportedMeter) -> object:
    return _NOTHING if meter.primary is None else str(meter.primary)


def _meter(meter: ReportedMeter) -> Html:
    number = tag("b", meter.number or _NOTHING)
    return two_lines(number, meter.address_text if meter.address_text != meter.number else "")


def _medium(meter: ReportedMeter) -> Html:
    return two_lines(meter.device_type_name or "not known", meter.manufacturer)


def _reading(meter: ReportedMeter) -> Html:
    if meter.value is None:
        return two_lines(tag("span", "not read", class_="unread"), meter.unread)
    number, unit = reading_words(meter.value)
    lines = [join(tag("b", number), tag("span", unit, class_="unit"))]
    quantity = meter.value.quantity
    if quantity in _TOLD:
        lines.append(tag("small", quantity_words(meter.value)))
    if meter.due is not None:
        due, due_unit = reading_words(meter.due.value)
        when = meter.due.date[:10] or "due date"
        lines.append(tag("small", f"{when}: {due}", tag("span", due_unit, class_="unit")))
    return tag("div", *lines)


def _read_at(meter: ReportedMeter) -> Html | str:
    if meter.read_at is None:
        return _NOTHING
    return two_lines(day(meter.read_at), clock(meter.read_at))


def _signal(meter: ReportedMeter) -> Html | str:
    if meter.signal_dbm is None:
        return _NOTHING
    return two_lines(signal_words(meter.signal_dbm), f"heard {meter.heard}×" if meter.heard else "")


def _history(meter: ReportedMeter) -> Html | str:
    series = meter.history
    if series is None:
        return _NOTHING
    line = sparkline(series, history_words(series, meter))
    return two_lines(line, f"{gain_words(series, meter)} {span_words(series)}")


def _status(meter: ReportedMeter) -> Html | str:
    words = [*meter.status, *meter.troubles]
    if words:
        return tag("span", "; ".join(words), class_="alarm")
    return "ok" if meter.value is not None else _NOTHING


# -- attention ---------------------------------------------------------------------------------------------


def attention_table(handover: Handover) -> Html | None:
    """Everything that somebody should look at; None if all is well."""
    columns = [Column("Where", "where"), Column("What", "wide")]
    alike: dict[tuple[str, ...], list[ReportedMeter]] = {}
    for meter in handover.meters:
        if meter.attention:
            alike.setdefault(tuple(meter.attention), []).append(meter)
    rows = []
    for words, meters in alike.items():
        if len(meters) >= _MANY:
            rows.append(_row(columns, [_numbers(meters), _sentences(words)]))
        else:
            rows += [_row(columns, [_where(meter), _sentences(words)]) for meter in meters]
    rows += [_row(columns, [_disturbed_at(each), _disturbance(each)]) for each in handover.disturbed]
    if not rows:
        return None
    return table(columns, [tag("tbody", *rows)], "What somebody should look at")


def _numbers(meters: Sequence[ReportedMeter]) -> Html:
    """Meters of which the same is to be said; the table below tells the rest of them."""
    numbers = ", ".join(meter.number or meter.address_text for meter in meters)
    return two_lines(tag("b", f"{len(meters)} meters"), numbers)


def _where(meter: ReportedMeter) -> Html:
    place = ", ".join(part for part in (meter.name, meter.place) if part)
    at = "" if meter.primary is None or meter.address is None else f"address {meter.primary}"
    more = ", ".join(part for part in (meter.device_type_name, at, place) if part)
    return two_lines(tag("b", meter.number or meter.address_text), more)


def _sentences(words: Sequence[str]) -> Html:
    return join(*(tag("div", word[:1].upper() + word[1:]) for word in words))


def _disturbed_at(each: Disturbance) -> Html:
    where = "somewhere on the bus" if each.primary is None else f"primary address {each.primary}"
    return tag("b", where)


def _disturbance(each: Disturbance) -> Html:
    state = _STATES.get(each.state, each.state.replace("_", " "))
    return two_lines(state[:1].upper() + state[1:], each.note)


# -- the list ----------------------------------------------------------------------------------------------


def missing_table(missing: Sequence[MissingMeter]) -> Html:
    """Who is on the list and was not found."""
    return _told_columns(
        [
            (Column("Place", "place"), lambda each: each.place),
            (Column("Meter", "meter"), lambda each: two_lines(tag("b", each.address.id), _known_parts(each))),
            (Column("Name", "name"), lambda each: each.name),
            (Column("Note", "wide"), lambda each: each.note),
        ],
        missing,
        "Meters of the list that were not found",
    )


def _told_columns(
    makers: Sequence[tuple[Column, Callable[[T], object]]], items: Sequence[T], caption: str
) -> Html:
    """A table with those columns that tell something of any of the items."""
    told = [
        (column, make)
        for column, make in makers
        if any(make(item) not in ("", None, _NOTHING) for item in items)
    ]
    columns = [column for column, _ in told]
    rows = [_row(columns, [make(item) or _NOTHING for _, make in told]) for item in items]
    return table(columns, [tag("tbody", *rows)], caption)


def _known_parts(each: MissingMeter) -> str:
    parts = [str(each.address)] if str(each.address) != each.address.id else []
    if each.primary is not None:
        parts.append(f"address {each.primary}")
    return ", ".join(parts)


def strangers_table(strangers: Sequence[ReportedMeter]) -> Html:
    """Who was found and is not on the list: no readings, these may be somebody else's."""
    return _told_columns(
        [
            (Column("Addr.", "num pa"), _primary),
            (Column("Meter", "meter"), _meter),
            (Column("Medium", "medium"), _medium),
            (Column("Signal", "num signal"), _signal),
        ],
        strangers,
        "Meters that were found and are not on the list",
    )


# -- changes -----------------------------------------------------------------------------------------------


def changes_table(changes: Sequence[Line]) -> Html:
    """What was written into meters, and how to take it back."""
    columns = [
        Column("Time", "time"),
        Column("Meter", "meter"),
        Column("Change", "change"),
        Column("Result", "result"),
        Column("To take it back", "wide"),
    ]
    rows = []
    for line in changes:
        entry = line.entry
        time = moment(line.time)
        number, _, rest = (entry.meter or entry.target).partition(".")
        change = join(
            tag("div", entry.command.replace("-", " ")),
            tag("b", entry.old or _NOTHING),
            " → ",
            tag("b", entry.new or _NOTHING),
        )
        undo = tag("code", shlex.join(entry.undo)) if entry.undo else _NOTHING
        rows.append(
            _row(
                columns,
                [
                    line.time if time is None else minute(time),
                    two_lines(tag("b", number), f"{number}.{rest}" if rest else ""),
                    change,
                    two_lines(outcome_words(line.outcome), line.note),
                    undo,
                ],
                None if line.outcome == WRITTEN else "doubtful",
            )
        )
    return table(columns, [tag("tbody", *rows)], "What was written into meters")

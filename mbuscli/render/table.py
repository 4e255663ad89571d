"""Tables for people; the only importer of rich. Every cell is a Text: markup in meter text stays text."""

from __future__ import annotations

import io
import re
from collections.abc import Container, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from mbuscli.meters.evaluate import STATUS
from mbuscli.protocol.application.dif_table import BCD_FIELDS
from mbuscli.protocol.octets import bcd_digits
from mbuscli.render.delimited import Cell, cell_text
from mbuscli.render.rows import Row, application_error_text, device_type_name, primary_address, status_words
from mbuscli.render.streams import Streams, terminal_width
from mbuscli.render.text import ascii_unit, folded, inert
from mbuscli.render.units import readable
from mbuscli.telegram.model import LORAWAN

if TYPE_CHECKING:
    from mbuscli.errors import Problem
    from mbuscli.meters.reading import Reading, Readings
    from mbuscli.protocol.application.records import Record
    from mbuscli.telegram import Telegram

_SCAN_WIDTHS = {"address": 7, "state": 9, "id": 8, "maker": 5, "ver": 3}
_SCAN_NUMBERS = frozenset(("address", "ver", "baud"))
_LONGEST_TYPE = 28
# In less room than this, type and status of a scan share a column.
_LEAST_WORDS = 16
# A number with its groups of digits is one.
_WORD = re.compile(r"\d+(?:\s\d{3})+\S*|\S+")
# Longer words are broken in a table, such as a telegram in hexadecimal.
_LONGEST_WORD = 30
_PADDING = (0, 1, 0, 0)
_GAP = 2
_DATES = frozenset(("date", "datetime"))
_IDENTIFIERS = frozenset(("fabrication_number", "enhanced_identification"))
_ASCII_BOX = box.Box(str(box.SIMPLE_HEAD).replace("─", "-"), ascii=True)


def telegram_table(telegram: Telegram, readings: Readings, streams: Streams, *, verbose: bool = False) -> str:
    """One meter block: who it is, its readings, and what is wrong.

    `verbose`: what the readings mean, and the records grouped by storage number too.
    """
    parts: list[RenderableType] = _heading(telegram)
    if readings.driver is not None:
        parts.append(Text(inert(f"meter driver {readings.driver}")))
    shown = [reading for reading in readings.values if reading.name != STATUS or reading.value != "OK"]
    if shown:
        parts += [Text(), _readings_table(shown, streams, verbose)]
    if telegram.records and verbose:
        parts += [Text(), _records_table(telegram.records, streams)]
    parts += [_problem(problem) for problem in telegram.problems]
    parts += _diagnosis(telegram)
    return _rendered(parts, streams)


def scan_lines(row: Row, streams: Streams, *, header: bool) -> str:
    """One hit of a scan, under the header if it is the first: widths are fixed, so that hits line up."""
    widths = {**_SCAN_WIDTHS, "baud": 5} if "baud" in row else _SCAN_WIDTHS
    # What is left of the line belongs to type and status; each column costs a gap of two.
    left = terminal_width() - sum(widths.values()) - 2 * (len(widths) + 2)
    if left < _LEAST_WORDS:
        return _narrow_scan_lines(row, streams, header)
    table = Table(box=_box(streams), show_header=header, show_edge=False, pad_edge=False, padding=_PADDING)
    for name, width in widths.items():
        justify: JustifyMethod = "right" if name in _SCAN_NUMBERS else "left"
        table.add_column(name, justify=justify, width=width, no_wrap=True)
    type_width = min(left // 2, _LONGEST_TYPE)
    table.add_column("type", width=type_width, overflow="fold")
    table.add_column("status", width=max(left - type_width, 1), overflow="fold")
    meter = row["meter"] or {}
    cells = (
        row["address"],
        row["state"],
        meter.get("id"),
        meter.get("manufacturer"),
        meter.get("version"),
        *([row["baud"]] if "baud" in row else []),
        meter.get("device_type_name"),
        _scan_remark(row),
    )
    style = "" if row["state"] == "meter" else "yellow"
    table.add_row(*(Text(inert(cell_text(cell)), style=style) for cell in cells))
    return _rendered([table], streams)


def _narrow_scan_lines(row: Row, streams: Streams, header: bool) -> str:
    """The same where a line holds no more than two numbers and a few words."""
    table = Table(box=_box(streams), show_header=header, show_edge=False, pad_edge=False, padding=_PADDING)
    numbers = ["address", *(["baud"] if "baud" in row else [])]
    for name in numbers:
        table.add_column(name, justify="right", width=7 if name == "address" else 5, no_wrap=True)
    table.add_column("id", width=8, no_wrap=True)
    left = terminal_width() - 8 - 7 - 5 * (len(numbers) - 1) - 2 * (len(numbers) + 1)
    table.add_column("meter", width=left, overflow="fold")
    meter, remark = row["meter"] or {}, _scan_remark(row)
    words = (
        "" if row["state"] == "meter" else row["state"],
        meter.get("device_type_name"),
        "" if remark == "ok" else remark,
    )
    cells = (*(row[name] for name in numbers), meter.get("id"), ", ".join(filter(None, words)))
    style = "" if row["state"] == "meter" else "yellow"
    table.add_row(*(Text(inert(cell_text(cell)), style=style) for cell in cells))
    return _rendered([table], streams)


def cells_table(
    names: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    streams: Streams,
    *,
    numbers: Container[str] = frozenset(),
) -> str:
    """The columns that the user chose; those in `numbers` hold numbers as people read them.

    Where the terminal is too narrow for them, a block of lines a row.
    """
    texts = [[_fallback(inert(cell_text(cell)), streams) for cell in row] for row in rows]
    widths = _fitted_widths([[name, *column] for name, *column in zip(names, *texts, strict=True)])
    if widths is None:
        return _blocks(names, texts, streams)
    table = Table(box=_box(streams), show_edge=False, pad_edge=False, padding=_PADDING)
    for index, name in enumerate(names):
        numeric = name in numbers or any(isinstance(row[index], int | Decimal) for row in rows)
        justify: JustifyMethod = "right" if numeric else "left"
        table.add_column(name, justify=justify, overflow="fold", width=widths[index])
    for row in texts:
        table.add_row(*map(Text, row))
    return _rendered([table], streams)


def _fitted_widths(columns: Sequence[Sequence[str]]) -> list[int] | None:
    """The cells of each column in a line of the terminal; None if words would have to be broken.

    A word that fills a line by itself may be. The library breaks, and even cuts, whatever is in its way.
    """
    least = [min(max(map(cell_len, _WORD.findall(" ".join(texts)))), _LONGEST_WORD) for texts in columns]
    widths = [max(map(cell_len, texts)) for texts in columns]
    too_wide = sum(widths) + _GAP * (len(columns) - 1) - terminal_width()
    while too_wide > 0:
        spare = [width - need for width, need in zip(widths, least, strict=True)]
        # Sentences share the room; of short cells rather one column has its lines broken than all of them.
        prose = [room > 0 and width > _LONGEST_WORD for room, width in zip(spare, widths, strict=True)]
        widest = max(range(len(spare)), key=lambda at: (prose[at], spare[at]))
        if not spare[widest]:
            return None
        less = 1 if prose[widest] else min(spare[widest], too_wide)
        widths[widest] -= less
        too_wide -= less
    return widths


def _blocks(names: Sequence[str], rows: Sequence[Sequence[str]], streams: Streams) -> str:
    """Each row under its first cell, a line a cell; empty cells are left out."""
    parts: list[RenderableType] = []
    for first, *others in rows:
        table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
        table.add_column(style="dim", no_wrap=True, min_width=max(map(len, names)))
        table.add_column(overflow="fold")
        for name, text in zip(names[1:], others, strict=True):
            if text:
                table.add_row(name, Text(text))
        parts += [Text(first, style="bold"), table]
    return _rendered(parts, streams)


def _scan_remark(row: Row) -> str:
    parts = []
    if row["status"] is not None:
        parts.append(", ".join(row["status"]["flags"]) or "ok")
    if row["note"]:
        parts.append(row["note"])
    return "; ".join(parts)


def _heading(telegram: Telegram) -> list[RenderableType]:
    if telegram.link.layer == LORAWAN:
        return [*_lorawan_heading(telegram), *(_meter_heading(telegram) if telegram.meter else ())]
    return _meter_heading(telegram)


def _lorawan_heading(telegram: Telegram) -> list[RenderableType]:
    """The frame that brought it; then the meter inside, if it names one."""
    from mbuscli.render.lorawan import facts

    (_, title), *rest = facts(telegram)
    table = Table(box=None, show_header=False, show_edge=False, pad_edge=False, padding=_PADDING)
    table.add_column(min_width=9)
    table.add_column(overflow="fold")
    for label, text in rest:
        style = ("green" if text.startswith("ok") else "yellow") if label == "MIC" else ""
        table.add_row(Text(label), Text(inert(text), style=style))
    return [Text(inert(title), style="bold"), table]


def _meter_heading(telegram: Telegram) -> list[RenderableType]:
    meter = telegram.meter
    primary = primary_address(telegram)
    facts = []
    if meter is None:
        nameless = telegram.link.ci_field is not None or bool(telegram.records)
        title = telegram.command or ("meter without identification" if nameless else _link_words(telegram))
    else:
        maker = [] if telegram.medium is not None else [meter.manufacturer_name]
        title = "  ".join([*maker, meter.id, device_type_name(telegram)])
        facts.append(f"address {meter}")
    if primary is not None:
        facts.append(f"primary address {primary}")
    if meter is not None and telegram.medium is None:
        facts.append(f"version {meter.version}")
    if telegram.acc is not None:
        facts.append(f"access number {telegram.acc}")
    lines = [Text(inert(title), style="bold"), Text(inert(", ".join(facts)))]
    if telegram.status is not None:
        words = ", ".join(status_words(telegram))
        lines.append(Text(f"status: {words or 'ok'}", style="red" if words else "green"))
    if telegram.application_error is not None:
        text = f"application error {telegram.application_error}: {application_error_text(telegram)}"
        lines.append(Text(text, style="red"))
    if telegram.alarm is not None:
        from mbuscli.protocol.application.control import describe_alarm

        lines.append(Text(f"alarm: {describe_alarm(telegram.alarm)}", style="red"))
    if telegram.security.key is not None:
        lines.append(Text(inert(_opened(telegram)), style="green"))
    return [line for line in lines if line]


def _opened(telegram: Telegram) -> str:
    """Which key opened it, and what proves that."""
    security = telegram.security
    opened = "decrypted" if security.state == "decrypted" else "authenticated"
    return f"{opened} with {security.key}, proved by {', '.join(security.checks)}"


def _diagnosis(telegram: Telegram) -> list[Text]:
    """What was tried to open it and what that leaves; the first sentence of a failure is its problem's."""
    security = telegram.security
    sentences = security.diagnosis[security.state not in ("none", "decrypted") :]
    return [Text(f"  {inert(text)}", style="yellow") for text in sentences]


def _link_words(telegram: Telegram) -> str:
    """What a frame without application data is, such as `REQ_UD2 FCB=1`."""
    from mbuscli.protocol.wired.fields import describe_c_field

    c_field = telegram.link.c_field
    return "acknowledgement" if c_field is None else describe_c_field(c_field)


def _readings_table(readings: Sequence[Reading], streams: Streams, verbose: bool) -> Table:
    table = Table(box=_box(streams), show_edge=False, pad_edge=False, padding=_PADDING)
    numbers = [len(_reading_text(each)) for each in readings if isinstance(each.value, int | Decimal)]
    table.add_column("reading", overflow="fold", min_width=12)
    table.add_column("value", justify="right", overflow="fold", min_width=max(numbers, default=5))
    table.add_column("unit", overflow="fold", min_width=4)
    if verbose:
        table.add_column("meaning", overflow="fold")
    for reading in readings:
        style = "yellow" if reading.error else "bold" if reading.main else ""
        cells = [
            Text(inert(reading.name), style="bold" if reading.main else ""),
            Text(_reading_text(reading), style=style),
            Text(_fallback(inert(reading.unit), streams)),
        ]
        table.add_row(*cells, *([Text(inert(reading.about), style="dim")] if verbose else []))
    return table


def _reading_text(reading: Reading) -> str:
    value = reading.value
    if value is None:
        return f"({inert(reading.error or 'no value')})"
    if isinstance(value, str):
        return inert(_clock(value))
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _records_table(records: Sequence[Record], streams: Streams) -> Table:
    groups: dict[int, list[Record]] = {}
    for record in records:
        groups.setdefault(record.storage, []).append(record)
    table = Table(box=_box(streams), show_edge=False, pad_edge=False, padding=_PADDING)
    cells = {id(record): _value_and_unit(record, streams) for record in records}
    numbers = [len(value) for value, _, numeric in cells.values() if numeric]
    table.add_column("quantity", overflow="fold", min_width=12)
    table.add_column("value", justify="right", overflow="fold", min_width=max(numbers, default=5))
    table.add_column("unit", overflow="fold", min_width=4)
    for storage in sorted(groups):
        if storage or len(groups) > 1:
            table.add_section()
            table.add_row(Text(_storage_label(storage, groups[storage]), style="bold"))
        for record in groups[storage]:
            value, unit, _ = cells[id(record)]
            style = "yellow" if record.error else ""
            table.add_row(Text(inert(_name(record))), Text(value, style=style), Text(unit))
    return table


def _storage_label(storage: int, records: Sequence[Record]) -> str:
    """The storage number, with its due date where the meter tells exactly one."""
    if not storage:
        return "current"
    dates = [r.value for r in records if r.header.quantity in _DATES and not r.qualifiers and r.value]
    return f"storage {storage}" + (f" ({_clock(str(dates[0]))})" if len(dates) == 1 else "")


def _name(record: Record) -> str:
    """Quantity in words, with function, tariff, subunit and qualifiers where they are not the usual ones."""
    header = record.header
    name = header.quantity.replace("_", " ")
    if header.function == "error":
        name += " during error"
    elif header.function != "instantaneous":
        name = f"{header.function} {name}"
    parts = [name]
    if header.tariff:
        parts.append(f"tariff {header.tariff}")
    if header.subunit:
        parts.append(f"subunit {header.subunit}")
    parts += [qualifier.replace("_", " ") for qualifier in record.qualifiers]
    if record.time is not None:
        parts.append(f"at {_clock(record.time)}")
    return ", ".join(parts)


def _value_and_unit(record: Record, streams: Streams) -> tuple[str, str, bool]:
    value, header = record.value, record.header
    if value is None:
        return f"({inert(record.error or 'no value')})", "", False
    if isinstance(value, str):
        text = _clock(value) if header.quantity in _DATES else value
        return inert(text), _fallback(inert(header.unit), streams), False
    if header.quantity in _IDENTIFIERS and header.data_field in BCD_FIELDS:
        return bcd_digits(record.raw), "", True  # as on the plate, with leading zeros
    number, unit = readable(value, header.unit, header.exponent)
    return number, _fallback(inert(unit), streams), True


def _clock(text: str) -> str:
    return text.replace("T", " ")


def _problem(problem: Problem) -> Text:
    kind, style = ("note", "yellow") if problem.warning else ("problem", "red")
    where = f"{problem.layer} layer, byte {problem.offset}"
    return Text(f"{kind}: {inert(problem.text)} ({where}) [{problem.reason.value}]", style=style)


def _fallback(text: str, streams: Streams) -> str:
    return ascii_unit(text) if streams.ascii_out else text


def _box(streams: Streams) -> box.Box:
    return _ASCII_BOX if streams.ascii_out else box.SIMPLE_HEAD


def _rendered(parts: Sequence[RenderableType], streams: Streams) -> str:
    """The parts as text with (or without) colour; lines carry no trailing blanks."""
    sink = io.StringIO()
    console = Console(
        file=sink,
        width=terminal_width(),
        color_system="standard" if streams.colour else None,
        force_terminal=streams.colour,
        no_color=not streams.colour,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )
    for part in parts:
        if isinstance(part, Text):
            part = Text(folded(part.plain, console.width), style=part.style)
        console.print(part, overflow="fold")
    return "\n".join(line.rstrip() for line in sink.getvalue().rstrip("\n").split("\n"))

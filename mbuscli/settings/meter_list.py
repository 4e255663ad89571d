"""Lists of meters: delivery notes and plans (CSV, plain text), and what our own scans and readings wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mbuscli.errors import InputError, Reason, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.settings.files import read_file
from mbuscli.settings.keystore import clean_text
from mbuscli.settings.list_columns import ListColumns, find_columns, primary_of
from mbuscli.settings.redact import redact
from mbuscli.settings.sheet import (
    DELIMITERS,
    MAX_SIZE,
    TITLE_ROWS,
    SheetRow,
    decode_text,
    is_scientific,
    parse_number,
    read_rows,
    split_lines,
)

_SAMPLE_ROWS = 200  # enough to tell what a column holds
_LONGEST_NUMBER = 40
_COMMENT = "#"


class ListedMeter(NamedTuple):
    """A meter of a list. `line` counts from 1 (in a JSON document: the meters); `address` may lack parts on
    the right, never digits; `primary` is what the list says, 0-999; `key` is hexadecimal text, "" if none."""

    line: int
    address: MeterAddress
    primary: int | None
    name: str
    place: str
    key: str
    note: str

    def __repr__(self) -> str:
        return f"ListedMeter(line={self.line}, address={self.address}, primary={self.primary})"


class RefusedLine(NamedTuple):
    """A line without a meter, and why; a `warning` is about a meter that is in the list nevertheless."""

    line: int
    text: str
    warning: bool


class MeterList(NamedTuple):
    """The meters in the order of the file, each once, and what is to say about its lines."""

    path: Path
    meters: tuple[ListedMeter, ...]
    refused: tuple[RefusedLine, ...]


def read_meter_list(path: Path) -> MeterList:
    """The meters of a list in any of the forms it comes in.

    InputError: `input.unrecognised` if it is no list, and as `read_file`. A line that is wrong is refused,
    and the rest is read.
    """
    text = decode_text(read_file(path, MAX_SIZE))
    rows = _of_json(text) if text.lstrip().startswith(("{", "[")) else _of_sheet(split_lines(text))
    if rows is None:
        raise InputError(
            f"no list of meters was recognised in {path}",
            reason=Reason.UNRECOGNISED,
            hint=(
                "expected: one meter a line, as CSV with a heading such as 'meter number;new address'",
                "or what `mbuscli scan -o json` writes",
                "export a spreadsheet as CSV first, with the numbers formatted as text",
            ),
        )
    return _collected(path, rows)


class _Cells(NamedTuple):
    """A line as it stands in the list; without `meter`, `note` says why there is none."""

    line: int
    meter: str | None
    others: dict[str, str]
    note: str = ""


def _collected(path: Path, rows: Iterator[_Cells]) -> MeterList:
    meters: dict[MeterAddress, ListedMeter] = {}
    refused: list[RefusedLine] = []
    for cells in rows:
        warnings: list[str] = []
        try:
            meter = _meter(cells, warnings)
        except UsageError as error:
            refused.append(RefusedLine(cells.line, redact(error.text), warning=False))
            continue
        first = meters.setdefault(meter.address, meter)
        if first is not meter:
            same = first.primary == meter.primary
            text = f"{meter.address} stands in line {first.line} already"
            refused.append(
                RefusedLine(meter.line, text if same else f"{text}, with another address", warning=same)
            )
            continue
        refused += [RefusedLine(meter.line, redact(text), warning=True) for text in warnings]
    return MeterList(path, tuple(meters.values()), tuple(refused))


def _meter(cells: _Cells, warnings: list[str]) -> ListedMeter:
    """The meter of a line; UsageError if there is none. Doubts are added to `warnings`."""
    others = cells.others
    address = _address(cells, warnings)
    primary = None
    if others.get("primary"):
        primary = primary_of(others["primary"])
        if primary is None:
            warnings.append(f"{others['primary'][:_LONGEST_NUMBER]!r} is no primary address")
    return ListedMeter(
        cells.line,
        address,
        primary,
        redact(clean_text(others.get("name", ""))),
        redact(clean_text(others.get("place", ""))),
        _key(others.get("key", ""), warnings),
        redact(clean_text(others.get("note", ""))),
    )


def _address(cells: _Cells, warnings: list[str]) -> MeterAddress:
    text = cells.meter
    if not text:
        if text is not None and cells.others.get("primary"):
            raise _refusal("a primary address alone: the meter's number is missing")
        raise _refusal(cells.note or "the meter's number is missing")
    if len(text) > _LONGEST_NUMBER:
        raise _refusal("too long for a meter's number")
    text = text.removesuffix(".0")  # of a spreadsheet that has made a decimal number of it
    address, padded = parse_number(text, cells.others.get("manufacturer", ""))
    if "F" in address.id:
        raise _refusal(f"{address.id} stands for several meters")
    if padded:
        warnings.append(f"the number {text} was filled up to {address.id}")
    return address


def _key(text: str, warnings: list[str]) -> str:
    """The key's hexadecimal digits; "" with a warning where it is none."""
    from mbuscli.protocol.security.keys import parse_key

    if not text:
        return ""
    if is_scientific(text):
        warnings.append("a spreadsheet has turned the key into a number such as 1.23E+31: digits are lost")
        return ""
    try:
        return parse_key(text).octets.hex()
    except UsageError as error:
        warnings.append(error.text)
        return ""


# -- tables ------------------------------------------------------------------------------------------------


def _of_sheet(lines: Sequence[str]) -> Iterator[_Cells] | None:
    """The rows below the headings of the delimiter and title rows that recognise the most meters."""
    lines = ["" if line.lstrip().startswith(_COMMENT) else line for line in lines]
    best: tuple[ListColumns, str, int] | None = None
    for delimiter in DELIMITERS:
        sample = [row for row in _first_rows(lines, delimiter) if row.cells is not None]
        for at, row in enumerate(sample[:TITLE_ROWS]):
            columns = find_columns([row.cells or [] for row in sample[at:]])
            if columns is not None and (best is None or columns.score > best[0].score):
                best = (columns, delimiter, row.line - (not columns.heading))
    if best is None:
        return None
    return _of_rows(lines, *best)


def _first_rows(lines: Sequence[str], delimiter: str) -> Iterator[SheetRow]:
    for _, row in zip(range(_SAMPLE_ROWS), read_rows(lines, delimiter), strict=False):
        yield row


def _of_rows(lines: Sequence[str], columns: ListColumns, delimiter: str, head: int) -> Iterator[_Cells]:
    """The rows after line `head`."""
    for line, cells in read_rows(lines, delimiter):
        if line <= head:
            continue
        if cells is None:
            yield _Cells(line, None, {}, "it is too long, or its quotes do not end")
            continue
        others = {field: cells[place] for field, place in columns.others.items() if place < len(cells)}
        yield _Cells(line, cells[columns.meter] if columns.meter < len(cells) else "", others)


# -- our own JSON ------------------------------------------------------------------------------------------


def _of_json(text: str) -> Iterator[_Cells] | None:
    """The meters of a document, or of one event a line; None if nothing in it is about meters."""
    try:
        rows = [*_of_document(_parse(text))]
    except ValueError:
        rows = [*_of_json_lines(split_lines(text))]
    known = any(row.meter is not None for row in rows)
    return iter(rows) if known else None


def _of_document(document: Any) -> Iterator[_Cells]:
    events = document if isinstance(document, list) else [document]
    events = [inner for event in events if isinstance(event, dict) for inner in _inner(event)]
    for number, event in enumerate(events, 1):
        yield from _of_event(number, event)


def _inner(event: dict[str, Any]) -> list[Any]:
    """The hits of a scan, the telegrams of a reading; else the event itself."""
    for name in ("found", "telegrams", "meters"):
        if isinstance(event.get(name), list):
            return list(event[name])
    return [event]


def _of_json_lines(lines: Sequence[str]) -> Iterator[_Cells]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = _parse(line)
        except ValueError:
            yield _Cells(number, None, {}, "no whole JSON object")
            continue
        yield from _of_event(number, event)


def _of_event(line: int, event: Any) -> Iterator[_Cells]:
    """The meter of a hit or a telegram. A summary is about no meter and says nothing."""
    if not isinstance(event, dict):
        yield _Cells(line, None, {}, "no JSON object")
        return
    if event.get("event") in ("summary", "progress"):
        return
    # A row of a summary is the meter itself; a hit of a scan has the meter's primary address beside it.
    meter = event if isinstance(event.get("address"), str) else event.get("meter")
    if not isinstance(meter, dict):
        yield _Cells(line, None, {}, _no_meter(event))
        return
    primary = meter.get("primary_address")
    if meter is not event:
        primary = event.get("address", primary)
    others = {name: meter[name] for name in ("name", "place") if isinstance(meter.get(name), str)}
    if isinstance(primary, int):
        others["primary"] = str(primary)
    address = meter.get("address")
    yield _Cells(line, address if isinstance(address, str) else "", others)


def _no_meter(event: dict[str, Any]) -> str:
    state, address = event.get("state"), event.get("address")
    if state == "meter":
        return f"the meter at address {address} has not told its number"
    return f"{state} at address {address}" if isinstance(state, str) else "no meter"


def _parse(text: str) -> Any:
    """The value of JSON text; ValueError for what is none, or is nested too deeply to be ours."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError from None


def _refusal(text: str) -> UsageError:
    return UsageError(text, reason=Reason.INVALID)

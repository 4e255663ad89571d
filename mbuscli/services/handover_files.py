"""The files that a handover is made from: what our own commands write, as JSON, NDJSON, CSV or TSV."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import chain
from pathlib import Path
from typing import Any

from mbuscli.errors import InputError, Reason
from mbuscli.protocol.octets import counted
from mbuscli.settings.files import read_limited, reading
from mbuscli.settings.sheet import DELIMITERS, SheetRow, clean_cell, decode_text, read_rows, split_lines

Event = dict[str, Any]

# Of a document, which is taken as a whole; NDJSON is read line by line and may be of any length.
_LIMIT = 128 << 20
_LONGEST_LINE = 4 << 20
# More digits than any meter counts: such a number is no reading, and its text would fill the memory.
_MOST_DIGITS = 40
_NUMBERS = ("value", "due_value", "rssi_dbm", "best_rssi_dbm")
_INTEGERS = ("primary_address", "storage", "tariff", "subunit", "telegrams", "baud", "exponent")
_LISTS = {"found": "found", "telegrams": "telegram", "meters": "meter", "rows": "row"}
# What tells apart the tables that our commands write: columns that no other one has.
_TABLES = (
    (frozenset(("state", "meter", "address")), "found"),
    (frozenset(("due_value", "value")), "meter"),
    (frozenset(("last_heard", "value")), "meter"),
    (frozenset(("function", "storage", "quantity", "value")), "record"),
)


class EventFile:
    """The events of a file, to be read once; then `sha256` is its checksum, and `faults` says in words what
    of it could not be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sha256 = ""
        self.faults: list[str] = []

    def events(self) -> Iterator[Event]:
        """What one of our commands has written.

        InputError: as `read_file`, `input.invalid` for a file that is cut off or no JSON,
        `input.unrecognised` for what none of our commands writes. Of NDJSON a damaged line is passed over,
        and told.
        """
        with reading(self.path) as stream:
            first = stream.readline(_LONGEST_LINE)
            if first.lstrip().startswith(b"{") and _is_object(first):
                yield from self._of_lines(chain((first,), iter(lambda: stream.readline(_LONGEST_LINE), b"")))
                return
            data = first + read_limited(stream, self.path, _LIMIT)
        self.sha256 = hashlib.sha256(data).hexdigest()
        text = decode_text(data)
        if not text.strip():
            raise InputError(
                f"{self.path} is empty",
                reason=Reason.EMPTY,
                hint=("the command that should have written it found nothing, or was broken off",),
            )
        if text.lstrip().startswith(("{", "[")):
            yield from self._of_document(text)
        else:
            yield from self._of_table(split_lines(text))

    def _of_lines(self, lines: Iterable[bytes]) -> Iterator[Event]:
        digest = hashlib.sha256()
        bad: list[int] = []
        number = 0
        line = b""
        for number, line in enumerate(lines, 1):
            digest.update(line)
            if not line.strip():
                continue
            try:
                yield from _flat(_parse(line))
            except ValueError:
                bad.append(number)
        self.sha256 = digest.hexdigest()
        if bad == [number] and not line.endswith(b"\n"):
            self.faults.append("its last line is cut off and was left out")
        elif bad:
            self.faults.append(f"{counted(len(bad), 'damaged line')} left out, the first is line {bad[0]}")

    def _of_document(self, text: str) -> Iterator[Event]:
        try:
            yield from _flat(_parse(text))
        except ValueError as error:
            raise InputError(
                f"{self.path} is no whole JSON document: {_where(error)}",
                reason=Reason.INVALID,
                hint=(
                    "it seems to be cut off: write it once more",
                    "-o ndjson keeps what was read before a cut",
                ),
            ) from None

    def _of_table(self, lines: list[str]) -> Iterator[Event]:
        for delimiter in DELIMITERS:
            rows = read_rows(lines, delimiter)
            head = next(rows, None)
            names = [] if head is None or head.cells is None else head.cells
            kind = _kind_of(dict.fromkeys(names))
            if kind is not None:
                yield from self._of_rows(names, rows, kind)
                return
        raise unrecognised(self.path)

    def _of_rows(self, names: list[str], rows: Iterator[SheetRow], kind: str) -> Iterator[Event]:
        bad: list[int] = []
        for line, cells in rows:
            if cells is None or len(cells) != len(names):
                bad.append(line)
                continue
            row: Event = {name: _cell(name, cell) for name, cell in zip(names, cells, strict=True)}
            if kind == "found":
                row["meter"] = _scanned(row)
            yield {**row, "event": kind}
        if bad:
            self.faults.append(f"{counted(len(bad), 'incomplete line')} left out, the first is line {bad[0]}")


def unrecognised(path: Path) -> InputError:
    """`input.unrecognised` for what none of our commands writes."""
    return InputError(
        f"{path} is not what one of our commands writes",
        reason=Reason.UNRECOGNISED,
        hint=(
            "expected: mbuscli scan -o json, mbuscli read --all -o json, or read --all --summary -o csv",
            "plain output has no headings: use -o csv, -o json or -o ndjson",
        ),
    )


def exact(value: object) -> int | Decimal | None:
    """The number, if it is one that a meter can show; True and NaN are none."""
    if isinstance(value, int):
        return None if isinstance(value, bool) or abs(value) >= 10**_MOST_DIGITS else value
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return value if abs(value.adjusted()) <= _MOST_DIGITS and exponent >= -_MOST_DIGITS else None


def _flat(document: object) -> Iterator[Event]:
    """The events in a document, those of its lists one by one; ValueError for what is none of ours."""
    for event in document if isinstance(document, list) else [document]:
        if not isinstance(event, dict):
            raise ValueError("no object of ours")
        for name, kind in _LISTS.items():
            inner = event.get(name)
            if isinstance(inner, list):
                rest = {key: value for key, value in event.items() if key != name}
                yield {**rest, "event": "summary" if name == "found" else "heading"}
                yield from (_named(item, kind) for item in inner if isinstance(item, dict))
                break
        else:
            yield event


def _named(item: Event, kind: str) -> Event:
    if kind != "row":
        return {**item, "event": kind}
    return {**item, "event": _kind_of(item) or "row"}


def _kind_of(row: Mapping[str, object]) -> str | None:
    return next((kind for names, kind in _TABLES if names <= row.keys()), None)


def _parse(text: str | bytes) -> object:
    """ValueError for what is no JSON, or is nested too deeply to be ours."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except (RecursionError, InvalidOperation):
        raise ValueError("it is nested too deeply, or its numbers are too long") from None


def _refuse(word: str) -> object:
    raise ValueError(f"{word} is no number")


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(_parse(line), dict)
    except ValueError:
        return False


def _where(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, {error.msg[:1].lower()}{error.msg[1:]}"
    return str(error)[:80]


def _scanned(row: Event) -> Event | None:
    """The meter object that the JSON of a scan has."""
    address = row.get("meter")
    if not isinstance(address, str):
        return None
    return {**row, "address": address, "primary_address": row.get("address")}


def _cell(name: str, text: str) -> object:
    """A cell as the JSON has it: an empty one is nothing, a number all its digits. What a spreadsheet has
    made of a number stays text, so that nobody takes it for a reading."""
    text = clean_cell(text)
    if not text:
        return None
    if name in _INTEGERS or name == "address":
        return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else text
    if name in _NUMBERS:
        try:
            return Decimal(text) if len(text) <= _MOST_DIGITS else text
        except InvalidOperation:
            return text
    return text

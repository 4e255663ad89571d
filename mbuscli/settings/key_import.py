"""Keys out of the files in which they are delivered: lists (CSV), wmbusmeters meter files, Kamstrup KEM."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from mbuscli.errors import InputError, KeyProblemError, Reason, UsageError
from mbuscli.protocol.security.keys import parse_key
from mbuscli.settings.files import read_file
from mbuscli.settings.kem import is_kem, open_kem
from mbuscli.settings.key_columns import Columns, find_columns
from mbuscli.settings.keystore import Entry, clean_text
from mbuscli.settings.redact import redact
from mbuscli.settings.sheet import (
    DELIMITERS,
    MAX_SIZE,
    TITLE_ROWS,
    decode_text,
    is_scientific,
    parse_number,
    read_rows,
    split_lines,
)

_SETTING = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
_NO_KEY = frozenset(("", "NOKEY"))

_Row: TypeAlias = tuple[int, list[str]]


class Refused(NamedTuple):
    """A line or part of a file from which no key came, and why. A warning is about a key that did come."""

    line: int | None
    text: str
    warning: bool = False


Imported: TypeAlias = Entry | Refused


def import_keys(path: Path, ask_password: Callable[[str], str | None]) -> list[Imported]:
    """The keys in a file, whatever its form, in its order, each followed by what is to say about it.

    InputError: `input.unrecognised` if no list of keys is in it, and as `read_file`. KeyProblemError
    `input.passphrase` for a KEM file that the password does not open; nothing of it is imported then.
    """
    data = read_file(path, MAX_SIZE)
    if is_kem(data):
        password = ask_password(f"Password of {path} (the customer number, or what its sender chose): ")
        if not password:
            raise KeyProblemError(
                f"{path} is encrypted, and there is no password",
                reason=Reason.PASSPHRASE,
                layer="input",
                hint=(
                    "the password is the customer number, or what the sender of the file chose",
                    "type it when asked, in a terminal, or give it with --password-file",
                ),
            )
        return [*_of_kem(open_kem(data, password))]
    lines = split_lines(decode_text(data))
    if _is_meter_file(lines):
        return [*_of_meter_file(lines)]
    return [*_of_list(lines, path)]


def _of_kem(meters: Iterator[dict[str, str]]) -> Iterator[Imported]:
    for number, meter in enumerate(meters, 1):
        yield from _guarded(None, f"meter {number}", meter["serial"], meter)


def _is_meter_file(lines: Sequence[str]) -> bool:
    """True if every line is `name=value` and both a meter and a key are among them."""
    settings = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    names = [found.group(1) for line in settings if (found := _SETTING.fullmatch(line))]
    return len(names) == len(settings) and {"id", "key"} <= set(names)


def _of_meter_file(lines: Sequence[str]) -> Iterator[Imported]:
    """Key and ids of a wmbusmeters file: the ids are a list, with `*` for any digits at the end."""
    settings: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines, 1):
        found = _SETTING.fullmatch(line)
        if found is not None and not line.lstrip().startswith("#"):
            settings[found.group(1)] = (number, found.group(2))
    line_of_key, key = settings["key"]
    if key.upper() in _NO_KEY:
        yield Refused(line_of_key, "this meter has no key", warning=True)
        return
    driver = settings.get("driver", settings.get("type", (0, "")))[1]
    line_of_id, ids = settings["id"]
    for one in ids.split(","):
        meter = {"key": key, "name": settings.get("name", (0, ""))[1], "note": driver and f"driver {driver}"}
        yield from _guarded(line_of_id, "", one, meter)


def _of_list(lines: Sequence[str], path: Path) -> Iterator[Imported]:
    """Keys of a list with one meter a row; columns are found by headings, else by what is in them."""
    for delimiter in DELIMITERS:
        rows = _rows(lines, delimiter, path)
        for at, (_, cells) in enumerate(rows[:TITLE_ROWS]):
            columns = find_columns(cells)
            if columns is not None:
                yield from _of_rows(rows[at + columns.heading :], columns)
                return
    raise InputError(
        f"no list of keys was recognised in {path}",
        reason=Reason.UNRECOGNISED,
        hint=(
            "expected: CSV with a heading such as 'serial number;AES key', a wmbusmeters meter file, or KEM",
            "export a spreadsheet as CSV first, with the key column formatted as text",
        ),
    )


def _rows(lines: Sequence[str], delimiter: str, path: Path) -> list[_Row]:
    """The rows that are not empty, with the line where each ends."""
    rows = []
    for line, cells in read_rows(lines, delimiter):
        if cells is None:
            raise InputError(
                f"{path}, line {line}: a cell is too long, or its quotes do not end",
                reason=Reason.INVALID,
            )
        rows.append((line, cells))
    return rows


def _of_rows(rows: Sequence[_Row], columns: Columns) -> Iterator[Imported]:
    for line, cells in rows:
        if len(cells) <= max(columns.serial, columns.key):
            yield Refused(line, "the row has too few columns")
            continue
        meter = {name: cells[place] for name, place in columns.others.items() if place < len(cells)}
        meter["key"] = cells[columns.key]
        if meter["key"].upper() in _NO_KEY:
            yield Refused(line, "this meter has no key", warning=True)
        else:
            yield from _guarded(line, "", cells[columns.serial], meter)


def _guarded(line: int | None, what: str, serial: str, meter: dict[str, str]) -> Iterator[Imported]:
    """The entry of one meter, and a warning if its number was filled up; or why there is none."""
    try:
        pattern, padded = parse_number(serial, meter.get("manufacturer", ""))
        if is_scientific(meter["key"]):
            raise UsageError(
                "a spreadsheet has turned the key into a number such as 1.23E+31: digits are lost",
                reason=Reason.INVALID,
            )
        key = parse_key(meter["key"])
    except UsageError as error:
        yield Refused(line, f"{what}: {error.text}" if what else error.text)
        return
    name = redact(clean_text(meter.get("name", ""))) or str(pattern)
    yield Entry(name, pattern, key, redact(clean_text(meter.get("note", ""))))
    if padded:
        yield Refused(line, f"the number {serial.strip()} was filled up to {pattern.id}", warning=True)

"""Lists that people keep in spreadsheets: encodings, delimiters, rows, and numbers that spreadsheets maul."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from mbuscli.errors import Reason, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.octets import encode_bcd
from mbuscli.settings.redact import looks_like_key

MAX_SIZE = 16 << 20
DELIMITERS = ";,\t"
TITLE_ROWS = 10  # what may stand above the headings
_LONGEST_LINE = 64 << 10  # of a list that people keep; more is something else, and slow to take apart
_CELL_LINES = 10  # of a cell with line breaks; more, and its quotes do not end
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_LINE_END = re.compile(r"\r\n|\r|\n")
# Without point and plus, as in 12345E07, it is a number with a hexadecimal digit.
_SCIENTIFIC = re.compile(r"\s*[+-]?\d+(?:[.,]\d+[eE]\+?|[eE]\+)\d+\s*")
_FORMULA_TEXT = re.compile(r'="(.*)"')
_NOT_WORD = re.compile(r"[\W_]+")
_WILDCARD = "*"


class SheetRow(NamedTuple):
    """A row that is not empty; `line` is where it ends. `cells` is None where quotes do not end, or the line
    is too long."""

    line: int
    cells: list[str] | None


def decode_text(data: bytes) -> str:
    """Text in UTF-8 or UTF-16, else in the code page of western Windows; never fails."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data.decode(encoding, "replace")
    if b"\0" in data[:4]:
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def split_lines(text: str) -> list[str]:
    """The lines of a list; a first line `sep=;`, by spreadsheets for spreadsheets, becomes an empty one."""
    lines = _LINE_END.split(text)
    if lines[0].lower().startswith("sep="):
        lines[0] = ""
    return lines


def read_rows(lines: Sequence[str], delimiter: str) -> Iterator[SheetRow]:
    """The rows of a list, each cell cleaned; after a damaged line the next one is a row again."""
    at = 0
    while at < len(lines):
        cells, used = _next_row(lines[at : at + _CELL_LINES], delimiter)
        at += used
        if cells is None or any(cells):
            yield SheetRow(at, cells)


def _next_row(lines: Sequence[str], delimiter: str) -> tuple[list[str] | None, int]:
    """The first row in `lines`, and how many of them it takes."""
    if len(lines[0]) > _LONGEST_LINE:
        return None, 1
    # A quote that is still open behind the last line takes the one in the extra line as its end.
    reader = csv.reader(chain((line + "\n" for line in lines), ('"',)), delimiter=delimiter)
    try:
        cells = next(reader)
    except csv.Error:
        return None, 1
    if reader.line_num > len(lines):
        return None, 1
    return [clean_cell(cell) for cell in cells], reader.line_num


def clean_cell(text: str) -> str:
    """A cell without the blanks, apostrophe or `="..."` that make a spreadsheet keep it as text."""
    text = text.strip()
    formula = _FORMULA_TEXT.fullmatch(text)
    return (formula.group(1) if formula else text.removeprefix("'")).strip()


def heading_word(cell: str) -> str:
    """A heading reduced to letters and digits, without accents, in lower case."""
    plain = unicodedata.normalize("NFKD", cell.casefold())
    return _NOT_WORD.sub("", "".join(c for c in plain if not unicodedata.combining(c)))


def is_scientific(text: str) -> bool:
    """True for 1.23E+07: a spreadsheet has made a number of what was none, and lost digits."""
    return _SCIENTIFIC.fullmatch(text) is not None


def parse_number(text: str, manufacturer: str = "") -> tuple[MeterAddress, bool]:
    """The address in a list, and whether zeros that a spreadsheet has eaten were put back.

    Takes the eight digits, with `*` for any at the end, an address in text, or a secondary address in 16
    hexadecimal digits; `manufacturer` counts if it is three letters and `text` has none.
    UsageError `usage.invalid` for all else.
    """
    text = text.strip().removeprefix("0x")
    if is_scientific(text):
        raise _refusal(
            "a spreadsheet has turned the meter's number into one such as 1.23E+07: digits are lost"
        )
    if looks_like_key(text) and not is_secondary(text):
        raise _refusal("a key stands in the column of the meter's number")
    if _WILDCARD in text:
        head, _, tail = text.partition(_WILDCARD)
        if tail or len(head) > 8 or not (head.isdigit() or not head):
            raise _refusal(f"{text!r} is no number with a * at its end")
        return MeterAddress.parse(head.ljust(8, "F")), False
    text = "".join(text.split())
    if is_secondary(text):
        return MeterAddress.from_octets(encode_bcd(text[:8]) + bytes.fromhex(text[8:])), False
    digits, dot, rest = text.partition(".")
    padded = digits.isascii() and digits.isdigit() and len(digits) < 8
    digits = digits.zfill(8) if padded else digits
    if not rest and len(manufacturer) == 3 and manufacturer.isascii() and manufacturer.isalpha():
        dot, rest = ".", manufacturer
    return MeterAddress.parse(digits + dot + rest), padded


def is_secondary(text: str) -> bool:
    """True for a secondary address in 16 hexadecimal digits: number, then three fields as on the wire."""
    return len(text) == 16 and text[:8].isdigit() and all(c in "0123456789abcdefABCDEF" for c in text)


def _refusal(text: str) -> UsageError:
    return UsageError(text, reason=Reason.INVALID)

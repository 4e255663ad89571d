"""The annotated dump for people and as rows: every octet with its field, clause and meaning.

Layers are told by headings; colour, one for each layer, only helps the eye.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mbuscli.protocol.octets import hex_text, spaced_hex
from mbuscli.render.explain_heading import heading_lines, verdict_lines
from mbuscli.render.explain_table import LAYERS, SHORT_NAMES
from mbuscli.render.text import ascii_unit, inert
from mbuscli.telegram.explain import Part, explain

if TYPE_CHECKING:
    from mbuscli.render.rows import Row
    from mbuscli.telegram import Telegram

_WIDE = 120
_OFFSET_WIDTH = 4
_NAME_WIDTH = 15
_GAP = "  "
_LONG_ROWS = 4
_LEAST_MEANING = 24


def explain_rows(telegram: Telegram) -> list[Row]:
    """The dump as rows; octets in hexadecimal, `clear` the same as `raw` where nothing was decrypted."""
    return [
        {
            "offset": part.offset,
            "raw": hex_text(part.octets),
            "clear": hex_text(part.clear),
            "layer": part.layer,
            "group": part.group or None,
            "name": part.name,
            "clause": part.clause or None,
            "meaning": part.meaning,
        }
        for part in explain(telegram)
    ]


def explain_text(telegram: Telegram, width: int, colour: bool, *, ascii_only: bool = False) -> str:
    """The dump for a terminal of `width` columns, or for a pipe; nothing is cut, what is long is wrapped."""
    dump = _Dump(explain(telegram), width, colour)
    lines = [*_wrapped(heading_lines(telegram), width), *dump.lines()]
    lines += [*_short_names(dump.parts, width), *_clauses(dump.clauses, width)]
    verdict = verdict_lines(telegram)
    if verdict:
        lines += ["", "WHAT IS WRONG OR IN DOUBT", *_wrapped(verdict, width)]
    text = "\n".join(line.rstrip() for line in lines)
    return ascii_unit(text) if ascii_only else text


class _Dump:
    """Columns for a width; `clauses` are numbered in the order in which they are first met."""

    def __init__(self, parts: list[Part], width: int, colour: bool) -> None:
        self.parts = parts
        self.width = width
        self.colour = colour
        self.clauses: dict[str, int] = {}
        self.decrypted = any(part.octets != part.clear for part in parts)
        self.octets = 8 if width >= _WIDE else 4
        hex_width = 3 * self.octets - 1
        self.hex_widths = [hex_width, hex_width] if self.decrypted else [hex_width]
        taken = _OFFSET_WIDTH + sum(self.hex_widths) + _NAME_WIDTH + len(_GAP) * (len(self.hex_widths) + 2)
        self.indent = taken
        self.meaning_width = width - taken

    def lines(self) -> Iterator[str]:
        """Headings, column titles and the parts."""
        layer = group = ""
        seen: set[str] = set()
        for part in self.parts:
            if part.layer != layer:
                yield ""
                yield from self._layer_heading(part.layer, again=part.layer in seen)
                if not layer:
                    yield from self._titles()
            if part.group and (part.group, part.layer) != (group, layer):
                yield from self._wrap(f"--- {part.group}", "    ")
            layer, group = part.layer, part.group
            seen.add(layer)
            yield from self._part(part)

    def _layer_heading(self, layer: str, *, again: bool) -> Iterator[str]:
        title, purpose, _ = LAYERS[layer]
        text = f"{title}, continued" if again else f"{title}: {purpose}"
        for line in textwrap.wrap(text, self.width):
            yield self._painted(line, layer, bold=True)

    def _titles(self) -> Iterator[str]:
        if self.meaning_width < _LEAST_MEANING:
            return
        titles = ["received", "decrypted"][: len(self.hex_widths)]
        cells = [title.ljust(width) for title, width in zip(titles, self.hex_widths, strict=True)]
        yield _GAP.join(["byte", *cells, "field".ljust(_NAME_WIDTH), "meaning"])

    def _part(self, part: Part) -> Iterator[str]:
        meaning = inert(part.meaning) + self._reference(part.clause)
        is_long = len(part.octets) > self.octets * _LONG_ROWS
        hex_columns = [] if is_long else self._hex_columns(part)
        if self.meaning_width < _LEAST_MEANING:
            words = _wrap_text(f"{part.name}: {meaning}", self.width - 6)
            yield from self._rows(part, hex_columns, [], [])
            yield from (" " * 6 + line for line in words)
        else:
            names = _wrap_text(part.name, _NAME_WIDTH)
            yield from self._rows(part, hex_columns, names, _wrap_text(meaning, self.meaning_width))
        if is_long:
            yield from self._block(part)

    def _hex_columns(self, part: Part) -> list[list[str]]:
        columns = [_hex_rows(part.octets, self.octets)]
        if self.decrypted:
            columns.append(_hex_rows(part.clear, self.octets) if part.clear != part.octets else [])
        return columns

    def _rows(
        self, part: Part, hex_columns: list[list[str]], names: list[str], meaning: list[str]
    ) -> Iterator[str]:
        """One part over as many lines as its longest column needs."""
        widths = self.hex_widths
        columns = [*hex_columns, *([[]] * (len(widths) - len(hex_columns))), names]
        count = max(1, len(meaning), *(len(column) for column in columns))
        for row in range(count):
            offset = str(part.offset) if row == 0 else ""
            cells = [
                _cell(column, row).ljust(w) for column, w in zip(columns, [*widths, _NAME_WIDTH], strict=True)
            ]
            left = _GAP.join([offset.rjust(_OFFSET_WIDTH), *cells])
            yield self._painted(left, part.layer) + _GAP + _cell(meaning, row)

    def _block(self, part: Part) -> Iterator[str]:
        """Many octets in lines as wide as the terminal, received and decrypted side by side."""
        is_open = part.clear != part.octets
        room = self.width - _OFFSET_WIDTH - len(_GAP)
        per_line = max(4, (room // 6 if is_open else room // 3) // 8 * 8)
        received = _hex_rows(part.octets, per_line)
        clear = _hex_rows(part.clear, per_line) if is_open else [""] * len(received)
        for row, (left, right) in enumerate(zip(received, clear, strict=True)):
            offset = str(part.offset + row * per_line).rjust(_OFFSET_WIDTH)
            yield self._painted(_GAP.join([offset, left.ljust(3 * per_line - 1), right]), part.layer)

    def _reference(self, clause: str) -> str:
        if not clause:
            return ""
        return f" [{self.clauses.setdefault(clause, len(self.clauses) + 1)}]"

    def _wrap(self, text: str, indent: str) -> list[str]:
        return textwrap.wrap(inert(text), self.width, subsequent_indent=indent)

    def _painted(self, text: str, layer: str, *, bold: bool = False) -> str:
        """`text` in the colour of its layer."""
        shown = text.rstrip()
        if not self.colour or not shown:
            return text
        style = ("1;" if bold else "") + LAYERS[layer][2]
        return f"\x1b[{style}m{shown}\x1b[0m{text[len(shown) :]}"


def _cell(column: list[str], row: int) -> str:
    return column[row] if row < len(column) else ""


def _hex_rows(octets: bytes, per_row: int) -> list[str]:
    return [spaced_hex(octets[at : at + per_row]) for at in range(0, len(octets), per_row)]


def _wrap_text(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _wrapped(entries: list[tuple[str, str]], width: int) -> Iterator[str]:
    """Labelled sentences, hanging under their labels; a label that repeats is written once."""
    before = ""
    for label, text in entries:
        shown = label if label != before else ""
        before = label
        yield from textwrap.wrap(
            inert(text), width, initial_indent=shown.ljust(10), subsequent_indent=" " * 10
        )


def _short_names(parts: list[Part], width: int) -> Iterator[str]:
    """What the short names that were used stand for."""
    used = [name for name in SHORT_NAMES if any(part.name == name for part in parts)]
    if used:
        yield ""
        yield "WHAT THE NAMES STAND FOR"
    for name in used:
        yield from textwrap.wrap(f"{name:<10}{SHORT_NAMES[name]}", width, subsequent_indent=" " * 10)


def _clauses(clauses: dict[str, int], width: int) -> Iterator[str]:
    """What the numbers in brackets stand for."""
    if clauses:
        yield ""
        yield "WHERE THE STANDARD SAYS SO"
    for clause, number in clauses.items():
        yield from textwrap.wrap(f"[{number}]".ljust(5) + clause, width, subsequent_indent=" " * 5)

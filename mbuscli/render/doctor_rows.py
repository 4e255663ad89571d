"""Rows and lines of `mbuscli doctor`. What a USB device or a process calls itself is made harmless."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mbuscli.render.columns import Column, Columns
from mbuscli.render.delimited import Cell
from mbuscli.render.lists import named_columns, write_list
from mbuscli.render.rows import Row
from mbuscli.render.streams import terminal_width
from mbuscli.render.text import ascii_unit, folded, inert

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.doctor import Check

_STYLES = {"ok": "32", "warning": "33", "failed": "1;31", "skipped": "2"}
_STATE_WIDTH, _NAME_WIDTH = 8, 12
# Narrower than this, what was seen stands below the name.
_NARROW = 60
_MOST = 110
# What looks like a command; sentences that hold one of ours are folded around it.
_COMMAND = re.compile(r"(?!mbuscli |sudo ).*(?:[/=|~'\"$]| -)")


def _hint(row: Row, _record: Row) -> Cell:
    return "; ".join(row["hint"])


COLUMNS: Columns = {
    **named_columns(
        {
            "check": "what was looked at",
            "subject": "which port, profile or file, where there are several",
            "state": "ok, warning, failed or skipped",
            "text": "what was seen",
        }
    ),
    "hint": Column("the remedy: commands to run, or what to do", _hint),
}


def check_row(check: Check) -> Row:
    """One check."""
    return {
        "check": check.name,
        "subject": check.subject,
        "state": check.state,
        "text": check.text,
        "hint": list(check.hint),
    }


def write_checks(output: Output, checks: Iterator[Check]) -> dict[str, int]:
    """The checks in the format of the command, to people as they come; returns how many of each state."""
    counts = dict.fromkeys(_STYLES, 0)
    rows = []
    for check in checks:
        counts[check.state] += 1
        rows.append(check_row(check))
        if output.is_table:
            output.streams.data("\n".join(_lines(check, output)))
        output.streams.progress(f"after {check.name} ...")
    output.streams.end_progress()
    if not output.is_table:
        write_list(output, "checks", (COLUMNS, tuple(COLUMNS)), rows)
    return counts


def _lines(check: Check, output: Output) -> Iterator[str]:
    """What was seen, wrapped; commands in the remedies are left whole, so that they can be copied."""
    streams = output.streams
    width = min(terminal_width(), _MOST)
    state = check.state.ljust(_STATE_WIDTH)
    if streams.colour:
        state = f"\x1b[{_STYLES[check.state]}m{check.state}\x1b[0m" + state[len(check.state) :]
    text = f"{check.subject}: {check.text}" if check.subject else check.text
    text = inert(ascii_unit(text) if streams.ascii_out else text)
    indent = _STATE_WIDTH + _NAME_WIDTH
    if width < _NARROW:
        yield state + check.name
        indent = 2
    wrapped = textwrap.wrap(text, width - indent, break_on_hyphens=False, break_long_words=False) or [""]
    first = " " * indent if width < _NARROW else state + check.name.ljust(_NAME_WIDTH)
    yield first + wrapped[0]
    for line in wrapped[1:]:
        yield " " * indent + line
    for hint in check.hint:
        line = f"{' ' * indent}> {inert(hint)}"
        yield line if _COMMAND.match(hint) else folded(line, width)

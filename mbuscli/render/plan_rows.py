"""Rows of a plan: what stands in its way, what it would send, and how each meter came off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.protocol.octets import hex_text, spaced_hex
from mbuscli.render.columns import Column, Columns
from mbuscli.render.delimited import Cell
from mbuscli.render.lists import named_columns, write_list
from mbuscli.render.rows import Row
from mbuscli.render.text import inert
from mbuscli.services.identify import address_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mbuscli.protocol.wired.commands import Planned
    from mbuscli.render.report import Output
    from mbuscli.services.identify import Located
    from mbuscli.services.plan import Obstacle
    from mbuscli.settings.meter_list import ListedMeter


def _frames(row: Row, _record: Row) -> Cell:
    return " ".join(frame["hex"] for frame in row["frames"])


COLUMNS: Columns = {
    **named_columns(
        {
            "line": "line of the plan",
            "meter": "the meter's address, as far as it is known",
            "name": "name in the plan",
            "place": "place in the plan",
            "old": "primary address before",
            "new": "primary address that it was to get",
            "outcome": "written, already, refused, failed, unknown, not-done, dry-run; problem: why it stops",
            "note": "what else is to say",
        }
    ),
    "frames": Column("what would be sent, in hexadecimal (with --dry-run)", _frames),
}
DEFAULT = tuple(COLUMNS)[:8]
_TABLE = ("line", "meter", "name", "old", "new", "outcome", "note")


def plan_row(
    row: ListedMeter, located: Located | None, outcome: str, note: str = "", frames: Sequence[Planned] = ()
) -> Row:
    """One meter of the plan."""
    known = located is not None and located.meter is not None
    return {
        "line": row.line,
        "meter": address_text(located.meter if known and located and located.meter else row.address),
        "name": row.name,
        "place": row.place,
        "old": None if located is None else located.primary,
        "new": row.primary,
        "outcome": outcome,
        "note": note,
        "frames": [{"hex": hex_text(frame.raw), "meaning": frame.meaning} for frame in frames],
    }


def obstacle_row(obstacle: Obstacle) -> Row:
    """Something that keeps the plan from being carried out."""
    return {
        "line": obstacle.line,
        "meter": obstacle.meter,
        "name": "",
        "place": "",
        "old": None,
        "new": obstacle.target,
        "outcome": "problem",
        "reason": obstacle.reason.value,
        "note": obstacle.text,
        "frames": [],
    }


def write_plan(output: Output, rows: list[Row]) -> None:
    """The rows in the format of the command; to people a table, or blocks with the frames."""
    if output.is_table and any(row["frames"] for row in rows):
        output.streams.words("\n".join(map(_block, rows)))
        return
    write_list(output, "moves", (COLUMNS, _TABLE if output.is_table else DEFAULT), rows)


def _block(row: Row) -> str:
    lines = [f"{row['meter']}  {row['old']} -> {row['new']}  {row['note']}".rstrip()]
    width = max((len(frame["meaning"]) for frame in row["frames"]), default=0)
    lines += [
        f"  {frame['meaning'].ljust(width)}  {spaced_hex(bytes.fromhex(frame['hex']))}"
        for frame in row["frames"]
    ]
    return "\n".join(map(inert, lines))

"""Rows of `mbuscli sticks`. What a stick and its USB texts say is no more to be trusted than a meter's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.render.columns import Column, Columns
from mbuscli.render.delimited import Cell
from mbuscli.render.lists import named_columns, write_list
from mbuscli.render.rows import Row
from mbuscli.render.text import inert

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.stick_list import FoundStick


def _hears(row: Row, _record: Row) -> Cell:
    return "; ".join(" ".join(modes) for modes in row["hears"])


COLUMNS: Columns = {
    **named_columns(
        {
            "port": "the port's name, as --port takes it",
            "state": "stick, silent (nobody answered), unasked or error",
            "family": "kind of stick, as --stick takes it",
            "model": "what the stick calls itself",
            "firmware": "its firmware",
            "serial_number": "its number",
        }
    ),
    "hears": Column("link modes heard at once; the choices with ;", _hears),
    **named_columns(
        {
            "usb": "USB vendor and product, 0403:6001",
            "product": "what the USB adapter calls itself",
            "why": "which question was answered, or why there is no stick",
        }
    ),
}


def stick_row(found: FoundStick) -> Row:
    """What was found on a port."""
    identity = found.identity
    if identity is not None:
        state, why = "stick", identity.step
    elif found.unasked:
        state, why = "unasked", found.unasked
    elif found.error is not None:
        state, why = "error", found.error.text
    else:
        state, why = "silent", "none of the questions for sticks was answered"
    return {
        "port": found.port,
        "state": state,
        "family": identity.family if identity else None,
        "model": identity.model if identity else None,
        "firmware": (identity.firmware or None) if identity else None,
        "serial_number": (identity.serial or None) if identity else None,
        "hears": [sorted(modes) for modes in found.hears],
        "usb": found.usb,
        "product": found.product,
        "why": why,
    }


def write_sticks(output: Output, rows: list[Row]) -> None:
    """The sticks in the format of the command; to people, a block each."""
    if output.is_table:
        if rows:
            output.streams.words("\n\n".join(map(_block, rows)))
        return
    write_list(output, "sticks", (COLUMNS, tuple(COLUMNS)), rows)


_STATES = {"silent": "no stick answers", "unasked": "not asked", "error": "cannot be asked"}


def _block(row: Row) -> str:
    """One port in words; nothing is cut, so that every name can be copied."""
    return "\n  ".join(map(inert, [f"{row['port']}  {_what(row)}", *_details(row)]))


def _what(row: Row) -> str:
    if row["state"] != "stick":
        return _STATES[row["state"]]
    firmware = row["firmware"] and f"firmware {row['firmware']}"
    number = row["serial_number"] and f"number {row['serial_number']}"
    return ", ".join(filter(None, (row["model"], firmware, number)))


def _details(row: Row) -> list[str]:
    lines = []
    if row["usb"]:
        lines.append(", ".join(filter(None, (f"USB {row['usb']}", row["product"]))))
    choices = [" and ".join(modes) for modes in row["hears"]]
    if choices:
        lines.append(f"hears {choices[0]}" + (" at once" if len(row["hears"][0]) > 1 else ""))
    if len(choices) > 1:
        lines.append(f"or instead {' or '.join(choices[1:])}")
    lines.append(f"because: {row['why']}" if row["state"] == "stick" else row["why"])
    if row["state"] == "unasked":
        lines.append(f"if it is a stick: mbuscli sticks {row['port']}")
    return lines

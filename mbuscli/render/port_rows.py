"""Rows of `mbuscli ports`. USB texts come from the device: no more to be trusted than a meter's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.render.columns import Column, Columns
from mbuscli.render.delimited import Cell
from mbuscli.render.lists import named_columns, write_list
from mbuscli.render.rows import Row
from mbuscli.render.text import inert
from mbuscli.services.ports import usb_id

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.ports import SerialPort


def _held_by(row: Row, _record: Row) -> Cell:
    return ", ".join(f"{holder['name']} (pid {holder['pid']})" for holder in row["held_by"])


def _lasting(row: Row, _record: Row) -> Cell:
    return ",".join(row["lasting_names"])


COLUMNS: Columns = {
    **named_columns({"name": "the port's name"}),
    "held_by": Column("who has it open, as far as we may see", _held_by),
    **named_columns(
        {
            "permission": "ok or no: may this user open it",
            "group": "the group that may open it",
            "usb": "USB vendor and product, 0403:6001",
            "serial_number": "the USB adapter's serial number",
            "manufacturer": "what the adapter calls its maker",
            "product": "what the adapter calls itself",
        }
    ),
    "lasting_names": Column("names that outlive replugging", _lasting),
    **named_columns({"kind": "what it probably is", "why": "why that"}),
}


def port_row(found: SerialPort) -> Row:
    """A serial port of this computer."""
    port = found.port
    return {
        "name": port.device,
        "usb": usb_id(port),
        "serial_number": port.usb_serial,
        "manufacturer": port.manufacturer,
        "product": port.product,
        "lasting_names": list(found.lasting),
        "held_by": [{"pid": holder.pid, "name": holder.name} for holder in found.held_by],
        "permission": "ok" if found.access.allowed else "no",
        "group": found.access.group,
        "kind": found.guess.kind,
        "why": found.guess.why,
    }


def write_ports(output: Output, rows: list[Row]) -> None:
    """The ports in the format of the command; to people, a block each."""
    if output.is_table:
        if rows:
            output.streams.words("\n\n".join(map(_block, rows)))
        return
    write_list(output, "ports", (COLUMNS, tuple(COLUMNS)), rows)


def _block(row: Row) -> str:
    """One port in words; nothing is cut, so that every name can be copied."""
    lines = [f"{row['name']}  {row['kind']}"]
    if row["usb"]:
        number = row["serial_number"] and f"number {row['serial_number']}"
        texts = (f"USB {row['usb']}", row["manufacturer"], row["product"], number)
        lines.append(", ".join(filter(None, texts)))
    lines += [f"also --port {name}" for name in row["lasting_names"]]
    holders = _held_by(row, {})
    lines.append(f"in use by {holders}" if holders else "not in use, as far as can be seen")
    group = f" (group {row['group']})" if row["group"] else ""
    lines.append(("you may open it" if row["permission"] == "ok" else "you may not open it") + group)
    lines.append(f"guessed because {row['why']}")
    return "\n  ".join(map(inert, lines))

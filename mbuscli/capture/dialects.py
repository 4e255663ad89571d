"""Which line format is this? Told by its first characters, so that no line is tried against every format."""

from __future__ import annotations

from mbuscli.capture.heard import Heard

# iM871A and Amber.
STICK_STARTS = (0xA5, 0xFF)
_RTL_433_MODEL = "Wireless-MBus"


class Dialects:
    """Recognises the lines of receivers' logs, mixed as they come; remembers the columns of a table."""

    def __init__(self) -> None:
        self._columns: tuple[str, ...] = ()

    def parse(self, line: str) -> Heard | None:
        """What the line, stripped and not empty, tells; None if it is of no known format.

        Plain hexadecimal, and the frames of sticks written in it, are not looked for here.
        """
        first = line[0]
        if first == "{":
            from mbuscli.capture.json_lines import parse_json

            return parse_json(line)
        if first in "TCSNR" and ";" in line[2:4]:
            from mbuscli.capture.rtl_wmbus import parse_rtl_wmbus

            return parse_rtl_wmbus(line)
        if first == "b":
            from mbuscli.capture.cul import parse_cul

            return parse_cul(line)
        if "telegram=" in line:
            from mbuscli.capture.wmbusmeters import parse_wmbusmeters

            return parse_wmbusmeters(line)
        if "," in line and (self._columns or line.startswith("time,") or _RTL_433_MODEL in line):
            return self._table_line(line)
        return None

    def _table_line(self, line: str) -> Heard | None:
        from mbuscli.capture.rtl_433 import DIALECT, parse_rtl_433_header, parse_rtl_433_row

        columns = parse_rtl_433_header(line)
        if columns is not None:
            self._columns = columns
            return Heard(b"", DIALECT)
        return parse_rtl_433_row(line, self._columns)


def unframe(data: bytes) -> list[Heard] | None:
    """The telegrams in frames of a stick, other messages as empty ones; None if `data` is not that."""
    if not data or data[0] not in STICK_STARTS:
        return None
    if data[0] == STICK_STARTS[0]:
        from mbuscli.capture.im871a import unframe_im871a

        return unframe_im871a(data)
    from mbuscli.capture.amber import unframe_amber

    return unframe_amber(data)

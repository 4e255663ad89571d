"""Lines of rtl_wmbus in a log."""

from __future__ import annotations

from mbuscli.capture.heard import Heard, heard_of
from mbuscli.protocol.receivers.rtl_wmbus import PROGRAM, parse_line

DIALECT = PROGRAM


def parse_rtl_wmbus(line: str) -> Heard | None:
    """What the line tells, None if it is none of rtl_wmbus."""
    told = parse_line(line)
    return None if told is None else heard_of(told, DIALECT)

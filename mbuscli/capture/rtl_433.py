"""Messages of rtl_433 in a log, as JSON objects or as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mbuscli.capture.heard import Heard, heard_of
from mbuscli.protocol.receivers.rtl_433 import PROGRAM, parse_header, parse_message, parse_row

DIALECT = PROGRAM


def heard_from_rtl_433(row: Mapping[str, object]) -> Heard:
    """What one message tells, by the names of its fields."""
    return heard_of(parse_message(row), DIALECT)


def parse_rtl_433_header(line: str) -> tuple[str, ...] | None:
    """The columns of a table that rtl_433 begins with this line, None if it is no such line."""
    return parse_header(line)


def parse_rtl_433_row(line: str, columns: Sequence[str]) -> Heard | None:
    """What a row tells, None if it is none."""
    told = parse_row(line, columns)
    return None if told is None else heard_of(told, DIALECT)

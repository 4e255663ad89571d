"""Numbers over time as horizontal bars of characters, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from mbuscli.render.text import ascii_unit, inert
from mbuscli.render.units import grouped

_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL = "█"
_NARROWEST = 4


class Point(NamedTuple):
    """A label such as a date, and a number."""

    label: str
    value: Decimal


def bar_lines(points: Sequence[Point], unit: str, width: int, *, ascii_only: bool) -> list[str]:
    """A line for each point, at most `width` characters: label, bar, value.

    Bars begin at zero where the values spread that far; else, as for a counter, at the least value, which
    the first line says.
    """
    if not points:
        return []
    numbers = [grouped(point.value) for point in points]
    label_width = max(len(point.label) for point in points)
    number_width = max(map(len, numbers))
    room = max(width - label_width - number_width - len(unit) - 5, _NARROWEST)
    least, most = min(p.value for p in points), max(p.value for p in points)
    base = Decimal(0) if least >= 0 and (most == 0 or (most - least) * 2 >= most) else least
    span = most - base
    lines = [] if not base else [f"bars begin at {grouped(base)} {unit}".rstrip()]
    for point, number in zip(points, numbers, strict=True):
        share = float((point.value - base) / span) if span else float(bool(most))
        bar = _bar(share, room, ascii_only=ascii_only)
        lines.append(f"{point.label:<{label_width}}  {bar:<{room}}  {number:>{number_width}} {unit}".rstrip())
    return [inert(ascii_unit(line) if ascii_only else line) for line in lines]


def _bar(share: float, room: int, *, ascii_only: bool) -> str:
    if ascii_only:
        return "#" * round(share * room)
    eighths = round(share * room * 8)
    part = _EIGHTHS[eighths % 8] if eighths % 8 else ""
    return _FULL * (eighths // 8) + part

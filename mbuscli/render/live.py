"""The live table on a terminal: as many lines as the screen has, each written again only when it changed."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from mbuscli.render.streams import Streams
from mbuscli.render.text import ascii_unit, inert
from mbuscli.render.walk_view import Page, Row, Status, View, age, bar, clock
from mbuscli.services.coverage import Route

_STYLES = {"done": "", "closed": "yellow", "suspect": "bold red", "missing": "dim"}
_SELECTED = "reverse"
_HEADING = "bold"
_KEYS = "q quit  s sort  f show  / search  space pause  m mark  c clear"
_KEYS_WIDE = (
    "q quit   s sort   f show   / search   space pause   m mark as read   c clear search   ↑ ↓ scroll"
)
# Lines that are no rows: title, counters, headings, heartbeat, keys; with a route its own.
_FIXED_LINES = 5

ENTER = "\x1b[?1049h\x1b[?25l"
LEAVE = "\x1b[?25h\x1b[?1049l"


class _Column(NamedTuple):
    """A column; `width` 0 takes what is left. Shown on screens that are at least `screen` wide."""

    name: str
    width: int
    cell: Callable[[Row, float, bool], str]
    right: bool = False
    screen: int = 0
    below: int = 10_000


def _dbm(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _signal(width: int) -> Callable[[Row, float, bool], str]:
    def cell(row: Row, _now: float, ascii_only: bool) -> str:
        if row.meter is None or row.meter.rssi_dbm is None:
            return ""
        return f"{_dbm(row.meter.rssi_dbm):>4} {bar(row.meter.rssi_dbm, width, ascii_only=ascii_only)}"

    return cell


def _count(row: Row, _now: float, _ascii: bool) -> str:
    if row.meter is None:
        return ""
    return str(row.meter.count) if row.meter.count < 10_000 else f"{row.meter.count // 1000}k"


def _age(row: Row, now: float, _ascii: bool) -> str:
    return "" if row.meter is None else age(now - row.meter.last)


def _best(row: Row, _now: float, _ascii: bool) -> str:
    return "" if row.meter is None else _dbm(row.meter.best_rssi_dbm)


_COLUMNS = (
    _Column("meter", 14, lambda row, _now, _ascii: row.title, below=50),
    _Column("meter", 16, lambda row, _now, _ascii: row.title, screen=50, below=100),
    _Column("meter", 22, lambda row, _now, _ascii: row.title, screen=100, below=120),
    _Column("meter", 24, lambda row, _now, _ascii: row.title, screen=120),
    _Column("place", 16, lambda row, _now, _ascii: row.place, screen=140),
    _Column("address", 18, lambda row, _now, _ascii: str(row.address), screen=120),
    _Column("type", 13, lambda row, _now, _ascii: row.type, screen=76, below=100),
    _Column("type", 19, lambda row, _now, _ascii: row.type, screen=100),
    _Column("reading", 14, lambda row, _now, _ascii: row.reading, right=True, below=100),
    _Column("reading", 17, lambda row, _now, _ascii: row.reading, right=True, screen=100),
    _Column("age", 4, _age, right=True, screen=50),
    _Column("n", 4, _count, right=True, screen=56),
    _Column("dBm", 9, _signal(4), screen=50, below=120),
    _Column("dBm", 17, _signal(12), screen=120),
    _Column("best", 4, _best, right=True, screen=85),
    _Column("key", 0, lambda row, _now, _ascii: row.state, below=140),
    _Column("key", 0, lambda row, _now, _ascii: row.note, screen=140),
)


def row_lines(height: int, route: Route | None) -> int:
    """How many meters fit on a screen of `height` lines."""
    return max(1, height - _FIXED_LINES - (route is not None))


def frame(
    status: Status,
    shown: Page,
    view: View,
    route: Route | None,
    now: float,
    width: int,
    height: int,
    *,
    ascii_only: bool,
) -> list[Text]:
    """All lines of the screen, each exactly `width` cells; `now` as the times of the meters."""
    fit = _Fit(width, ascii_only)
    lines = [fit.line(_title(status, view, width), "bold reverse"), fit.line(_counted(status), "")]
    if route is not None:
        lines.append(fit.line(_coverage(route, width, ascii_only), "bold green" if route.is_complete else ""))
    columns = [column for column in _COLUMNS if column.screen <= width < column.below]
    lines.append(fit.cells(columns, [column.name for column in columns], _HEADING))
    for row in shown.rows:
        cells = [column.cell(row, now, ascii_only) for column in columns]
        style = _STYLES[row.style]
        if row.address == view.selected:
            style = f"{style} {_SELECTED}".strip()
        lines.append(fit.cells(columns, cells, style))
    room = height - 2
    lines += [fit.line("", "") for _ in range(room - len(lines))]
    del lines[room:]
    lines.append(fit.line(_beneath(status, shown, view), _heartbeat_style(status, view)))
    lines.append(fit.line(_bottom(view, width), "dim"))
    return lines[:height]


class _Fit:
    """Text cut and filled to the cells that there are."""

    def __init__(self, width: int, ascii_only: bool) -> None:
        self.width = width
        self.ascii_only = ascii_only
        self.cut = "~" if ascii_only else "…"

    def line(self, text: str, style: str) -> Text:
        return Text(self._fitted(text, self.width), style=style, no_wrap=True, end="")

    def cells(self, columns: list[_Column], cells: list[str], style: str) -> Text:
        left = self.width - sum(column.width + 1 for column in columns if column.width)
        parts = []
        for column, cell in zip(columns, cells, strict=True):
            parts.append(self._fitted(cell, column.width or max(left, 1), right=column.right))
        return Text(self._fitted(" ".join(parts), self.width), style=style, no_wrap=True, end="")

    def _fitted(self, text: str, width: int, *, right: bool = False) -> str:
        text = inert(text)
        if self.ascii_only:
            text = ascii_unit(text).encode("ascii", "replace").decode("ascii")
        size = cell_len(text)
        if size > width:
            return set_cell_size(text, width - 1) + self.cut
        return " " * (width - size) + text if right else text + " " * (width - size)


def _title(status: Status, view: View, width: int) -> str:
    state = "paused" if view.paused_at is not None else clock(status.elapsed_s)
    left = f" mbuscli sniff  {status.sources}"
    right = f"{state}  by {view.sort}, {view.show} "
    gap = width - cell_len(left) - len(right)
    return left + " " * gap + right if gap > 0 else left[: max(width - len(right) - 2, 0)] + "  " + right


def _counted(status: Status) -> str:
    counters = status.counters
    parts = [
        f" {status.meters} meters",
        f"{counters.telegrams} telegrams",
        f"{status.rate:.1f}/s",
        f"{counters.damaged} CRC errors",
        f"{counters.unknown} unread",
        f"{counters.noise} noise",
    ]
    if counters.copies:
        parts.append(f"{counters.copies} heard twice")
    if counters.suspicious:
        parts.append(f"{counters.suspicious} suspicious")
    if status.forgotten:
        parts.append(f"{status.forgotten} forgotten")
    return "  ".join(parts)


def _coverage(route: Route, width: int, ascii_only: bool) -> str:
    total = route.total
    size = 10 if width < 100 else 30
    done = round(size * total.heard / total.listed) if total.listed else size
    full, empty = ("#", ".") if ascii_only else ("█", "░")
    places = ", ".join(
        f"{missing.place or 'no place'} {len(missing.meters)}" for missing in route.missing()[:6]
    )
    rest = f"  missing: {places}" if places else "  complete"
    return f" {total} {full * done}{empty * (size - done)}{rest}"


def _beneath(status: Status, shown: Page, view: View) -> str:
    hidden = shown.above + shown.below
    more = f" +{hidden} more " if hidden else " "
    if view.typing:
        return f"{more}search: {view.search}_"
    if view.message:
        return more + view.message
    return more + status.alive


def _heartbeat_style(status: Status, view: View) -> str:
    if view.message or view.typing:
        return "bold"
    return "bold red" if "lost" in status.alive else "green"


def _bottom(view: View, width: int) -> str:
    found = f"  search: {view.search}" if view.search and not view.typing else ""
    return " " + (_KEYS if width < 100 else _KEYS_WIDE) + found


class Screen:
    """The terminal while the table lives: the alternate screen, left as it was found by `close`."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._sink = io.StringIO()
        self._console = Console(
            file=self._sink,
            width=10_000,
            color_system="standard" if streams.colour else None,
            force_terminal=True,
            no_color=not streams.colour,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._shown: list[str] = []
        self._size = (0, 0)
        streams.data(ENTER, end="", raw=True)

    @staticmethod
    def size() -> tuple[int, int]:
        """Columns and lines of the terminal."""
        try:
            size = os.get_terminal_size(1)
        except OSError:
            return 80, 24
        return size.columns or 80, size.lines or 24

    def draw(self, lines: list[Text], size: tuple[int, int]) -> None:
        """Write the lines that differ from what stands there."""
        texts = [self._rendered(line) for line in lines]
        parts = []
        if size != self._size:
            self._size, self._shown = size, []
            parts.append("\x1b[2J")
        for number, text in enumerate(texts):
            if number >= len(self._shown) or self._shown[number] != text:
                parts.append(f"\x1b[{number + 1};1H{text}")
        self._shown = texts
        if parts:
            self._streams.data("".join(parts), end="", raw=True)

    def close(self) -> None:
        """Give the terminal back."""
        self._streams.data(LEAVE, end="", raw=True)

    def _rendered(self, line: Text) -> str:
        self._console.print(line, end="", soft_wrap=True)
        text = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return text

"""What the live table of a walk shows: which rows, in which order, with which cells. No drawing here."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.device_types import describe_device_type
from mbuscli.render.units import readable
from mbuscli.services.coverage import Progress

if TYPE_CHECKING:
    from mbuscli.services.coverage import Route
    from mbuscli.services.heard_meter import HeardMeter
    from mbuscli.services.sniff import Counters
    from mbuscli.settings.meter_list import ListedMeter

# From where a signal bar is empty to where it is full; sticks are specified down to about -105 dBm.
WEAKEST_DBM = -110.0
STRONGEST_DBM = -40.0

NOTHING = Progress()

SORTS = ("recent", "strongest", "name", "address", "type", "reading")
SHOWS = ("all", "listed", "missing", "unread", "strangers")


class Row(NamedTuple):
    """One line of the table: a meter that was heard, or a listed one that was not (`meter` None). `progress`
    is what has become of a listed one, on earlier days too."""

    address: MeterAddress
    meter: HeardMeter | None
    listed: ListedMeter | None = None
    progress: Progress = NOTHING

    @property
    def marked(self) -> bool:
        """The user says that it is done."""
        return self.progress.marked is not None or (self.meter is not None and self.meter.marked)

    @property
    def title(self) -> str:
        """The name on the route list, else number and manufacturer."""
        if self.listed is not None and self.listed.name:
            return self.listed.name
        known = self.address.manufacturer != 0xFFFF
        return f"{self.address.id} {self.address.manufacturer_name}" if known else self.address.id

    @property
    def place(self) -> str:
        """By the route list."""
        return self.listed.place if self.listed is not None else ""

    @property
    def type(self) -> str:
        """The device type in words; "" where the list does not tell it."""
        return "" if self.address.device_type == 0xFF else describe_device_type(self.address.device_type)

    @property
    def reading(self) -> str:
        """The main reading as people write it."""
        reading = self.meter.reading if self.meter is not None else None
        if reading is None:
            return ""
        return reading_text(reading.value, reading.unit, reading.exponent, reading.quantity)

    @property
    def state(self) -> str:
        """The key in words, or that it was not heard; what is suspicious comes first."""
        if self.meter is None:
            return self._absent()
        if self.meter.suspicions:
            return "old telegram?"
        if self.marked:
            return "marked as read"
        return self.meter.key_state

    def _absent(self) -> str:
        if self.marked:
            return "marked as read"
        if self.progress.heard is None:
            return "not heard yet"
        return "heard before" if self.progress.read is None else "read before"

    @property
    def note(self) -> str:
        """The state with all that is known, for wide screens."""
        meter = self.meter
        if meter is None:
            return self.state
        words = [f"{meter.suspicions} may be sent again"] if meter.suspicions else []
        if self.marked:
            words.append("marked as read")
        state = meter.key_state
        if meter.key:
            state += f" ({meter.key})"
        elif meter.security == "key_missing" and meter.mode:
            state += f", mode {meter.mode}"
        words.append(state)
        if meter.relayed:
            words.append(f"{meter.relayed} by repeater")
        return ", ".join(words)

    @property
    def style(self) -> str:
        """How the row looks: done, open, suspect or missing."""
        if self.meter is None:
            return "done" if self.progress.is_done else "missing"
        if self.meter.suspicions:
            return "suspect"
        if self.marked or self.meter.read:
            return "done"
        return "closed"

    def text(self) -> str:
        """What a search looks through."""
        words = (str(self.address), self.title, self.place, self.type, self.state)
        return " ".join(words).casefold()


def reading_text(value: int | Decimal, unit: str, exponent: int, quantity: str) -> str:
    """A main reading as people write it: `1.234 m³`, `12 345.678 kWh`, `310 HCA`."""
    number, shown = readable(value, unit, exponent)
    return f"{number} {shown or ('HCA' if quantity == 'hca' else '')}".rstrip()


class View:
    """What the user has chosen to see; `selected` is the address of the row under the cursor."""

    def __init__(self) -> None:
        self.sort = SORTS[0]
        self.show = SHOWS[0]
        self.search = ""
        self.typing = False
        self.paused_at: float | None = None
        self.selected: MeterAddress | None = None
        self.top = 0
        self.message = ""

    def next_sort(self) -> None:
        """Sort by the next column."""
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        self.top = 0

    def next_show(self, *, with_route: bool) -> None:
        """Show the next group of meters; without a route there are no listed ones."""
        shows = SHOWS if with_route else ("all", "unread")
        at = shows.index(self.show) if self.show in shows else 0
        self.show = shows[(at + 1) % len(shows)]
        self.top = 0


def all_rows(meters: Iterable[HeardMeter], route: Route | None, view: View) -> list[Row]:
    """The rows that the view lets through, in no order."""
    rows: list[Row] = []
    heard: set[MeterAddress] = set()
    for meter in meters:
        listed = meter.listed
        if listed is not None:
            heard.add(listed.address)
        if _is_shown(meter, view.show):
            rows.append(row_of(meter, route))
    if route is not None and view.show in ("all", "listed", "missing"):
        for listed in route:
            if listed.address not in heard:
                progress = route.progress[listed.address]
                if view.show != "missing" or not progress.is_done:
                    rows.append(Row(listed.address, None, listed, progress))
    if view.search:
        wanted = view.search.casefold()
        rows = [row for row in rows if wanted in row.text()]
    return rows


def row_of(meter: HeardMeter, route: Route | None) -> Row:
    """The row of a meter that was heard."""
    listed = meter.listed
    known = route.progress[listed.address] if route is not None and listed is not None else NOTHING
    return Row(meter.address, meter, listed, known)


def _is_shown(meter: HeardMeter, show: str) -> bool:
    if show == "all":
        return True
    if show == "listed":
        return meter.listed is not None
    if show == "unread":
        return not meter.read and not meter.marked
    return show == "strangers" and meter.listed is None


_FAR = 1e12


def _recent(row: Row) -> tuple[float, str]:
    return (-row.meter.last if row.meter is not None else _FAR, row.title)


def _strongest(row: Row) -> tuple[float, str]:
    best = row.meter.best_rssi_dbm if row.meter is not None else None
    return (_FAR if best is None else -best, row.title)


def _by_reading(row: Row) -> tuple[int, str, float]:
    reading = row.meter.reading if row.meter is not None else None
    return (1, row.title, 0.0) if reading is None else (0, reading.unit, -float(reading.value))


_KEYS: dict[str, Callable[[Row], tuple[float | str, ...]]] = {
    "recent": _recent,
    "strongest": _strongest,
    "name": lambda row: (row.title.casefold(), row.place),
    "address": lambda row: (str(row.address),),
    "type": lambda row: (row.type, row.title),
    "reading": _by_reading,
}


def first_rows(rows: list[Row], view: View, count: int) -> list[Row]:
    """The first `count` rows in the order of the view; cheap also with very many rows."""
    return heapq.nsmallest(count, rows, _KEYS[view.sort])


class Page(NamedTuple):
    """The rows on the screen; `above` and `below` count those that are not."""

    rows: list[Row]
    above: int
    below: int


def page(rows: list[Row], view: View, height: int) -> Page:
    """What fits into `height` lines. The view scrolls so that the selected row stays on the screen."""
    height = max(height, 1)
    view.top = max(0, min(view.top, len(rows) - height))
    ordered = first_rows(rows, view, view.top + height)
    return Page(ordered[view.top :], view.top, max(0, len(rows) - view.top - height))


def move(rows: list[Row], view: View, height: int, step: int) -> None:
    """Put the cursor `step` rows further down, and scroll if need be."""
    if not rows:
        view.selected = None
        return
    ordered = first_rows(rows, view, len(rows))
    at = next((n for n, row in enumerate(ordered) if row.address == view.selected), None)
    if at is None:
        # A first single step only shows where the cursor is.
        at = view.top if abs(step) == 1 else view.top + step
    else:
        at += step
    at = max(0, min(at, len(ordered) - 1))
    view.selected = ordered[at].address
    view.top = max(min(view.top, at), at - max(height, 1) + 1)


class Status(NamedTuple):
    """What the lines above and below the table tell.

    sources   the sticks with what they hear, in words
    elapsed_s since the start
    rate      telegrams a second, lately
    quiet_s   since the last telegram; None: nothing was heard yet
    alive     what proves that the radio works, or that a stick is lost
    """

    sources: str
    elapsed_s: float
    rate: float
    quiet_s: float | None
    alive: str
    counters: Counters
    meters: int
    forgotten: int


def age(seconds: float) -> str:
    """Short: `5s`, `12m`, `3h`, `2d`."""
    seconds = max(0, int(seconds))
    for size, letter in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"


def clock(seconds: float) -> str:
    """`0:04:31`."""
    whole = max(0, int(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def bar(rssi_dbm: float | None, width: int, *, ascii_only: bool) -> str:
    """Signal strength as a bar of `width` characters."""
    full, empty = ("#", ".") if ascii_only else ("█", "░")
    if rssi_dbm is None:
        return " " * width
    share = (rssi_dbm - WEAKEST_DBM) / (STRONGEST_DBM - WEAKEST_DBM)
    filled = min(width, max(0, round(share * width)))
    return full * filled + empty * (width - filled)

"""Handovers with fixed contents, and what a page is made of."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from html.parser import HTMLParser

from mbuscli.protocol.address import MeterAddress
from mbuscli.services.handover import (
    Bus,
    Disturbance,
    Due,
    Facts,
    Handover,
    MissingMeter,
    ReportedMeter,
    Source,
    Value,
    Walk,
)
from mbuscli.services.history import Series
from mbuscli.settings.journal import Entry, Line

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=timezone(timedelta(hours=1)))
HOSTILE = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[2J\u202e]]>&amp; \\</title>"
KEY = "000102030405060708090A0B0C0D0E0F"
_VOID = frozenset(("meta", "img", "br", "wbr", "link", "input"))


def meter(number: int, value: str | None = "12.500", **more: object) -> ReportedMeter:
    """A water meter, read unless `value` is None."""
    found = ReportedMeter(MeterAddress.parse(f"{number:08d}.SEN.68.07"))
    found.manufacturer, found.device_type_name = "SEN", "water"
    if value is not None:
        found.value = Value("volume", Decimal(value), "m³", -3)
        found.read_at = NOW - timedelta(minutes=number % 60)
    for name, content in more.items():
        setattr(found, name, content)
    return found


def sample() -> Handover:
    """A day with a bit of everything."""
    unread = "encrypted, and there is no key for it"
    series = Series(
        "volume",
        "m³",
        ("2026-01-01", "2026-01-15", "2026-01-31"),
        tuple(map(Decimal, ("10.1", "11", "12.5"))),
    )
    heat = meter(4, None, device_type_name="heat (outlet)", primary=7, status=["power low"], place="cellar")
    heat.value = Value("energy", 482175000, "Wh", 3)
    heat.due = Due("2025-12-31", Value("energy", 471880000, "Wh", 3))
    heat.read_at = NOW
    undo = ("mbuscli", "set-address", "00000004.SEN.68.07", "3", "--port", "/dev/ttyUSB0")
    meters = [
        heat,
        meter(1, history=series, signal_dbm=-61.0, heard=12, place="first floor", name="Flat 1"),
        meter(2, None, unread=unread, signal_dbm=-84.5, heard=3, place="first floor", name="Flat 2"),
        meter(3, "0.000", signal_dbm=-103.0, heard=1, place="first floor", name="Flat 3"),
    ]
    return Handover(
        Facts("", "Park Lane 7", "20095 Hamburg", "Hansa Housing", "J. Petersen", ("All valves open.",)),
        NOW,
        [Bus("/dev/ttyUSB0", "2400", 251, Decimal("71.540"))],
        [Walk("/dev/ttyUSB1", NOW - timedelta(hours=3), NOW, 16)],
        meters,
        [meter(77, None, signal_dbm=-90.0, heard=2, listed=False)],
        [MissingMeter(MeterAddress.parse("00000009.SEN"), 9, "Flat 9", "attic", "no answer")],
        [Disturbance(20, "collision", "parity errors in 1 of 1 byte")],
        [
            Line(
                "k",
                "2026-01-31T10:00:00.000+01:00",
                Entry("set-address", "/dev/ttyUSB0", 2400, "00000004.SEN.68.07", "3", "3", "7", (), undo),
                "written",
                "",
            )
        ],
        5,
        True,
        [(NOW.replace(hour=9 + n), 4 + n) for n in range(4)],
        [
            Source("found.json", "scan", "4 results", "ab" * 32),
            Source("inventory.sqlite3", "inventory", "3 meters", ""),
        ],
    )


class Page(HTMLParser):
    """The elements of a page, each with its attributes, and its text; fails on what is not balanced."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.style += data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

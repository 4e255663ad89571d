"""What a handover tells: one day's work at one site, out of scans, readings, walks and the journal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from mbuscli.protocol.address import MeterAddress
from mbuscli.services.history import Series
from mbuscli.settings.journal import Line

WRITTEN = "written"


class Value(NamedTuple):
    """An exact number; `exponent` is the power of ten of the last digit that the meter counts."""

    quantity: str
    number: int | Decimal
    unit: str
    exponent: int


class Due(NamedTuple):
    """What the meter showed on its due date, `date` as the meter tells it."""

    date: str
    value: Value


class ReportedMeter:
    """A meter as far as all sources know it.

    address   None where only a primary address was asked and nobody said who is there
    value     its main reading, else `unread` says why there is none; both empty: nobody has read it
    status    what the meter itself complains about, in words
    troubles  what else is to be told: damage, suspicions
    signal    the best strength in dBm, None on a wire
    heard     telegrams by radio, without copies
    listed    stands in the list, True also without a list
    """

    __slots__ = (
        "address",
        "baud",
        "device_type_name",
        "due",
        "heard",
        "history",
        "listed",
        "manufacturer",
        "name",
        "number",
        "place",
        "primary",
        "read_at",
        "signal_dbm",
        "status",
        "troubles",
        "unread",
        "value",
    )

    def __init__(self, address: MeterAddress | None, primary: int | None = None) -> None:
        self.address = address
        self.primary = primary
        self.number = "" if address is None else address.id
        self.manufacturer = ""
        self.device_type_name = ""
        self.baud: int | None = None
        self.name = ""
        self.place = ""
        self.value: Value | None = None
        self.due: Due | None = None
        self.unread = ""
        self.read_at: datetime | None = None
        self.signal_dbm: float | None = None
        self.heard = 0
        self.status: list[str] = []
        self.troubles: list[str] = []
        self.history: Series | None = None
        self.listed = True

    @property
    def address_text(self) -> str:
        """`12345678.KAM.1B.16`, or where it was asked."""
        if self.address is not None:
            return str(self.address)
        return "" if self.primary is None else f"primary address {self.primary}"

    @property
    def attention(self) -> list[str]:
        """Everything that somebody should look at, in words."""
        unread = [f"not read: {self.unread}"] if self.unread and self.value is None else []
        return [*unread, *self.status, *self.troubles]


class MissingMeter(NamedTuple):
    """A meter of the list that was neither found nor heard; `note` is what is known of it nevertheless."""

    address: MeterAddress
    primary: int | None
    name: str
    place: str
    note: str


class Disturbance(NamedTuple):
    """An address at which something answered that was no single meter."""

    primary: int | None
    state: str
    note: str


class Bus(NamedTuple):
    """A wired bus as a scan saw it; `baud` in words, `took_s` is the time on the wire."""

    port: str
    baud: str
    asked: int | None
    took_s: Decimal | None


class Walk(NamedTuple):
    """Radio meters that were listened to: where, from when to when; `telegrams` None where nobody counted."""

    port: str
    began: datetime | None
    ended: datetime | None
    telegrams: int | None


class Source(NamedTuple):
    """A file that the handover was made from. `used` and `note` are words; `sha256` is "" for what grows."""

    name: str
    kind: str
    used: str
    sha256: str
    note: str = ""


class Facts(NamedTuple):
    """What the technician says. `logo` is a picture as a media type and its octets."""

    title: str = ""
    site: str = ""
    address: str = ""
    customer: str = ""
    technician: str = ""
    notes: tuple[str, ...] = ()
    logo: tuple[str, bytes] | None = None


class Handover(NamedTuple):
    """All that the document tells. `expected` is the length of the list, None without one; `was_read` is
    False if nobody has tried to read the meters; `hours` counts telegrams by hour."""

    facts: Facts
    time: datetime
    buses: Sequence[Bus]
    walks: Sequence[Walk]
    meters: Sequence[ReportedMeter]
    strangers: Sequence[ReportedMeter]
    missing: Sequence[MissingMeter]
    disturbed: Sequence[Disturbance]
    changes: Sequence[Line]
    expected: int | None
    was_read: bool
    hours: Sequence[tuple[datetime, int]]
    sources: Sequence[Source]

    @property
    def read(self) -> int:
        """How many meters have a reading."""
        return sum(meter.value is not None for meter in self.meters)

    @property
    def problems(self) -> int:
        """Meters and addresses that somebody should look at."""
        return sum(bool(meter.attention) for meter in self.meters) + len(self.disturbed)

    @property
    def changed(self) -> int:
        """Writes that took effect."""
        return sum(line.outcome == WRITTEN for line in self.changes)

    @property
    def places(self) -> dict[str, tuple[int, int]]:
        """Of each place: how many of its meters were read, and how many there are."""
        counts: dict[str, tuple[int, int]] = {}
        for place, done in [
            *((meter.place, meter.value is not None) for meter in self.meters),
            *((meter.place, False) for meter in self.missing),
        ]:
            read, of = counts.get(place, (0, 0))
            counts[place] = (read + done, of + 1)
        return counts

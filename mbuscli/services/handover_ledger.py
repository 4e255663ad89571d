"""The ledger of a handover: event after event, what is known of each meter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from mbuscli.errors import UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.device_types import describe_device_type
from mbuscli.services.handover import Bus, Disturbance, MissingMeter, ReportedMeter, Walk
from mbuscli.services.handover_files import Event, exact
from mbuscli.services.handover_readings import (
    due_of,
    level_of,
    moment,
    plain_value,
    problems_of,
    status_of,
    telegram_value,
    text_of,
    whole,
    why_unread,
)

SCHEMA = "mbuscli/1"
_ANY_MANUFACTURER = 0xFFFF
_UNKNOWN_TYPE = 0xFF
# More meters than anybody hands over; who sends random numbers fills no memory.
_MOST_METERS = 20_000
_MOST_TROUBLES = 4
_SUSPICION = "telegrams that may be old ones sent again"


class _WalkNotes:
    """What is known of the listening at one port."""

    def __init__(self) -> None:
        self.began: datetime | None = None
        self.ended: datetime | None = None
        self.telegrams = 0

    def take(self, time: datetime | None) -> None:
        self.telegrams += 1
        if time is not None:
            self.began = time if self.began is None else min(self.began, time)
            self.ended = time if self.ended is None else max(self.ended, time)


class Ledger:
    """Everything that the files tell. `refused` counts events that name no meter that can be; `takes_part` is
    True if the last file is one of ours, even if it has nothing to tell."""

    def __init__(self) -> None:
        self.meters: list[ReportedMeter] = []
        self.missing: dict[MeterAddress, MissingMeter] = {}
        self.disturbed: dict[tuple[int | None, str], Disturbance] = {}
        self.buses: list[Bus] = []
        self.hours: dict[datetime, int] = {}
        self.was_read = False
        self.refused = 0
        self.takes_part = False
        self._walks: dict[str, _WalkNotes] = {}
        self._more_walks: list[Walk] = []
        self._by_number: dict[str, list[ReportedMeter]] = {}
        self._by_primary: dict[int, list[ReportedMeter]] = {}

    @property
    def walks(self) -> list[Walk]:
        """Where was listened, and for how long."""
        heard = [Walk(port, notes.began, notes.ended, notes.telegrams) for port, notes in self._walks.items()]
        return [*heard, *self._more_walks]

    def note_walk(self, walk: Walk) -> None:
        """A walk of which nothing but its beginning and end is known."""
        self._more_walks.append(walk)

    def take(self, events: Iterable[Event]) -> int:
        """Add the events of a file; how many of them were used."""
        used = 0
        self.takes_part = False
        records: list[Event] = []
        for event in events:
            kind = event.get("event")
            self.takes_part |= event.get("schema") == SCHEMA
            if records and (kind != "record" or event.get("address") != records[0].get("address")):
                used += self._telegram(_of_records(records))
                records = []
            if kind == "record":
                records.append(event)
            else:
                used += self._take(kind, event)
        if records:
            used += self._telegram(_of_records(records))
        return used

    def meter(self, address: MeterAddress | None, primary: int | None = None) -> ReportedMeter:
        """The entry of a meter, a new one if nothing is known of it yet."""
        found = self.find(address, primary)
        if found is None:
            found = ReportedMeter(address, primary)
            if len(self.meters) >= _MOST_METERS:
                self.refused += 1
                return found  # told, and not kept
            self.meters.append(found)
            if address is not None:
                self._by_number.setdefault(address.id, []).append(found)
        elif found.address is None and address is not None:
            found.address, found.number = address, address.id
            self._by_number.setdefault(address.id, []).append(found)
        if primary is not None and found.primary in (None, primary):
            found.primary = primary
            known = self._by_primary.setdefault(primary, [])
            if found not in known:
                known.append(found)
        return found

    def find(self, address: MeterAddress | None, primary: int | None = None) -> ReportedMeter | None:
        """By its address, parts of which either side may leave out; else by its primary address, where nobody
        has said who is there."""
        at_primary = [] if primary is None else self._by_primary.get(primary, [])
        if address is None:
            return at_primary[0] if len(at_primary) == 1 else None
        known = self._by_number.get(address.id, [])
        same = [meter for meter in known if meter.address == address]
        near = [meter for meter in known if meter.address is not None and may_be(meter.address, address)]
        if same or len(near) == 1:
            return (same or near)[0]
        return next((meter for meter in at_primary if meter.address is None), None)

    def _take(self, kind: object, event: Event) -> bool:
        if kind == "found":
            return self._found(event)
        if kind == "telegram":
            return self._telegram(event)
        if kind == "meter":
            return self._heard(event) if "last_heard" in event else self._summary(event)
        if kind == "summary" and "addresses_asked" in event:
            self._bus(event)
        return False

    def _bus(self, event: Event) -> None:
        bauds = event.get("bauds")
        rates = [event.get("baud")] if not isinstance(bauds, list) else bauds
        baud = ", ".join(str(rate) for rate in rates if isinstance(rate, int))
        took = exact(event.get("wire_time_s"))
        self.buses.append(
            Bus(
                text_of(event, "port"),
                baud,
                whole(event, "addresses_asked"),
                None if took is None else Decimal(took),
            )
        )

    def _found(self, event: Event) -> bool:
        """A hit of a scan."""
        state, primary, note = text_of(event, "state"), whole(event, "address"), text_of(event, "note")
        address, row = self._address(event)
        if state == "missing" and address is not None:
            self.missing[address] = MissingMeter(address, primary, "", "", note)
            return True
        if state != "meter":
            self.disturbed[primary, note] = Disturbance(primary, state, note)
            return True
        if address is None and primary is None:
            self.refused += 1
            return False
        meter = self.meter(address, primary)
        _describe(meter, row)
        meter.baud = whole(event, "baud") or meter.baud
        _add(meter.status, status_of(event))
        _add(meter.troubles, [note] if note else [])
        return True

    def _telegram(self, event: Event) -> bool:
        """An answer to a reading, or something heard by radio."""
        address, row = self._address(event)
        link = event.get("link")
        link = link if isinstance(link, dict) else {}
        primary = whole(row, "primary_address")
        if primary is None and not row:
            primary = whole(link, "a_field")
        if address is None and (primary is None or primary > 250):
            self.refused += 1
            return False
        self.was_read = True
        meter = self.meter(address, primary)
        _describe(meter, row)
        time = moment(event.get("time"))
        heard = event.get("heard")
        heard = heard if isinstance(heard, dict) else {}
        if link.get("layer") != "wired" and "layer" in link:
            self._note_radio(meter, event, heard, time)
            if text_of(heard, "copy"):
                return True
        if text_of(heard, "suspicion"):
            _add(meter.troubles, [_SUSPICION])
            return True
        self._note_reading(meter, event, time)
        return True

    def _note_reading(self, meter: ReportedMeter, event: Event, time: datetime | None) -> None:
        device_type = _UNKNOWN_TYPE if meter.address is None else meter.address.device_type
        value, due = telegram_value(event, device_type)
        if value is not None:
            if meter.value is None or _not_before(time, meter.read_at):
                meter.value, meter.read_at, meter.unread = value, time, ""
                meter.due = due or meter.due
                meter.status = status_of(event)
        elif meter.value is None:
            meter.unread, meter.read_at = why_unread(event), time
            _add(meter.status, status_of(event))
        _add(meter.troubles, [text for text in problems_of(event) if text != meter.unread])

    def _note_radio(self, meter: ReportedMeter, event: Event, heard: Event, time: datetime | None) -> None:
        link = event["link"]
        level = level_of(link, "rssi_dbm")
        if level is not None and (meter.signal_dbm is None or level > meter.signal_dbm):
            meter.signal_dbm = level
        meter.name = meter.name or text_of(heard, "name")
        meter.place = meter.place or text_of(heard, "place")
        port = text_of(event, "port")
        self._walks.setdefault(port, _WalkNotes()).take(time)
        if text_of(heard, "copy"):
            return
        meter.heard += 1
        if time is not None:
            hour = time.replace(minute=0, second=0, microsecond=0)
            self.hours[hour] = self.hours.get(hour, 0) + 1

    def _summary(self, event: Event) -> bool:
        """A row of `read --summary`."""
        address, row = self._address({"meter": event})
        primary = whole(event, "primary_address")
        if address is None and primary is None:
            self.refused += 1
            return False
        self.was_read = True
        error = text_of(event, "error")
        if address is None and self._note_at_disturbance(primary, error):
            return True
        meter = self.meter(address, primary)
        _describe(meter, row)
        value = plain_value(event)
        time = moment(event.get("time"))
        if value is not None and (meter.value is None or _not_before(time, meter.read_at)):
            meter.value, meter.due, meter.read_at, meter.unread = value, due_of(event), time, ""
            meter.status = status_of(event)
            _add(meter.troubles, [error] if error else [])
        elif value is None and meter.value is None:
            written = text_of(event, "value")
            spoilt = f"{written!r} is no number: a spreadsheet has changed it" if written else ""
            meter.unread, meter.read_at = error or spoilt or "its readout holds no counter", time
            _add(meter.status, status_of(event))
        return True

    def _note_at_disturbance(self, primary: int | None, error: str) -> bool:
        """True where a scan has told already that nobody can be read there."""
        for key, known in self.disturbed.items():
            if key[0] == primary:
                if error and error not in known.note and known.note not in error:
                    self.disturbed[key] = known._replace(note=f"{known.note}; {error}")
                return True
        return False

    def _heard(self, event: Event) -> bool:
        """A meter of an inventory."""
        address, row = self._address({"meter": event})
        if address is None:
            self.refused += 1
            return False
        self.was_read = True
        meter = self.meter(address)
        _describe(meter, row)
        meter.heard += max(whole(event, "telegrams") or 0, 0)
        level = level_of(event, "best_rssi_dbm")
        if level is not None:
            meter.signal_dbm = level if meter.signal_dbm is None else max(level, meter.signal_dbm)
        value = plain_value(event)
        time = moment(event.get("last_read"))
        if value is not None and (meter.value is None or _not_before(time, meter.read_at)):
            meter.value, meter.read_at, meter.unread = value, time, ""
        elif value is None and meter.value is None:
            meter.unread = why_unread({"security": {"state": event.get("security")}})
        _add(meter.troubles, [_SUSPICION] if whole(event, "suspicions") else [])
        return True

    def _address(self, event: Event) -> tuple[MeterAddress | None, dict[str, Any]]:
        """The meter that an event is about, and the row that describes it."""
        row = event.get("meter")
        if not isinstance(row, dict):
            return None, {}
        try:
            return MeterAddress.parse(text_of(row, "address")), row
        except UsageError:
            return None, row


def may_be(first: MeterAddress, second: MeterAddress) -> bool:
    """True if both can be the same meter: what one of them leaves out, the other may tell. Bit 15 of the
    manufacturer says nothing about who made it."""
    plain = [
        address
        if address.manufacturer == _ANY_MANUFACTURER
        else address._replace(manufacturer=address.manufacturer & 0x7FFF)
        for address in (first, second)
    ]
    return plain[0].matches(plain[1]) or plain[1].matches(plain[0])


def _describe(meter: ReportedMeter, row: Event) -> None:
    meter.manufacturer = text_of(row, "manufacturer") or meter.manufacturer
    address = meter.address
    if not meter.manufacturer and address is not None and address.manufacturer != _ANY_MANUFACTURER:
        meter.manufacturer = address.manufacturer_name
    kind = text_of(row, "device_type_name")
    if not kind and address is not None and address.device_type != _UNKNOWN_TYPE:
        kind = describe_device_type(address.device_type)
    meter.device_type_name = kind or meter.device_type_name
    meter.name = text_of(row, "name") or meter.name
    meter.place = text_of(row, "place") or meter.place


def _of_records(rows: list[Event]) -> Event:
    """The telegram behind the rows of a table with one record each."""
    first = rows[0]
    security = first.get("security")
    return {
        "event": "telegram",
        "time": first.get("time"),
        "port": first.get("port"),
        "meter": {"address": first.get("address"), "primary_address": first.get("primary_address")},
        "security": {"state": security} if security else None,
        "records": rows,
    }


def _add(words: list[str], more: Iterable[str]) -> None:
    """Each once, and no more than anybody reads."""
    for word in more:
        if word not in words and len(words) < _MOST_TROUBLES:
            words.append(word)


def _not_before(time: datetime | None, known: datetime | None) -> bool:
    return time is None or known is None or time >= known

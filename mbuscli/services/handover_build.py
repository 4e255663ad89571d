"""Puts a handover together: the ledger of all files, beside the list, the inventory and the journal."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from mbuscli.errors import UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.octets import counted
from mbuscli.services.handover import Facts, Handover, MissingMeter, ReportedMeter, Source, Value, Walk
from mbuscli.services.handover_files import EventFile, unrecognised
from mbuscli.services.handover_ledger import Ledger, may_be
from mbuscli.services.handover_readings import moment, why_unread
from mbuscli.services.history import Series, heard_series, newest, stored_series
from mbuscli.services.inventory import Inventory, KnownMeter, Wanted
from mbuscli.services.walk_capture import moment_of
from mbuscli.settings.files import read_file
from mbuscli.settings.journal import BEGUN, Journal, Line
from mbuscli.settings.meter_list import ListedMeter, MeterList, read_meter_list

_LIST_LIMIT = 16 << 20
_JOURNAL_LIMIT = 1 << 30
_POINTS = 40


class Order(NamedTuple):
    """What a handover is made from. `walk`: all meters that were heard since `heard_since`, not only those of
    the other files; `changes_since`: the writes of the journal that count."""

    facts: Facts
    time: datetime
    scans: Sequence[Path] = ()
    readings: Sequence[Path] = ()
    lists: Sequence[Path] = ()
    inventory: Path | None = None
    walk: bool = False
    heard_since: datetime | None = None
    journal: Path | None = None
    changes_since: datetime | None = None


class Built(NamedTuple):
    """The handover, and what is to be said to who makes it."""

    handover: Handover
    remarks: tuple[str, ...]


def build(order: Order) -> Built:
    """The handover; InputError if one of its files cannot be used."""
    return _Builder(order).run()


class _Builder:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._ledger = Ledger()
        self._sources: list[Source] = []
        self._remarks: list[str] = []
        self._earlier: dict[str, list[KnownMeter]] = {}  # heard before the walk, by number

    def run(self) -> Built:
        order, ledger = self._order, self._ledger
        for kind, paths in (("scan", order.scans), ("readings", order.readings)):
            for path in paths:
                self._take_file(kind, path)
        if order.inventory is not None:
            self._take_inventory(order.inventory)
        lists = [read_meter_list(path) for path in order.lists]
        listed = [meter for each in lists for meter in each.meters]
        for each in lists:
            self._note_list(each)
        missing = self._compare(listed)
        if ledger.was_read:
            for meter in ledger.meters:
                if meter.value is None and not meter.unread:
                    meter.unread = "found, and not among the readings"
        changes = self._changes()
        meters = sorted(ledger.meters, key=_sort_key)
        handover = Handover(
            order.facts,
            order.time,
            ledger.buses,
            ledger.walks,
            [meter for meter in meters if meter.listed],
            [meter for meter in meters if not meter.listed],
            missing,
            sorted(ledger.disturbed.values(), key=lambda each: (each.primary or 0, each.state)),
            changes,
            len(listed) if lists else None,
            ledger.was_read,
            sorted(ledger.hours.items()),
            self._sources,
        )
        return Built(handover, tuple(self._remarks))

    def _take_file(self, kind: str, path: Path) -> None:
        file = EventFile(path)
        refused = self._ledger.refused
        used = self._ledger.take(file.events())
        refused = self._ledger.refused - refused
        if refused:
            file.faults.append(
                f"{counted(refused, 'row')} that {'name' if refused > 1 else 'names'} no meter"
            )
        if not used and not self._ledger.takes_part:
            raise unrecognised(path)
        if not used:
            file.faults.append("nothing in it is about meters")
        self._remarks += [f"{path.name}: {fault}" for fault in file.faults]
        self._sources.append(
            Source(path.name, kind, counted(used, "result"), file.sha256, "; ".join(file.faults))
        )

    # -- the inventory ---------------------------------------------------------------------------------

    def _take_inventory(self, path: Path) -> None:
        inventory = Inventory(path)
        used = 0
        try:
            since = self._order.heard_since
            walked: list[KnownMeter] = []
            for known in inventory.meters(Wanted()):
                is_walked = self._order.walk and (since is None or known.last_heard >= since.timestamp())
                meter = self._ledger.find(known.address)
                if is_walked:
                    walked.append(known)
                elif meter is None:
                    self._earlier.setdefault(known.address.id, []).append(known)
                    continue
                used += 1
                meter = meter or self._ledger.meter(known.address)
                self._merge(meter, known)
                meter.history = _history(inventory, known)
            if walked and not self._ledger.walks:
                self._ledger.note_walk(self._walk(inventory, walked))
        finally:
            inventory.close()
        if used or self._order.walk:
            self._ledger.was_read |= bool(used)
            self._sources.append(Source(path.name, "inventory", counted(used, "meter"), ""))

    def _walk(self, inventory: Inventory, walked: Sequence[KnownMeter]) -> Walk:
        """The walk as far as the inventory knows it, which counts telegrams of all days together."""
        since = self._order.heard_since
        first = moment_of(min(known.first_heard for known in walked))
        began = first if since is None else max(first, since)
        telegrams = inventory.telegrams(walked[0].address)
        port = telegrams[0].port if telegrams else ""
        return Walk(port, began, moment_of(max(known.last_heard for known in walked)), None)

    def _merge(self, meter: ReportedMeter, known: KnownMeter) -> None:
        address = known.address
        meter.name = meter.name or known.name
        meter.place = meter.place or known.place
        if not meter.device_type_name:
            from mbuscli.protocol.application.device_types import describe_device_type

            meter.device_type_name = describe_device_type(address.device_type)
        meter.manufacturer = meter.manufacturer or address.manufacturer_name
        if not self._order.walk and meter.value is not None:
            return  # what was read today stands
        if not meter.heard:
            meter.heard = known.telegrams
            meter.signal_dbm = known.best_rssi_dbm
        if known.value is not None and known.last_read is not None:
            read_at = moment_of(known.last_read)
            if meter.value is None or meter.read_at is None or read_at > meter.read_at:
                meter.value = Value(known.quantity or "", known.value, known.unit or "", known.exponent or 0)
                meter.read_at, meter.unread = read_at, ""
        elif meter.value is None:
            meter.unread = meter.unread or why_unread({"security": {"state": known.security}})

    # -- the list --------------------------------------------------------------------------------------

    def _note_list(self, found: MeterList) -> None:
        refused = [line for line in found.refused if not line.warning]
        note = ""
        if refused:
            note = f"{counted(len(refused), 'line')} without a meter, the first is line {refused[0].line}"
            self._remarks.append(f"{found.path.name}: {note}")
        digest = hashlib.sha256(read_file(found.path, _LIST_LIMIT)).hexdigest()
        self._sources.append(
            Source(found.path.name, "list", counted(len(found.meters), "meter"), digest, note)
        )

    def _compare(self, listed: Sequence[ListedMeter]) -> list[MissingMeter]:
        """Who of the list is missing; the found ones get names and places, others are strangers."""
        ledger = self._ledger
        missing: dict[MeterAddress, MissingMeter] = dict(ledger.missing)
        if listed:
            for known in ledger.meters:
                known.listed = known.address is None
        for entry in listed:
            noted = missing.pop(entry.address, None)
            meter = ledger.find(entry.address)
            if meter is not None and (meter.value is not None or not _is_silent(meter)):
                meter.listed = True
                meter.name, meter.place = entry.name or meter.name, entry.place or meter.place
                continue
            note = noted.note if noted is not None else self._last_heard(entry.address)
            if meter is not None:
                ledger.meters.remove(meter)
                note = note or meter.unread
            missing[entry.address] = MissingMeter(entry.address, entry.primary, entry.name, entry.place, note)
        found = [
            meter.address for meter in ledger.meters if meter.address is not None and not _is_silent(meter)
        ]
        numbers: dict[str, list[MeterAddress]] = {}
        for address in found:
            numbers.setdefault(address.id, []).append(address)
        return sorted(
            (
                each
                for each in missing.values()
                if not any(may_be(each.address, other) for other in numbers.get(each.address.id, ()))
            ),
            key=lambda each: (each.place, each.name, each.address),
        )

    def _last_heard(self, address: MeterAddress) -> str:
        """When a missing meter was heard before, so that somebody knows whether to look for it."""
        known = [each for each in self._earlier.get(address.id, ()) if may_be(address, each.address)]
        if not known:
            return ""
        heard = moment_of(max(each.last_heard for each in known))
        return f"last heard on {heard:%Y-%m-%d}"

    # -- the journal -----------------------------------------------------------------------------------

    def _changes(self) -> list[Line]:
        path = self._order.journal
        if path is None or not path.exists():
            return []
        digest = hashlib.sha256(read_file(path, _JOURNAL_LIMIT)).hexdigest()
        recent = [line for line in Journal(path).read() if self._is_recent(line)]
        about = [line for line in recent if self._is_ours(line)]
        if len(about) < len(recent):
            left = len(recent) - len(about)
            self._remarks.append(
                f"{counted(left, 'write')} in the journal about other ports and meters left out"
            )
        if about:
            self._sources.append(Source(path.name, "journal", counted(len(about), "write"), digest))
        begun = sum(line.outcome == BEGUN for line in about)
        if begun:
            self._remarks.append(f"of {counted(begun, 'write')} nobody knows how it ended: read the meter")
        return about

    def _is_recent(self, line: Line) -> bool:
        since = self._order.changes_since
        time = moment(line.time)
        return since is None or (time is not None and time >= since)

    def _is_ours(self, line: Line) -> bool:
        """True for a write at one of the ports, or into one of the meters; for all where nothing is known."""
        ledger = self._ledger
        ports = {bus.port for bus in ledger.buses}
        if (not ledger.meters and not ports) or line.entry.port in ports:
            return True
        try:
            return (
                line.entry.meter is not None and ledger.find(MeterAddress.parse(line.entry.meter)) is not None
            )
        except UsageError:
            return False


def _is_silent(meter: ReportedMeter) -> bool:
    """True for a meter that was asked and has not answered: nobody has seen it."""
    return meter.value is None and bool(meter.unread) and not meter.heard and not meter.device_type_name


def _history(inventory: Inventory, known: KnownMeter) -> Series | None:
    """The values of the main reading: as heard, or the stored ones where these tell more."""
    if known.quantity is None:
        return None
    readings = inventory.readings(known.address)
    series = [heard_series(readings, known.quantity), stored_series(readings, known.quantity)]
    best: Series | None = max(
        (each for each in series if each is not None), key=lambda each: len(each.values), default=None
    )
    return None if best is None or len(best.values) < 2 else newest(best, _POINTS)


def _sort_key(meter: ReportedMeter) -> tuple[object, ...]:
    primary = 1000 if meter.primary is None else meter.primary
    return (_natural(meter.place), primary, _natural(meter.name), str(meter.address or ""))


def _natural(text: str) -> tuple[tuple[int, str], ...]:
    """Flat 2 before flat 10."""
    return tuple(
        (int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part.casefold())
        for part in re.split(r"(\d+)", text)
        if part
    )

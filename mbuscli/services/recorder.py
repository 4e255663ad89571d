"""Writes what is heard into the inventory."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mbuscli.errors import InputError
from mbuscli.meters.evaluate import STATUS
from mbuscli.protocol.application.records import Record
from mbuscli.services.coverage import Progress, Route
from mbuscli.services.heard_meter import HeardMeter, Reading, is_readable
from mbuscli.services.readings import has_decoder, readings_of
from mbuscli.settings.inventory_file import explained, in_words, open_inventory

if TYPE_CHECKING:
    from mbuscli.services.sniff import Heard
    from mbuscli.settings.meter_list import ListedMeter
    from mbuscli.telegram import Telegram

# What is kept of each meter, and how many strangers, so that the file is bounded whatever is on the air.
KEPT_TELEGRAMS = 20
MAX_STRANGERS = 100_000
_STRANGERS_AT_ONCE = 1_000
# A value that changes with every telegram is kept four times an hour.
_SLOT_S = 900
_COMMIT_S = 1.0
_MAX_BATCH = 5_000
_MAX_PENDING = 20_000
_REMEMBERED = 5_000
_MAX_VALUES = 500
_UNTOLD = frozenset(("manufacturer_specific", "plain_text"))
# A route that was not walked for so long is begun anew.
_ROUTE_RESTS_S = 14 * 86400.0

_METER_COLUMNS = [
    "address",
    "id",
    "manufacturer",
    "device_type",
    "name",
    "place",
    "first_heard",
    "last_heard",
    "telegrams",
    "rssi_dbm",
    "best_rssi_dbm",
    "radio_mode",
    "security",
    "security_mode",
    "key",
    "pinned",
    "suspicions",
    "last_read",
    "quantity",
    "value",
    "unit",
    "exponent",
    "counter",
    "latitude",
    "longitude",
]
# Captures may be played in any order: what is older does not replace what is newer.
_PUT_METER = (
    f"INSERT INTO meters ({', '.join(_METER_COLUMNS)}) VALUES ({', '.join('?' * len(_METER_COLUMNS))}) "
    "ON CONFLICT (address) DO UPDATE SET "
    "name = CASE excluded.name WHEN '' THEN name ELSE excluded.name END, "
    "place = CASE excluded.place WHEN '' THEN place ELSE excluded.place END, "
    "first_heard = min(first_heard, excluded.first_heard), "
    "last_heard = max(last_heard, excluded.last_heard), "
    "telegrams = telegrams + excluded.telegrams, "
    "latitude = CASE WHEN excluded.best_rssi_dbm > ifnull(best_rssi_dbm, -1e9) OR latitude IS NULL "
    "THEN ifnull(excluded.latitude, latitude) ELSE latitude END, "
    "longitude = CASE WHEN excluded.best_rssi_dbm > ifnull(best_rssi_dbm, -1e9) OR longitude IS NULL "
    "THEN ifnull(excluded.longitude, longitude) ELSE longitude END, "
    "best_rssi_dbm = nullif(max(ifnull(best_rssi_dbm, -1e9), ifnull(excluded.best_rssi_dbm, -1e9)), -1e9), "
    "pinned = max(pinned, excluded.pinned), suspicions = suspicions + excluded.suspicions, "
    "last_read = nullif(max(ifnull(last_read, 0), ifnull(excluded.last_read, 0)), 0), "
    "counter = nullif(max(ifnull(counter, -1), ifnull(excluded.counter, -1)), -1), "
    + ", ".join(
        f"{name} = CASE WHEN excluded.{time} >= ifnull({time}, 0) THEN {new.format(name)} ELSE {name} END"
        for names, time, new in (
            (("security", "security_mode", "key"), "last_heard", "excluded.{}"),
            (("rssi_dbm", "radio_mode"), "last_heard", "ifnull(excluded.{0}, {0})"),
            (("quantity", "value", "unit", "exponent"), "last_read", "ifnull(excluded.{0}, {0})"),
        )
        for name in names
    )
)
_RECALL = "SELECT telegrams, last_heard, best_rssi_dbm, counter FROM meters WHERE address = ?"
_PUT_TELEGRAM = "INSERT OR REPLACE INTO telegrams VALUES (?, ?, ?, ?, ?, ?, ?)"
_PUT_READING = "INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_PROGRESS = "INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?)"
_FORGET = (
    "DELETE FROM meters WHERE address IN (SELECT address FROM meters WHERE NOT pinned AND name = '' "
    "ORDER BY telegrams > 1, last_heard LIMIT ?) RETURNING address"
)


class Position(NamedTuple):
    """Degrees north and east."""

    latitude: float
    longitude: float


class _Pending:
    """What one meter has done since the last commit."""

    __slots__ = ("count", "meter", "position", "position_rssi_dbm", "suspicions")

    def __init__(self, meter: HeardMeter) -> None:
        self.meter = meter
        self.count = self.suspicions = 0
        self.position: Position | None = None
        self.position_rssi_dbm = float("-inf")


class Recorder:
    """Writes a session into the inventory; the only writer of its process, used by one thread.

    Everything that was added is in the file one second later, or with `close`. SIGKILL loses that second at
    most; captures are written telegram by telegram and fill the inventory again. Where the file cannot be
    written for a while, what was added is kept, `trouble` says why, and the next `flush` tries again; beyond
    a bound the oldest of it is given up, and `lost` counts that.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble: InputError | None = None
        self.lost = 0
        self._connection = open_inventory(path)
        self._meters: dict[str, _Pending] = {}
        self._telegrams: OrderedDict[tuple[str, int], tuple[Any, ...]] = OrderedDict()
        self._readings: OrderedDict[tuple[Any, ...], tuple[float, str, str]] = OrderedDict()
        self._written: OrderedDict[str, dict[tuple[Any, ...], bytes]] = OrderedDict()
        self._progress: dict[tuple[str, str], Progress] = {}
        self._due: float | None = None
        with in_words(path):
            self._strangers = self._count_strangers()

    def recall(self, meter: HeardMeter) -> None:
        """Tell a meter what earlier sessions know of it."""
        try:
            row = self._connection.execute(_RECALL, (meter.text,)).fetchone()
        except sqlite3.Error as error:
            self.trouble = explained(self.path, error)
            return
        if row is None:
            self._strangers += 1
        else:
            meter.known, meter.known_until, meter.best_rssi_dbm, counter = row
            # What is played again from a capture is not an old telegram that somebody sends again.
            if meter.first > meter.known_until:
                meter.history.counter = counter

    def add(self, heard: Heard, position: Position | None = None) -> None:
        """Take over one reception; copies count for the signal only, and what the file knows already, from
        a capture that is played again, does not count at all."""
        meter, telegram = heard.meter, heard.telegram
        if meter is None or telegram is None:
            return
        address = meter.text
        pending = self._meters.get(address)
        if pending is None:
            pending = self._meters[address] = _Pending(meter)
        pending.meter = meter
        rssi_dbm = heard.reception.rssi_dbm
        strength = float("-inf") if rssi_dbm is None else rssi_dbm
        if position is not None and (pending.position is None or strength > pending.position_rssi_dbm):
            pending.position, pending.position_rssi_dbm = position, strength
        if heard.freshness.copy:
            return
        if heard.time > meter.known_until:
            pending.count += 1
            pending.suspicions += bool(heard.freshness.suspicion)
            self._add_telegram(heard, telegram.raw, meter)
        if heard.freshness.suspicion:
            return
        if is_readable(telegram):
            self._add_readings(address, telegram.records, heard.time)
        if has_decoder(telegram):
            self._add_decoded(address, telegram, heard.time)

    def _add_telegram(self, heard: Heard, raw: bytes, meter: HeardMeter) -> None:
        reception = heard.reception
        self._telegrams[meter.text, (meter.known + meter.count) % KEPT_TELEGRAMS] = (
            heard.time,
            raw,
            reception.rssi_dbm,
            reception.mode,
            heard.port,
        )

    def _add_readings(self, address: str, records: list[Record], time: float) -> None:
        written = self._written.get(address)
        if written is None:
            written = self._written[address] = {}
            if len(self._written) > _REMEMBERED:
                self._written.popitem(last=False)
        elif len(written) > _MAX_VALUES:
            written.clear()
        slot = int(time // _SLOT_S)
        for record in records:
            header = record.header
            shape = (header.raw, record.storage, record.time)
            if written.get(shape) == record.raw:
                continue
            written[shape] = record.raw
            value = record.value
            if value is None or header.quantity in _UNTOLD:
                continue
            what = (
                header.quantity,
                header.function,
                record.storage,
                header.tariff,
                header.subunit,
                ",".join(record.qualifiers),
                record.time or "",
            )
            text = format(value, "f") if isinstance(value, Decimal) else str(value)
            self._readings[(address, *what, slot)] = (time, text, header.unit)

    def _add_decoded(self, address: str, telegram: Telegram, time: float) -> None:
        """What a maker's own payload says: readings without a record, under their names."""
        slot = int(time // _SLOT_S)
        for reading in readings_of(telegram).values:
            value = reading.value
            if value in (None, "") or reading.offset is not None or reading.name == STATUS:
                continue
            text = format(value, "f") if isinstance(value, Decimal) else str(value)
            what = (reading.name, "instantaneous", 0, 0, 0, "", "")
            self._readings[(address, *what, slot)] = (time, text, reading.unit)

    def flush(self, now: float) -> None:
        """Commit what was added, once a second of any clock. Never raises: see `trouble`."""
        if self._due is None:
            self._due = now + _COMMIT_S
        elif now >= self._due or len(self._telegrams) >= _MAX_BATCH:
            self._due = now + _COMMIT_S
            self._commit()

    def _commit(self) -> None:
        if not self._meters and not self._progress:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._write()
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.rollback()
            self.trouble = explained(self.path, error)
            self._give_up_oldest()
            return
        self.trouble = None
        for pending in (self._meters, self._telegrams, self._readings, self._progress):
            pending.clear()

    def _write(self) -> None:
        execute = self._connection.executemany
        execute(_PUT_METER, map(_meter_row, self._meters.values()))
        execute(_PUT_TELEGRAM, ((meter, slot, *facts) for (meter, slot), facts in self._telegrams.items()))
        execute(_PUT_READING, ((*what, *value) for what, value in self._readings.items()))
        execute(_PUT_PROGRESS, ((*what, *times) for what, times in self._progress.items()))
        if self._strangers > MAX_STRANGERS:
            gone = self._connection.execute(_FORGET, (_STRANGERS_AT_ONCE,)).fetchall()
            execute("DELETE FROM telegrams WHERE meter = ?", gone)
            execute("DELETE FROM readings WHERE meter = ?", gone)
            self._strangers = self._count_strangers()

    def _count_strangers(self) -> int:
        count: int = self._connection.execute(
            "SELECT count(*) FROM meters WHERE NOT pinned AND name = ''"
        ).fetchone()[0]
        return count

    def _give_up_oldest(self) -> None:
        """The file has not taken anything for long: memory is bounded all the same."""
        while len(self._meters) > _MAX_PENDING:
            del self._meters[next(iter(self._meters))]
        for pending in (self._telegrams, self._readings):
            while len(pending) > _MAX_PENDING:
                pending.popitem(last=False)
                self.lost += 1

    def close(self) -> None:
        """Commit the rest and release the file; `trouble` says if that failed."""
        self._commit()
        self._connection.close()

    # -- routes --

    def begin_route(self, name: str, now: float, *, anew: bool = False) -> float:
        """When the walk of this route began: earlier, if it is not finished; now, if it rested for long."""
        with in_words(self.path):
            row = self._connection.execute(
                "SELECT started, last FROM routes WHERE path = ?", (name,)
            ).fetchone()
            resumed = row is not None and not anew and now - row[1] < _ROUTE_RESTS_S
            started: float = row[0] if resumed else now
            self._connection.execute("INSERT OR REPLACE INTO routes VALUES (?, ?, ?)", (name, started, now))
            if not resumed:
                self._connection.execute("DELETE FROM progress WHERE route = ?", (name,))
        return started

    def restore(self, route: Route, name: str) -> None:
        """Fill in what was heard, read and marked since the walk began."""
        with in_words(self.path):
            rows = self._connection.execute(
                "SELECT meter, heard, read, marked FROM progress WHERE route = ?", (name,)
            ).fetchall()
        known = {meter: Progress(*times) for meter, *times in rows}
        for listed in route:
            if str(listed.address) in known:
                route.restore(listed, known[str(listed.address)])

    def keep_progress(self, name: str, listed: ListedMeter, progress: Progress) -> None:
        """What has become of a listed meter, with the next commit."""
        self._progress[name, str(listed.address)] = progress


def _meter_row(pending: _Pending) -> tuple[Any, ...]:
    """The values of `_METER_COLUMNS`."""
    meter, position, reading = pending.meter, pending.position, pending.meter.reading
    address = meter.address
    return (
        meter.text,
        address.id,
        address.manufacturer_name,
        address.device_type,
        meter.name,
        meter.place,
        meter.first,
        meter.last,
        pending.count,
        meter.rssi_dbm,
        meter.best_rssi_dbm,
        meter.radio_mode,
        meter.security,
        meter.mode,
        meter.key,
        meter.is_pinned,
        pending.suspicions,
        meter.last_read,
        *((None,) * 4 if reading is None else _reading_cells(reading)),
        meter.history.counter,
        *((None, None) if position is None else position),
    )


def _reading_cells(reading: Reading) -> tuple[str, str, str, int]:
    value = reading.value
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return reading.quantity, text, reading.unit, reading.exponent

"""What is known of meters from all sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from mbuscli.protocol.address import MeterAddress
from mbuscli.settings.inventory_file import in_words, open_inventory


class KnownMeter(NamedTuple):
    """A meter of the inventory. Times are seconds since 1970, signals dBm, positions degrees north and east;
    None where nothing is known. `quantity` to `exponent` are its main reading."""

    address: MeterAddress
    name: str
    place: str
    first_heard: float
    last_heard: float
    telegrams: int
    rssi_dbm: float | None
    best_rssi_dbm: float | None
    radio_mode: str | None
    security: str
    security_mode: int
    key: str | None
    suspicions: int
    last_read: float | None
    quantity: str | None
    value: Decimal | None
    unit: str | None
    exponent: int | None
    latitude: float | None
    longitude: float | None


class StoredTelegram(NamedTuple):
    """A telegram as it was heard."""

    time: float
    raw: bytes
    rssi_dbm: float | None
    radio_mode: str | None
    port: str


class StoredReading(NamedTuple):
    """A value that was heard at `time` for the first time; `moment` as in compact profiles, else ""."""

    time: float
    quantity: str
    function: str
    storage: int
    tariff: int
    subunit: int
    qualifiers: tuple[str, ...]
    moment: str
    value: str
    unit: str

    @property
    def number(self) -> Decimal | None:
        """The value, if it is a number."""
        return _number(self.value)


class Wanted(NamedTuple):
    """Which meters: any of the address patterns (none: all), and everything else that is given."""

    patterns: tuple[MeterAddress, ...] = ()
    heard_since: float | None = None
    device_type: str = ""
    manufacturer: str = ""
    text: str = ""

    def fits(self, meter: KnownMeter) -> bool:
        """True if the meter is wanted; the time was asked of the file."""
        from mbuscli.protocol.application.device_types import describe_device_type

        address = meter.address
        kind = describe_device_type(address.device_type)
        words = f"{address} {meter.name} {meter.place} {kind}".casefold()
        return (
            (not self.patterns or any(pattern.matches(address) for pattern in self.patterns))
            and (
                self.device_type.casefold() in kind
                or self.device_type.upper() == f"{address.device_type:02X}"
            )
            and self.manufacturer.upper() in ("", address.manufacturer_name)
            and self.text.casefold() in words
        )


_METERS = (
    "SELECT address, name, place, first_heard, last_heard, telegrams, rssi_dbm, best_rssi_dbm, radio_mode, "
    "security, security_mode, key, suspicions, last_read, quantity, value, unit, exponent, latitude, "
    "longitude FROM meters WHERE last_heard >= ? ORDER BY last_heard DESC"
)
_TELEGRAMS = "SELECT time, raw, rssi_dbm, radio_mode, port FROM telegrams WHERE meter = ? ORDER BY time DESC"
_READINGS = (
    "SELECT time, quantity, function, storage, tariff, subunit, qualifiers, moment, value, unit "
    "FROM readings WHERE meter = ? ORDER BY time, storage"
)


class Inventory:
    """The file, for reading; a session may write to it at the same time. InputError as `open_inventory`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_inventory(path, create=False)

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def meters(self, wanted: Wanted) -> Iterator[KnownMeter]:
        """The wanted meters, the one heard last first."""
        for row in self._ask(_METERS, (wanted.heard_since or 0.0,)):
            meter = _meter(row)
            if wanted.fits(meter):
                yield meter

    def telegrams(self, address: MeterAddress) -> list[StoredTelegram]:
        """The last telegrams of a meter, the newest first."""
        return [StoredTelegram(*row) for row in self._ask(_TELEGRAMS, (str(address),))]

    def readings(self, address: MeterAddress) -> list[StoredReading]:
        """The values of a meter by time: each value once, as long as it stays the same."""
        return [
            StoredReading._make((*row[:6], tuple(filter(None, row[6].split(","))), *row[7:]))
            for row in self._ask(_READINGS, (str(address),))
        ]

    def _ask(self, question: str, facts: Sequence[Any]) -> list[tuple[Any, ...]]:
        with in_words(self.path):
            return self._connection.execute(question, facts).fetchall()


def _meter(row: tuple[Any, ...]) -> KnownMeter:
    meter = KnownMeter(MeterAddress.parse(row[0]), *row[1:])
    return meter._replace(value=None if meter.value is None else _number(str(meter.value)))


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None

"""Rows of `mbuscli inventory`: meters, and all that is kept of one of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from mbuscli.protocol.application.device_types import describe_device_type
from mbuscli.protocol.octets import hex_text
from mbuscli.render.columns import Columns
from mbuscli.render.lists import named_columns
from mbuscli.render.rows import Row
from mbuscli.render.streams import terminal_width
from mbuscli.render.walk_view import reading_text
from mbuscli.services.kept_readings import kept_reading
from mbuscli.services.walk_capture import moment_of

if TYPE_CHECKING:
    from mbuscli.protocol.address import MeterAddress
    from mbuscli.render.delimited import Cell
    from mbuscli.render.streams import Streams
    from mbuscli.services.inventory import KnownMeter, StoredReading, StoredTelegram

COLUMNS: Columns = named_columns(
    {
        "address": "the meter's address, 12345678.KAM.1B.16",
        "name": "name on the route list",
        "place": "place on the route list",
        "id": "identification number",
        "manufacturer": "manufacturer, three letters",
        "device_type": "device type code",
        "device_type_name": "device type in words",
        "first_heard": "when it was heard first",
        "last_heard": "when it was heard last",
        "last_read": "when a telegram was readable last",
        "telegrams": "telegrams, without copies",
        "rssi_dbm": "last signal strength in dBm",
        "best_rssi_dbm": "best signal strength in dBm",
        "mode": "link mode such as T1",
        "quantity": "what the main reading is",
        "value": "the main reading, with the meter's own digits",
        "unit": "its base unit",
        "security": "none, decrypted, key_missing, …",
        "key": "name of the key that opened it",
        "suspicions": "telegrams that may have been old ones sent again",
        "latitude": "where it was heard best, degrees north",
        "longitude": "where it was heard best, degrees east",
    }
)
DEFAULT = (
    "address",
    "name",
    "device_type_name",
    "last_heard",
    "telegrams",
    "best_rssi_dbm",
    "quantity",
    "value",
    "unit",
    "security",
)
_NARROW_TABLE = ("meter", "type", "reading", "heard", "n", "best", "key")
# As the live table says it.
_KEY_WORDS = {"none": "not encrypted", "key_missing": "key needed"}
_WIDE_TABLE = ("name", "place", "address", "type", "reading", "heard", "n", "best", "key")
_WIDE = 120


def meter_row(meter: KnownMeter) -> Row:
    """A meter of the inventory."""
    address = meter.address
    return {
        "address": str(address),
        "name": meter.name or None,
        "place": meter.place or None,
        "id": address.id,
        "manufacturer": address.manufacturer_name,
        "device_type": address.device_type,
        "device_type_name": describe_device_type(address.device_type),
        "first_heard": time_text(meter.first_heard),
        "last_heard": time_text(meter.last_heard),
        "last_read": time_text(meter.last_read),
        "telegrams": meter.telegrams,
        "rssi_dbm": _decimal(meter.rssi_dbm),
        "best_rssi_dbm": _decimal(meter.best_rssi_dbm),
        "mode": meter.radio_mode,
        "quantity": meter.quantity,
        "value": meter.value,
        "unit": meter.unit,
        "security": meter.security,
        "key": meter.key,
        "suspicions": meter.suspicions,
        "latitude": _decimal(meter.latitude),
        "longitude": _decimal(meter.longitude),
    }


def meters_table(meters: Iterable[KnownMeter], streams: Streams) -> str:
    """Meters for people; what does not fit into the terminal is left out."""
    from mbuscli.render.table import cells_table

    names = _WIDE_TABLE if terminal_width() >= _WIDE else _NARROW_TABLE
    today = datetime.now().date()
    rows = [_cells_of(meter, today) for meter in meters]
    return cells_table(names, [[cells[name] for name in names] for cells in rows], streams)


def _cells_of(meter: KnownMeter, today: date) -> dict[str, Cell]:
    heard = moment_of(meter.last_heard)
    reading = ""
    if meter.value is not None:
        reading = reading_text(meter.value, meter.unit or "", meter.exponent or 0, meter.quantity or "")
    return {
        "meter": meter.name or str(meter.address),
        "name": meter.name,
        "place": meter.place,
        "address": str(meter.address),
        "type": describe_device_type(meter.address.device_type),
        "reading": reading,
        "heard": heard.strftime("%H:%M:%S" if heard.date() == today else "%Y-%m-%d"),
        "n": meter.telegrams,
        "best": None if meter.best_rssi_dbm is None else f"{meter.best_rssi_dbm:.0f} dBm",
        "key": _KEY_WORDS.get(meter.security, meter.security.replace("_", " ")),
    }


def telegram_rows(telegrams: list[StoredTelegram]) -> list[Row]:
    """The last telegrams of a meter."""
    return [
        {
            "time": time_text(telegram.time),
            "raw": hex_text(telegram.raw),
            "rssi_dbm": _decimal(telegram.rssi_dbm),
            "mode": telegram.radio_mode,
            "port": telegram.port,
        }
        for telegram in telegrams
    ]


def reading_rows(meter: MeterAddress, readings: list[StoredReading]) -> list[Row]:
    """The values of a meter, with the names that they have as readings; numbers as numbers."""
    return [
        {
            "time": time_text(reading.time),
            "reading": kept_reading(meter, reading).name,
            "quantity": reading.quantity,
            "function": reading.function,
            "storage": reading.storage,
            "tariff": reading.tariff,
            "subunit": reading.subunit,
            "qualifiers": list(reading.qualifiers),
            "value": reading.number if reading.number is not None else reading.value,
            "unit": reading.unit,
            **({"record_time": reading.moment} if reading.moment else {}),
        }
        for reading in readings
    ]


def time_text(time: float | None) -> str | None:
    """ISO 8601 with the zone of this computer."""
    return None if time is None else moment_of(time).isoformat(timespec="seconds")


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))

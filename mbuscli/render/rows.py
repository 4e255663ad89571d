"""The public schema `mbuscli/1`: telegrams, records and scan results as plain rows for every format."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from mbuscli.protocol.application.device_types import describe_device_type
from mbuscli.protocol.octets import hex_text
from mbuscli.telegram.model import LORAWAN

if TYPE_CHECKING:
    from mbuscli.errors import Problem
    from mbuscli.meters.reading import Readings
    from mbuscli.protocol.address import MeterAddress
    from mbuscli.protocol.application.records import Record
    from mbuscli.telegram import Telegram

SCHEMA = "mbuscli/1"
LAST_PRIMARY_ADDRESS = 250
_FIXED_STATUS_BITS = 0x1C

Row = dict[str, Any]


class Origin(NamedTuple):
    """Where and when a telegram was received; nothing is known of one given as hex.

    `baud` where several rates were tried.
    """

    time: str | None = None
    port: str | None = None
    mode: str | None = None
    rssi_dbm: float | None = None
    baud: int | None = None


UNKNOWN = Origin()


class Parts:
    """The objects in a telegram's row. Whoever writes rows by the thousand keeps those that come again."""

    def octets(self, octets: bytes) -> str:
        """The octets in hexadecimal."""
        return hex_text(octets)

    def link(self, telegram: Telegram, origin: Origin) -> Any:
        """The link layer."""
        return _link(telegram, origin)

    def meter(self, telegram: Telegram) -> Any:
        """The meter, None if it is not known."""
        return _meter(telegram)

    def security(self, telegram: Telegram) -> Any:
        """What protects the content."""
        security = telegram.security
        return {
            "mode": security.mode,
            "state": security.state,
            "key": security.key,
            "checks": list(security.checks),
            "proof": security.proof,
            **({"replayed": True} if security.replayed else {}),
            **({"address": security.address} if security.address else {}),
            **({"diagnosis": list(security.diagnosis)} if security.diagnosis else {}),
        }

    def records(self, telegram: Telegram) -> Any:
        """The records."""
        return [record_row(record) for record in telegram.records]


_PLAIN = Parts()


def telegram_row(
    telegram: Telegram,
    origin: Origin = UNKNOWN,
    readings: Readings | None = None,
    parts: Parts = _PLAIN,
) -> Row:
    """The telegram object of the schema; its readings in the units of their names, unless they are given."""
    if readings is None:
        from mbuscli.services.readings import readings_of

        readings = readings_of(telegram)
    row: Row = {
        "schema": SCHEMA,
        "event": "telegram",
        "time": origin.time,
        "raw": parts.octets(telegram.raw),
        "port": origin.port,
        **({"baud": origin.baud} if origin.baud is not None else {}),
        "link": parts.link(telegram, origin),
        **_lorawan(telegram),
        "meter": parts.meter(telegram),
        "acc": telegram.acc,
        "status": _status(telegram),
        "security": parts.security(telegram),
        "records": parts.records(telegram),
        "driver": readings.driver,
        "readings": {reading.name: reading.value for reading in readings.values},
    }
    if telegram.application_error is not None:
        row["application_error"] = {
            "code": telegram.application_error,
            "text": application_error_text(telegram),
        }
    if telegram.alarm is not None:
        row["alarm"] = telegram.alarm
    if telegram.command is not None:
        row["command"] = telegram.command
    row["problems"] = [_problem(problem) for problem in telegram.problems]
    return row


def record_rows(row: Row, readings: Readings) -> list[Row]:
    """The records of a telegram's row, each with the name of its reading; then the readings without record,
    and those that share one.

    At least one, which may be empty.
    """
    names, others = readings.by_record()
    rows = [{**record, "reading": names.get(record["offset"])} for record in row["records"]]
    rows += [
        {"reading": reading.name, "value": reading.value, "unit": reading.unit, "error": reading.error}
        for reading in others
    ]
    if not rows and "lorawan" in row:
        from mbuscli.render.lorawan import cells_of

        return cells_of(row["lorawan"])
    return rows or [{}]


def application_error_text(telegram: Telegram) -> str:
    """What the meter complains about (CI 70), in words."""
    from mbuscli.protocol.application.control import describe_application_error

    return describe_application_error(telegram.application_error or 0)


def primary_address(telegram: Telegram) -> int | None:
    """The meter's primary address, where the link layer tells it."""
    a_field = telegram.link.a_field
    return a_field if a_field is not None and a_field <= LAST_PRIMARY_ADDRESS else None


def scan_row(
    address: int | None, state: str, telegram: Telegram | None, note: str, baud: int | None = None
) -> Row:
    """What a scan found; `address` None where no primary address is known, `baud` where it was not given."""
    row: Row = {"address": address, "state": state, "meter": None, "status": None, "note": note}
    if baud is not None:
        row["baud"] = baud
    if telegram is not None:
        row["meter"] = _meter(telegram)
        row["status"] = _status(telegram)
        if telegram.application_error is not None:
            row["note"] = note or f"application error: {application_error_text(telegram)}"
    return row


def missing_row(meter: MeterAddress, note: str) -> Row:
    """A meter of a list that a scan did not find; what the list does not tell of it is None."""
    row = scan_row(None, "missing", None, note)
    row["meter"] = {
        "address": str(meter),
        "id": meter.id,
        "manufacturer": None if meter.manufacturer == 0xFFFF else meter.manufacturer_name,
        "version": None if meter.version == 0xFF else meter.version,
        "device_type": None if meter.device_type == 0xFF else meter.device_type,
        "device_type_name": None if meter.device_type == 0xFF else describe_device_type(meter.device_type),
        "primary_address": None,
    }
    return row


def _status(telegram: Telegram) -> Row | None:
    if telegram.status is None:
        return None
    return {"raw": telegram.status, "flags": status_words(telegram)}


def status_words(telegram: Telegram) -> list[str]:
    """The status byte in words. Fixed data uses the lowest and highest bits for its counters' coding."""
    status = telegram.status or 0
    if not status:
        return []
    from mbuscli.protocol.application.status import describe_status

    return describe_status(status & _FIXED_STATUS_BITS if telegram.medium is not None else status)


def device_type_name(telegram: Telegram) -> str:
    """The device type, or the four-bit medium of fixed data, in words."""
    if telegram.medium is not None:
        from mbuscli.protocol.application.fixed import describe_medium

        return describe_medium(telegram.medium)
    return describe_device_type(telegram.meter.device_type) if telegram.meter is not None else ""


def _link(telegram: Telegram, origin: Origin) -> Row:
    link = telegram.link
    if link.layer == "wireless":
        return {
            "layer": link.layer,
            "c_field": link.c_field,
            "ci_field": link.ci_field,
            "mode": origin.mode,
            "frame_format": link.frame_format,
            "crc": link.crc,
            "rssi_dbm": None if origin.rssi_dbm is None else Decimal(str(origin.rssi_dbm)),
        }
    if link.layer == LORAWAN:
        rssi_dbm = None if origin.rssi_dbm is None else Decimal(str(origin.rssi_dbm))
        return {"layer": link.layer, "mode": origin.mode, "rssi_dbm": rssi_dbm}
    return {
        "layer": link.layer,
        "c_field": link.c_field,
        "a_field": link.a_field,
        "ci_field": link.ci_field,
        "checksum": link.checksum,
    }


def _lorawan(telegram: Telegram) -> Row:
    """The object `lorawan`, where it is such a frame."""
    if telegram.link.layer != LORAWAN:
        return {}
    from mbuscli.render.lorawan import lorawan_row

    return {"lorawan": lorawan_row(telegram)}


def _meter(telegram: Telegram) -> Row | None:
    meter = telegram.meter
    if meter is None:
        return None
    # Fixed data tells no more than the identification number.
    full = telegram.medium is None
    return {
        "address": str(meter),
        "id": meter.id,
        "manufacturer": meter.manufacturer_name if full else None,
        "version": meter.version if full else None,
        "device_type": meter.device_type if full else None,
        "device_type_name": device_type_name(telegram),
        "primary_address": primary_address(telegram),
    }


def record_row(record: Record) -> Row:
    """One record."""
    header = record.header
    row: Row = {
        "offset": record.offset,
        "header": hex_text(header.raw),
        "raw": hex_text(record.raw),
        "function": header.function,
        "storage": record.storage,
        "tariff": header.tariff,
        "subunit": header.subunit,
        "quantity": header.quantity,
        "value": record.value,
        "unit": header.unit,
        "qualifiers": list(record.qualifiers),
        "error": record.error,
    }
    if record.time is not None:
        row["time"] = record.time
    return row


def _problem(problem: Problem) -> Row:
    return {
        "layer": problem.layer,
        "offset": problem.offset,
        "reason": problem.reason.value,
        "text": problem.text,
        "warning": problem.warning,
    }

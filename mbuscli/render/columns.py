"""The columns of plain, TSV, CSV and `--fields`: stable names over the rows of the schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from mbuscli.errors import Reason, UsageError
from mbuscli.render.delimited import Cell
from mbuscli.render.rows import LAST_PRIMARY_ADDRESS, Row


class Column(NamedTuple):
    """A named cell: `get` finds it in the event's row and, for telegrams, in one of its record rows."""

    help: str
    get: Callable[[Row, Row], Cell]


Columns = Mapping[str, Column]


def _event(*path: str) -> Callable[[Row, Row], Cell]:
    return lambda event, _record: _follow(event, path)


def _record(name: str) -> Callable[[Row, Row], Cell]:
    return lambda _event, record: _follow(record, (name,))


def _follow(row: Row, path: Sequence[str]) -> Cell:
    found: object = row
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    if isinstance(found, list | tuple):
        return ",".join(map(str, found))
    return found  # type: ignore[return-value]  # leaves of the schema are cells or lists of text


def _error(event: Row, record: Row) -> Cell:
    """Why there is no value; for a telegram without records, why there are none."""
    if record:
        return _follow(record, ("error",))
    refused = _follow(event, ("application_error", "text"))
    if refused is not None:
        return refused
    link = event["link"]
    if link["layer"] == "wired" and link["ci_field"] is None:
        from mbuscli.protocol.wired.fields import describe_c_field

        return "acknowledgement" if link["c_field"] is None else describe_c_field(link["c_field"])
    return "; ".join(str(problem["text"]) for problem in event["problems"]) or "no records"


def _address(event: Row, _record: Row) -> Cell:
    """Of a LoRaWAN frame that names no meter, the device's."""
    found = _follow(event, ("meter", "address"))
    if found is None and "lorawan" in event:
        found = _follow(event, ("lorawan", "dev_addr")) or _follow(event, ("lorawan", "dev_eui"))
    return found


def _proof(event: Row, _record: Row) -> Cell:
    return "replayed" if _follow(event, ("security", "replayed")) else _follow(event, ("security", "proof"))


def _primary_address(event: Row, _record: Row) -> Cell:
    """Also of a telegram that does not say who sent it."""
    a_field = _follow(event, ("link", "a_field"))
    return a_field if isinstance(a_field, int) and a_field <= LAST_PRIMARY_ADDRESS else None


TELEGRAM_COLUMNS: Columns = {
    "address": Column("the meter's address, 12345678.KAM.1B.16, or DevAddr", _address),
    "primary_address": Column("primary address 0-250", _primary_address),
    "function": Column("instantaneous, maximum, minimum or error", _record("function")),
    "storage": Column("storage number, 0 is the present", _record("storage")),
    "tariff": Column("tariff number", _record("tariff")),
    "subunit": Column("subunit number", _record("subunit")),
    "quantity": Column("what is measured", _record("quantity")),
    "value": Column("the value, with the meter's own digits", _record("value")),
    "unit": Column("base unit", _record("unit")),
    "qualifiers": Column("what else the record's header says", _record("qualifiers")),
    "error": Column("why there is no value", _error),
    "reading": Column("its name as a reading, total_m3 or the like", _record("reading")),
    "time": Column("when the telegram was received", _event("time")),
    "port": Column("where it was received", _event("port")),
    "id": Column("identification number", _event("meter", "id")),
    "manufacturer": Column("manufacturer, three letters", _event("meter", "manufacturer")),
    "version": Column("version number", _event("meter", "version")),
    "device_type": Column("device type code", _event("meter", "device_type")),
    "device_type_name": Column("device type in words", _event("meter", "device_type_name")),
    "acc": Column("access number", _event("acc")),
    "status": Column("status byte", _event("status", "raw")),
    "status_flags": Column("status in words", _event("status", "flags")),
    "security": Column("none, decrypted, key_missing, …", _event("security", "state")),
    "proof": Column("mac, payload-crc, check-bytes, plausible, none; or replayed", _proof),
    "a_field": Column("address field of the link layer", _event("link", "a_field")),
    "ci_field": Column("control information field", _event("link", "ci_field")),
    "offset": Column("first byte of the record in the telegram", _record("offset")),
    "header": Column("the record's header in hex", _record("header")),
    "data": Column("the record's data in hex", _record("raw")),
    "record_time": Column("moment the value belongs to (compact profiles)", _record("time")),
    "raw": Column("the whole telegram in hex", _event("raw")),
    "baud": Column("baud rate, with --baud auto", _event("baud")),
    "m_type": Column("LoRaWAN: join-request, confirmed data up, …", _event("lorawan", "m_type")),
    "dev_addr": Column("LoRaWAN: DevAddr", _event("lorawan", "dev_addr")),
    "f_cnt": Column("LoRaWAN: frame counter, 32 bits", _event("lorawan", "f_cnt")),
    "f_port": Column("LoRaWAN: port", _event("lorawan", "f_port")),
    "payload": Column("LoRaWAN: decrypted payload in hex", _event("lorawan", "payload")),
    "mic": Column("LoRaWAN: ok, half, wrong or unchecked", _event("lorawan", "mic", "verdict")),
}
TELEGRAM_DEFAULT = tuple(TELEGRAM_COLUMNS)[:12]

SCAN_COLUMNS: Columns = {
    "address": Column("primary address", _event("address")),
    "state": Column("meter, collision or noise", _event("state")),
    "meter": Column("the meter's address, 12345678.KAM.1B.16", _event("meter", "address")),
    "id": Column("identification number", _event("meter", "id")),
    "manufacturer": Column("manufacturer, three letters", _event("meter", "manufacturer")),
    "version": Column("version number", _event("meter", "version")),
    "device_type": Column("device type code", _event("meter", "device_type")),
    "device_type_name": Column("device type in words", _event("meter", "device_type_name")),
    "status": Column("status byte", _event("status", "raw")),
    "status_flags": Column("status in words", _event("status", "flags")),
    "note": Column("what was observed, where it was no clean answer", _event("note")),
    "baud": Column("baud rate, with --baud auto", _event("baud")),
}
SCAN_DEFAULT = tuple(SCAN_COLUMNS)[:-1]
SWEEP_DEFAULT = tuple(SCAN_COLUMNS)


def choose(columns: Columns, text: str) -> tuple[str, ...]:
    """The column names in `a,b,c`; UsageError `usage.invalid` for one that does not exist."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in columns:
            from difflib import get_close_matches

            near = get_close_matches(name, columns, 1)
            hints = [f"did you mean {near[0]}?"] if near else []
            raise UsageError(
                f"there is no column {name!r}",
                reason=Reason.INVALID,
                hint=[*hints, "list them: --fields '?'"],
            )
    if not names:
        raise UsageError("no column is named", reason=Reason.INVALID, hint=["list them: --fields '?'"])
    return names


def listing(columns: Columns, default: Sequence[str]) -> str:
    """The text of `--fields ?`."""
    lines = [
        f"{name}\t{'default' if name in default else 'extra'}\t{column.help}"
        for name, column in columns.items()
    ]
    return "\n".join(lines)

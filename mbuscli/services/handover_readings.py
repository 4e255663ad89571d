"""Main readings, due values and states out of the rows that our commands have written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mbuscli.errors import InputError
from mbuscli.meters.unit_table import SUFFIXES
from mbuscli.meters.units import suffix_of
from mbuscli.services.handover import Due, Value
from mbuscli.services.handover_files import Event, exact
from mbuscli.services.heard_meter import main_reading
from mbuscli.services.summary import summarise

if TYPE_CHECKING:
    from mbuscli.protocol.application.records import Record
    from mbuscli.telegram import Telegram

_LONGEST_TEXT = 300
_OPEN = ("none", "decrypted")
_CLOSED = {
    "key_missing": "encrypted, and there is no key for it",
    "key_wrong": "encrypted, and no key on hand fits",
    "unauthentic": "not authentic: forged, damaged, or another key",
    "unsupported": "encrypted in a way that cannot be opened",
}
# A driver's reading of this name says in words how the meter is.
_STATUS = "status"
_WELL = ("", "OK", "ok")
_EXTENSION = 0x80
_MODEST = 3


class _Header(NamedTuple):
    """What a record's row says of its header."""

    quantity: str
    unit: str
    exponent: int
    function: str
    tariff: int
    subunit: int
    qualifiers: tuple[str, ...]


class _Record(NamedTuple):
    """A record as a row has it."""

    header: _Header
    storage: int
    value: int | Decimal | str | None
    error: str
    time: str | None


class _Meter(NamedTuple):
    device_type: int


class _Readout(NamedTuple):
    records: list[_Record]
    meter: _Meter


def text_of(row: Mapping[str, object], name: str) -> str:
    """A text in a row, "" if there is none; never longer than anybody reads."""
    value = row.get(name)
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""


def whole(row: Mapping[str, object], name: str) -> int | None:
    """A whole number in a row."""
    value = row.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9 else None


def level_of(row: Mapping[str, object], name: str) -> float | None:
    """A signal strength in dBm."""
    value = exact(row.get(name))
    return float(value) if value is not None and -200 <= value <= 50 else None


def moment(value: object) -> datetime | None:
    """A time as our commands write it, with its zone; one without has this computer's."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return time if time.tzinfo is not None else time.astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def plain_value(row: Event, value: str = "value") -> Value | None:
    """The value of a summary, a record or an inventory, which tells its quantity and base unit."""
    number = exact(row.get(value))
    if number is None:
        return None
    exponent = whole(row, "exponent")
    return Value(
        text_of(row, "quantity"),
        number,
        text_of(row, "unit"),
        _digits(number) if exponent is None else exponent,
    )


def due_of(row: Event) -> Due | None:
    """The due value of a summary."""
    value = plain_value(row, "due_value")
    return None if value is None else Due(text_of(row, "due_date"), value)


def telegram_value(row: Event, device_type: int) -> tuple[Value | None, Due | None]:
    """The main reading of a telegram, by its driver or by what such a meter is for, and its due value."""
    readout = _Readout(_records(row), _Meter(device_type))
    summary = summarise([cast("Telegram", readout)])
    due = None
    if summary.due_value is not None:
        value = Value(summary.quantity, summary.due_value, summary.unit, summary.exponent)
        due = Due(summary.due_date or "", value)
    return _of_driver(row) or _of_records(readout), due


def why_unread(row: Event) -> str:
    """Why a telegram without a main reading has none."""
    security = row.get("security")
    state = text_of(security, "state") if isinstance(security, dict) else ""
    if state and state not in _OPEN:
        return _CLOSED.get(state, state.replace("_", " "))
    refusal = row.get("application_error")
    if isinstance(refusal, dict):
        return f"the meter refused: {text_of(refusal, 'text')}"
    broken = problems_of(row)
    if broken:
        return broken[0]
    errors = [record.error for record in _records(row) if record.error]
    if errors:
        return errors[0]
    return "its telegram holds no counter" if row.get("records") else "its telegram holds no values"


def problems_of(row: Event) -> list[str]:
    """What of a telegram could not be read; its state says already if that is for want of a key."""
    problems = row.get("problems")
    found = problems if isinstance(problems, list) else []
    return [
        text_of(problem, "text")
        for problem in found
        if isinstance(problem, dict) and not problem.get("warning") and problem.get("layer") != "security"
    ]


def status_of(row: Event) -> list[str]:
    """What the meter complains about, in words; nothing if all is well."""
    status = row.get("status")
    words = []
    if isinstance(status, dict) and isinstance(status.get("flags"), list):
        words = [flag[:_LONGEST_TEXT] for flag in status["flags"] if isinstance(flag, str)]
    elif isinstance(status, str) and status not in _WELL:
        words = [word.strip() for word in status[:_LONGEST_TEXT].split(",")]
    named = row.get("readings")
    if isinstance(named, dict):
        own = text_of(named, _STATUS)
        known = own.casefold().replace("_", " ")
        if own not in _WELL and known not in [word.casefold() for word in words]:
            words.append(own.replace("_", " ").lower())
    alarm = row.get("alarm")
    if isinstance(alarm, int) and not isinstance(alarm, bool) and alarm:
        words.append(f"alarm {alarm & 0xFF:02X}")
    return words


def _of_driver(row: Event) -> Value | None:
    named = row.get("readings")
    name = text_of(row, "driver")
    if not name or not isinstance(named, dict):
        return None
    from mbuscli.services.readings import registry

    try:
        main = registry().by_name(name).main
    except InputError:
        return None  # a driver of another computer
    number = exact(named.get(main))
    if main is None or number is None:
        return None
    suffix = suffix_of(main)
    return Value(main, number, "" if suffix is None else SUFFIXES[suffix].text, _digits(number))


def _of_records(readout: _Readout) -> Value | None:
    found = main_reading(cast("list[Record]", readout.records), readout.meter.device_type, 0.0)
    return None if found is None else Value(found.quantity, found.value, found.unit, found.exponent)


def _records(row: Event) -> list[_Record]:
    rows = row.get("records")
    return [_record(each) for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []


def _record(row: dict[str, Any]) -> _Record:
    value: int | Decimal | str | None = exact(row.get("value"))
    if value is None and isinstance(row.get("value"), str):
        value = text_of(row, "value")
    qualifiers = row.get("qualifiers")
    if isinstance(qualifiers, str):
        qualifiers = qualifiers.split(",")
    header = _Header(
        text_of(row, "quantity"),
        text_of(row, "unit"),
        _exponent(text_of(row, "header"), value),
        text_of(row, "function"),
        whole(row, "tariff") or 0,
        whole(row, "subunit") or 0,
        tuple(word for word in qualifiers if isinstance(word, str)) if isinstance(qualifiers, list) else (),
    )
    time = row.get("time")
    return _Record(
        header,
        whole(row, "storage") or 0,
        value,
        text_of(row, "error"),
        time if isinstance(time, str) and "header" in row else None,
    )


def _exponent(header: str, value: object) -> int:
    """The power of ten in which the meter counts; the row tells it by the octets of the record's header."""
    from mbuscli.protocol.application.header import RecordHeader

    try:
        octets = bytes.fromhex(header)
        end = next(at for at, octet in enumerate(octets) if not octet & _EXTENSION) + 1
        return RecordHeader(octets[:end], octets[end:]).exponent
    except (ValueError, StopIteration, IndexError):
        return _digits(value) if isinstance(value, int | Decimal) else 0


def _digits(number: int | Decimal) -> int:
    """The power of ten of the last digit that is not zero, where nothing else tells in what the meter counts;
    digits behind the point are the meter's own."""
    exponent = Decimal(number).as_tuple().exponent
    if not isinstance(exponent, int) or exponent < 0 or not number:
        return exponent if isinstance(exponent, int) else 0
    text = format(Decimal(number), "f")
    return min(len(text) - len(text.rstrip("0")), _MODEST)

"""Scenarios of the air: which radio meters send, how often, how strong, how encrypted. Written in TOML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from mbuscli.errors import InputError, MbuscliError, Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.records import parse_records
from mbuscli.protocol.security.keys import AES_KEY_SIZE, Key, parse_key
from mbuscli.protocol.wireless.frame_format import decode_link, encode_format_a, encode_format_b
from mbuscli.protocol.wireless.modes_table import LINK_MODES
from mbuscli.simulator.keys import Table
from mbuscli.simulator.scenario import encode_words, manufacturer_of, read_scenario
from mbuscli.simulator.sticks.radio_meter import SECURITY, RadioMeter, Record

_BUILT_IN = "radio.toml"
_SCENARIO_KEYS = ("name", "meter")
_METER_KEYS = (
    "name", "id", "manufacturer", "version", "device_type", "status", "acc", "records", "telegrams",
    "security", "key", "full_every", "mode", "frame_format", "rssi_dbm", "rssi_spread_db", "interval_s",
    "phase_s", "limit", "broken", "repeated_after_s", "repeated_rssi_dbm",
)  # fmt: skip
_MODES = tuple(dict.fromkeys(mode.name for mode in LINK_MODES))
_LONGEST = 86_400.0


class RadioScenario(NamedTuple):
    """The meters in the order of the file."""

    meters: tuple[RadioMeter, ...]
    name: str = ""


def load_radio_scenario(path: str | None = None) -> RadioScenario:
    """The scenario in a TOML file, or the built-in one.

    Raises InputError: `input.unreadable` for a file that cannot be read, `input.invalid` for one that is
    no TOML or whose keys or values are wrong.
    """
    values, name = read_scenario(path, _BUILT_IN)
    return radio_scenario(values, name)


def radio_scenario(values: Mapping[str, Any], name: str = "scenario") -> RadioScenario:
    """The scenario in the tables of a TOML text; `name` stands in error messages. Raises InputError."""
    top = Table(values, name, _SCENARIO_KEYS)
    meters = tuple(
        _meter(values, f"{name}, meter {number}") for number, values in enumerate(top.tables("meter"), 1)
    )
    return RadioScenario(meters, top.text("name", name))


def _meter(values: Mapping[str, Any], where: str) -> RadioMeter:
    label = values.get("name") or values.get("id")
    table = Table(values, f"{where} ({label})" if label else where, _METER_KEYS)
    mode = table.choice("mode", ("T1", *(name for name in _MODES if name != "T1")))
    after_s = table.number("repeated_after_s", 0, _LONGEST, 0)
    meter = RadioMeter(
        name=table.text("name", ""),
        mode=mode,
        frame_format=table.choice("frame_format", ("A", "B")),
        rssi_dbm=table.number("rssi_dbm", -140, 0, RadioMeter().rssi_dbm),
        rssi_spread_db=table.number("rssi_spread_db", 0, 40, 0),
        interval_s=table.number("interval_s", 0.001, _LONGEST, RadioMeter().interval_s),
        phase_s=table.number("phase_s", 0, _LONGEST, 0),
        limit=table.integer("limit", 0, 1_000_000_000, 0),
        broken=table.number("broken", 0, 1, 0),
        repeated_after_s=after_s if "repeated_after_s" in table else None,
        repeated_rssi_dbm=table.number("repeated_rssi_dbm", -140, 0, RadioMeter().repeated_rssi_dbm),
    )
    meter = _with_raw_telegrams(meter, table) if "telegrams" in table else _with_records(meter, table)
    _check_size(meter, table)
    return meter


def _with_raw_telegrams(meter: RadioMeter, table: Table) -> RadioMeter:
    """Telegrams in hexadecimal, L first, without CRCs."""
    telegrams = []
    for text in table.texts("telegrams"):
        try:
            telegram = bytes.fromhex(text)
            decode_link(telegram)
        except (ValueError, MbuscliError) as error:
            _refuse(table, f"telegram {text!r} cannot be sent: {error}")
        telegrams.append(telegram)
    if not telegrams:
        table.fail("telegrams", "a list of telegrams in hexadecimal")
    return meter._replace(telegrams=tuple(telegrams))


def _with_records(meter: RadioMeter, table: Table) -> RadioMeter:
    address = MeterAddress(
        table.digits("id"),
        manufacturer_of(table),
        table.integer("version", 0, 254),
        table.integer("device_type", 0, 254),
    )
    return meter._replace(
        address=address,
        records=tuple(_record(text, table) for text in table.texts("records")),
        security=table.choice("security", SECURITY),
        key=_key(table),
        status=table.integer("status", 0, 255, 0),
        acc=table.integer("acc", 0, 255, 0),
        full_every=table.integer("full_every", 1, 1000, 1),
    )


def _record(text: str, table: Table) -> Record:
    octets = encode_words(text, table.where)
    parsed = parse_records(octets)
    if len(parsed.records) != 1 or parsed.problems:
        _refuse(table, f"record {text!r} is not one record")
    size = len(parsed.records[0].header.raw)
    return Record(octets[:size], octets[size:])


def _key(table: Table) -> Key | None:
    security = table.choice("security", SECURITY)
    if security == SECURITY[0]:
        if "key" in table:
            table.fail("key", 'for a meter with security, such as "mode5"')
        return None
    try:
        key = parse_key(table.text("key"))
    except MbuscliError as error:
        # The key itself stays out of the message.
        _refuse(table, str(error))
    if len(key) != AES_KEY_SIZE:
        _refuse(table, f"the key has {len(key)} bytes, AES needs {AES_KEY_SIZE}")
    return key


def _check_size(meter: RadioMeter, table: Table) -> None:
    encode = encode_format_a if meter.frame_format == "A" else encode_format_b
    for number in range(max(1, len(meter.telegrams))):
        try:
            encode(meter.telegram(number, 0.0))
        except (ValueError, MbuscliError) as error:
            _refuse(table, f"its telegram cannot be sent: {error}")


def _refuse(table: Table, text: str) -> NoReturn:
    raise InputError(f"{table.where}: {text}", reason=Reason.INVALID)

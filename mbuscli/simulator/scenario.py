"""Scenarios: which meters hang on the simulated bus, what they say, what goes wrong. Written in TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from mbuscli.errors import InputError, MbuscliError, Reason
from mbuscli.protocol.address import MeterAddress, encode_manufacturer
from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.application.words import parse_value
from mbuscli.protocol.octets import encode_bcd
from mbuscli.protocol.wired.fields import ADDRESS_LAST
from mbuscli.protocol.wired.frames import MAX_DATA
from mbuscli.simulator.faults import NO_FAULTS, Faults
from mbuscli.simulator.keys import Table
from mbuscli.simulator.slave import QUIRKS, MeterSpec

BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400)
_HEADER_OCTETS = 12
_SCENARIO_KEYS = ("name", "faults", "meter")
_METER_KEYS = (
    "name", "address", "id", "manufacturer", "version", "device_type", "baud", "reply_delay_ms", "status",
    "fabrication", "unknown_ci", "write_protected", "unlock", "running_clock", "quirks", "records",
    "telegrams", "fixed",
)  # fmt: skip
_FIXED_KEYS = ("unit1", "counter1", "unit2", "counter2", "binary", "stored")


class Scenario(NamedTuple):
    """Meters in the order of the file, and the faults."""

    meters: tuple[MeterSpec, ...]
    faults: Faults = NO_FAULTS
    name: str = ""


def load_scenario(path: str | None = None) -> Scenario:
    """The scenario in a TOML file, or the built-in one.

    Raises InputError: `input.unreadable` for a file that cannot be read, `input.invalid` for one that is
    no TOML or whose keys or values are wrong.
    """
    values, name = read_scenario(path, "default.toml")
    return _scenario(values, name)


def read_scenario(path: str | None, built_in: str) -> tuple[dict[str, Any], str]:
    """The tables of a TOML file, or of the built-in one, and the name for messages. Raises InputError."""
    if path is None:
        text = resources.files("mbuscli.simulator").joinpath(f"scenarios/{built_in}").read_text("utf-8")
        return tomllib.loads(text), built_in
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise InputError(
            f"cannot read the scenario {path}: {error.strerror or error}", reason=Reason.UNREADABLE
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"the scenario {path} is no UTF-8 text", reason=Reason.UNREADABLE) from None
    return _toml(text, path), path


def parse_scenario(text: str, name: str = "scenario") -> Scenario:
    """The scenario in TOML text; `name` stands in error messages. Raises InputError `input.invalid`."""
    return _scenario(_toml(text, name), name)


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is no valid TOML: {error}", reason=Reason.INVALID) from None


def _scenario(values: Mapping[str, Any], name: str) -> Scenario:
    top = Table(values, name, _SCENARIO_KEYS)
    meters = tuple(
        _meter(values, f"{name}, meter {number}") for number, values in enumerate(top.tables("meter"), 1)
    )
    return Scenario(meters, _faults(top.table("faults", Faults._fields)), top.text("name", name))


def _faults(table: Table) -> Faults:
    return Faults(
        noise=table.number("noise", 0, 1, 0),
        drop=table.number("drop", 0, 1, 0),
        late=table.number("late", 0, 1, 0),
        late_ms=table.number("late_ms", 0, 60_000, NO_FAULTS.late_ms),
        echo=table.boolean("echo"),
        dead=tuple(table.texts("dead")),
        unplug_after_octets=table.optional_integer("unplug_after_octets", 0, 1_000_000_000),
        unplug_after_requests=table.optional_integer("unplug_after_requests", 0, 1_000_000_000),
        seed=table.integer("seed", 0, 2**63 - 1, 0),
    )


def _meter(values: Mapping[str, Any], where: str) -> MeterSpec:
    label = values.get("name") or values.get("id")
    table = Table(values, f"{where} ({label})" if label else where, _METER_KEYS)
    baud = table.integer("baud", BAUDS[0], BAUDS[-1], 2400)
    if baud not in BAUDS:
        table.fail("baud", "one of " + ", ".join(map(str, BAUDS)))
    meter = MeterAddress(
        table.digits("id"),
        manufacturer_of(table),
        table.integer("version", 0, 254),
        table.integer("device_type", 0, 254),
    )
    delay_ms = table.number("reply_delay_ms", 0, 60_000, 0) if "reply_delay_ms" in table else None
    fixed, fixed_status = _fixed(table, meter.device_type) if "fixed" in table else (None, 0)
    return MeterSpec(
        meter=meter.octets(),
        address=table.integer("address", 0, ADDRESS_LAST),
        telegrams=_telegrams(table),
        fixed=fixed,
        baud=baud,
        status=table.integer("status", 0, 255, 0) | fixed_status,
        fabrication=table.digits("fabrication") if "fabrication" in table else None,
        unknown_ci_error=table.choice("unknown_ci", ("error", "silence")) == "error",
        write_protected=table.boolean("write_protected"),
        unlock=encode_words(table.text("unlock"), table.where) if "unlock" in table else None,
        running_clock=table.boolean("running_clock"),
        quirks=_quirks(table),
        reply_delay_s=None if delay_ms is None else delay_ms / 1000,
        name=table.text("name", ""),
    )


def _quirks(table: Table) -> tuple[str, ...]:
    quirks = tuple(table.texts("quirks"))
    if not set(quirks) <= set(QUIRKS):
        table.fail("quirks", "of " + ", ".join(QUIRKS))
    return quirks


def manufacturer_of(table: Table) -> int:
    """The code of the key `manufacturer`. Raises InputError."""
    try:
        return encode_manufacturer(table.text("manufacturer"))
    except ValueError:
        table.fail("manufacturer", 'three letters such as "KAM", or four hexadecimal digits')


def _fixed(table: Table, device_type: int) -> tuple[bytes, int]:
    """Units and counters of the fixed data structure, and the status bits that tell how to read them.

    The units' top bits carry the four-bit medium.
    """
    fixed = table.table("fixed", _FIXED_KEYS)
    for key in ("records", "telegrams"):
        if key in table:
            table.fail(key, "not for a meter with the fixed structure")
    if device_type > 15:
        table.fail("device_type", "0..15 for the fixed structure")
    binary = fixed.boolean("binary")
    octets = bytes(
        (
            fixed.integer("unit1", 0, 0x3F) | (device_type & 3) << 6,
            fixed.integer("unit2", 0, 0x3F, 0x3F) | (device_type >> 2) << 6,
        )
    )
    for key in ("counter1", "counter2"):
        value = fixed.integer(key, 0, 2**31 - 1 if binary else 99_999_999, 0)
        octets += value.to_bytes(4, "little") if binary else encode_bcd(f"{value:08d}")
    return octets, binary | fixed.boolean("stored") << 1


def _telegrams(table: Table) -> tuple[tuple[bytes, ...], ...]:
    if "telegrams" not in table:
        rows = [table.texts("records")]
    elif "records" in table:
        table.fail("telegrams", "for several telegrams, instead of records")
    else:
        rows = table.text_lists("telegrams")
    telegrams = tuple(tuple(encode_words(text, table.where) for text in row) for row in rows)
    for number, records in enumerate(telegrams, 1):
        room = MAX_DATA - _HEADER_OCTETS - (number < len(telegrams))
        size = sum(map(len, records))
        if size > room:
            raise InputError(
                f"{table.where}: telegram {number} has {size} bytes of records, a frame has room for {room}",
                reason=Reason.INVALID,
            )
    return telegrams


def encode_words(text: str, where: str = "record") -> bytes:
    """A record in words, `0C13 = 1234.567` (header, value in the base unit; text in quotes if it looks like
    a number), a header alone, or octets as they are, `hex:0C1367452301`.

    Raises InputError `input.invalid` with `where` in front.
    """
    try:
        if text.startswith("hex:"):
            return bytes.fromhex(text[4:])
        header, equals, value = text.partition("=")
        return encode_record(bytes.fromhex(header), parse_value(value.strip()) if equals else None)
    except (ValueError, MbuscliError) as error:
        raise InputError(
            f"{where}: record {text!r} cannot be encoded: {error}",
            reason=Reason.INVALID,
            hint=('write "0C13 = 1234.567" (header = value in the base unit) or "hex:0C1367452301"',),
        ) from None

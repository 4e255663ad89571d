"""Looking at meter drivers: which there are, whether their tests hold, and how to begin one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from mbuscli.errors import InputError, MbuscliError, Reason
from mbuscli.meters import generic
from mbuscli.meters.driver import Driver
from mbuscli.meters.evaluate import evaluate
from mbuscli.meters.registry import FOLDER, SUFFIX, Registry, read_toml
from mbuscli.protocol.application.records import Record
from mbuscli.telegram import Telegram, decode

_SOURCES_SHOWN = 40


class Tested(NamedTuple):
    """One test telegram of a driver. `wrong`: what came out otherwise, one sentence each."""

    driver: str
    number: int
    wrong: tuple[str, ...]


def driver_path(registry: Registry, name: str) -> str:
    """The TOML file of a driver. InputError if there is no such driver."""
    registry.by_name(name)
    folder = registry.user_folder if registry.is_own(name) else FOLDER
    return os.path.join(folder or FOLDER, name + SUFFIX)


def run_tests(registry: Registry, name: str) -> Iterator[Tested]:
    """Decode the test telegrams of a driver and compare what it reads. InputError for a wrong file."""
    driver = registry.by_name(name)
    for number, test in enumerate(read_toml(driver_path(registry, name)).get("test", []), 1):
        yield Tested(name, number, tuple(_wrong(driver, registry, test)))


def _wrong(driver: Driver, registry: Registry, test: dict[str, Any]) -> Iterator[str]:
    try:
        telegram = decode(bytes.fromhex(str(test.get("telegram", ""))), keys=_keys(test))
    except (MbuscliError, ValueError) as error:
        yield f"the telegram cannot be decoded: {error}"
        return
    served = registry.driver_for(telegram.meter)
    if served is None or served.name != driver.name:
        yield f"the telegram's meter {telegram.meter} is served by {served.name if served else 'no driver'}"
    values = {reading.name: reading.value for reading in evaluate(telegram, driver).values}
    wanted = test.get("readings", {})
    if not isinstance(wanted, dict):
        yield "readings is no table of names and values"
        return
    for name, expected in wanted.items():
        if name not in values:
            yield f"{name} is missing"
        elif not _same(values[name], expected):
            yield f"{name} is {values[name]}, not {expected}"


def _keys(test: dict[str, Any]) -> Any:
    if "key" not in test:
        return None
    from mbuscli.protocol.security.keys import Candidate, FixedKeys, parse_key

    return FixedKeys([Candidate("test", parse_key(str(test["key"])), exact=True)])


def _same(value: object, expected: object) -> bool:
    if expected == "":
        return value in (None, "")
    if isinstance(value, int | Decimal) and isinstance(expected, int | float):
        return Decimal(value) == Decimal(str(expected))
    return value == expected


def skeleton(telegram: Telegram, name: str) -> str:
    """A driver in TOML for the meter that sent this telegram: all its records under systematic names.

    InputError if the telegram does not say who sent it.
    """
    meter = telegram.meter
    if meter is None:
        raise InputError("the telegram does not say which meter sent it", reason=Reason.INVALID)
    served = f"{meter.manufacturer_name}.{meter.version:02X}.{meter.device_type:02X}"
    lines = [f'name = "{name}"', f'title = "{meter.manufacturer_name}"', f'serves = ["{served}"]']
    fields = [*_field_lines(telegram.records)]
    mains = [each for each in telegram.records if generic.is_main(each.header, meter.device_type)]
    if mains:
        lines.append(f'main = "{generic.systematic_name(mains[0].header)}"')
    return "\n".join([*lines, *fields, "", "[[test]]", f'telegram = "{telegram.raw.hex().upper()}"', ""])


def _field_lines(records: list[Record]) -> Iterator[str]:
    seen: set[bytes] = set()
    for record in records[:_SOURCES_SHOWN]:
        header = record.header
        if header.raw in seen:
            continue
        seen.add(header.raw)
        yield ""
        yield f"# {header.raw.hex().upper()} = {record.value if record.error is None else record.error}"
        yield "[[field]]"
        yield f'name = "{generic.systematic_name(header)}"'
        yield 'about = ""'
        if header.quantity.startswith("manufacturer"):
            yield f'vib = "{header.vib.hex().upper()}"'
        else:
            yield f'quantity = "{header.quantity}"'
            if header.qualifiers:
                yield f"qualifiers = {list(header.qualifiers)!r}".replace("'", '"')
        for part in ("storage", "tariff", "subunit"):
            if getattr(header, part):
                yield f"{part} = {getattr(header, part)}"
        if header.function != "instantaneous":
            yield f'function = "{header.function}"'

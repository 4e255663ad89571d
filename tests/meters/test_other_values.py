"""No driver is keyed by its test telegram: other values in the same records come out under the same names."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.meters.evaluate import evaluate
from mbuscli.meters.reading import Reading, ReadingValue
from mbuscli.meters.registry import Registry, read_toml
from mbuscli.meters.units import suffix_of
from mbuscli.protocol.address import encode_manufacturer
from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.application.records import Record
from mbuscli.protocol.wireless.frame_format import NO_CRCS
from mbuscli.services.meter_drivers import driver_path
from mbuscli.telegram import Telegram, decode

REGISTRY = Registry()
SERVED = [served for name in REGISTRY.names() for served in REGISTRY.by_name(name).serves]
# Behind CI 7A: access number, status, configuration.
HEAD = 15
# Reading's unit and record's unit: what a number is multiplied with, and divided by.
FACTORS = {
    ("kwh", "Wh"): (1, 1000),
    ("kwh", "J"): (1, 3600000),
    ("mj", "J"): (1, 1000000),
    ("gj", "J"): (1, 1000000000),
    ("mwh", "Wh"): (1, 1000000),
    ("kvarh", "varh"): (1, 1000),
    ("kvah", "VAh"): (1, 1000),
    ("kw", "W"): (1, 1000),
    ("kw", "J/h"): (1, 3600000),
    ("kvar", "var"): (1, 1000),
    ("kva", "VA"): (1, 1000),
    ("l", "m³"): (1000, 1),
    ("lh", "m³/h"): (1000, 1),
    ("m3h", "m³/min"): (60, 1),
    ("m3h", "m³/s"): (3600, 1),
    ("m3", "m³"): (1, 1),
    ("m3h", "m³/h"): (1, 1),
    ("c", "°C"): (1, 1),
    ("k", "K"): (1, 1),
    ("v", "V"): (1, 1),
    ("a", "A"): (1, 1),
    ("hz", "Hz"): (1, 1),
    ("rh", "%RH"): (1, 1),
    ("bar", "bar"): (1, 1),
    ("h", "h"): (1, 1),
    ("h", "d"): (24, 1),
    ("h", "min"): (1, 60),
    ("h", "s"): (1, 3600),
    ("s", "s"): (1, 1),
    ("s", "min"): (60, 1),
    ("d", "d"): (1, 1),
    ("hca", ""): (1, 1),
    ("counter", ""): (1, 1),
}
BCD = range(9, 15)


def plain_tests() -> list[tuple[str, bytes]]:
    """The test telegrams in clear of the drivers of record lists, that have nothing but records behind CI 7A."""
    found = []
    for name in REGISTRY.names():
        if REGISTRY.by_name(name).decoder is not None:
            continue
        for number, test in enumerate(read_toml(driver_path(REGISTRY, name)).get("test", [])):
            octets = bytes.fromhex(test["telegram"])
            if "key" not in test and octets[10] == 0x7A and octets[13:15] == b"\0\0":
                found.append((f"{name}-{number}", octets))
    return found


PLAIN = plain_tests()


def steady(record: Record) -> bool:
    """True if the record cannot be given another number."""
    header = record.header
    number = isinstance(record.value, int | Decimal) and header.error is None and header.divisor == 1
    return not number or header.data_field not in {1, 2, 3, 4, 6, 7, *BCD} or bool(header.addends)


def other_number(record: Record, chance: random.Random) -> Decimal:
    """A number that the record's header can carry."""
    header, size = record.header, len(record.raw)
    raw = (
        chance.randrange(10 ** (2 * size - 1))
        if header.data_field in BCD
        else chance.randrange(1 << 8 * size - 1)
    )
    return Decimal(raw).scaleb(header.exponent)


def with_records(octets: bytes, body: bytes) -> Telegram:
    telegram = octets[:HEAD] + body
    # The octets may end in a CRC by chance: there is none.
    return decode(bytes((len(telegram) - 1,)) + telegram[1:], frame_format=NO_CRCS)


def by_offset(telegram: Telegram) -> dict[int, list[Reading]]:
    read: dict[int, list[Reading]] = {}
    for reading in evaluate(telegram, REGISTRY.driver_for(telegram.meter)).values:
        if reading.offset is not None:
            read.setdefault(reading.offset, []).append(reading)
    return read


@pytest.mark.parametrize(("octets"), [octets for _, octets in PLAIN], ids=[name for name, _ in PLAIN])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_other_values_come_out_under_the_same_names(octets: bytes, seed: int) -> None:
    chance = random.Random(seed)
    before = decode(octets, frame_format=NO_CRCS)
    records = [record for record in before.records if record.header.profile is None]
    numbers = [None if steady(record) else other_number(record, chance) for record in records]
    body = b"".join(
        record.header.raw + record.raw if number is None else encode_record(record.header.raw, number)
        for record, number in zip(records, numbers, strict=True)
    )
    shape = with_records(octets, b"".join(record.header.raw + record.raw for record in records))
    after = with_records(octets, body)
    names, read = by_offset(shape), by_offset(after)
    driver = REGISTRY.driver_for(after.meter)
    masked = {field.name for field in driver.fields if field.mask} if driver else set()
    for record, number in zip(after.records, numbers, strict=True):
        here = {reading.name: reading.value for reading in read.get(record.offset, [])}
        assert {reading.name for reading in names.get(record.offset, [])} <= here.keys() | {"status"}
        if number is not None:
            check(record, number, {name: value for name, value in here.items() if name not in masked})


def check(record: Record, number: Decimal, here: dict[str, ReadingValue]) -> None:
    """Each number that a reading of the record shows is the number sent, in the unit of its name."""
    for name, value in here.items():
        factor: Any = FACTORS.get((suffix_of(name) or "", record.header.unit))
        if factor is None or not isinstance(value, int | Decimal):
            continue
        expected = number * factor[0] / factor[1]
        assert abs(Decimal(value) - expected) <= abs(expected) * Decimal("1e-11"), name


@settings(max_examples=400, deadline=None)
@given(
    served=st.sampled_from(SERVED),
    ci=st.sampled_from((0x72, 0x7A, 0x78, 0xA0, 0xA2)),
    body=st.binary(max_size=90),
)
def test_no_octets_make_a_driver_fail(served: str, ci: int, body: bytes) -> None:
    maker, version, device_type = (part.replace("*", "55") for part in served.split("."))
    octets = b"\x44" + encode_manufacturer(maker).to_bytes(2, "little") + bytes.fromhex("78563412")
    octets += bytes((int(version, 16), int(device_type, 16), ci)) + body
    telegram = decode(bytes((len(octets),)) + octets)
    names = [reading.name for reading in evaluate(telegram, REGISTRY.driver_for(telegram.meter)).values]
    assert len(names) == len(set(names))

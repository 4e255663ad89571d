"""The makers' own formats: any values put into the layouts come back, and nothing else becomes numbers."""

from __future__ import annotations

import contextlib
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.errors import DecodeError, InputError
from mbuscli.meters import decoders
from mbuscli.meters.driver import DECODERS, parse_driver
from mbuscli.meters.evaluate import evaluate
from mbuscli.meters.registry import Registry
from mbuscli.protocol.octets import encode_bcd
from mbuscli.protocol.wireless.frame_format import NO_CRCS
from mbuscli.telegram import Telegram, decode
from tests.meters import layouts
from tests.meters.layouts import bcd, le, packed, radio, short

REGISTRY = Registry()
DAYS = st.dates(date(2000, 1, 1), date(2080, 12, 31))
PACKED_DAYS = st.dates(date(2000, 1, 1), date(2098, 12, 31))
U8, U16, U24, U32 = (st.integers(0, (1 << 8 * size) - 1) for size in (1, 2, 3, 4))
BCD8 = st.integers(0, 99_999_999)


def read(telegram: bytes) -> tuple[Telegram, dict[str, Any]]:
    # Told that no CRCs are inside: values may agree with one by chance, once in 65,536.
    decoded = decode(telegram, frame_format=NO_CRCS)
    readings = evaluate(decoded, REGISTRY.driver_for(decoded.meter))
    return decoded, {reading.name: reading.value for reading in readings.values}


def litres(number: int) -> Decimal:
    return Decimal(number).scaleb(-3)


@given(U32, U32, DAYS, U8, st.integers(0, 31), st.sampled_from(["DME", "HYD"]), BCD8)
def test_prios(
    total: int, target: int, day: date, period: int, battery: int, maker: str, number: int
) -> None:
    version = 0x78 if maker == "DME" else 0x85
    address = layouts.diehl_address(version, 7, f"{number:08d}")
    header = bytes((period & 0x0F, battery, 0, 0x5A))
    telegram, found = read(layouts.diehl(maker, address, header, layouts.prios(total, target, day)))
    assert str(telegram.meter) == f"{number:08d}.{maker}.{version:02X}.07"
    assert telegram.sender == telegram.meter
    assert found["total_m3"] == litres(total)
    assert found["target_m3"] == litres(target)
    assert found["target_date"] == day.isoformat()
    assert found["battery_y"] * 2 == battery
    assert found["transmit_period_s"] == 2 ** ((period & 0x0F) + 2)
    assert found["status"] == "OK"
    assert not telegram.problems
    assert telegram.security.key is not None
    assert telegram.security.key.startswith("factory key: Diehl")


@pytest.mark.parametrize(
    ("octets", "word"),
    [
        ("800000", "GENERAL_ALARM"),
        ("008000", "LEAKAGE"),
        ("004000", "PREVIOUS_LEAKAGE"),
        ("002000", "METER_BLOCKED"),
        ("000080", "BACK_FLOW"),
        ("000040", "UNDERFLOW"),
        ("000020", "OVERFLOW"),
        ("000010", "SUBMARINE"),
        ("000008", "SENSOR_FRAUD"),
        ("000004", "PREVIOUS_SENSOR_FRAUD"),
        ("000002", "MECHANICAL_FRAUD"),
        ("000001", "PREVIOUS_MECHANICAL_FRAUD"),
    ],
)
def test_prios_alarms(octets: str, word: str) -> None:
    header = bytes.fromhex(octets) + b"\0"
    telegram = layouts.diehl("DME", layouts.diehl_address(0x78, 7), header, layouts.prios(1))
    assert read(telegram)[1]["status"] == word


def test_prios_number_of_sappel() -> None:
    """Year and serial number in 26 bits, three letters in five bits each."""
    number, supplier, kind, diameter = 21_654_321, 3, 15, 1
    packed_octets = le(number & 0xFFFFFF, 3) + bytes(
        (
            number >> 24 | (diameter & 7) << 5,
            diameter >> 3 | kind << 2 | (supplier & 1) << 7,
            supplier >> 1,
        )
    )
    telegram, found = read(layouts.diehl("SAP", packed_octets, bytes(4), layouts.prios(5), ci=0xA0))
    assert (found["prefix"], found["serial_number"], found["manufacture_y"]) == ("C21OA", "654321", "2021")
    assert telegram.meter is not None
    assert (telegram.meter.version, telegram.meter.device_type) == (0x00, 0x07)


@given(PACKED_DAYS, U16, st.integers(1, 366), U16, U16, U16, st.booleans())
def test_techem_allocator(
    past: date, previous: int, later: int, current: int, room: int, radiator: int, extra: bool
) -> None:
    now = past + timedelta(days=later)
    if (now.month, now.day) == (2, 29) or now > past.replace(day=min(past.day, 28), year=past.year + 1):
        now = past + timedelta(days=1)
    tail = (b"\x00",) if extra else ()
    first = 0x0F if extra else 0x11
    payload = layouts.allocator(
        past, previous, now, current, *tail, le(room, 2), le(radiator, 2), first=first
    )
    telegram, found = read(layouts.techem(0x94, 0x80, payload))
    assert found["current_hca"] == current
    assert found["previous_hca"] == previous
    assert found["previous_date"] == past.isoformat()
    assert found["current_date"] == now.isoformat()
    assert found["temp_room_c"] == Decimal(room).scaleb(-2)
    assert found["temp_radiator_c"] == Decimal(radiator).scaleb(-2)
    assert not telegram.problems


@given(U24, U24, st.sampled_from([0x22, 0x39, 0x45]), st.sampled_from([0x04, 0x43, 0xC3]))
def test_techem_heat(previous: int, current: int, version: int, device_type: int) -> None:
    payload = b"\0" + packed(date(2024, 12, 31)) + le(previous, 3) + b"\0" + le(current, 3)
    found = read(layouts.techem(version, device_type, payload))[1]
    assert (found["previous_kwh"], found["current_kwh"], found["total_kwh"]) == (
        previous,
        current,
        previous + current,
    )


def test_techem_leaves_other_layouts_alone() -> None:
    telegram, found = read(layouts.techem(0x61, 0x80, bytes(30)))
    assert not found
    assert [problem.warning for problem in telegram.problems] == [True]


@given(
    st.integers(0, 0x0FFFFFFF),
    st.integers(0, 0x3FFFFFF),
    st.integers(0, 0x3FFF),
    st.datetimes(datetime(2010, 1, 1), datetime(2090, 1, 1)),
)
def test_apator_na1(total: int, added: int, age: int, moment: datetime) -> None:
    added = min(added, total)
    telegram, found = read(layouts.na1(total, moment, age, added, (0, 0, 0)))
    assert found["total_m3"] == litres(total)
    assert found["historic_m3"] == litres(total - added)
    assert found["historic_age_h"] == age
    assert found["meter_datetime"] == moment.isoformat(timespec="minutes")
    earlier = moment.replace(microsecond=0) - timedelta(hours=age)
    assert found["historic_datetime"] == earlier.isoformat(timespec="minutes")
    assert found["current_status"] == found["historic_status"] == found["frame_status"] == "OK"
    assert not telegram.problems


def test_apator_na1_with_an_unknown_key() -> None:
    telegram, found = read(layouts.na1(1000, datetime(2025, 1, 1), 1, 1, (0, 0, 0), key=b"sixteen octets!!"))
    assert not found
    assert telegram.security.state == "key_missing"


@given(U32, st.lists(U32, min_size=2, max_size=13), U16)
def test_apator_162(total: int, history: list[int], days: int) -> None:
    block = layouts.registers(
        (0x43, le(days, 2)),
        (0x10, le(total, 4)),
        (0x6F + len(history), b"\x01" + b"".join(le(each, 4) for each in history)),
    )
    telegram, found = read(radio("APA", 5, 7, short(b"\x2f\x2f\x0f" + block)))
    assert found["total_m3"] == litres(total)
    assert [found[f"history_{n}_m3"] for n in range(1, len(history) + 1)] == [*map(litres, history)]
    assert found["register_43"] == le(days, 2).hex().upper()
    assert "unknown_register" not in found
    assert not telegram.problems


def test_apator_162_stops_at_an_unknown_register() -> None:
    block = layouts.registers((0x10, le(1234, 4)), (0x99, b"\x01\x02\x03\x04\x05"), (0x11, b"\x06\x07"))
    decoded = decode(radio("APA", 5, 7, short(b"\x2f\x2f\x0f" + block)))
    readings = {r.name: r for r in evaluate(decoded, REGISTRY.driver_for(decoded.meter)).values}
    assert readings["total_m3"].value == Decimal("1.234")
    assert "nknown register 0x99" in readings["unknown_register"].about
    assert str(readings["unknown_register"].value).startswith("990102030405")


def test_apator_162_of_the_older_kind() -> None:
    """80 in place of DIF 0F."""
    telegram, found = read(radio("APA", 5, 7, short(b"\x80" + layouts.registers((0x10, le(4321, 4))))))
    assert found["total_m3"] == Decimal("4.321")
    assert not telegram.problems
    assert not telegram.records


@given(
    BCD8, BCD8, BCD8, DAYS, DAYS, st.lists(st.integers(-32767, 32767) | st.none(), min_size=12, max_size=12)
)
def test_qundis_water(
    total: int, year: int, month: int, day: date, other: date, differences: list[int | None]
) -> None:
    body = layouts.data_set(0xC1, 0x13, (total, year, month), (day, other), differences)
    found = read(radio("QDS", 0x18, 6, b"\x78" + body))[1]
    assert (found["total_m3"], found["target_year_m3"], found["target_m3"]) == (
        litres(total),
        litres(year),
        litres(month),
    )
    assert (found["target_year_date"], found["target_date"]) == (day.isoformat(), other.isoformat())
    wanted = [None if each is None else litres(each) for each in differences]
    assert [found[f"volume_delta_{n}_m3"] for n in range(2, 14)] == wanted
    assert found["status"] == "OK"


@given(st.binary(min_size=53, max_size=53))
def test_a_scrambled_data_set_gives_no_numbers(octets: bytes) -> None:
    octets = octets[:12] + b"\xab" + octets[13:]
    _, found = read(radio("QDS", 0x36, 8, b"\x78\x0d\xff\x5f\x35" + octets))
    assert found.pop("status") == "ENCRYPTED_DATA_SET"
    assert found == {"manufacturer_ff5f": octets.hex().upper()}


@given(BCD8, st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)), U8)
def test_rfm_tx1(total: int, moment: datetime, acc: int) -> None:
    telegram, found = read(layouts.rfm_tx1(total, moment, acc))
    assert found["total_m3"] == litres(total)
    assert found["meter_datetime"] == moment.isoformat(timespec="minutes")
    assert not telegram.problems
    assert telegram.security.state == "none"


def test_rfm_tx1_without_digits_gives_no_total() -> None:
    octets = bytearray(layouts.rfm_tx1(1, datetime(2025, 1, 1)))
    octets[17] ^= 0xF0
    telegram, found = read(bytes(octets))
    assert "total_m3" not in found
    assert telegram.is_damaged


@given(U16, U16, st.lists(st.integers(0, 4095), min_size=18, max_size=18), DAYS)
def test_bfw(current: int, previous: int, months: list[int], day: date) -> None:
    telegram, found = read(layouts.bfw(current, previous, months, day))
    assert (found["current_hca"], found["prev_hca"]) == (current, previous)
    assert [found[f"prev_{n:02d}_hca"] for n in range(1, 19)] == months
    assert found["device_date"] == day.isoformat()
    assert not telegram.problems
    assert not telegram.records


@given(U32, U32, U32)
def test_zenner(target: int, total: int, status: int) -> None:
    block = b"\x0f" + le(status, 4) + le(target, 4) + le(total, 4)
    found = read(radio("ZRI", 0x0B, 0x16, short(block)))[1]
    assert float(found["total_m3"]) == pytest.approx(total / 256000)
    assert float(found["target_m3"]) == pytest.approx(target / 256000)
    assert (found["status"] == "OK") == (not status)


@given(st.sets(st.sampled_from([0x01, 0x02, 0x80, 0x04, 0x10])), U32, DAYS, U24)
def test_hydrodigit_parts(parts: set[int], back: int, day: date, month: int) -> None:
    ymd = bytes.fromhex(day.strftime("%y%m%d"))
    octets = {
        0x01: b"\x02",
        0x02: b"\x80" + bytes((ymd[0], day.month, ymd[2])),
        0x80: ymd,
        0x04: le(back, 4),
        0x10: le(month, 3) * 12,
    }
    block = bytes((sum(parts),)) + b"".join(octets[part] for part in octets if part in parts)
    found = read(radio("BMT", 0x13, 7, short(b"\x0c\x13" + bcd(1, 4) + b"\x0f" + block)))[1]
    assert found.get("voltage_v") == (Decimal("2.1") if 0x01 in parts else None)
    assert found.get("fraud_type") == ("MAGNETIC" if 0x02 in parts else None)
    assert found.get("fraud_date") == (day.isoformat() if 0x02 in parts else None)
    assert found.get("leak_date") == (day.isoformat() if 0x80 in parts else None)
    assert found.get("backflow_m3") == (litres(back) if 0x04 in parts else None)
    wanted = Decimal(month).scaleb(-2) if 0x10 in parts and month < 10_000_000 else None
    assert found.get("December_total_m3") == wanted


def test_the_decoders_that_a_driver_may_name_are_there() -> None:
    modules = {path.stem for path in Path(decoders.__file__).parent.glob("*.py")}
    assert modules - {"__init__", "octets"} == set(DECODERS)
    for name in DECODERS:
        assert callable(import_module(f"mbuscli.meters.decoders.{name}").decode)


def test_a_decoder_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="no decoder is called 'os'"):
        parse_driver({"name": "mine", "decoder": "os"}, "mine.toml")


def _samples() -> list[bytes]:
    day, moment = date(2025, 3, 4), datetime(2025, 3, 4, 5, 6)
    return [
        layouts.diehl("DME", layouts.diehl_address(0x78, 7), bytes(4), layouts.prios(1, 2, day)),
        layouts.techem(0x69, 0x80, layouts.allocator(day, 1, day, 2, bytes(30))),
        layouts.techem(0x74, 0x62, layouts.allocator(day, 1, day, 2, bytes(30))),
        layouts.techem(0x50, 0x72, bytes(50)),
        layouts.techem(0x76, 0xF0, bytes(20)),
        layouts.na1(1000, moment, 3, 4, (0, 0, 0)),
        radio("APA", 5, 7, short(b"\x2f\x2f\x0f" + layouts.registers((0x10, le(1, 4))))),
        radio(layouts.soft("APT"), 4, 8, b"\xb6\x02\x01\x02\xa0" + bytes(20)),
        radio("QDS", 0x18, 6, b"\x78" + layouts.data_set(0xC1, 0x13, (1, 2, 3), (day, day), [1] * 12)),
        radio("BMT", 0x13, 7, short(b"\x0f\x97" + bytes(48))),
        radio("BMP", 0x85, 8, short(b"\x0f\x11" + bytes(46))),
        layouts.rfm_tx1(1, moment),
        layouts.bfw(1, 2, [3] * 18, day),
        radio("ZRI", 0x0B, 0x16, short(b"\x0f" + bytes(12))),
        radio("GWF", 0x3C, 7, short(b"\x0f\x01\x00\x00")),
    ]


SAMPLES = _samples()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample[:12].hex())
def test_every_truncation_is_survived(sample: bytes) -> None:
    for size in range(11, len(sample)):
        read(bytes((size - 1,)) + sample[1:size])


@settings(max_examples=300)
@given(st.sampled_from(SAMPLES), st.data())
def test_any_octets_are_survived(sample: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(10, len(sample) - 1))
    noise = data.draw(st.binary(min_size=1, max_size=len(sample) - at))
    with contextlib.suppress(DecodeError):
        read(sample[:at] + noise + sample[at + len(noise) :])


def test_real_data_of_diehl() -> None:
    """Records under the shift register, the sum of their octets in the configuration field."""
    plain = b"\x0c\x06" + bcd(4321, 4) + b"\x0c\x13" + bcd(98765, 4)
    header = bytes((0x11, 0x00, 0x00, sum(plain) & 0xEF | 0x10))
    while not sum(plain) & 0x10:
        plain += b"\x2f"
    header = bytes((0x11, 0x00, 0x00, sum(plain) & 0xFF))
    address = layouts.diehl_address(0x20, 4, "87654321")
    for ci in (0x7A, 0x71):
        telegram = decode(layouts.diehl("HYD", address, header, plain, ci=ci))
        assert str(telegram.meter) == "87654321.HYD.20.04"
        assert [record.value for record in telegram.records] == [4_321_000, Decimal("98.765")]
        assert not telegram.problems
        assert telegram.security.checks == ("sum", "records")


def test_the_standard_address_stays_where_the_telegram_is_standard() -> None:
    telegram = decode(radio("HYD", 0x20, 4, short(b"\x0c\x06" + bcd(1, 4)), number="87654321"))
    assert str(telegram.meter) == "87654321.HYD.20.04"


def test_prios_that_no_key_opens() -> None:
    sample = layouts.diehl("DME", layouts.diehl_address(0x78, 7), bytes(4), b"\x11" * 11)
    telegram, found = read(sample)
    assert not found
    assert telegram.security.state == "key_missing"
    assert telegram.is_damaged


def test_prios_with_the_users_key() -> None:
    from mbuscli.protocol.security.keys import Candidate, FixedKeys, Key

    key = encode_bcd("1032547698BADCFE")
    sample = layouts.diehl("DME", layouts.diehl_address(0x78, 7), bytes(4), layouts.prios(77), key=key)
    for octets in (key, key * 2):
        telegram = decode(sample, keys=FixedKeys([Candidate("mine", Key(octets))]))
        assert telegram.security.key == "mine"
        assert int.from_bytes(telegram.clear[16:20], "little") == 77

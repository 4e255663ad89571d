"""Compact profiles: the worked examples of EN 13757-3:2018 annex F, and the cases at their edges."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.application.profiles import ProfileElement, expand_profiles
from mbuscli.protocol.application.records import Record, parse_records
from mbuscli.telegram import decode
from tests.protocol.application.strategies import response

# Records at storage 8: base time 2010-01-01 00:00, base value 12300.0 m³.
BASE = "84046D00204111" + "8B0415003012"


def elements(text: str) -> list[Record]:
    parsed = parse_records(bytes.fromhex(text.replace(" ", "")))
    assert not parsed.problems
    return [record for record in expand_profiles(parsed.records) if isinstance(record, ProfileElement)]


def table(text: str) -> list[tuple[str | None, object]]:
    return [(element.time, element.value) for element in elements(text)]


def test_increments_run_forward() -> None:
    assert table(BASE + "8D04951F 05 69 01 030211") == [
        ("2010-01-01T01:00", Decimal("12300.3")),
        ("2010-01-01T02:00", Decimal("12300.5")),
        ("2010-01-01T03:00", Decimal("12301.6")),
    ]


def test_inverse_profile_runs_back() -> None:
    assert table("84046D00234111 8B0415163012 8D049513 05 69 01 110203") == [
        ("2010-01-01T02:00", Decimal("12300.5")),
        ("2010-01-01T01:00", Decimal("12300.3")),
        ("2010-01-01T00:00", Decimal("12300.0")),
    ]


def test_registers_count_storage_numbers_and_months() -> None:
    """Base storage 32 at 2010-01-31: the days of short months are cut to their last day."""
    found = elements("8280016C 5F11 84800103 F0490200 8D8001831E 0A 34 FE A0860100 D0FB0100")
    assert [(e.storage, e.value, e.time) for e in found] == [
        (33, 100000, "2010-02-28"),
        (34, 130000, "2010-03-31"),
    ]


def test_missing_elements_have_no_value() -> None:
    found = elements(BASE + "8D049513 08 3B FE 990000 FFFFFF".replace(" ", ""))
    assert [(e.value, e.time) for e in found] == [
        (Decimal("9.9"), "2009-12-01T00:00"),
        (None, "2009-11-01T00:00"),
    ]
    assert found[1].error


def test_nothing_is_counted_beyond_a_missing_increment() -> None:
    found = elements(BASE + "8D04951F 05 61 01 03FF02".replace(" ", ""))
    assert [e.value for e in found] == [Decimal("12300.3"), None, None]
    assert found[2].error == "compact profile: no value to count from"


def test_signed_differences_are_younger_minus_older() -> None:
    found = elements(BASE + "8D049513 05 F1 01 0AF605".replace(" ", ""))
    assert [e.value for e in found] == [Decimal("12299.0"), Decimal("12300.0"), Decimal("12299.5")]


def test_decrements() -> None:
    assert [e.value for e in elements(BASE + "8D04951F 04 A1 01 0A05".replace(" ", ""))] == [
        Decimal("12299.0"),
        Decimal("12298.5"),
    ]


@pytest.mark.parametrize(
    ("spacing", "times"),
    [
        ("01 FE", None),  # seconds: reserved
        ("11 FE", "2010-07-01T00:00"),  # six months
        ("21 FE", "2010-04-01T00:00"),  # a quarter
        ("31 FE", "2010-02-01T00:00"),
        ("31 FD", None),  # half-months
        ("31 00", None),  # an array
        ("31 FB", None),
        ("01 0A", "2010-01-01T00:00"),
        ("11 0F", "2010-01-01T00:15"),
    ],
)
def test_spacing(spacing: str, times: str | None) -> None:
    (element,) = elements(f"{BASE} 8D04951F 03 {spacing} 05".replace(" ", ""))
    assert element.time == times
    assert element.value == Decimal("0.5")


@pytest.mark.parametrize(
    ("profile", "why"),
    [
        ("8D04951F 01 69", "without spacing bytes"),
        ("8D04951F 04 60 01 0302", "element size 0"),
        ("8D04951F 04 65 01 0302", "element size 5"),
        ("8D04951F 05 6A 01 030201", "no multiple"),
        ("8404951F 05690103", "without LVAR"),
    ],
)
def test_unreadable_profile_stays_with_its_reason(profile: str, why: str) -> None:
    (element,) = elements(BASE + profile.replace(" ", ""))
    assert element.value is None
    assert why in str(element.error)


def test_increments_without_base_have_no_value() -> None:
    (element,) = elements("8D04951F 03 69 01 05".replace(" ", ""))
    assert element.value is None
    assert element.time is None


@given(st.lists(st.integers(0, 99), min_size=1, max_size=20), st.integers(0, 10**6))
def test_increments_add_up(increments: list[int], start: int) -> None:
    base = encode_record(bytes.fromhex("8C0415"), Decimal(start).scaleb(-1))
    body = bytes.fromhex("6901") + bytes(int(str(step), 16) for step in increments)
    data = base + bytes.fromhex("8D04951F") + bytes((len(body),)) + body
    found = expand_profiles(parse_records(data).records)[1:]
    total = Decimal(start).scaleb(-1)
    for step, element in zip(increments, found, strict=True):
        total += Decimal(step).scaleb(-1)
        assert element.value == total


def test_offsets_point_at_the_elements() -> None:
    telegram = decode(response(bytes.fromhex(BASE + "8D04951F05690103" + "0211")))
    for record in telegram.records:
        if isinstance(record, ProfileElement):
            assert telegram.raw[record.offset : record.offset + len(record.raw)] == record.raw

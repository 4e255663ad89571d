"""Layouts: what is compiled when, and that a layout reads as the records themselves do."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.protocol.application.layout import Laid, Layout, Layouts
from mbuscli.protocol.application.records import Blob, parse_records

WATER = bytes.fromhex("0C1367452301 046D0A0B3F3C 426C1F3C 02FD171200 0259B005 0F0102")


def learnt(data: bytes, start: int = 0) -> Layouts:
    layouts = Layouts()
    for _ in range(2):
        layouts.learn(parse_records(data), data, start)
    return layouts


def laid(layout: Layout | None, data: bytes) -> list[tuple[object, ...]]:
    assert layout is not None
    return shown(Laid(layout, data).records())


def shown(records: Sequence[object]) -> list[tuple[object, ...]]:
    names = ("offset", "header", "raw", "value", "error", "qualifiers", "storage", "time")
    return [tuple(getattr(record, name) for name in names) for record in records]


def test_a_shape_is_compiled_when_it_comes_again() -> None:
    layouts = Layouts()
    parsed = parse_records(WATER)
    assert layouts.learn(parsed, WATER, 0) is None
    assert layouts.find(WATER, 0) is None
    assert layouts.learn(parsed, WATER, 0) is not None
    assert layouts.find(WATER, 0) is not None


def test_the_layout_of_one_telegram_reads_the_next() -> None:
    other = bytes.fromhex("0C1399999999 046D00000000 426CFFFF 02FD17FFFF 02590080 0FFFFF")
    layout = learnt(WATER).find(other, 0)
    assert laid(layout, other) == shown(parse_records(other).records)
    record = parse_records(WATER).records[0]
    assert laid(layout, WATER)[0][3] == record.value == Decimal("1234.567")
    assert layout is not None
    assert isinstance(Laid(layout, WATER).records()[-1], Blob)


@pytest.mark.parametrize("at", [0, 1, 6, 7, 12, 13, 16, 17, 18, 21, 22, 25])
def test_another_header_is_another_shape(at: int) -> None:
    other = bytearray(WATER)
    other[at] ^= 0x01
    assert learnt(WATER).find(bytes(other), 0) is None


def test_another_length_and_another_place_are_other_shapes() -> None:
    layouts = learnt(WATER)
    assert layouts.find(WATER + b"\x00", 0) is None
    assert layouts.find(WATER, 15) is None


def test_the_length_octet_of_a_text_is_shape_and_its_characters_are_not() -> None:
    text = bytes.fromhex("0DFD0B03414243 0413 01000000")
    layouts = learnt(text)
    longer = bytes.fromhex("0DFD0B0441424344 0413 010000")
    assert layouts.find(longer, 0) is None
    other = text.replace(b"ABC", b"XYZ")
    assert laid(layouts.find(other, 0), other) == shown(parse_records(other).records)


@pytest.mark.parametrize("octets", ["02FC03482552740F00", "02FC0302414211223344", "02FC740348255211220413"])
def test_plain_text_of_either_order_is_shape(octets: str) -> None:
    data = bytes.fromhex(octets)
    layout = learnt(data).find(data, 0)
    assert laid(layout, data) == shown(parse_records(data).records)


def test_profiles_have_no_layout() -> None:
    profile = bytes.fromhex("0D931E0861010203040506")
    assert learnt(profile).find(profile, 0) is None


def test_a_damaged_shape_keeps_its_problems() -> None:
    cut = bytes.fromhex("0C1367452301 0413")
    layout = learnt(cut).find(cut, 0)
    assert layout is not None
    assert list(layout.problems) == parse_records(cut).problems


def test_compiling_is_paid_for_by_the_telegrams_that_have_no_layout() -> None:
    layouts = Layouts()
    compiled = 0
    for number in range(4000):
        # Ever new shapes, each twice: what somebody would send to keep the compiler busy.
        data = bytes((0x81, number // 2 & 0x0F | 0x80, number >> 5 & 0x7F, 0x13, 1))
        compiled += layouts.learn(parse_records(data), data, 0) is not None
    assert compiled <= Layouts._SAVINGS // Layouts._PRICE + 4000 // Layouts._PRICE + 1


def test_what_is_kept_is_bounded() -> None:
    layouts = Layouts()
    for number in range(3 * Layouts._LIMIT):
        data = bytes((0x81, 0x80 | number & 0x0F, number >> 4 & 0x7F, 0x13, 1))
        data += b"\x2f" * (number >> 11)
        for _ in range(2):
            layouts._savings = Layouts._SAVINGS
            layouts.learn(parse_records(data), data, 0)
        assert layouts._count == sum(map(len, layouts._layouts.values())) <= Layouts._LIMIT
        assert len(layouts._seen) <= Layouts._LIMIT
        assert all(len(kin) <= Layouts._NEIGHBOURS for kin in layouts._layouts.values())


RECORDS = (
    "0C13 4", "0A5A 2", "0E06 6", "09FD0E 1", "0B3B 3", "0C78 4", "01FD1B 1", "02FD17 2", "0313 3", "0406 4",
    "0613 6", "0713 8", "04FF20 4", "026C 2", "046D 4", "066D 6", "036D 3", "42EC7E 2", "0422 4", "8C101306 0",
    "8C1013 4", "055B 4", "04BE3B 4", "0413 4", "0414 4", "00FD08 0", "04937D 4", "077F 8", "0779 8", "02FD0A 2",
)  # fmt: skip


@given(st.lists(st.sampled_from(RECORDS), min_size=1, max_size=12), st.data())
def test_any_values_in_any_records_read_the_same(kinds: list[str], data: st.DataObject) -> None:
    def telegram() -> bytes:
        octets = b""
        for kind in kinds:
            header, size = kind.split()
            octets += bytes.fromhex(header) + data.draw(
                st.one_of(
                    st.binary(min_size=int(size), max_size=int(size)),
                    st.sampled_from([octet * int(size) for octet in (b"\xff", b"\0", b"\x12", b"\xf1")]),
                )
            )
        return octets

    first, second = telegram(), telegram()
    layouts = learnt(first)
    layout = layouts.find(second, 0)
    if layout is None:
        return  # a DIF of these wants more octets than it has, so data of the next one becomes shape
    expected = parse_records(second).records
    assert laid(layout, second) == shown(expected)
    assert [type(record[3]) for record in laid(layout, second)] == [type(record.value) for record in expected]


FAILING = (
    "0C1399999999 046D00000000 426CFFFF 02FD17FFFF 02590080 0F0102",
    "0C13999999FF 046D0A0B3F3C 426CFFFF 02FD170000 0259B005 0F0102",
    "0C13991234F0 046D00000000 426C1F3C 02FD17FFFF 0259B005 0F0102",
    "0C13ABCDEFAA 046D0A0B3F3C 426C1F3C 02FD170000 02590080 0F0102",
)


@given(st.lists(st.sampled_from((*FAILING, WATER.hex())), min_size=1, max_size=30))
def test_records_that_go_on_failing_are_read_apart(telegrams: list[str]) -> None:
    layout = learnt(WATER).find(WATER, 0)
    for text in telegrams:
        data = bytes.fromhex(text)
        assert laid(layout, data) == shown(parse_records(data).records)


def test_a_layout_is_compiled_anew_a_few_times_at_most() -> None:
    layout = learnt(WATER).find(WATER, 0)
    assert layout is not None
    takers = set()
    for text in FAILING * 5:
        for _ in range(2):
            layout.read(bytes.fromhex(text))
            takers.add(layout._take)
    assert 1 < len(takers) <= 4
    assert layout.read(WATER)[1] is layout.errors

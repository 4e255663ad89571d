"""Record lists: whatever the octets are, what can be read is read and nothing else is raised."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.application import records as records_module
from mbuscli.protocol.application.records import Record, parse_records
from mbuscli.protocol.checksum import sum8
from mbuscli.telegram import Telegram, decode
from tests.protocol.application.strategies import METER, numeric_records, response, responses


def read_everything(telegram: Telegram) -> None:
    """Touch all that a user can ask for."""
    for record in telegram.records:
        value, error = record.value, record.error
        assert (value is None) == (error is not None)
        assert 0 <= record.offset < len(telegram.raw)
        assert isinstance(record.qualifiers, tuple)
        assert record.time is None or isinstance(record.time, str)
        repr(record)
    for problem in telegram.problems:
        assert 0 <= problem.offset <= len(telegram.raw)
        assert problem.text


@given(st.lists(numeric_records(), min_size=1, max_size=10))
def test_records_come_back_in_order_with_exact_values(pairs: list[tuple[bytes, Decimal]]) -> None:
    data = b"".join(octets for octets, _ in pairs)
    parsed = parse_records(data)
    assert not parsed.problems
    assert [record.value for record in parsed.records] == [value for _, value in pairs]
    assert b"".join(record.header.raw + record.raw for record in parsed.records) == data


@given(st.binary(max_size=120))
@example(bytes.fromhex("0F"))
@example(bytes.fromhex("8D04931F056901"))
@example(bytes.fromhex("7C"))
@example(bytes.fromhex("02FC05"))
def test_random_octets_never_raise(data: bytes) -> None:
    for from_master in (False, True):
        for mode2 in (False, True):
            for record in parse_records(data, from_master=from_master, mode2=mode2).records:
                assert (record.value is None) == (record.error is not None)


@given(st.binary(max_size=245), st.sampled_from([0x66, 0x69, 0x6A, 0x6E, 0x70, 0x71, 0x72, 0x73, 0x75, 0x76]))
def test_any_data_behind_any_ci_field_gives_a_telegram(data: bytes, ci_field: int) -> None:
    body = bytes((0x08, 1, ci_field)) + data
    frame = bytes((0x68, len(body), len(body), 0x68)) + body + bytes((sum8(body), 0x16))
    read_everything(decode(frame))


@given(st.binary(min_size=1, max_size=100))
def test_bare_octets_decode_or_are_refused(data: bytes) -> None:
    try:
        telegram = decode(data)
    except DecodeError as error:
        assert error.offset is not None
        assert error.offset <= len(data)
    else:
        read_everything(telegram)


@given(responses(), st.data())
def test_bit_flips_never_pass_the_check_sum_unseen(frame: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    damaged = bytearray(frame)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DecodeError):
        decode(bytes(damaged), layer="wired")


@given(responses(), st.data())
def test_mended_bit_flips_never_raise(frame: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(8 * 4, 8 * (len(frame) - 2) - 1))
    damaged = bytearray(frame)
    damaged[bit // 8] ^= 1 << bit % 8
    damaged[-2] = sum8(bytes(damaged[4:-2]))
    read_everything(decode(bytes(damaged)))


@given(responses())
def test_every_truncation_is_refused(frame: bytes) -> None:
    for size in range(len(frame)):
        with pytest.raises(DecodeError):
            decode(frame[:size], layer="wired")


@given(st.lists(numeric_records(), min_size=2, max_size=6), st.data())
def test_truncated_data_keeps_the_records_before(
    pairs: list[tuple[bytes, Decimal]], data: st.DataObject
) -> None:
    whole = b"".join(octets for octets, _ in pairs)
    size = data.draw(st.integers(1, len(whole) - 1))
    parsed = parse_records(whole[:size])
    ends = [sum(len(octets) for octets, _ in pairs[: n + 1]) for n in range(len(pairs))]
    complete = sum(end <= size for end in ends)
    assert [record.value for record in parsed.records] == [value for _, value in pairs[:complete]]
    if size in ends:
        assert not parsed.problems
    else:
        (problem,) = parsed.problems
        assert problem.reason is Reason.RECORD_TRUNCATED
        assert problem.offset == ([0, *ends])[complete]


def test_record_errors_leave_the_others_alone() -> None:
    parsed = parse_records(
        bytes.fromhex("0413 01000000 04931B 02000000 0A5A EEEE 0413 03000000".replace(" ", ""))
    )
    assert [record.value for record in parsed.records] == [Decimal("0.001"), None, None, Decimal("0.003")]
    assert parsed.records[1].error == "reserved VIFE 1B"
    assert parsed.records[2].error == "no number: BCD digits EEEE"


@pytest.mark.parametrize(("dif", "count"), [("84", 10), ("84", 11)])
def test_ten_difes_are_allowed(dif: str, count: int) -> None:
    data = (
        bytes.fromhex(dif)
        + b"\xff" * (count - 1)
        + b"\x7f"
        + bytes.fromhex("1301000000")
        + bytes.fromhex("0113FF")
    )
    parsed = parse_records(data)
    first, last = parsed.records
    assert last.value == Decimal("-0.001"), "its length is known, so the records behind it stay"
    if count == 10:
        assert first.value == Decimal("0.001")
        assert first.storage == 2**41 - 2
        assert first.header.tariff == 2**20 - 1
        assert first.header.subunit == 2**10 - 1
        assert not parsed.problems
    else:
        assert first.value is None
        assert [problem.reason for problem in parsed.problems] == [Reason.TOO_MANY_DIFE]


@pytest.mark.parametrize("count", [10, 11])
def test_ten_vifes_are_allowed(count: int) -> None:
    data = bytes.fromhex("0493") + b"\xbb" * (count - 1) + bytes.fromhex("3B01000000")
    parsed = parse_records(data)
    assert (parsed.records[0].value is None) == (count == 11)
    assert [problem.reason for problem in parsed.problems] == [Reason.TOO_MANY_VIFE] * (count == 11)


@pytest.mark.parametrize(
    ("hex_text", "reason", "offset"),
    [
        ("0413010000003F00", Reason.RESERVED_DIF, 6),
        ("041301000000 0DFD11F7".replace(" ", ""), Reason.RESERVED_LVAR, 9),
        ("0413010000000DFD11CA", Reason.RESERVED_LVAR, 9),
        ("0413010000000DFD11", Reason.RECORD_TRUNCATED, 6),
        ("041301000000041301", Reason.RECORD_TRUNCATED, 6),
        ("04130100000084", Reason.RECORD_TRUNCATED, 6),
        ("041301000000027C0541", Reason.RECORD_TRUNCATED, 6),
    ],
)
def test_damage_is_told_with_its_place(hex_text: str, reason: Reason, offset: int) -> None:
    parsed = parse_records(bytes.fromhex(hex_text))
    assert [record.value for record in parsed.records] == [Decimal("0.001")]
    assert [(problem.reason, problem.offset) for problem in parsed.problems] == [(reason, offset)]


def test_fillers_are_skipped_and_global_readout_has_no_data() -> None:
    parsed = parse_records(bytes.fromhex("2F2F7F0113022F2F"))
    assert [record.value for record in parsed.records] == [Decimal("0.002")]
    assert not parsed.problems


@pytest.mark.parametrize(("dif", "more"), [("0F", False), ("1F", True)])
def test_manufacturer_data_ends_the_telegram(dif: str, more: bool) -> None:
    parsed = parse_records(bytes.fromhex(f"011302{dif}A1B2"))
    assert parsed.more_follows is more
    assert [record.value for record in parsed.records] == [Decimal("0.002"), "A1B2"]
    assert parse_records(bytes.fromhex(f"011302{dif}")).more_follows is more


def test_a_header_means_actions_when_a_master_sends_it() -> None:
    data = bytes.fromhex("04930701000000")
    assert parse_records(data).records[0].error == "data size not implemented"
    assert parse_records(data, from_master=True).records[0].qualifiers == ("clear",)


def test_private_vifes_are_not_the_standards() -> None:
    parsed = parse_records(bytes.fromhex("02FF15 0500 0493FF12 01000000".replace(" ", "")))
    assert [record.value for record in parsed.records] == [5, Decimal("0.001")]
    assert [record.qualifiers for record in parsed.records] == [("manufacturer_15",), ("manufacturer_12",)]


def test_most_significant_octet_first() -> None:
    """CI 76: the header's fields and all numbers are turned around, texts too (EN 13757-3, mode 2)."""
    header = bytes.fromhex("12345678 2C2D 1B 16 2A 00 0000".replace(" ", ""))
    body = bytes.fromhex("0413 00003039 0C13 00012345 426C 3C3F 0DFD11 03 414243".replace(" ", ""))
    content = bytes((8, 1, 0x76)) + header + body
    frame = bytes((0x68, len(content), len(content), 0x68)) + content + bytes((sum8(content), 0x16))
    telegram = decode(frame)
    assert telegram.meter == METER
    assert [record.value for record in telegram.records] == [
        Decimal("12.345"),
        Decimal("12.345"),
        "2025-12-31",
        "ABC",
    ]


def test_hostile_headers_do_not_fill_the_memory() -> None:
    for number in range(records_module._CACHE_LIMIT + 100):
        parse_records(bytes((0x84, 0x80 | number & 0x7F, 0x80 | number >> 7 & 0x7F, 0x01, 0x13, 0, 0, 0, 0)))
    assert len(records_module._from_slave) <= records_module._CACHE_LIMIT


def test_record_shows_itself() -> None:
    (record,) = decode(response(bytes.fromhex("041301000000"))).records
    assert isinstance(record, Record)
    assert "volume=0.001 m³" in repr(record)

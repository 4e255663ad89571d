"""A meter's answers, line by line of what EN 13757-2 and -3 ask of a slave."""

from __future__ import annotations

import pytest

from mbuscli.protocol.octets import encode_bcd
from mbuscli.protocol.wired.frames import Frame, decode_frame, encode_long, encode_short
from mbuscli.simulator.slave import BAUD_TRIAL_S, MeterSpec, Slave

ACK = b"\xe5"
METER = bytes.fromhex("785634122d2c1904")
SPEC = MeterSpec(
    meter=METER,
    address=5,
    telegrams=(
        (b"\x0c\x13\x01\x00\x00\x00", b"\x04\x6d\x00\x0a\x5f\x31"),
        (b"\x0c\x13\x02\x00\x00\x00",),
        (b"\x01\x13\x03",),
    ),
    fabrication="87654321",
)


@pytest.fixture
def slave() -> Slave:
    return Slave(SPEC)


def short(slave: Slave, c_field: int, a_field: int, now: float = 0.0) -> bytes | None:
    return slave.receive(decode_frame(encode_short(c_field, a_field)), now)


def user_data(
    slave: Slave, a_field: int, ci: int, data: str = "", c_field: int = 0x73, now: float = 0.0
) -> bytes | None:
    return slave.receive(decode_frame(encode_long(c_field, a_field, ci, bytes.fromhex(data))), now)


def request(slave: Slave, c_field: int = 0x7B, a_field: int = 5) -> Frame:
    answer = short(slave, c_field, a_field)
    assert answer is not None
    return decode_frame(answer)


def select(slave: Slave, mask: bytes = METER) -> bytes | None:
    return user_data(slave, 253, 0x52, mask.hex())


def records(frame: Frame) -> str:
    return frame.data[12:].hex()


def test_power_up_state(slave: Slave) -> None:
    slave.power_up()
    assert not slave.selected
    assert slave.primary.fcb is None
    assert slave.baud == 2400
    assert short(slave, 0x40, 253) is None
    assert short(slave, 0x7B, 253) is None


def test_link_reset_is_acknowledged_at_its_own_address_only(slave: Slave) -> None:
    assert short(slave, 0x40, 5) == ACK
    assert short(slave, 0x40, 6) is None
    assert short(slave, 0x40, 0) is None


def test_readout_carries_header_records_and_access_number(slave: Slave) -> None:
    frame = request(slave)
    assert (frame.c_field, frame.a_field, frame.ci_field) == (0x08, 5, 0x72)
    assert frame.data[:8] == METER
    assert frame.data[8:12] == bytes((1, 0, 0, 0))
    assert slave.access_number == 1


def test_test_address_is_answered_with_the_own_address(slave: Slave) -> None:
    assert short(slave, 0x40, 254) == ACK
    assert request(slave, 0x7B, 254).a_field == 5


def test_broadcast_is_obeyed_silently(slave: Slave) -> None:
    assert user_data(slave, 255, 0x51, "017A09") is None
    assert slave.address == 9
    assert short(slave, 0x7B, 255) is None
    assert slave.access_number == 0
    assert short(slave, 0x40, 255) is None


def test_frames_that_are_not_from_a_master_are_ignored(slave: Slave) -> None:
    for c_field in (0x08, 0xC0, 0x00):
        assert short(slave, c_field, 5) is None
    assert slave.receive(decode_frame(ACK)) is None


def test_class_1_request_has_no_alarm(slave: Slave) -> None:
    assert short(slave, 0x7A, 5) == ACK


def test_telegrams_follow_each_other_and_end_with_1f_while_more_follow(slave: Slave) -> None:
    bodies = [records(request(slave, c_field)) for c_field in (0x7B, 0x5B, 0x7B)]
    assert bodies == ["0c1301000000046d000a5f311f", "0c13020000001f", "011303"]
    assert slave.access_number == 3


def test_equal_frame_count_bit_repeats_the_answer(slave: Slave) -> None:
    first = short(slave, 0x7B, 5)
    assert short(slave, 0x7B, 5) == first
    assert slave.access_number == 1
    assert short(slave, 0x5B, 5) != first


def test_without_frame_count_valid_every_request_is_new(slave: Slave) -> None:
    assert [records(request(slave, 0x4B))[:12] for _ in range(2)] == ["0c1301000000", "0c1302000000"]


def test_link_reset_starts_from_the_first_telegram(slave: Slave) -> None:
    first = records(request(slave))
    request(slave, 0x5B)
    assert short(slave, 0x40, 5) == ACK
    assert records(request(slave)) == first


def test_link_reset_of_253_leaves_the_primary_address_alone(slave: Slave) -> None:
    for c_field in (0x7B, 0x5B, 0x7B):
        last = request(slave, c_field)
    select(slave)
    assert short(slave, 0x40, 253) == ACK
    assert request(slave, 0x7B) == last  # frame count bit unchanged: a repeat of telegram 3


def test_frame_count_memory_is_kept_per_address_kind(slave: Slave) -> None:
    assert select(slave) == ACK
    primary = request(slave, 0x7B)
    assert records(request(slave, 0x7B, 253)) == records(primary)
    assert slave.access_number == 2


def test_user_data_with_equal_frame_count_bit_is_not_executed_again(slave: Slave) -> None:
    assert user_data(slave, 5, 0x51, "0C7911111111") == ACK
    assert user_data(slave, 5, 0x51, "0C7922222222") == ACK
    assert slave.meter[:4].hex() == "11111111"
    assert user_data(slave, 5, 0x51, "0C7922222222", c_field=0x53) == ACK
    assert slave.meter[:4].hex() == "22222222"


@pytest.mark.parametrize("c_field", [0x43, 0x53, 0x63, 0x73])
def test_user_data_is_taken_with_any_frame_count_bits(slave: Slave, c_field: int) -> None:
    assert user_data(slave, 5, 0x50, "", c_field) == ACK


@pytest.mark.parametrize(
    "mask",
    ["785634122d2c1904", "ffffffffffffffff", "f856341fffffffff", "78563412ff2cff04", "785634122d2cffff"],
)
def test_selection_with_wildcards(slave: Slave, mask: str) -> None:
    assert select(slave, bytes.fromhex(mask)) == ACK
    assert slave.selected
    assert request(slave, 0x7B, 253).a_field == 5


@pytest.mark.parametrize(
    "mask",
    [
        "785634132d2c1904",
        "785634122d2d1904",
        "785634122d2c1804",
        "785634122d2c1905",
        "785634122d2c19",
        "785634122dfc1904",
    ],
)
def test_selection_that_does_not_match_deselects_silently(slave: Slave, mask: str) -> None:
    select(slave)
    assert select(slave, bytes.fromhex(mask)) is None
    assert not slave.selected
    assert short(slave, 0x7B, 253) is None


def test_hexadecimal_digits_of_an_identification_number_match_exactly() -> None:
    slave = Slave(SPEC._replace(meter=encode_bcd("12A45678") + METER[4:]))
    assert select(slave, encode_bcd("12A4FFFF") + b"\xff" * 4) == ACK
    assert select(slave, encode_bcd("12B4FFFF") + b"\xff" * 4) is None


def test_selection_clears_the_memory_of_253(slave: Slave) -> None:
    select(slave)
    first = records(request(slave, 0x7B, 253))
    assert records(request(slave, 0x5B, 253)) != first
    select(slave)
    assert records(request(slave, 0x7B, 253)) == first


def test_deselection_by_link_reset_and_by_mode_2(slave: Slave) -> None:
    select(slave)
    assert short(slave, 0x40, 253) == ACK
    assert not slave.selected
    assert short(slave, 0x40, 253) is None
    select(slave)
    assert user_data(slave, 253, 0x56, METER.hex()) is None
    assert not slave.selected


@pytest.mark.parametrize(
    ("number", "answer"), [("87654321", ACK), ("FFFFFFFF", ACK), ("8765432F", ACK), ("00000000", None)]
)
def test_enhanced_selection_by_fabrication_number(slave: Slave, number: str, answer: bytes | None) -> None:
    assert select(slave, METER + b"\x0c\x78" + encode_bcd(number)) == answer


def test_enhanced_selection_is_not_taken_by_a_meter_that_does_not_know_it() -> None:
    slave = Slave(SPEC._replace(fabrication=None))
    assert select(slave, METER + b"\x0c\x78" + b"\xff" * 4) is None
    assert select(slave, METER + b"\x0c\x79" + encode_bcd("87654321")) is None


def test_application_reset_goes_back_to_the_first_telegram(slave: Slave) -> None:
    first = records(request(slave, 0x7B))
    assert user_data(slave, 5, 0x50, "10", c_field=0x53) == ACK
    assert slave.application_select == 0x10
    assert records(request(slave, 0x7B)) == first


def test_write_primary_address(slave: Slave) -> None:
    assert user_data(slave, 5, 0x51, "017A0A") == ACK
    assert slave.address == 10
    assert short(slave, 0x40, 5) is None
    assert request(slave, 0x5B, 10).a_field == 10


@pytest.mark.parametrize("address", [251, 253, 254, 255])
def test_special_addresses_are_refused_as_own(slave: Slave, address: int) -> None:
    assert user_data(slave, 5, 0x51, f"017A{address:02X}") == ACK
    assert slave.address == 5
    refusal = request(slave, 0x5B)
    assert (refusal.ci_field, refusal.data) == (0x70, b"\x00")


def test_write_identification(slave: Slave) -> None:
    assert user_data(slave, 5, 0x51, "0C7904030201") == ACK
    assert slave.meter == bytes.fromhex("040302012d2c1904")
    assert user_data(slave, 5, 0x51, "2F2F077999887766ae4c6816", c_field=0x53) == ACK
    assert slave.meter == bytes.fromhex("99887766ae4c6816")
    assert request(slave).data[:8] == slave.meter


@pytest.mark.parametrize("record", ["046d010b5f31", "066d2a010b5f3100"])
def test_write_clock(record: str) -> None:
    old = bytes.fromhex(record[:4]) + bytes(len(record) // 2 - 2)
    slave = Slave(SPEC._replace(telegrams=((old,),)))
    assert user_data(slave, 5, 0x51, record) == ACK
    assert records(request(slave, 0x5B)) == record


@pytest.mark.parametrize("data", ["0413000000", "017A", "0C79010203", "017A0904"])
def test_write_of_something_else_is_refused_as_a_whole(slave: Slave, data: str) -> None:
    before = slave.meter, slave.address
    assert user_data(slave, 5, 0x51, data) == ACK
    assert (slave.meter, slave.address) == before
    assert request(slave, 0x5B).ci_field == 0x70


def test_write_protection() -> None:
    slave = Slave(SPEC._replace(write_protected=True))
    assert user_data(slave, 5, 0x51, "017A0A") == ACK
    assert slave.address == 5
    assert request(slave, 0x5B).ci_field == 0x70
    assert request(slave, 0x7B).ci_field == 0x72


def test_unknown_ci_gives_an_application_error_at_the_next_request(slave: Slave) -> None:
    assert user_data(slave, 5, 0xA0, "01") == ACK
    refusal = request(slave, 0x5B)
    assert (refusal.ci_field, refusal.data) == (0x70, b"\x01")
    assert request(slave, 0x7B).ci_field == 0x72


def test_unknown_ci_is_ignored_where_the_scenario_says_so() -> None:
    slave = Slave(SPEC._replace(unknown_ci_error=False))
    assert user_data(slave, 5, 0xA0, "01") is None
    assert request(slave).ci_field == 0x72


@pytest.mark.parametrize(("ci", "baud"), [(0xB8, 300), (0xBB, 2400), (0xBD, 9600), (0xBF, 38400)])
def test_baud_switch(slave: Slave, ci: int, baud: int) -> None:
    assert user_data(slave, 5, ci) == ACK
    assert slave.listening_baud(1.0) == baud


def test_a_new_baud_rate_that_nobody_uses_is_given_up(slave: Slave) -> None:
    user_data(slave, 5, 0xBD, now=10.0)
    assert slave.listening_baud(10.0 + BAUD_TRIAL_S - 1) == 9600
    assert slave.listening_baud(10.0 + BAUD_TRIAL_S) == 2400


def test_a_new_baud_rate_stays_once_it_was_used(slave: Slave) -> None:
    user_data(slave, 5, 0xBD, now=10.0)
    short(slave, 0x40, 5, now=11.0)
    assert slave.listening_baud(10.0 + 10 * BAUD_TRIAL_S) == 9600
    slave.power_up()
    assert slave.baud == 9600


def test_fixed_data_structure() -> None:
    slave = Slave(SPEC._replace(fixed=bytes.fromhex("e97e7856341200000000"), status=0x04))
    frame = request(slave)
    assert frame.ci_field == 0x73
    assert frame.data.hex() == "785634120104e97e7856341200000000"


def test_access_number_wraps(slave: Slave) -> None:
    slave.access_number = 255
    assert request(slave).data[8] == 0

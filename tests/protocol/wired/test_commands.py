"""Commands that write: what is built is what a meter, and our own decoder, read out of it."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import NotConfirmedError, Reason, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.control_table import BAUD_RATES
from mbuscli.protocol.wired import commands
from mbuscli.protocol.wired.frames import decode_frame
from mbuscli.simulator.slave import MeterSpec, Slave
from mbuscli.telegram import decode

OLD = MeterAddress("12345678", 0x2C2D, 0x1B, 0x16)
RECORDS = ((b"\x04\x6d\x00\x2a\x5f\x31", b"\x06\x6d\x00\x00\x0a\x5f\x31\x05"),)
CLOCK_TYPES: tuple[commands.ClockType, ...] = ("F", "I")
ids = st.text("0123456789", min_size=8, max_size=8)
meters = st.builds(
    MeterAddress,
    st.text("0123456789ABCDE", min_size=8, max_size=8),
    st.integers(0, 0xFFFE),
    st.integers(0, 0xFE),
    st.integers(0, 0xFE),
)


def slave(address: int = 5) -> Slave:
    return Slave(MeterSpec(OLD.octets(), address, RECORDS))


def obey(meter: Slave, place: int | MeterAddress, command: commands.Command) -> list[bytes | None]:
    """Hand a simulated meter the planned frames; its answers."""
    frames = commands.planned_frames(place, command)
    return [meter.receive(decode_frame(frame.raw)) for frame in frames]


@given(st.integers(0, 250))
def test_primary_address(address: int) -> None:
    meter = slave()
    assert obey(meter, 5, commands.set_primary_address(address)) == [b"\xe5", b"\xe5"]
    assert (meter.address, meter.application_error) == (address, None)


def test_the_frame_of_the_standard() -> None:
    frame = commands.planned_frames(254, commands.set_primary_address(8))[1]
    assert frame.raw == bytes.fromhex("68 06 06 68 73 FE 51 01 7A 08 45 16")


@pytest.mark.parametrize("address", range(251, 256))
def test_reserved_addresses_are_unsafe(address: int) -> None:
    with pytest.raises(NotConfirmedError) as caught:
        commands.set_primary_address(address)
    assert caught.value.reason is Reason.UNSAFE


@pytest.mark.parametrize("address", [-1, 256, 1000])
def test_what_is_no_octet_is_a_usage_error(address: int) -> None:
    with pytest.raises(UsageError):
        commands.set_primary_address(address)


@given(ids)
def test_identification_number(number: str) -> None:
    meter = slave()
    obey(meter, OLD, commands.set_identification(MeterAddress(number), complete=False))
    assert MeterAddress.from_octets(meter.meter) == OLD._replace(id=number)


@given(meters)
def test_complete_meter_address(address: MeterAddress) -> None:
    meter = slave()
    obey(meter, OLD, commands.set_identification(address, complete=True))
    assert MeterAddress.from_octets(meter.meter) == address


@pytest.mark.parametrize(
    ("meter", "complete"),
    [(MeterAddress("1234567F"), False), (MeterAddress("12345678"), True), (OLD._replace(version=0xFF), True)],
)
def test_wildcards_are_no_address(meter: MeterAddress, complete: bool) -> None:
    with pytest.raises(UsageError):
        commands.set_identification(meter, complete=complete)


@pytest.mark.parametrize("baud", BAUD_RATES.values())
def test_baud_rate(baud: int) -> None:
    meter = slave()
    obey(meter, 5, commands.set_baud(baud))
    assert meter.listening_baud(0.0) == baud


def test_a_rate_that_no_meter_has() -> None:
    with pytest.raises(UsageError):
        commands.set_baud(14400)


@given(
    st.datetimes(datetime(1981, 1, 1), datetime(2080, 12, 31)), st.sampled_from(CLOCK_TYPES), st.booleans()
)
def test_clock(moment: datetime, data_type: commands.ClockType, summer_time: bool) -> None:
    text = moment.isoformat(timespec="seconds")[:19]
    meter = slave()
    obey(meter, 5, commands.set_clock(text, data_type, summer_time=summer_time))
    answer = meter.receive(decode_frame(bytes.fromhex("10 5B 05 60 16")))
    assert answer is not None
    records = [r for r in decode(answer).records if len(r.raw) == (4 if data_type == "F" else 6)]
    assert [record.value for record in records] == [text[:16] if data_type == "F" else text]
    assert ("summer_time" in records[0].qualifiers) is summer_time


@given(st.integers(0, 255))
def test_application_reset_with_a_sub_code(code: int) -> None:
    meter = slave()
    obey(meter, 5, commands.application_reset(code))
    assert meter.application_select == code
    obey(meter, 5, commands.application_reset(None))
    assert meter.application_select is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("51", 0x51),
        ("0f", 0x0F),
        ("all", 0x00),
        ("user-data", 0x10),
        ("User-Data:3", 0x13),
        ("instantaneous-values:15", 0x5F),
        ("self-test", 0xE0),
    ],
)
def test_sub_codes_in_words(text: str, code: int) -> None:
    assert commands.parse_sub_code(text) == code


@pytest.mark.parametrize(
    "text", ["", "5", "500", "reserved", "user-data:16", "user-data:", "51:1", "nonsense"]
)
def test_what_is_no_sub_code(text: str) -> None:
    with pytest.raises(UsageError):
        commands.parse_sub_code(text)


@given(st.integers(0, 255), st.binary(max_size=252))
def test_any_command_is_one_frame_with_a_meaning(ci_field: int, data: bytes) -> None:
    command = commands.send_command(ci_field, data)
    frame = decode_frame(commands.planned_frames(5, command)[1].raw)
    assert (frame.a_field, frame.ci_field, frame.data) == (5, ci_field, data)
    assert command.meaning


def test_secrets_are_not_named() -> None:
    command = commands.send_command(0x51, bytes.fromhex("04FD16 D2040000"))
    assert "password" in command.meaning
    assert "1234" not in command.meaning


@pytest.mark.parametrize("data", ["017AFB", "017AFF", "0C7878563412 017AFD"])
def test_no_way_round_the_reserved_addresses(data: str) -> None:
    with pytest.raises(NotConfirmedError):
        commands.refuse_unsafe(commands.send_command(0x51, bytes.fromhex(data)))


@pytest.mark.parametrize(
    ("ci_field", "data", "better"),
    [
        (0xBB, "", "set-baud"),
        (0x50, "10", "reset"),
        (0x51, "017A05", "set-address"),
        (0x51, "0C7978563412", "set-address"),
        (0x51, "046D002A5F31", "set-clock"),
        (0x51, "0C7878563412", ""),
        (0xB1, "01", ""),
    ],
)
def test_what_has_a_command_of_its_own(ci_field: int, data: str, better: str) -> None:
    assert commands.guarded_by(commands.send_command(ci_field, bytes.fromhex(data))) == better

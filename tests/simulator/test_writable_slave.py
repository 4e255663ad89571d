"""Meters that take writes in their own ways: quirks, passwords, clocks that run."""

from __future__ import annotations

import pytest

from mbuscli.errors import InputError
from mbuscli.protocol.wired.frames import Frame, decode_frame, encode_long, encode_short
from mbuscli.simulator.scenario import parse_scenario
from mbuscli.simulator.slave import (
    DEAF_AFTER_BAUD,
    ERROR_ACCESS_DENIED,
    IGNORES_WRITES,
    KEEPS_BAUD,
    LOSES_ACKS,
    MeterSpec,
    Slave,
)
from mbuscli.telegram import decode

METER = bytes.fromhex("785634122d2c1904")
ACK = b"\xe5"


def command(ci_field: int, data: str = "", address: int = 5, c_field: int = 0x43) -> Frame:
    """SND_UD; without frame count bit, unless `c_field` says so."""
    return decode_frame(encode_long(c_field, address, ci_field, bytes.fromhex(data)))


@pytest.mark.parametrize(
    ("quirk", "answer", "address", "baud"),
    [
        (None, ACK, 7, 9600),
        (IGNORES_WRITES, ACK, 5, 2400),
        (LOSES_ACKS, None, 7, 9600),
        (KEEPS_BAUD, ACK, 7, 2400),
        (DEAF_AFTER_BAUD, ACK, 7, 0),
    ],
)
def test_quirks(quirk: str | None, answer: bytes | None, address: int, baud: int) -> None:
    slave = Slave(MeterSpec(METER, 5, quirks=(quirk,) if quirk else ()))
    assert slave.receive(command(0x51, "017A07")) == answer
    assert slave.address == address
    assert slave.receive(command(0xBD, address=address)) == answer
    assert slave.listening_baud(1.0) == baud
    assert slave.listening_baud(1000.0) == 2400


def test_a_repeated_command_gets_its_lost_acknowledgement() -> None:
    slave = Slave(MeterSpec(METER, 5, quirks=(LOSES_ACKS,)))
    reset = command(0x50, c_field=0x73)
    assert [slave.receive(reset), slave.receive(reset)] == [None, ACK]


def test_a_meter_that_wants_a_password() -> None:
    password = "04FD16D2040000"
    slave = Slave(MeterSpec(METER, 5, unlock=bytes.fromhex(password)))
    slave.receive(command(0x51, "017A07"))
    assert (slave.address, slave.application_error) == (5, ERROR_ACCESS_DENIED)
    slave.receive(command(0x51, password + "017A07"))
    assert slave.address == 7
    slave.power_up()
    slave.receive(command(0x51, "017A08", address=7))
    assert slave.address == 7


@pytest.mark.parametrize(
    ("record", "shown", "later"),
    [
        ("046D002A5F31", "2026-01-31T10:00", "2026-01-31T10:02"),
        ("066D3B3B775F3105", "2026-01-31T23:59:59", "2026-02-01T00:01:59"),
    ],
)
def test_a_running_clock(record: str, shown: str, later: str) -> None:
    slave = Slave(MeterSpec(METER, 5, ((bytes.fromhex(record),),), running_clock=True))
    request = decode_frame(encode_short(0x4B, 5))
    for now, expected in ((100.0, shown), (220.0, later)):
        answer = slave.receive(request, now)
        assert answer is not None
        assert decode(answer).records[0].value == expected


def test_a_clock_that_is_set_runs_on_from_there() -> None:
    slave = Slave(MeterSpec(METER, 5, ((bytes.fromhex("046D002A5F31"),),), running_clock=True))
    slave.receive(command(0x51, "066D3B3B775F3105"), 300.0)
    answer = slave.receive(decode_frame(encode_short(0x4B, 5)), 361.0)
    assert answer is not None
    assert decode(answer).records[0].value == "2026-02-01T00:01"


METER_TOML = """
[[meter]]
id = "12345678"
manufacturer = "KAM"
version = 1
device_type = 4
address = 5
records = ["046D = 2026-01-31T10:00"]
"""


def test_a_scenario_says_so_in_words() -> None:
    text = (
        METER_TOML + 'unlock = "04FD16 = 1234"\nrunning_clock = true\nquirks = ["loses-acks", "keeps-baud"]\n'
    )
    (spec,) = parse_scenario(text).meters
    assert spec.unlock == bytes.fromhex("04FD16D2040000")
    assert spec.running_clock
    assert spec.quirks == (LOSES_ACKS, KEEPS_BAUD)


@pytest.mark.parametrize(
    "line", ['quirks = ["moody"]', "quirks = 1", 'unlock = "x"', 'running_clock = "yes"']
)
def test_a_scenario_that_cannot_be(line: str) -> None:
    with pytest.raises(InputError):
        parse_scenario(METER_TOML + line)

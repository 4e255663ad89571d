"""Telegrams through all layers: what each CI field gives, and when nothing may be decoded."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.application.control import describe_alarm, describe_application_error
from mbuscli.protocol.application.status import describe_status
from mbuscli.protocol.security.keys import Candidate, FixedKeys, parse_key
from mbuscli.protocol.wired.frames import encode_long, encode_short
from mbuscli.telegram import decode
from tests.protocol.application.strategies import METER, response

VOLUME = bytes.fromhex("0C1367452301")


def test_variable_data_with_long_header() -> None:
    telegram = decode(response(VOLUME, address=7))
    assert telegram.meter == METER
    assert (telegram.acc, telegram.status, telegram.configuration) == (42, 0, 0)
    assert (telegram.link.layer, telegram.link.a_field, telegram.link.ci_field) == ("wired", 7, 0x72)
    assert telegram.link.checksum == "ok"
    (record,) = telegram.records
    assert (record.value, record.offset) == (Decimal("1234.567"), 19)
    assert not telegram.problems


@pytest.mark.parametrize(
    ("ci_field", "header"), [(0x78, ""), (0x7A, "2A000000"), (0x72, "785634122D2C1B162A000000")]
)
def test_headers_in_a_frame_and_bare(ci_field: int, header: str) -> None:
    content = bytes.fromhex(header) + VOLUME
    for telegram in (decode(encode_long(8, 1, ci_field, content)), decode(bytes((ci_field,)) + content)):
        assert [record.value for record in telegram.records] == [Decimal("1234.567")]
        assert telegram.acc == (42 if header else None)
        assert telegram.meter == (METER if len(header) == 24 else None)


def test_bare_records() -> None:
    telegram = decode(VOLUME + bytes.fromhex("426C3F3C"))
    assert telegram.link.layer == "application"
    assert [record.value for record in telegram.records] == [Decimal("1234.567"), "2025-12-31"]


@pytest.mark.parametrize("size", [0, 3])
@pytest.mark.parametrize("ci_field", [0x72, 0x7A])
def test_cut_header_is_told(ci_field: int, size: int) -> None:
    telegram = decode(encode_long(8, 1, ci_field, bytes(size)))
    assert [problem.reason for problem in telegram.problems] == [Reason.HEADER_TRUNCATED]
    assert telegram.problems[0].layer == "transport"


@pytest.mark.parametrize(
    ("ci_field", "content", "code"),
    [(0x70, "08", 8), (0x70, "", 0), (0x6E, "2A00000009", 9), (0x6F, "785634122D2C1B162A00000010", 16)],
)
def test_application_errors(ci_field: int, content: str, code: int) -> None:
    telegram = decode(encode_long(8, 1, ci_field, bytes.fromhex(content)))
    assert telegram.application_error == code
    assert not telegram.is_damaged


def test_application_errors_in_words() -> None:
    assert describe_application_error(8) == "application too busy"
    assert describe_application_error(0x07) == "reserved error code"
    assert describe_application_error(0xF1) == "manufacturer specific error"


@pytest.mark.parametrize(
    ("ci_field", "content", "alarm"),
    [(0x71, "05", 5), (0x71, "", 0), (0x74, "2A00000001", 1), (0x75, "785634122D2C1B162A00000080", 128)],
)
def test_alarms(ci_field: int, content: str, alarm: int) -> None:
    assert decode(encode_long(8, 1, ci_field, bytes.fromhex(content))).alarm == alarm
    assert describe_alarm(5) == "alarm bits 0, 2"
    assert describe_alarm(0) == "no alarm bit set"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0x00, []),
        (0x01, ["application busy"]),
        (0x03, ["alarm"]),
        (0x0C, ["power low", "permanent error"]),
        (0x12, ["application error", "temporary error"]),
        (0x24, ["power low", "manufacturer bits 20"]),
    ],
)
def test_status_in_words(status: int, words: list[str]) -> None:
    assert describe_status(status) == words


@pytest.mark.parametrize(
    ("frame", "command"),
    [
        (encode_long(0x53, 0xFD, 0x52, METER.octets()), "select meter 12345678.KAM.1B.16"),
        (encode_long(0x53, 1, 0x50), "application reset: all"),
        (encode_long(0x53, 1, 0x50, b"\x51"), "application select 51: instantaneous values, block 1"),
        (encode_long(0x53, 1, 0xBD), "set baud rate 9600"),
        (encode_long(0x53, 1, 0x51, bytes.fromhex("017A08")), "data send"),
    ],
)
def test_commands_of_a_master(frame: bytes, command: str) -> None:
    telegram = decode(frame)
    assert telegram.command == command
    assert telegram.link.from_master
    assert not telegram.is_damaged


def test_records_of_a_master() -> None:
    (record,) = decode(encode_long(0x53, 1, 0x51, bytes.fromhex("017A08"))).records
    assert (record.header.quantity, record.value) == ("address", 8)


@pytest.mark.parametrize("frame", [b"\xe5", encode_short(0x5B, 1)])
def test_frames_without_data(frame: bytes) -> None:
    telegram = decode(frame)
    assert telegram.records == []
    assert not telegram.problems


@pytest.mark.parametrize("c_field", [0x08, 0x53])
def test_unknown_ci_field(c_field: int) -> None:
    telegram = decode(encode_long(c_field, 1, 0xA7, b"\1\2\3"))
    assert [(problem.reason, problem.offset) for problem in telegram.problems] == [(Reason.UNKNOWN_CI, 6)]


def test_encrypted_data_is_not_guessed_at() -> None:
    """Mode 5, one block: sixteen octets are hidden, the records behind them are clear."""
    telegram = decode(response(bytes(range(16)) + VOLUME, configuration=0x0510))
    assert telegram.security.state == "key_missing"
    assert [record.value for record in telegram.records] == [Decimal("1234.567")]
    assert [problem.reason for problem in telegram.problems] == [Reason.KEY_MISSING]


def test_data_that_a_receiver_decrypted_is_read() -> None:
    telegram = decode(response(b"\x2f\x2f" + VOLUME + b"\x2f" * 8, configuration=0x0510))
    assert telegram.security.state == "none"
    assert [record.value for record in telegram.records] == [Decimal("1234.567")]


@pytest.mark.parametrize("configuration", [0xFFFF, 0xB627, 0x1234])
def test_clear_data_behind_a_senseless_configuration_is_read_with_a_warning(configuration: int) -> None:
    telegram = decode(response(VOLUME, configuration=configuration))
    assert [record.value for record in telegram.records] == [Decimal("1234.567")]
    assert [problem.reason for problem in telegram.problems] == [Reason.CONFIGURATION_IGNORED]
    assert not telegram.is_damaged


def test_unknown_security_mode_keeps_the_octets() -> None:
    telegram = decode(response(bytes.fromhex("8F8F8F8F3FC0C0"), configuration=0x0800))
    assert telegram.security.state == "unsupported"
    assert telegram.records == []


@pytest.mark.parametrize(
    ("text", "crc"),
    [
        ("0F44AE0C78563412010778 0B13436587", "absent"),
        ("0F44AE0C785634120107 4447 780B13436587 1E6D", "ok"),
        ("44AE0C78563412010778 0B13436587", "absent"),
    ],
)
def test_wireless_telegram_with_and_without_checks(text: str, crc: str) -> None:
    """The worked example of EN 13757-4, frame format A; the last without its L field."""
    telegram = decode(bytes.fromhex(text.replace(" ", "")))
    assert (telegram.link.layer, telegram.link.crc) == ("wireless", crc)
    assert str(telegram.meter) == "12345678.CEN.01.07"
    assert telegram.raw.hex().upper() == "0F44AE0C78563412010778" + "0B13436587"
    assert [(record.value, record.offset) for record in telegram.records] == [(Decimal("876.543"), 11)]


def test_encrypted_wireless_telegram_opens_with_its_key() -> None:
    """OMS annex N.2.1: security profile A."""
    octets = bytes.fromhex(
        "2E4493157856341233037A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3"
    )
    keys = FixedKeys([Candidate("annex N", parse_key("0102030405060708090A0B0C0D0E0F11"), exact=True)])
    telegram = decode(octets, keys=keys)
    assert telegram.security.state == "decrypted"
    assert (telegram.security.key, telegram.security.checks) == ("annex N", ("2F2F",))
    assert [record.value for record in telegram.records] == [Decimal("28504.27"), "2008-05-31T23:50", 0]
    closed = decode(octets)
    assert (closed.security.state, closed.records) == ("key_missing", [])


@pytest.mark.parametrize("octets", ["", "00", "FFFFFF", "3F3F"])
def test_nothing_is_made_of_nonsense(octets: str) -> None:
    with pytest.raises(DecodeError):
        decode(bytes.fromhex(octets))


def test_public_names_load_on_use() -> None:
    import mbuscli

    assert mbuscli.decode is decode
    with pytest.raises(AttributeError):
        _ = mbuscli.nonsense

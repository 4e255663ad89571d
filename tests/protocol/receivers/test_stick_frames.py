"""Frames of sticks: whole messages come out however the octets are cut, and whatever stands around them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mbuscli.errors import DecodeError
from mbuscli.protocol.checksum import crc_x25, ends_with_crc_x25, xor8
from mbuscli.protocol.receivers import amber, im871a, iu891a, rc1180
from mbuscli.protocol.receivers import im871a_settings as settings
from mbuscli.protocol.receivers.framer import Damage, Framer
from mbuscli.protocol.receivers.slip import encode_slip, unescape_slip
from mbuscli.protocol.receivers.stream import append_rssi, encode_rssi, rssi_dbm, split_rssi
from tests.capture.telegrams import TELEGRAMS

TELEGRAM = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")
INFO = bytes.fromhex("A5 01 10 08 33 00 15 17 78 56 34 12")


def im871a_telegram(telegram: bytes) -> bytes:
    return im871a.encode_frame(im871a.RADIO_LINK, im871a.RECEIVED, telegram[1:], rssi=76, crc=True)


def iu891a_telegram(telegram: bytes) -> bytes:
    return iu891a.encode_frame(iu891a.RADIO_LINK, iu891a.RECEIVED, iu891a.encode_received(telegram, -70, 1))


def amber_telegram(telegram: bytes) -> bytes:
    return amber.encode_frame(amber.RECEIVED, telegram[1:])


# How a family writes a telegram, how it is cut, and octets that can begin nothing of it.
FAMILIES: dict[str, tuple[Callable[[bytes], bytes], Callable[[], Framer[Any]], bytes]] = {
    "im871a": (im871a_telegram, im871a.framer, b"\xa5"),
    "iu891a": (iu891a_telegram, iu891a.framer, b""),
    "amber": (amber_telegram, amber.telegram_framer, b"\xff"),
}
families = pytest.mark.parametrize("family", FAMILIES)


def octets_of(found: list[Any]) -> bytes:
    return b"".join(item.raw for item in found)


def told(found: list[Any]) -> list[Any]:
    """What can be compared: errors are not equal to each other."""
    return [(item.raw, str(item.error)) if isinstance(item, Damage) else item for item in found]


def feed(framer: Framer[Any], data: bytes, cuts: list[int]) -> list[Any]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    found = []
    for begin, end in itertools.pairwise(places):
        found += framer.feed(data[begin:end])
    return [*found, *framer.flush()]


@families
@given(TELEGRAMS)
def test_every_split_point(family: str, telegram: bytes) -> None:
    encode, framer, _ = FAMILIES[family]
    data = encode(telegram)
    for cut in range(len(data) + 1):
        found = feed(framer(), data, [cut])
        assert [item.telegram for item in found] == [telegram]


@families
@given(
    st.lists(TELEGRAMS, min_size=1, max_size=3),
    st.lists(st.binary(max_size=20), min_size=4, max_size=4),
    st.lists(st.integers(0, 2000), max_size=5),
)
def test_garbage_before_between_and_after(
    family: str, telegrams: list[bytes], garbage: list[bytes], cuts: list[int]
) -> None:
    encode, framer, starts = FAMILIES[family]
    # Stray octets in front of a frame in SLIP end at the frame's own first octet.
    noise = [octets.translate(None, starts) for octets in garbage]
    data = noise[0]
    for telegram, behind in zip(telegrams, noise[1:], strict=False):
        data += encode(telegram) + behind
    found = feed(framer(), data, cuts)
    assert [item.telegram for item in found if not isinstance(item, Damage)] == telegrams
    assert told(found) == told(feed(framer(), data, []))
    if family != "iu891a":
        assert octets_of(found) == data


@families
@given(TELEGRAMS, TELEGRAMS, st.data())
def test_half_a_frame_hides_no_whole_one(family: str, half: bytes, whole: bytes, data: st.DataObject) -> None:
    encode, framer, _ = FAMILIES[family]
    frame = encode(half)
    cut = frame[: data.draw(st.integers(1, len(frame) - 1))]
    # Eight check bits take one damaged frame in 256 for a whole one.
    assume(family != "amber" or xor8((cut + encode(whole))[: len(frame)]))
    found = feed(framer(), cut + encode(whole), [])
    assert found[-1].telegram == whole


@families
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_octets_are_cut_alike_and_none_is_lost(family: str, data: bytes, cuts: list[int]) -> None:
    framer = FAMILIES[family][1]
    found = feed(framer(), data, cuts)
    assert told(found) == told(feed(framer(), data, []))
    if family != "iu891a":
        assert octets_of(found) == data


@families
def test_a_storm_of_garbage_is_reported_in_pieces(family: str) -> None:
    framer = FAMILIES[family][1]()
    found = []
    for _ in range(100):
        found += framer.feed(b"\x33" * 100)
        assert framer.held <= 1124
    assert sum(len(item.raw) for item in found) >= 10_000 - 1124
    assert all(item.error.name == "link.garbage" for item in found)


@families
def test_damage_names_its_cause(family: str) -> None:
    encode, framer, _ = FAMILIES[family]
    frame = bytearray(encode(TELEGRAM))
    frame[12] ^= 0x01
    (damage,) = feed(framer(), bytes(frame), [])
    assert damage.error.name == ("link.checksum" if family == "amber" else "link.crc")
    (damage,) = feed(framer(), encode(TELEGRAM)[:12], [])
    assert damage.error.name == "link.too-short"


def test_im871a_by_hand() -> None:
    (message,) = im871a.framer().feed(bytes.fromhex("A5C20309472D2C57277971340C4C6807"))
    assert isinstance(message, im871a.Message)
    assert (message.telegram, message.rssi_dbm) == (bytes.fromhex("09472D2C57277971340C"), -84.5)
    (message,) = im871a.framer().feed(INFO)
    assert isinstance(message, im871a.Message)
    assert im871a.decode_device_info(message.payload) == (im871a.IM871A, 0, 0x15, 0x17, 0x12345678)
    assert im871a.decode_device_info(b"1234567") is None
    assert im871a_telegram(TELEGRAM).hex().upper().endswith("4CEA03")


def test_im871a_settings_by_hand() -> None:
    wanted = {settings.LINK_MODE: 0x0A, settings.RSSI_ATTACHED: 1, settings.TIME_STAMP_ATTACHED: 0}
    assert settings.encode_settings(wanted).hex() == "020a300100"
    fields = settings.decode_settings(bytes.fromhex("FF000A44252C10001102010F00FF0700000001000100"))
    assert (fields[settings.DEVICE_ID], fields[settings.LINK_MODE], len(fields)) == (0x02110010, 0x0A, 16)
    assert settings.decode_settings(b"") == {}


@given(st.binary(max_size=30))
def test_im871a_settings_there_and_back(data: bytes) -> None:
    fields = settings.decode_settings(data)
    assert settings.decode_settings(settings.encode_settings(fields)) == fields


@given(st.integers(0, 229))
def test_im871a_strength_there_and_back(raw: int) -> None:
    message = im871a.Message(2, 3, b"", rssi=raw)
    assert message.rssi_dbm is not None
    assert im871a.encode_rssi(message.rssi_dbm) == raw


@given(st.binary())
def test_slip_there_and_back(data: bytes) -> None:
    written = encode_slip(data)
    assert written.count(b"\xc0") == 2
    assert unescape_slip(written[1:-1]) == data


@pytest.mark.parametrize("inside", ["DB", "DB00", "01DBDB"])
def test_slip_escapes_that_mean_nothing(inside: str) -> None:
    with pytest.raises(DecodeError, match="escape"):
        unescape_slip(bytes.fromhex(inside))


def test_iu891a_by_hand() -> None:
    config = iu891a.Configuration(3, 6).encode()
    assert iu891a.encode_frame(1, 3).hex() == "c001030424c0"
    assert iu891a.encode_frame(9, 3, config).hex() == "c009030306000000000000000000a176c0"
    line = "C0 0920 9F436D38 000002 E7" + TELEGRAM.hex() + "AF59C0"
    (message,) = iu891a.framer().feed(bytes.fromhex(line))
    assert isinstance(message, iu891a.Message)
    assert (message.telegram, message.rssi_dbm) == (TELEGRAM, -25.0)
    assert iu891a.decode_configuration(config) == (3, 6, bytes(8))
    assert iu891a.decode_configuration(config[:-1]) is None
    assert iu891a.decode_device_info(b"1234") is None


def test_iu891a_wake_up_octets_say_nothing() -> None:
    framer = iu891a.framer()
    assert framer.feed(iu891a.WAKE_UP * 3) == []
    assert framer.held == 0


ANSWERS = (amber.encode_answer(4, b"\0"), amber.encode_answer(0x0B, b"1234"))


@given(
    st.lists(TELEGRAMS, max_size=3),
    st.sampled_from(ANSWERS),
    st.integers(0, 3),
    st.lists(st.integers(0, 2000), max_size=5),
)
def test_answers_are_picked_out_of_telegrams(
    telegrams: list[bytes], answer: bytes, place: int, cuts: list[int]
) -> None:
    data = b"".join(telegrams[:place]) + answer + b"".join(telegrams[place:])
    answers = amber.Answers()
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    items: list[amber.Frame | bytes] = []
    for begin, end in itertools.pairwise(places):
        items += answers.feed(data[begin:end])
    items.append(answers.flush())
    assert [item.raw for item in items if isinstance(item, amber.Frame)] == [answer]
    assert b"".join(item for item in items if isinstance(item, bytes)) == b"".join(telegrams)


def test_amber_by_hand() -> None:
    assert amber.encode_frame(4, b"\x09").hex() == "ff040109f3"
    assert amber.encode_frame(amber.GET_PARAMETERS, amber.READ_MEMORY).hex() == "ff0a02008077"
    assert amber.encode_answer(4, b"\0").hex() == "ff8401007a"
    (telegram,) = amber.telegram_framer().feed(bytes.fromhex("FF0319") + TELEGRAM[1:] + bytes.fromhex("1255"))
    assert not isinstance(telegram, Damage)
    assert split_rssi(telegram.telegram) == (TELEGRAM, 0x12)
    assert rssi_dbm(0x12) == -65.0
    assert amber.decode_memory(b"\0\x78" + bytes(119)) is None
    assert amber.decode_memory(b"\x01\x78" + bytes(120)) is None


@given(TELEGRAMS.filter(lambda telegram: telegram[0] < 255), st.integers(0, 255))
def test_strength_behind_a_telegram(telegram: bytes, octet: int) -> None:
    assert split_rssi(append_rssi(telegram, octet)) == (telegram, octet)
    assert encode_rssi(rssi_dbm(octet)) == octet
    assert rc1180.encode_rssi(rc1180.rssi_dbm(octet)) == octet


def test_rc1180_memory() -> None:
    memory = bytearray(256)
    memory[0x1B:0x1F] = bytes.fromhex("78563412")
    heard = {}
    for channel in (0x0B, 0x0C, 0x05):
        memory[0] = channel
        decoded = rc1180.decode_settings(bytes(memory))
        assert decoded is not None
        heard[channel] = decoded.listening
        assert (decoded.identification, decoded.rssi_appended) == ("12345678", False)
    assert heard == {0x0B: {"S1"}, 0x0C: {"T1"}, 0x05: {"R2"}}
    assert rc1180.decode_settings(bytes(256)) is None
    assert rc1180.decode_settings(bytes(memory[:-1])) is None


def test_checksums() -> None:
    assert crc_x25(b"123456789") == 0x906E
    assert xor8(bytes.fromhex("FF0A02008077")) == 0


@given(st.binary())
def test_crc_x25_ends_what_it_covers(data: bytes) -> None:
    covered = data + crc_x25(data).to_bytes(2, "little")
    assert ends_with_crc_x25(covered)
    assert not ends_with_crc_x25(covered[:-1] + bytes((covered[-1] ^ 1,)))

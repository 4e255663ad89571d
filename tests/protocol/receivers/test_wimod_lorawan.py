"""Messages of the IMST LoRaWAN modems: known frames, any cut, damage."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.protocol.receivers import wimod_lorawan as hci
from mbuscli.protocol.receivers.framer import Damage

BODY = st.binary(max_size=60)
OCTET = st.integers(0, 255)
SIGNED = st.integers(-128, 127)


@pytest.mark.parametrize(
    ("sap", "number", "body", "frame"),
    [
        (1, 3, "", "C001030424C0"),
        (1, 1, "", "C001011607C0"),
        (0x10, 9, "", "C010091707C0"),
        (0x10, 0x0A, "00", "C0100A0029BEC0"),
    ],
)
def test_known_frames(sap: int, number: int, body: str, frame: str) -> None:
    assert hci.encode_request(sap, number, bytes.fromhex(body)).hex().upper() == frame


@given(
    st.lists(st.tuples(st.sampled_from([1, 0x10]), OCTET, BODY), max_size=4), st.lists(st.integers(0, 400))
)
def test_every_split(messages: list[tuple[int, int, bytes]], places: list[int]) -> None:
    data = b"".join(hci.encode_request(*message) for message in messages)
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    framer = hci.framer()
    found = [each for first, last in pairwise(at) for each in framer.feed(data[first:last])]
    assert [each[:3] for each in found if not isinstance(each, Damage)] == messages
    assert len(found) == len(messages)


@given(st.binary(max_size=20).filter(lambda noise: 0xC0 not in noise))
def test_a_message_behind_noise(noise: bytes) -> None:
    found = hci.framer().feed(noise + hci.encode_request(1, 1) + hci.encode_request(0x10, 9))
    assert [each[:2] for each in found if not isinstance(each, Damage)][-1] == (0x10, 9)


@given(OCTET, OCTET, SIGNED, SIGNED, OCTET, BODY, st.booleans())
def test_received_frames(
    channel: int, rate: int, rssi: int, snr: int, window: int, content: bytes, extended: bool
) -> None:
    extension = hci.Extension(channel, rate, rssi, snr, window)
    flags = hci.ACK | (hci.EXTENDED if extended else 0)
    body = bytes((flags,)) + content + (extension.encode() if extended else b"")
    assert hci.decode_heard(body) == hci.Heard(flags, content, extension if extended else None)
    if extended:
        assert hci.decode_heard(body[:5]) is None
    assert hci.decode_heard(b"") is None


@given(st.binary(max_size=12))
def test_the_stack_comes_back(data: bytes) -> None:
    stack = hci.decode_stack(data)
    assert (stack is None) == (len(data) < 6)
    assert stack is None or stack.encode() == data

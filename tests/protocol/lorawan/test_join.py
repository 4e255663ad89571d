"""Joining: the accept there and back, keys, channel lists, rejoin-requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import DecodeError
from mbuscli.protocol.lorawan import join
from mbuscli.protocol.lorawan.fields import describe_dev_addr
from mbuscli.protocol.lorawan.phy import JoinAccept, RejoinRequest, decode_phy
from mbuscli.protocol.security.keys import Key

APP_KEY = Key(bytes(range(16)))
EUI = bytes.fromhex("0011223344556677")


@given(
    join_nonce=st.integers(0, 0xFFFFFF),
    net_id=st.binary(min_size=3, max_size=3),
    dev_addr=st.binary(min_size=4, max_size=4),
    offset=st.integers(0, 7),
    rate=st.integers(0, 15),
    delay=st.integers(0, 15),
    channels=st.lists(st.integers(0, 0xFFFFFF), max_size=5),
)
def test_accept_there_and_back(
    join_nonce: int,
    net_id: bytes,
    dev_addr: bytes,
    offset: int,
    rate: int,
    delay: int,
    channels: list[int],
) -> None:
    hz = tuple(100 * each for each in channels)
    cf_list = join.encode_frequency_list(hz) if channels else b""
    clear = join.encode_accept(
        join_nonce,
        net_id,
        dev_addr,
        rx1_offset=offset,
        rx2_data_rate=rate,
        rx_delay_s=delay,
        cf_list=cf_list,
    )
    sealed = decode_phy(join.seal_accept(clear, APP_KEY)).content
    assert isinstance(sealed, JoinAccept)
    accept = join.open_accept(sealed.sealed, APP_KEY)
    assert join.accept_is_authentic(accept, APP_KEY)
    assert (accept.join_nonce, accept.net_id, accept.dev_addr) == (join_nonce, net_id, dev_addr)
    assert (accept.rx1_offset, accept.rx2_data_rate, accept.rx_delay_s) == (offset, rate, delay or 1)
    if channels:
        assert accept.cf_list is not None
        assert accept.cf_list.frequencies_hz == hz + (0,) * (5 - len(hz))
    assert not join.accept_is_authentic(join.open_accept(sealed.sealed, Key(bytes(16))), Key(bytes(16)))


@given(masks=st.tuples(*[st.integers(0, 0xFFFF)] * 5))
def test_mask_list(masks: tuple[int, int, int, int, int]) -> None:
    channels = join.parse_cf_list(join.encode_mask_list(masks))
    assert channels.masks == masks
    assert len(channels.channels) == sum(mask.bit_count() for mask in masks)


def test_sub_band_2() -> None:
    raw = join.encode_mask_list((0xFF00, 0, 0, 0, 2))
    assert join.parse_cf_list(raw).channels == (*range(8, 16), 65)


def test_1_1_mic_covers_the_request() -> None:
    key = join.js_int_key(APP_KEY, EUI)
    clear = join.encode_accept(1, b"\0\0\x13", b"\x26\x01\x02\x03", opt_neg=True)
    raw = join.seal_accept(clear, APP_KEY, join.accept_mic_1_1(clear, key, EUI, 7))
    accept = join.open_accept(raw[1:], APP_KEY)
    assert join.accept_is_authentic_1_1(accept, key, EUI, 7)
    assert not join.accept_is_authentic_1_1(accept, key, EUI, 8)
    assert not join.accept_is_authentic_1_1(accept, key, EUI[::-1], 7)
    assert not join.accept_is_authentic(accept, APP_KEY)


def test_request_is_checked_by_its_key() -> None:
    raw = join.encode_join_request(EUI, EUI[::-1], 0x1234, APP_KEY)
    assert join.request_is_authentic(raw, APP_KEY)
    assert not join.request_is_authentic(raw[:-1] + bytes((raw[-1] ^ 1,)), APP_KEY)
    assert not join.request_is_authentic(raw, Key(bytes(16)))


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_rejoin_request(kind: int) -> None:
    first = EUI[::-1] if kind == 1 else b"\x13\0\0"
    raw = bytes((0xC0, kind)) + first + EUI[::-1] + (7).to_bytes(2, "little") + b"\1\2\3\4"
    request = decode_phy(raw).content
    assert isinstance(request, RejoinRequest)
    assert (request.dev_eui, request.rj_count, join.nonce_of(request)) == (EUI, 7, 7)
    assert request.join_eui == (EUI if kind == 1 else None)
    assert request.net_id == (None if kind == 1 else b"\0\0\x13")


@pytest.mark.parametrize("size", [0, 15, 17, 31])
def test_no_accept(size: int) -> None:
    with pytest.raises(DecodeError, match="16 or 32"):
        join.open_accept(bytes(size), APP_KEY)


@pytest.mark.parametrize(
    ("dev_addr", "text"),
    [("00112233", "private"), ("26012E43", "Things"), ("FC00DC06", "type 6"), ("E010ECF7", "type 3")],
)
def test_whose_address(dev_addr: str, text: str) -> None:
    assert text in describe_dev_addr(bytes.fromhex(dev_addr))

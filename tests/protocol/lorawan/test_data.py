"""Data frames: taking apart, MIC, encryption, counters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import DecodeError
from mbuscli.protocol.lorawan.phy import Data, decode_phy, encode_data
from mbuscli.protocol.lorawan.session import (
    FULL_MIC,
    HALF_MIC,
    SessionKeys,
    Transmission,
    crypt_f_opts,
    crypt_payload,
    mic_of,
    open_data,
)
from mbuscli.protocol.security.keys import Key

KEYS = [Key(bytes(range(n, n + 16))) for n in (1, 33, 65, 97)]
V1_0 = SessionKeys.v1_0(KEYS[0], KEYS[3])
V1_1 = SessionKeys("1.1", *KEYS)
DEV_ADDR = bytes.fromhex("26011ABC")


def frame(
    keys: SessionKeys,
    f_cnt: int,
    *,
    uplink: bool = True,
    ack: bool = False,
    f_opts: bytes = b"",
    f_port: int | None = None,
    payload: bytes = b"",
    sent: Transmission = Transmission(),  # noqa: B008
) -> bytes:
    """A frame as a device or a network sends it."""
    key = keys.app_s if f_port else keys.nwk_s_enc
    assert key is not None
    sealed = crypt_payload(key, payload, uplink=uplink, dev_addr=DEV_ADDR, f_cnt=f_cnt)
    shape = {"uplink": uplink, "ack": ack, "f_port": f_port, "frm_payload": sealed}
    if keys.is_1_1 and f_opts:
        bare = content(encode_data(DEV_ADDR, f_cnt, f_opts=f_opts, **shape) + bytes(4))  # type: ignore[arg-type]
        assert keys.nwk_s_enc is not None
        f_opts = crypt_f_opts(keys.nwk_s_enc, f_opts, bare, f_cnt)
    body = encode_data(DEV_ADDR, f_cnt, f_opts=f_opts, **shape)  # type: ignore[arg-type]
    return body + mic_of(content(body + bytes(4)), keys, f_cnt, sent)


def content(raw: bytes) -> Data:
    data = decode_phy(raw).content
    assert isinstance(data, Data)
    return data


shapes = st.one_of(
    st.tuples(st.just(b""), st.just(0), st.binary(max_size=60)),
    st.tuples(st.binary(max_size=15), st.integers(1, 255), st.binary(max_size=60)),
    st.tuples(st.binary(max_size=15), st.none(), st.just(b"")),
)


@given(shape=shapes, f_cnt=st.integers(0, 200 << 16), uplink=st.booleans(), ack=st.booleans())
def test_1_0_there_and_back(
    shape: tuple[bytes, int | None, bytes], f_cnt: int, uplink: bool, ack: bool
) -> None:
    f_opts, f_port, payload = shape
    raw = frame(V1_0, f_cnt, uplink=uplink, ack=ack, f_opts=f_opts, f_port=f_port, payload=payload)
    data = content(raw)
    assert (data.dev_addr, data.f_port, data.ack, data.uplink) == (DEV_ADDR, f_port, ack, uplink)
    opened = open_data(data, V1_0)
    assert opened is not None
    assert (opened.f_cnt, opened.payload, opened.f_opts) == (f_cnt, payload, f_opts)
    assert opened.check == FULL_MIC


@given(
    shape=shapes,
    f_cnt=st.integers(0, 3 << 16),
    uplink=st.booleans(),
    ack=st.booleans(),
    sent=st.builds(Transmission, st.integers(0, 15), st.integers(0, 71), st.integers(0, 0xFFFF)),
)
def test_1_1_there_and_back(
    shape: tuple[bytes, int | None, bytes], f_cnt: int, uplink: bool, ack: bool, sent: Transmission
) -> None:
    f_opts, f_port, payload = shape
    raw = frame(V1_1, f_cnt, uplink=uplink, ack=ack, f_opts=f_opts, f_port=f_port, payload=payload, sent=sent)
    opened = open_data(content(raw), V1_1, known=sent)
    assert opened is not None
    assert (opened.f_cnt, opened.payload, opened.f_opts) == (f_cnt, payload, f_opts)
    assert opened.check == FULL_MIC


def test_1_1_data_rate_and_channel_are_found_by_trying() -> None:
    raw = frame(V1_1, 7, f_port=3, payload=b"x", sent=Transmission(5, 66))
    opened = open_data(content(raw), V1_1)
    assert opened is not None
    assert opened.transmission[:2] == (5, 66)


def test_1_1_uplink_with_one_network_key_is_checked_by_half() -> None:
    raw = frame(V1_1, 7, f_port=3, payload=b"x", sent=Transmission(5, 66))
    half = V1_1._replace(s_nwk_s_int=None, nwk_s_enc=None)
    opened = open_data(content(raw), half)
    assert opened is not None
    assert (opened.check, opened.payload) == (HALF_MIC, b"x")
    far = frame(V1_1, 100 << 16, f_port=3, payload=b"x", sent=Transmission(5, 66))
    assert open_data(content(far), half) is None  # half a MIC proves too little for so many tries


def test_1_1_acknowledging_downlink_needs_the_counter_that_it_acknowledges() -> None:
    raw = frame(V1_1, 7, uplink=False, ack=True, sent=Transmission(conf_f_cnt=9))
    assert open_data(content(raw), V1_1) is None
    assert open_data(content(raw), V1_1, known=Transmission(conf_f_cnt=9)) is not None
    assert open_data(content(raw), V1_1, known=Transmission(conf_f_cnt=8)) is None


def test_without_the_application_key_the_frame_is_proved_but_stays_closed() -> None:
    raw = frame(V1_0, 1, f_port=3, payload=b"hello")
    opened = open_data(content(raw), V1_0._replace(app_s=None))
    assert opened is not None
    assert opened.payload is None


@pytest.mark.parametrize("bit", range(8 * 19))
def test_one_flipped_bit_opens_nothing(bit: int) -> None:
    raw = bytearray(frame(V1_0, 5, f_opts=b"\x02", f_port=9, payload=b"12345"))
    assert bit < 8 * len(raw)
    raw[bit // 8] ^= 1 << bit % 8
    try:
        data = decode_phy(bytes(raw)).content
    except DecodeError:
        return
    if isinstance(data, Data):
        opened = open_data(data, V1_0)
        assert opened is None


@given(raw=st.binary(max_size=64))
def test_any_octets_are_a_frame_or_a_clear_error(raw: bytes) -> None:
    try:
        assert decode_phy(raw).raw == raw
    except DecodeError as error:
        assert 0 <= (error.offset or 0) <= len(raw)


@pytest.mark.parametrize("cut", range(19))
def test_truncated(cut: int) -> None:
    raw = frame(V1_0, 5, f_opts=b"\x02", f_port=9, payload=b"12345")
    assert len(raw) > cut
    try:
        data = decode_phy(raw[:cut]).content
    except DecodeError:
        return
    assert isinstance(data, Data)
    assert open_data(data, V1_0) is None


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("", "link.too-short"),
        ("41", "link.unexpected"),
        ("40F17DBE49000300012A", "link.too-short"),
        ("40F17DBE490F0300012A3518AF", "link.length-mismatch"),
        ("40F17DBE4901030002002A3518AF", "link.unexpected"),
        ("00" * 22, "link.length-mismatch"),
        ("20" + "00" * 20, "link.length-mismatch"),
        ("C003", "link.unexpected"),
        ("C000" + "00" * 5, "link.length-mismatch"),
    ],
)
def test_refused(raw: str, name: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_phy(bytes.fromhex(raw))
    assert caught.value.name == name


def test_a_port_with_an_empty_payload_is_no_missing_port() -> None:
    assert content(bytes.fromhex("40F17DBE49000300") + b"\x01" + bytes(4)).f_port == 1
    assert content(bytes.fromhex("40F17DBE49000300") + bytes(4)).f_port is None

"""Each security mode: what is sealed opens again, published telegrams open, clear parts stay."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.security.keys import Key
from mbuscli.protocol.security.modes_table import MODES, describe_mode
from mbuscli.protocol.security.opening import open_sealed
from mbuscli.protocol.security.sealed import NO_EXTENSION, Extension, Mac, Sealed, read_extension
from mbuscli.protocol.security.sealing import fill_blocks, seal_mac, seal_payload

from . import published
from .helpers import (
    ADAPTER,
    COUNTER,
    DES_KEY,
    KEY,
    METER,
    RECORDS,
    SIBLING,
    anything,
    candidate,
    reads_as_records,
)

addresses = st.binary(min_size=8, max_size=8)
aes_keys = st.binary(min_size=16, max_size=16).map(Key)
counters = st.binary(min_size=4, max_size=4)
acc_numbers = st.integers(0, 255)
_DERIVED = Extension(5, b"\x10", kdf=1)


@pytest.mark.parametrize(
    ("sealed", "key", "plaintext", "checks", "address"),
    [
        (published.PROFILE_A, published.PROFILE_A_KEY, published.GAS_PLAINTEXT, ("2F2F", "records"), "LLA"),
        (published.PROFILE_B, published.KEY_OF_ANNEX_N, published.GAS_PLAINTEXT, ("2F2F", "CMAC"), "LLA"),
        (
            published.PROFILE_B_ADAPTER,
            published.KEY_OF_ANNEX_N,
            published.GAS_PLAINTEXT,
            ("2F2F", "CMAC"),
            "ALA",
        ),
        (published.HCA, published.KEY_OF_ANNEX_N, published.HCA_PLAINTEXT, ("2F2F", "records"), "ALA"),
    ],
    ids=["N.2.1", "N.1.3", "N.1.4", "N.5.3"],
)
def test_published_telegrams(
    sealed: Sealed, key: Key, plaintext: bytes, checks: tuple[str, ...], address: str
) -> None:
    opened = open_sealed(sealed, [candidate(key)], reads_as_records)
    assert opened.state == "decrypted"
    assert opened.plaintext == plaintext
    assert opened.checks == checks
    assert opened.address_used == address
    assert opened.key is not None
    assert opened.key.name == "mine"


@pytest.mark.parametrize("sealed", [published.PROFILE_A, published.PROFILE_B, published.HCA])
def test_published_telegrams_are_sealed_the_same_way(sealed: Sealed) -> None:
    key = published.PROFILE_A_KEY if sealed is published.PROFILE_A else published.KEY_OF_ANNEX_N
    plaintext = published.HCA_PLAINTEXT if sealed is published.HCA else published.GAS_PLAINTEXT
    assert seal_payload(sealed._replace(payload=plaintext), key) == sealed.payload


def test_published_mac_is_made_the_same_way() -> None:
    mac = published.PROFILE_B_ADAPTER.mac
    assert mac is not None
    code = seal_mac(published.KEY_OF_ANNEX_N, 5, mac.covered, COUNTER, METER[:4], from_meter=True)
    assert code == mac.octets


@given(aes_keys, addresses, acc_numbers, st.integers(1, 15), st.binary(max_size=8), st.data())
def test_mode_5_returns(
    key: Key, address: bytes, acc: int, blocks: int, clear: bytes, data: st.DataObject
) -> None:
    content = b"\x2f\x2f" + data.draw(st.binary(min_size=16 * blocks - 2, max_size=16 * blocks - 2))
    plain = Sealed(0x0500 | blocks << 4, content + clear, lla=address, acc=acc)
    sealed = plain._replace(payload=seal_payload(plain, key))
    assert sealed.payload[16 * blocks :] == clear
    if sealed.payload[:2] != b"\x2f\x2f":
        opened = open_sealed(sealed, [candidate(key, exact=True)], reads_as_records, factory_keys=())
        assert opened.plaintext == content + clear
        assert opened.encrypted == 16 * blocks


@given(aes_keys, addresses, counters, st.booleans(), st.booleans(), st.sampled_from([3, 4, 5, 6, 7]))
def test_mode_7_returns(
    key: Key, address: bytes, counter: bytes, in_tpl: bool, from_meter: bool, mac_type: int
) -> None:
    content = fill_blocks(RECORDS)
    extension = _DERIVED._replace(counter=counter) if in_tpl else _DERIVED
    mac = Mac(mac_type, b"", b"", counter)
    plain = Sealed(
        0x0720, content, ala=address, extension=extension, header=b"\x72", mac=mac, from_meter=from_meter
    )
    body = seal_payload(plain, key)
    covered = bytes((0x20 | mac_type,)) + counter + plain.header + body
    code = seal_mac(key, mac_type, covered, counter, address[:4], from_meter=from_meter)
    sealed = plain._replace(payload=body, mac=Mac(mac_type, code, covered, counter))
    opened = open_sealed(sealed, [candidate(key)], reads_as_records)
    assert opened.plaintext == content
    assert opened.checks == ("2F2F", "CMAC")
    other_way = open_sealed(sealed._replace(from_meter=not from_meter), [candidate(key)], reads_as_records)
    assert other_way.state == "key_wrong"


@given(aes_keys, addresses, counters, st.sampled_from([4, 8, 12, 16]), st.binary(max_size=200))
def test_mode_10_returns(key: Key, address: bytes, counter: bytes, tag_size: int, content: bytes) -> None:
    extension = Extension(6, b"\x10\x00", kdf=1, counter=counter, tag_size=tag_size)
    plain = Sealed(0x2AFF, content, lla=address, extension=extension, header=b"\x7a\x01\x00\xff\x2a\x10\x00")
    sealed = plain._replace(payload=seal_payload(plain, key))
    assert len(sealed.payload) == len(content) + tag_size
    opened = open_sealed(sealed, [candidate(key)], reads_as_records)
    assert opened.plaintext == content
    assert opened.checks == ("CCM tag",)


@given(aes_keys, st.integers(1, 15), st.data())
def test_mode_4_returns(key: Key, blocks: int, data: st.DataObject) -> None:
    content = b"\x2f\x2f" + data.draw(st.binary(min_size=16 * blocks - 2, max_size=16 * blocks - 2))
    plain = Sealed(0x0400 | blocks << 4, content)
    sealed = plain._replace(payload=seal_payload(plain, key))
    opened = open_sealed(sealed, [candidate(key, exact=True)], reads_as_records, factory_keys=())
    if sealed.payload[:2] != b"\x2f\x2f":
        assert opened.plaintext == content
        assert opened.address_used is None


@pytest.mark.parametrize("announced", [24, 23, 17])
def test_mode_2_rounds_up_to_its_block(announced: int) -> None:
    content = fill_blocks(RECORDS, 8)
    plain = Sealed(0x0200 | announced, content[:24] + b"\x01\x13\x05")
    sealed = plain._replace(payload=seal_payload(plain, DES_KEY))
    opened = open_sealed(sealed, [candidate(DES_KEY)], anything)
    assert opened.plaintext == content[:24] + b"\x01\x13\x05"
    assert opened.encrypted == 24


def test_mode_2_first_block() -> None:
    """A DES ciphertext known from elsewhere: key 0102030405060708, IV zero."""
    plain = Sealed(0x0210, bytes.fromhex("2F2F0413E80300002F2F2F2F2F2F2F2F"))
    sealed = plain._replace(payload=seal_payload(plain, DES_KEY))
    assert open_sealed(sealed, [candidate(DES_KEY)], reads_as_records).plaintext == plain.payload


def test_mode_3_needs_the_date() -> None:
    plain = Sealed(0x0320, fill_blocks(RECORDS), lla=METER, received_on=date(2026, 1, 31))
    sealed = plain._replace(payload=seal_payload(plain, DES_KEY)[: len(plain.payload)])
    opened = open_sealed(sealed, [candidate(DES_KEY)], reads_as_records)
    assert opened.plaintext == plain.payload
    assert "2026-01-31" in opened.diagnosis[-1]
    unknown = open_sealed(sealed._replace(received_on=None), [candidate(DES_KEY)], reads_as_records)
    assert unknown.state == "unsupported"
    assert "date" in unknown.diagnosis[0]


def test_mode_3_takes_the_address_in_either_order() -> None:
    plain = Sealed(0x0320, fill_blocks(RECORDS), lla=METER, received_on=date(2026, 1, 31))
    turned = METER[4:6] + METER[:4] + METER[6:]
    payload = seal_payload(plain._replace(lla=turned), DES_KEY)
    assert payload != seal_payload(plain, DES_KEY)
    opened = open_sealed(plain._replace(payload=payload, lla=METER), [candidate(DES_KEY)], reads_as_records)
    assert opened.plaintext == plain.payload


def test_address_of_the_link_layer_is_tried_too() -> None:
    plain = Sealed(0x0520, fill_blocks(RECORDS), lla=ADAPTER, acc=7)
    sealed = plain._replace(payload=seal_payload(plain, KEY), ala=METER)
    opened = open_sealed(sealed, [candidate(exact=True)], reads_as_records)
    assert opened.plaintext == plain.payload
    assert opened.address_used == "LLA"
    assert opened.checks == ("2F2F", "records")
    assert "link layer" in opened.diagnosis[0]


@pytest.mark.parametrize("exact", [False, True])
def test_two_addresses_of_one_manufacturer(exact: bool) -> None:
    """The IVs then share the two octets that 2F 2F checks: only the content tells them apart."""
    sender = SIBLING
    plain = Sealed(0x0520, fill_blocks(RECORDS), lla=sender, acc=7)
    sealed = plain._replace(payload=seal_payload(plain, KEY), ala=METER)
    opened = open_sealed(sealed, [candidate(exact=exact)], reads_as_records)
    assert opened.plaintext == plain.payload
    assert opened.address_used == "LLA"


@pytest.mark.parametrize(
    ("mode", "configuration", "data", "extension"),
    [
        (5, 0x0520, "01", NO_EXTENSION),
        (7, 0x0720, "10 AA", Extension(1, b"\x10", 1)),
        (7, 0x2720, "10 01020304 AA", Extension(5, b"\x10", 1, counter=b"\x01\x02\x03\x04")),
        (7, 0x0720, "53 09 AA", Extension(2, b"\x53", 1, 3, 9)),
        (
            10,
            0x2AFF,
            "1001 DC2E0D00 CF",
            Extension(6, b"\x10\x01", 1, counter=b"\xdc\x2e\x0d\x00", tag_size=8),
        ),
        (
            10,
            0x2AFF,
            "5203 05 01020304",
            Extension(7, b"\x52\x03", 1, 2, 5, b"\x01\x02\x03\x04", 16),
        ),
        (13, 0x0D10, "01 AA", Extension(1, b"\x01")),
        (9, 0x2910, "0102", NO_EXTENSION),
        (10, 0x0AFF, "1000 AA", Extension(2, b"\x10\x00", 1, tag_size=4)),
    ],
)
def test_extension(mode: int, configuration: int, data: str, extension: Extension) -> None:
    octets = bytes.fromhex(data)
    assert read_extension(mode, configuration, octets) == extension
    for size in range(extension.size):
        with pytest.raises(DecodeError) as caught:
            read_extension(mode, configuration, octets[:size], offset=15)
        assert caught.value.reason is Reason.HEADER_TRUNCATED
        assert caught.value.offset == 15 + size


def test_each_mode_has_a_name() -> None:
    assert [mode for mode in range(16) if mode in MODES] == list(range(16))
    assert describe_mode(16) == "security mode 16 (manufacturer specific)"
    assert "AES-128-GCM" in describe_mode(9)


@pytest.mark.parametrize(
    ("sealed", "says"),
    [
        (Sealed(0x0520, bytes(16), lla=METER), "32 encrypted octets"),
        (Sealed(0x0900, bytes(16), lla=METER), "mode 9"),
        (Sealed(0x0510, bytes(16)), "address"),
        (Sealed(0x2AFF, bytes(16), lla=METER, extension=Extension(2, b"\0\0", 1)), "counter"),
    ],
)
def test_what_cannot_be_sealed(sealed: Sealed, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        seal_payload(sealed, KEY)

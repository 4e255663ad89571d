"""The ciphers against published examples, and against themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.protocol.security import ciphers
from mbuscli.protocol.security.kdf import (
    ENCRYPT_FROM_METER,
    MAC_FROM_METER,
    derive_key,
)

_NIST_KEY = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
_NIST_PLAIN = bytes.fromhex("6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51")

keys = st.binary(min_size=16, max_size=16)
blocks = st.integers(0, 15).flatmap(lambda n: st.binary(min_size=16 * n, max_size=16 * n))


def test_cbc_nist_sp_800_38a() -> None:
    iv = bytes(range(16))
    sealed = bytes.fromhex("7649ABAC8119B246CEE98E9B12E9197D5086CB9B507219EE95DB113A917678B2")
    assert ciphers.aes_cbc_encrypt(_NIST_KEY, iv, _NIST_PLAIN) == sealed
    assert ciphers.aes_cbc_decrypt(_NIST_KEY, iv, sealed) == _NIST_PLAIN


def test_ctr_nist_sp_800_38a() -> None:
    start = bytes(range(0xF0, 0x100))
    sealed = bytes.fromhex("874D6191B620E3261BEF6864990DB6CE9806F66B7970FDFF8617187BB9FFFDFF")
    assert ciphers.aes_ctr(_NIST_KEY, start, _NIST_PLAIN) == sealed
    assert ciphers.aes_ctr(_NIST_KEY, start, sealed[:21]) == _NIST_PLAIN[:21]


def test_ctr_counts_over_the_end() -> None:
    stream = ciphers.aes_ctr(_NIST_KEY, b"\xff" * 16, bytes(32))
    assert stream[16:] == ciphers.aes_ctr(_NIST_KEY, bytes(16), bytes(16))


@pytest.mark.parametrize(
    ("size", "code"),
    [
        (0, "BB1D6929E95937287FA37D129B756746"),
        (16, "070A16B46B4D4144F79BDD9DD04A287C"),
    ],
)
def test_cmac_rfc_4493(size: int, code: str) -> None:
    assert ciphers.aes_cmac(_NIST_KEY, _NIST_PLAIN[:size]).hex().upper() == code


def test_ccm_rfc_3610_packet_vector_1() -> None:
    key = bytes(range(0xC0, 0xD0))
    nonce = bytes.fromhex("00000003020100A0A1A2A3A4A5")
    header, plain = bytes(range(8)), bytes(range(8, 31))
    sealed = bytes.fromhex("588C979A61C663D2F066D0C2C0F989806D5F6B61DAC384")
    tag = bytes.fromhex("17E8D12CFDF926E0")
    assert ciphers.aes_ccm_encrypt(key, nonce, plain, 8, header) == sealed + tag
    assert ciphers.aes_ccm_decrypt(key, nonce, sealed, tag, header) == plain
    assert ciphers.aes_ccm_decrypt(key, nonce, sealed, tag[::-1], header) is None


def test_des_block() -> None:
    key, plain = bytes.fromhex("133457799BBCDFF1"), bytes.fromhex("0123456789ABCDEF")
    sealed = bytes.fromhex("85E813540F0AB405")
    assert ciphers.des_cbc_encrypt(key, bytes(8), plain) == sealed
    assert ciphers.des_cbc_decrypt(key, bytes(8), sealed) == plain


def test_key_derivation_tr_17167_f_3() -> None:
    key, counter, meter = bytes(range(16)), bytes.fromhex("B30A0000"), bytes.fromhex("78563412")
    derived = derive_key(key, ENCRYPT_FROM_METER, counter, meter)
    assert derived.hex().upper() == "ECCF39D475D730B8284FDFDC1995D52F"
    derived = derive_key(key, MAC_FROM_METER, counter, meter)
    assert derived.hex().upper() == "C9CD19FF5A9AAD5A6BBDA13BD2C4C7AD"


@given(keys, keys, blocks)
def test_cbc_returns(key: bytes, iv: bytes, data: bytes) -> None:
    assert ciphers.aes_cbc_decrypt(key, iv, ciphers.aes_cbc_encrypt(key, iv, data)) == data


@given(keys, keys, st.binary(max_size=255))
def test_ctr_returns(key: bytes, start: bytes, data: bytes) -> None:
    assert ciphers.aes_ctr(key, start, ciphers.aes_ctr(key, start, data)) == data


@given(st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8), st.integers(0, 8), st.data())
def test_des_returns(key: bytes, iv: bytes, count: int, data: st.DataObject) -> None:
    plain = data.draw(st.binary(min_size=8 * count, max_size=8 * count))
    assert ciphers.des_cbc_decrypt(key, iv, ciphers.des_cbc_encrypt(key, iv, plain)) == plain


def test_threads_may_decrypt_with_the_same_key() -> None:
    sealed = ciphers.aes_cbc_encrypt(_NIST_KEY, bytes(16), _NIST_PLAIN * 8)

    def work(_: int) -> bool:
        results = {ciphers.aes_cbc_decrypt(_NIST_KEY, bytes(16), sealed) for _ in range(500)}
        return results == {_NIST_PLAIN * 8}

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))

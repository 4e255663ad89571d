"""Encryption of the extended link layer, and the payload CRC that proves it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.protocol.checksum import crc_en13757
from mbuscli.protocol.security.ell_ctr import open_ell, start_block
from mbuscli.protocol.security.keys import Key
from mbuscli.protocol.security.sealed import SealedEll
from mbuscli.protocol.security.sealing import seal_ell

from .helpers import (
    DES_KEY,
    KEY,
    METER,
    OTHER_KEY,
    RECORDS,
    anything,
    candidate,
    flipped,
    nothing,
    reads_as_records,
)

_SESSION = bytes.fromhex("37CAC021")
_CONTENT = b"\x78" + RECORDS
_PLAINTEXT = crc_en13757(_CONTENT).to_bytes(2, "little") + _CONTENT


def _reads(data: bytes) -> bool:
    return data[:1] == b"\x78" and reads_as_records(data[1:])


def _sealed(content: bytes = _CONTENT, *, key: Key = KEY, cc: int = 0x20) -> SealedEll:
    clear = SealedEll(METER, cc, _SESSION, content)
    return clear._replace(payload=seal_ell(clear, key))


def test_start_block() -> None:
    block = start_block(SealedEll(METER, 0xFF, _SESSION, b""))
    assert block.hex(" ") == "93 15 78 56 34 12 33 03 ed 37 ca c0 21 00 00 00"


@given(
    st.binary(min_size=16, max_size=16).map(Key),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 255),
    st.binary(min_size=3, max_size=3),
    st.binary(max_size=240),
)
def test_returns(key: Key, address: bytes, cc: int, session: bytes, content: bytes) -> None:
    clear = SealedEll(address, cc, session + b"\x21", content)
    sealed = clear._replace(payload=seal_ell(clear, key))
    opened = open_ell(sealed, [candidate(key, exact=True)], nothing, factory_keys=())
    assert opened.state == "decrypted"
    assert opened.plaintext == crc_en13757(content).to_bytes(2, "little") + content
    assert opened.encrypted == len(content) + 2
    assert (opened.checks, opened.address_used) == (("PLCRC",), "LLA")


def test_relayed_telegram_opens_all_the_same() -> None:
    """Repeaters set the hop and repeated-access bits behind the meter's back."""
    relayed = _sealed()._replace(cc=0x20 | 0x12)
    assert open_ell(relayed, [candidate()], _reads).plaintext == _PLAINTEXT


def test_checks_of_a_key_that_is_not_for_exactly_this_meter() -> None:
    opened = open_ell(_sealed(), [candidate(DES_KEY, name="short"), candidate()], _reads)
    assert opened.checks == ("PLCRC", "records")
    assert [attempt.failed_check for attempt in opened.attempts] == ["length"]
    refused = open_ell(_sealed(), [candidate()], nothing)
    assert (refused.state, refused.plaintext) == ("key_wrong", None)
    assert refused.attempts[0].failed_check == "records"


def test_no_key_and_wrong_key() -> None:
    missing = open_ell(_sealed(), [], _reads)
    assert missing.state == "key_missing"
    assert "extended link layer" in missing.diagnosis[0]
    wrong = open_ell(_sealed()._replace(intact=True), [candidate(OTHER_KEY)], _reads)
    assert wrong.state == "key_wrong"
    assert "payload CRC" in wrong.diagnosis[1]
    assert "undamaged" in wrong.diagnosis[-1]


def test_factory_key() -> None:
    opened = open_ell(_sealed(key=Key(bytes(16))), [], _reads)
    assert opened.key is not None
    assert opened.key.factory
    assert "anybody" in opened.diagnosis[0]


def test_not_encrypted() -> None:
    clear = SealedEll(METER, 0x20, bytes(4), _PLAINTEXT)
    opened = open_ell(clear, [candidate()], _reads)
    assert (opened.state, opened.plaintext, opened.checks) == ("none", _PLAINTEXT, ("PLCRC",))
    for payload in [*flipped(_PLAINTEXT), b"", b"\x00"]:
        damaged = open_ell(clear._replace(payload=payload), [candidate()], anything)
        assert (damaged.state, damaged.plaintext) == ("none", None)
        assert "damaged" in damaged.diagnosis[0]


def test_decrypted_by_the_receiver() -> None:
    opened = open_ell(_sealed()._replace(payload=_PLAINTEXT), [], _reads)
    assert (opened.state, opened.plaintext) == ("none", _PLAINTEXT)
    assert "receiver" in opened.diagnosis[0]


@pytest.mark.parametrize("encryption", range(2, 8))
def test_reserved_encryption(encryption: int) -> None:
    session = _SESSION[:3] + bytes((encryption << 5,))
    opened = open_ell(_sealed()._replace(session=session), [candidate()], _reads)
    assert (opened.state, opened.plaintext) == ("unsupported", None)
    assert str(encryption) in opened.diagnosis[0]


def test_one_wrong_bit_never_decrypts() -> None:
    sealed = _sealed()
    messages = [sealed._replace(payload=payload) for payload in flipped(sealed.payload)]
    messages += [sealed._replace(lla=lla) for lla in flipped(METER)]
    messages += [sealed._replace(session=session) for session in flipped(_SESSION)]
    messages += [sealed._replace(cc=0x20 ^ 1 << bit) for bit in (0, 2, 3, 5, 6, 7)]
    messages += [sealed._replace(payload=sealed.payload[:size]) for size in range(len(sealed.payload))]
    for message in messages:
        opened = open_ell(message, [candidate(exact=True)], anything)
        assert opened.state in ("key_wrong", "unsupported", "none")
        assert opened.plaintext is None
    for octets in flipped(KEY.octets):
        opened = open_ell(sealed, [candidate(Key(octets), exact=True)], anything)
        assert (opened.state, opened.plaintext) == ("key_wrong", None)


def test_wrong_keys_never_decrypt() -> None:
    """Of 50 000 wrong keys about one passes the CRC by chance; then the content refuses it."""
    source = random.Random(13757)
    keys = [candidate(Key(source.randbytes(16))) for _ in range(50_000)]
    opened = open_ell(_sealed(), keys, _reads)
    assert opened.state == "key_wrong"
    assert sum(attempt.failed_check == "records" for attempt in opened.attempts) <= 5

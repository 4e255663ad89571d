"""Which verdict comes of which key, damage or forgery, and what is said about it."""

from __future__ import annotations

import random

import pytest

from mbuscli.protocol.security.keys import FACTORY_KEYS, Candidate, Key
from mbuscli.protocol.security.opening import open_sealed
from mbuscli.protocol.security.sealed import Extension, Mac, Sealed
from mbuscli.protocol.security.sealing import fill_blocks, seal_mac, seal_payload
from mbuscli.protocol.security.verdict import Opened

from .helpers import (
    ADAPTER,
    COUNTER,
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

_CLEAR = Sealed(0x0520, fill_blocks(RECORDS), lla=METER, acc=42)
_MODE_5 = _CLEAR._replace(payload=seal_payload(_CLEAR, KEY))

# The first key, counted from zero, under which that telegram begins with 2F 2F.
_LUCKY_NUMBER = 76910


def _mode_7(key: Key = KEY, mac_type: int = 5) -> Sealed:
    header = bytes.fromhex("7A 2A 00 20 07 10")
    plain = Sealed(
        0x0720,
        fill_blocks(RECORDS),
        lla=METER,
        acc=42,
        extension=Extension(1, b"\x10", kdf=1),
        header=header,
        mac=Mac(mac_type, b"", b"", COUNTER),
    )
    payload = seal_payload(plain, key)
    covered = bytes((0x20 | mac_type,)) + COUNTER + header + payload
    code = seal_mac(key, mac_type, covered, COUNTER, METER[:4], from_meter=True)
    return plain._replace(payload=payload, mac=Mac(mac_type, code, covered, COUNTER))


def _mode_10() -> Sealed:
    extension = Extension(6, b"\x10\x01", kdf=1, counter=COUNTER, tag_size=8)
    plain = Sealed(0x2AFF, RECORDS, lla=METER, extension=extension, header=bytes.fromhex("7A2A00FF2A1001"))
    return plain._replace(payload=seal_payload(plain, KEY))


def _open(sealed: Sealed, *keys: Candidate) -> Opened:
    return open_sealed(sealed, keys, reads_as_records)


# Which state


def test_no_encryption() -> None:
    opened = _open(Sealed(0, RECORDS), candidate())
    assert (opened.state, opened.plaintext, opened.key, opened.diagnosis) == ("none", RECORDS, None, ())


def test_mode_5_with_nothing_encrypted() -> None:
    opened = _open(Sealed(0x0500, RECORDS, lla=METER))
    assert (opened.state, opened.plaintext) == ("none", RECORDS)
    assert "no octet is encrypted" in opened.diagnosis[0]


def test_decrypted_by_the_receiver() -> None:
    opened = _open(_CLEAR, candidate(OTHER_KEY))
    assert (opened.state, opened.plaintext) == ("none", _CLEAR.payload)
    assert "receiver" in opened.diagnosis[0]


def test_ciphertext_that_happens_to_begin_with_2f2f() -> None:
    """One telegram in 65536 does: with a key it opens, without one it must not be read as clear."""
    key = Key(_LUCKY_NUMBER.to_bytes(16, "big"))
    sealed = _CLEAR._replace(payload=seal_payload(_CLEAR, key))
    assert sealed.payload[:2] == b"\x2f\x2f"
    assert open_sealed(sealed, [], reads_as_records, factory_keys=()).state == "key_missing"
    assert open_sealed(sealed, [candidate(key)], reads_as_records).plaintext == _CLEAR.payload


def test_no_key() -> None:
    opened = _open(_MODE_5)
    assert opened.state == "key_missing"
    assert opened.plaintext is None
    assert "12345678.ELS" in opened.diagnosis[0] or "12345678" in opened.diagnosis[0]
    assert "no key is known" in opened.diagnosis[0]
    assert "all zero" in opened.diagnosis[1]
    assert [attempt.failed_check for attempt in opened.attempts] == ["2F2F"] * len(FACTORY_KEYS)


def test_wrong_key() -> None:
    opened = _open(_MODE_5, candidate(OTHER_KEY, name="cellar"))
    assert opened.state == "key_wrong"
    assert opened.plaintext is None
    text = " ".join(opened.diagnosis)
    assert "one key was tried and does not fit" in text
    assert f"'cellar' (check {OTHER_KEY.check_value})" in text
    assert "2F 2F" in text
    assert "without a link layer check" in text


def test_wrong_key_for_an_undamaged_telegram() -> None:
    opened = _open(_MODE_5._replace(intact=True), candidate(OTHER_KEY))
    assert "the telegram is undamaged" in " ".join(opened.diagnosis)


def test_wrong_length() -> None:
    opened = _open(_MODE_5, candidate(DES_KEY, name="short"))
    assert opened.state == "key_wrong"
    assert "'short' has 8 octets, this encryption needs 16" in " ".join(opened.diagnosis)
    assert opened.diagnosis[-1] == "a key of the right length is missing"
    des = Sealed(0x0220, fill_blocks(RECORDS))
    des = des._replace(payload=seal_payload(des, DES_KEY))
    opened = _open(des, candidate(KEY))
    assert "has 16 octets, this encryption needs 8" in " ".join(opened.diagnosis)
    assert "factory" not in " ".join(opened.diagnosis)


def test_many_wrong_keys_are_counted_not_listed() -> None:
    keys = [candidate(Key(bytes((n,)) * 16), name=f"k{n}") for n in range(1, 41)]
    opened = _open(_MODE_5, *keys)
    assert "40 keys were tried" in opened.diagnosis[0]
    assert "and 35 more keys" in opened.diagnosis
    assert len(opened.diagnosis) < 12


def test_the_right_key_among_wrong_ones() -> None:
    opened = _open(_MODE_5, candidate(OTHER_KEY, name="a"), candidate(OTHER_KEY, name="b"), candidate())
    assert opened.state == "decrypted"
    assert [attempt.name for attempt in opened.attempts] == ["a"]  # the same key is not tried twice


def test_factory_key_comes_last_and_is_named() -> None:
    sealed = _CLEAR._replace(payload=seal_payload(_CLEAR, Key(bytes(16))))
    opened = _open(sealed, candidate(OTHER_KEY))
    assert opened.state == "decrypted"
    assert opened.key is not None
    assert opened.key.factory
    assert "published key (factory key: all zero)" in opened.diagnosis[0]


@pytest.mark.parametrize(
    ("sealed", "says"),
    [
        *(
            (_MODE_5._replace(configuration=mode << 8 | 0x20), f"mode {mode} ")
            for mode in (1, 6, 8, 9, 13, 15, 16, 31)
        ),
        (_MODE_5._replace(lla=None), "address"),
        (_MODE_5._replace(configuration=0x0320, received_on=None), "date"),
        (_MODE_5._replace(configuration=0x0720, extension=Extension(1, b"\0")), "derivation 0"),
        (_MODE_5._replace(configuration=0x0720, extension=Extension(1, b"\x10", 1)), "counter"),
        (
            _MODE_5._replace(configuration=0x2720, extension=Extension(6, b"\x50", 1, 0, 1, COUNTER)),
            "order",
        ),
        (_mode_10()._replace(configuration=0x2A05), "partial"),
        (
            _mode_10()._replace(configuration=0x0AFF, extension=Extension(2, b"\x10\x01", 1, tag_size=8)),
            "counter",
        ),
        (_mode_7()._replace(mac=Mac(8, bytes(12), b"", COUNTER)), "authentication type 8"),
        (_mode_7()._replace(mac=Mac(5, bytes(7), b"", COUNTER)), "7 octets, type 5 has 8"),
        (_MODE_5._replace(mac=Mac(5, bytes(8), b"")), "counter"),
        (_MODE_5._replace(configuration=0x0220, mac=Mac(5, bytes(8), b"", COUNTER)), "DES"),
        (_mode_7()._replace(from_meter=False), "address"),
        (_MODE_5._replace(configuration=0x0420, lla=None, mac=Mac(5, bytes(8), b"", COUNTER)), "address"),
    ],
)
def test_unsupported(sealed: Sealed, says: str) -> None:
    opened = _open(sealed, candidate())
    assert opened.state == "unsupported"
    assert opened.plaintext is None
    assert says in opened.diagnosis[0]


# Which proof


def test_2f2f_alone_is_believed_only_of_a_key_for_exactly_this_meter() -> None:
    exact = open_sealed(_MODE_5, [candidate(exact=True)], nothing)
    assert (exact.state, exact.checks) == ("decrypted", ("2F2F",))
    some = open_sealed(_MODE_5, [candidate()], nothing)
    assert some.state == "key_wrong"
    assert some.attempts[0].failed_check == "records"
    assert "complete address" in some.diagnosis[-1]


def test_exact_key_and_two_addresses_without_plausible_content() -> None:
    """The address by the rule is believed then."""
    opened = open_sealed(_MODE_5._replace(ala=METER, lla=ADAPTER), [candidate(exact=True)], nothing)
    assert (opened.state, opened.address_used) == ("decrypted", "ALA")


@pytest.mark.parametrize("mac_type", [3, 4, 5, 6, 7])
def test_authentic(mac_type: int) -> None:
    opened = open_sealed(_mode_7(mac_type=mac_type), [candidate()], nothing)
    assert (opened.state, opened.checks) == ("decrypted", ("2F2F", "CMAC"))


def _without_check_octets(mac_type: int) -> Sealed:
    header = b"\x7a"
    plain = Sealed(
        0x0710,
        RECORDS[:16],
        lla=METER,
        extension=Extension(1, b"\x10", kdf=1),
        mac=Mac(mac_type, b"", b"", COUNTER),
    )
    payload = seal_payload(plain, KEY)
    code = seal_mac(KEY, mac_type, header + payload, COUNTER, METER[:4], from_meter=True)
    return plain._replace(payload=payload, mac=Mac(mac_type, code, header + payload, COUNTER))


def test_a_long_mac_stands_in_for_missing_check_octets() -> None:
    opened = open_sealed(_without_check_octets(4), [candidate()], nothing)
    assert (opened.state, opened.checks) == ("decrypted", ("CMAC",))
    assert "2F 2F are missing" in opened.diagnosis[0]
    assert open_sealed(_without_check_octets(3), [candidate()], anything).state == "key_wrong"


def test_mode_5_may_carry_a_mac_too() -> None:
    covered = b"\x25" + COUNTER + _MODE_5.payload
    code = seal_mac(KEY, 5, covered, COUNTER, METER[:4], from_meter=True)
    opened = open_sealed(_MODE_5._replace(mac=Mac(5, code, covered, COUNTER)), [candidate()], nothing)
    assert opened.checks == ("2F2F", "CMAC")


def test_a_clear_message_may_carry_a_mac() -> None:
    covered = b"\x25" + COUNTER + RECORDS
    code = seal_mac(KEY, 5, covered, COUNTER, METER[:4], from_meter=True)
    sealed = Sealed(0, RECORDS, lla=METER, mac=Mac(5, code, covered, COUNTER))
    opened = _open(sealed, candidate(DES_KEY), candidate())
    assert (opened.state, opened.plaintext, opened.checks) == ("none", RECORDS, ("CMAC",))
    assert opened.address_used == "LLA"
    without = _open(sealed)
    assert (without.state, without.plaintext) == ("none", RECORDS)
    assert "no key is known" in without.diagnosis[0]
    forged = _open(sealed, candidate(OTHER_KEY))
    assert (forged.state, forged.plaintext) == ("unauthentic", None)
    unclear = _open(sealed._replace(mac=Mac(8, bytes(12), covered, COUNTER)), candidate())
    assert "not authenticated: authentication type 8" in unclear.diagnosis[0]


# Damage and forgery


def test_wrong_mac_is_unauthentic() -> None:
    sealed = _mode_7()
    assert sealed.mac is not None
    for code in flipped(sealed.mac.octets):
        opened = open_sealed(sealed._replace(mac=sealed.mac._replace(octets=code)), [candidate()], anything)
        assert opened.state == "unauthentic"
        assert opened.plaintext is None
        assert "forged" in opened.diagnosis[0]


@pytest.mark.parametrize("exact", [False, True])
def test_one_wrong_bit_under_a_mac_never_decrypts(exact: bool) -> None:
    sealed = _mode_7()
    assert sealed.mac is not None
    start = sealed.mac.covered[: -len(sealed.payload)]
    messages = [
        sealed._replace(payload=payload, mac=sealed.mac._replace(covered=start + payload))
        for payload in flipped(sealed.payload)
    ]
    messages += [
        sealed._replace(mac=sealed.mac._replace(covered=head + sealed.payload)) for head in flipped(start)
    ]
    messages += [
        sealed._replace(
            mac=sealed.mac._replace(covered=b"\x25" + counter + start[5:] + sealed.payload, counter=counter)
        )
        for counter in flipped(COUNTER)
    ]
    messages += [sealed._replace(lla=lla + METER[4:]) for lla in flipped(METER[:4])]
    for message in messages:
        opened = open_sealed(message, [candidate(exact=exact)], anything)
        assert opened.state in ("unauthentic", "key_wrong")
        assert opened.plaintext is None


def test_one_wrong_bit_under_a_tag_never_decrypts() -> None:
    sealed = _mode_10()
    messages = [sealed._replace(payload=payload) for payload in flipped(sealed.payload)]
    messages += [sealed._replace(header=header) for header in flipped(sealed.header)]
    messages += [sealed._replace(lla=lla) for lla in flipped(METER)]
    messages += [
        sealed._replace(extension=sealed.extension._replace(counter=counter)) for counter in flipped(COUNTER)
    ]
    messages += [sealed._replace(payload=sealed.payload[:size]) for size in range(len(sealed.payload))]
    for message in messages:
        opened = open_sealed(message, [candidate(exact=True)], anything)
        assert (opened.state, opened.plaintext) == ("key_wrong", None)


@pytest.mark.parametrize("sealed", [_MODE_5, _mode_7(), _mode_7(mac_type=3), _mode_10()])
def test_one_wrong_bit_in_the_key_never_decrypts(sealed: Sealed) -> None:
    for octets in flipped(KEY.octets):
        opened = open_sealed(sealed, [candidate(Key(octets), exact=True)], anything)
        assert (opened.state, opened.plaintext) == ("key_wrong", None)


def test_one_wrong_bit_in_the_first_block_of_mode_5_never_decrypts() -> None:
    for block in flipped(_MODE_5.payload[:16]):
        message = _MODE_5._replace(payload=block + _MODE_5.payload[16:])
        assert open_sealed(message, [candidate(exact=True)], anything).state == "key_wrong"


def test_wrong_keys_never_decrypt() -> None:
    """200 000 wrong keys: about three give 2F 2F by chance, and then the content has to refuse them."""
    source = random.Random(13757)
    keys = [candidate(Key(source.randbytes(16))) for _ in range(200_000)]
    opened = open_sealed(_MODE_5, keys, reads_as_records)
    assert opened.state == "key_wrong"
    chance = [attempt for attempt in opened.attempts if attempt.failed_check == "records"]
    assert 1 <= len(chance) <= 10


@pytest.mark.parametrize("missing", [1, 15, 16, 17, 31, 32])
def test_cut_telegram(missing: int) -> None:
    sealed = _MODE_5._replace(payload=_MODE_5.payload[:-missing])
    opened = open_sealed(sealed, [candidate(exact=True)], nothing)
    assert opened.state == ("decrypted" if missing <= 16 else "key_wrong")
    if opened.plaintext is not None:
        assert opened.plaintext == _CLEAR.payload[:16]
        assert opened.encrypted == 16
    assert f"the telegram is cut: {missing} octet" in " ".join(opened.diagnosis)


def test_key_number_is_told() -> None:
    extension = Extension(7, b"\x52\x01", 1, 2, 5, COUNTER, 8)
    opened = _open(_mode_10()._replace(extension=extension), candidate(OTHER_KEY))
    assert "key number 2, version 5" in opened.diagnosis[-1]


def test_both_addresses_are_told() -> None:
    opened = _open(_MODE_5._replace(ala=ADAPTER), candidate(OTHER_KEY))
    assert "the address in the header and with that of the link layer" in opened.diagnosis[-1]


def test_no_key_octets_in_any_outcome() -> None:
    canary = Key(bytes.fromhex("C0FFEE00C0FFEE11C0FFEE22C0FFEE33"))
    messages = [_MODE_5, _mode_7(canary), _mode_10(), _mode_7()]
    shown = repr([open_sealed(message, [candidate(canary)], anything) for message in messages])
    assert "c0ffee" not in shown.lower()
    assert "\\xc0\\xff" not in shown

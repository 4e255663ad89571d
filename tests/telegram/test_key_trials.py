"""Many keys on one telegram: how often a wrong one passes, and what it costs at most.

Two check octets let one wrong key in 65536 pass; so the rest must read as records. How often random octets do
is measured here with a fixed seed: in ten million trials (a thousand keys that would fit any meter, ten
thousand telegrams) less than one false opening, and three of the shortest telegrams.
"""

from __future__ import annotations

import random

import pytest

from mbuscli.protocol.security.keys import FEW_TRIALS, MOST_TRIALS, Candidate, FixedKeys, Key, parse_key
from mbuscli.protocol.security.sealed import Sealed
from mbuscli.protocol.security.sealing import seal_payload
from mbuscli.services.keys import KeyChain
from mbuscli.settings.keystore import Entry, KeyRing
from mbuscli.telegram import decode
from tests.telegram.samples import KEY, METER, SHOWN

# So many keys of a ring come first that what the next one brings to light must be beyond doubt.
OTHERS = [Candidate(str(number), Key(bytes((number,)) * 16)) for number in range(1, FEW_TRIALS + 1)]
# Telegrams with right check octets and random content, of the sizes that meters send.
SIZES = (16, 48, 96)
TRIES = 4000
# Of one: what a wrong key that passed the check octets may still reach, by size.
MOST_BELIEVED = {16: 0.02, 48: 0.005, 96: 0.002}


def with_random_content(size: int, source: random.Random) -> bytes:
    """A telegram whose plaintext, under KEY, is what another key would make of somebody's telegram."""
    octets = METER.octets()
    configuration = 0x0500 | size // 16 << 4
    body = b"\x2f\x2f" + source.randbytes(size - 2)
    sealed = seal_payload(Sealed(configuration, body, lla=octets, acc=7), parse_key(KEY))
    header = (
        b"\x44"
        + octets[4:6]
        + octets[:4]
        + octets[6:]
        + b"\x7a\x07\x00"
        + configuration.to_bytes(2, "little")
    )
    return bytes((len(header) + size,)) + header + sealed


@pytest.mark.parametrize("size", SIZES)
def test_a_wrong_key_is_seldom_believed(size: int) -> None:
    source = random.Random(size)
    keys = FixedKeys([*OTHERS, Candidate("any meter's", parse_key(KEY))])
    believed = sum(
        decode(with_random_content(size, source), keys=keys).security.state == "decrypted"
        for _ in range(TRIES)
    )
    assert believed / TRIES <= MOST_BELIEVED[size], believed
    # Times one in 65536 for the check octets, ten million trials:
    assert MOST_BELIEVED[size] / 65536 * 10**7 < (4 if size == 16 else 1)


def ring_of(count: int, *, right: int | None = None) -> KeyRing:
    """Keys that are filed for any meter of the maker; the right one at a place in their row."""
    anyone = METER.parse("FFFFFFFF.ELS")
    keys = [Key(random.Random(number).randbytes(16)) for number in range(count)]
    if right is not None:
        keys[right] = parse_key(SHOWN["mode_5"].key or "")
    return KeyRing(Entry(f"key {number}", anyone, key) for number, key in enumerate(keys))


@pytest.mark.parametrize(("right", "state"), [(MOST_TRIALS - 1, "decrypted"), (MOST_TRIALS, "key_wrong")])
def test_the_trials_are_bounded(right: int, state: str) -> None:
    chain = KeyChain((), lambda: ring_of(MOST_TRIALS + 10, right=right), None)
    telegram = decode(bytes.fromhex(SHOWN["mode_5"].telegram), keys=chain)
    assert telegram.security.state == state
    if state == "key_wrong":
        assert "file them under their meters' addresses" in " ".join(telegram.security.diagnosis)


def test_a_key_filed_for_the_meter_is_never_too_late() -> None:
    ring = ring_of(3 * MOST_TRIALS)
    ring.put(Entry("mine", METER.parse("12345678.ELS.33.03"), parse_key(SHOWN["mode_5"].key or "")))
    telegram = decode(bytes.fromhex(SHOWN["mode_5"].telegram), keys=KeyChain((), lambda: ring, None))
    assert (telegram.security.state, telegram.security.key) == ("decrypted", "mine")

"""One flipped bit, anywhere in a telegram whose content is checked: never other values than those sent."""

from __future__ import annotations

import pytest

from mbuscli.errors import DecodeError
from mbuscli.protocol.security.keys import Candidate, FixedKeys, Key
from mbuscli.protocol.wireless.frame_format import encode_format_a, encode_format_b
from mbuscli.telegram import decode
from tests.telegram.samples import SAMPLES, SHOWN

# A MAC, a payload CRC or a tag can tell; mode 5 by itself can not.
CHECKED = {
    "mode_7": SAMPLES["mode_7"],
    "adapter": SAMPLES["adapter"],
    "ell_ctr": SAMPLES["ell_ctr"],
    "CCM": SAMPLES["CCM"],
}


def flipped(octets: bytes, bit: int) -> bytes:
    damaged = bytearray(octets)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


@pytest.mark.parametrize("name", CHECKED)
def test_in_the_telegram(name: str) -> None:
    sample = CHECKED[name]
    assert sample.key is not None
    octets = bytes.fromhex(sample.telegram)
    keys = FixedKeys([Candidate("sample", Key(bytes.fromhex(sample.key)))])
    good = [record.value for record in decode(octets, keys=keys).records]
    assert good
    for bit in range(8 * len(octets)):
        try:
            telegram = decode(flipped(octets, bit), keys=keys)
        except DecodeError:
            continue
        values = [record.value for record in telegram.records]
        if telegram.security.state == "decrypted":
            # Octets that no check covers may differ; the values may not. (A C field of the other direction
            # makes a command of it, whose data has no meaning here.)
            assert values in (good, []), f"bit {bit}"
        else:
            # A CI field of another header leaves no check that could tell: the state says so.
            assert not values or telegram.security.state == "none", f"bit {bit}"


@pytest.mark.parametrize("name", [*CHECKED, "mode_5"])
def test_in_the_key(name: str) -> None:
    sample = SAMPLES[name]
    assert sample.key is not None
    octets, key = bytes.fromhex(sample.telegram), bytes.fromhex(sample.key)
    for bit in range(8 * len(key)):
        keys = FixedKeys([Candidate("damaged", Key(flipped(key, bit)), exact=True)])
        telegram = decode(octets, keys=keys)
        assert telegram.security.state in ("key_wrong", "unauthentic"), f"bit {bit}"
        assert not telegram.records


@pytest.mark.parametrize("encode", [encode_format_a, encode_format_b])
def test_mode_5_under_link_layer_checks(encode: object) -> None:
    """Mode 5 has no check of its own behind the first block; the CRCs of the radio frame have."""
    assert callable(encode)
    sample = SHOWN["mode_5"]
    assert sample.key is not None
    octets = encode(bytes.fromhex(sample.telegram))
    keys = FixedKeys([Candidate("sample", Key(bytes.fromhex(sample.key)))])
    good = [record.value for record in decode(octets, keys=keys).records]
    frame_format = "A" if encode is encode_format_a else "B"
    for bit in range(8, 8 * len(octets)):
        try:
            telegram = decode(flipped(octets, bit), keys=keys, layer="wireless", frame_format=frame_format)
        except DecodeError:
            continue
        values = [record.value for record in telegram.records]
        assert telegram.is_damaged, f"bit {bit}"
        # What stands before the damage stays.
        assert values == good[: len(values)], f"bit {bit}"

"""The table for pairs of octets changes speed only."""

from __future__ import annotations

import random

import pytest

from mbuscli.protocol import checksum
from mbuscli.protocol.wireless.frame_format import encode_format_a


@pytest.fixture(params=[False, True])
def pairs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksum, "_EN13757_PAIRS", ())
    monkeypatch.setattr(checksum, "_octets_checked", 0)
    if request.param:
        checksum.crcs_hold(bytes(checksum._PAIRS_FROM), ())
        assert checksum._EN13757_PAIRS


@pytest.mark.usefixtures("pairs")
def test_the_check_value_and_every_length() -> None:
    assert checksum.crc_en13757(b"123456789") == 0xC2B7
    table = checksum._crc_table(0x3D65)
    rng = random.Random(7)
    for size in range(300):
        data, value = rng.randbytes(size), 0
        for octet in data:
            value = (value << 8) & 0xFFFF ^ table[value >> 8 ^ octet]
        assert checksum.crc_en13757(data) == value ^ 0xFFFF


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize("size", [10, 11, 26, 27, 40, 63, 200])
def test_blocks_hold_until_an_octet_changes(size: int) -> None:
    telegram = bytes((size - 1,)) + random.Random(size).randbytes(size - 1)
    data = bytearray(encode_format_a(telegram))
    blocks = [(0, 10)]
    while blocks[-1][1] + 2 < len(data):
        start = blocks[-1][1] + 2
        blocks.append((start, min(start + 16, len(data) - 2)))
    assert checksum.crcs_hold(bytes(data), blocks) == [True] * len(blocks)
    for number, (start, end) in enumerate(blocks):
        for at in (start, end - 1, end, end + 1):
            data[at] ^= 0x40
            assert checksum.crcs_hold(bytes(data), blocks) == [n != number for n in range(len(blocks))]
            data[at] ^= 0x40

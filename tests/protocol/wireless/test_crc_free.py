"""That a telegram has no CRCs is claimed where it is so, and nowhere else."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.protocol.checksum import crc_en13757, crcs_hold
from mbuscli.protocol.wireless import crc_free
from mbuscli.protocol.wireless.crc_free import is_free_of_crcs
from mbuscli.protocol.wireless.frame_format import (
    encode_format_b,
    places_of_crcs,
    strip_crcs,
)


@pytest.fixture(autouse=True, scope="module")
def at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crc_free, "_WORTH", 0)
        yield


def bare(content: bytes) -> bytes:
    return bytes((len(content),)) + content


@given(st.binary(min_size=10, max_size=255))
def test_what_is_claimed_is_so(content: bytes) -> None:
    data = bare(content)
    if is_free_of_crcs(data):
        assert True not in crcs_hold(data, places_of_crcs(len(data)))
        assert strip_crcs(data, frame_format=None).telegram == data


@given(st.binary(min_size=12, max_size=255), st.data())
def test_any_crc_at_any_place_is_seen(content: bytes, draw: st.DataObject) -> None:
    data = bare(content)
    start, end = draw.draw(st.sampled_from(places_of_crcs(len(data))))
    assert not is_free_of_crcs(data[:end] + crc_en13757(data[start:end]).to_bytes(2, "big") + data[end + 2 :])


@given(st.binary(min_size=10, max_size=120))
def test_frames_of_format_b_are_not_free(content: bytes) -> None:
    assert not is_free_of_crcs(encode_format_b(bare(content)))


def test_nearly_all_telegrams_without_crcs_are_found_free() -> None:
    rng = random.Random("free")
    found = [is_free_of_crcs(bare(rng.randbytes(rng.randrange(10, 255)))) for _ in range(1000)]
    assert sum(found) > 930


def test_few_telegrams_of_a_length_are_not_worth_it() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crc_free, "_WORTH", 3)
        patch.setattr(crc_free, "_seen", {})
        data = bare(bytes(30))
        assert [is_free_of_crcs(data) for _ in range(4)] == [False, False, True, True]

"""Which keys a meter gets, in which order."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import InputError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import Key
from mbuscli.settings.keystore import Entry, KeyRing, clean_text


def key(number: int) -> Key:
    return Key(number.to_bytes(16, "big"))


def ring(*patterns: str) -> KeyRing:
    return KeyRing(
        Entry(text, MeterAddress.parse(text), key(number)) for number, text in enumerate(patterns, 1)
    )


def names(keys: KeyRing, *addresses: str) -> list[str]:
    return [candidate.name for candidate in keys.candidates([MeterAddress.parse(text) for text in addresses])]


def test_the_most_specific_pattern_comes_first() -> None:
    patterns = ["FFFFFFFF", "FFFFFFFF.KAM", "1234FFFF", "12345678", "12345678.KAM", "12345678.KAM.1B.16"]
    keys = ring(*patterns, "87654321", "12345678.ELS", "12345678.KAM.1C")
    assert names(keys, "12345678.KAM.1B.16") == patterns[::-1]
    assert names(keys, "12349999.ELS.01.07") == ["1234FFFF", "FFFFFFFF"]


def test_only_a_complete_address_is_exact() -> None:
    keys = ring("12345678.KAM.1B.16", "12345678.KAM")
    found = keys.candidates([MeterAddress.parse("12345678.KAM.1B.16")])
    assert [candidate.exact for candidate in found] == [True, False]


def test_two_addresses_of_a_telegram() -> None:
    """The key of the meter behind an adapter is found by either address; the specific one wins."""
    keys = ring("11111111", "22222222.KAM.1B.16")
    assert names(keys, "11111111.ELS.01.31", "22222222.KAM.1B.16") == ["22222222.KAM.1B.16", "11111111"]


def test_letters_of_the_manufacturer_decide() -> None:
    soft = MeterAddress.parse("12345678.KAM.1B.16")
    soft = soft._replace(manufacturer=soft.manufacturer | 0x8000)
    assert [found.name for found in ring("12345678.KAM").candidates([soft])] == ["12345678.KAM"]


def test_a_key_is_tried_once() -> None:
    same = [Entry(text, MeterAddress.parse(text), key(1)) for text in ("12345678", "FFFFFFFF")]
    assert names(KeyRing(same), "12345678.KAM.1B.16") == ["12345678"]


IDS = st.text("12F", min_size=8, max_size=8)
PATTERNS = st.builds(
    MeterAddress,
    IDS,
    st.sampled_from([0x2C2D, 0xFFFF]),
    st.sampled_from([1, 0xFF]),
    st.sampled_from([7, 0xFF]),
)
METERS = st.builds(
    MeterAddress, st.text("12", min_size=8, max_size=8), st.just(0x2C2D), st.just(1), st.just(7)
)


@given(st.lists(PATTERNS, max_size=30), METERS)
def test_the_index_finds_what_matching_finds(patterns: list[MeterAddress], meter: MeterAddress) -> None:
    keys = KeyRing(Entry(str(n), pattern, key(n)) for n, pattern in enumerate(patterns, 1))
    found = [patterns[int(candidate.name) - 1] for candidate in keys.candidates([meter])]
    assert sorted(map(str, found)) == sorted(str(pattern) for pattern in patterns if pattern.matches(meter))
    fixed = [sum(digit != "F" for digit in pattern.id) for pattern in found]
    assert fixed == sorted(fixed, reverse=True)


def seconds(keys: KeyRing, meter: MeterAddress) -> float:
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(1000):
            assert len(list(keys.candidates([meter]))) == 2
        best = min(best, time.perf_counter() - start)
    return best


def test_looking_up_does_not_grow_with_the_ring() -> None:
    def of_size(count: int) -> KeyRing:
        return ring("FFFFFFFF.KAM", *(f"{number:08d}.KAM" for number in range(count)))

    meter = MeterAddress.parse("00000007.KAM.1B.16")
    assert seconds(of_size(20_000), meter) < 5 * seconds(of_size(20), meter)


def test_putting_and_removing() -> None:
    keys = KeyRing()
    entry = Entry("a", MeterAddress.parse("12345678"), key(1))
    assert keys.put(entry) == "added"
    assert keys.put(entry._replace(name="b")) == "unchanged"
    with pytest.raises(InputError) as caught:
        keys.put(entry._replace(key=key(2)))
    assert caught.value.name == "input.exists"
    assert keys.put(entry._replace(key=key(2)), replace=True) == "replaced"
    assert [(found.name, found.key) for found in keys] == [("a", key(2))]
    assert keys.find("12345678") == keys.find("a") == list(keys)
    assert keys.put(entry._replace(key=key(2), name="c"), replace=True) == "replaced"
    keys.remove(keys.find("c"))
    assert len(keys) == 0
    assert names(keys, "12345678.KAM.1B.16") == []


def test_names_are_harmless() -> None:
    assert clean_text("  flat\t3\x1b[31m\u202e \n") == "flat 3 [31m"
    assert len(clean_text("x" * 1000)) == 120

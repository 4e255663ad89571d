"""Check sums of the link and application layers, and of the serial lines of receivers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence


def sum8(data: bytes) -> int:
    """The wired link layer's check sum: all octets added modulo 256 (EN 13757-2, FT1.2)."""
    return sum(data) & 0xFF


def _crc_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for octet in range(256):
        value = octet << 8
        for _ in range(8):
            value = (value << 1) ^ polynomial if value & 0x8000 else value << 1
        table.append(value & 0xFFFF)
    return tuple(table)


EN13757 = 0x3D65
_EN13757_TABLE: tuple[int, ...] = ()
# The same for two octets at a time; worth its 65,536 entries to who checks many telegrams.
_EN13757_PAIRS: Sequence[int] = ()
_words_of: Callable[[bytes], tuple[int, ...]]
_PAIRS_FROM = 20_000
_octets_checked = 0


def crc_en13757(data: bytes) -> int:
    """CRC-16/EN-13757: polynomial 3D65, start 0000, inverted at the end; "123456789" gives C2B7."""
    table = _EN13757_TABLE or _start_table()
    value = 0
    if _EN13757_PAIRS:
        pairs = _EN13757_PAIRS
        for pair in _words_of(data):
            value = pairs[value ^ pair]
        if len(data) & 1:
            value = ((value << 8) & 0xFFFF) ^ table[(value >> 8) ^ data[-1]]
        return value ^ 0xFFFF
    for octet in data:
        value = ((value << 8) & 0xFFFF) ^ table[(value >> 8) ^ octet]
    return value ^ 0xFFFF


def crcs_hold(data: bytes, blocks: Iterable[tuple[int, int]]) -> list[bool]:
    """For each block, from `start` to `end`, whether CRC-16/EN-13757 stands behind it, high octet first.

    Blocks start at even places, and end two octets before `data` does or earlier.
    """
    if not _EN13757_PAIRS:
        _count_octets(len(data))
        return [crc_en13757(data[start:end]) == data[end] << 8 | data[end + 1] for start, end in blocks]
    pairs, words = _EN13757_PAIRS, _words_of(data)
    hold = []
    for start, end in blocks:
        value = 0
        for pair in words[start >> 1 : end >> 1]:
            value = pairs[value ^ pair]
        if end & 1:
            value = ((value << 8) & 0xFFFF) ^ _EN13757_TABLE[(value >> 8) ^ data[end - 1]]
        hold.append(value ^ 0xFFFF == data[end] << 8 | data[end + 1])
    return hold


def _start_table() -> tuple[int, ...]:
    global _EN13757_TABLE
    _EN13757_TABLE = _crc_table(EN13757)
    return _EN13757_TABLE


def _count_octets(count: int) -> None:
    """Build the table for pairs when so many octets were checked that it will pay."""
    global _octets_checked, _EN13757_PAIRS, _words_of
    _octets_checked += count
    if _octets_checked >= _PAIRS_FROM:
        from array import array  # 16 bits each: a tuple of numbers does not fit the processor's cache
        from struct import unpack_from

        def words_of(data: bytes) -> tuple[int, ...]:
            """All pairs of octets."""
            return unpack_from(f">{len(data) >> 1}H", data)

        _words_of = words_of

        table = _EN13757_TABLE or _start_table()
        pairs = array("H")
        for value in table:
            base, index = (value << 8) & 0xFFFF, value >> 8
            pairs.extend([base ^ table[index ^ low] for low in range(256)])
        _EN13757_PAIRS = pairs


def xor8(data: bytes) -> int:
    """All octets combined by exclusive or; 0 over data that ends with its own check octet."""
    value = 0
    for octet in data:
        value ^= octet
    return value


_X25_RESIDUE = 0xF0B8
_X25_TABLE: tuple[int, ...] = ()


def _x25_register(data: bytes) -> int:
    """Reflected, least significant bit first: polynomial 8408, start FFFF, not yet inverted."""
    global _X25_TABLE
    if not _X25_TABLE:
        table = []
        for value in range(256):
            for _ in range(8):
                value = (value >> 1) ^ 0x8408 if value & 1 else value >> 1
            table.append(value)
        _X25_TABLE = tuple(table)
    register = 0xFFFF
    for octet in data:
        register = (register >> 8) ^ _X25_TABLE[(register ^ octet) & 0xFF]
    return register


def crc_x25(data: bytes) -> int:
    """CRC-16/X-25, sent least significant octet first; "123456789" gives 906E."""
    return _x25_register(data) ^ 0xFFFF


def ends_with_crc_x25(data: bytes) -> bool:
    """True if the last two octets are the CRC-16/X-25 of those before them: a fixed residue is then left."""
    return _x25_register(data) == _X25_RESIDUE

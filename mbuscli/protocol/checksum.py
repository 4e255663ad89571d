"""Check sums of the link and application layers, and of the serial lines of receivers."""

from __future__ import annotations


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


_EN13757_TABLE: tuple[int, ...] = ()


def crc_en13757(data: bytes) -> int:
    """CRC-16/EN-13757: polynomial 3D65, start 0000, inverted at the end; "123456789" gives C2B7."""
    global _EN13757_TABLE
    if not _EN13757_TABLE:
        _EN13757_TABLE = _crc_table(0x3D65)
    table = _EN13757_TABLE
    value = 0
    for octet in data:
        value = ((value << 8) & 0xFFFF) ^ table[(value >> 8) ^ octet]
    return value ^ 0xFFFF


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

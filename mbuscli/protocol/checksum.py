"""Check sums of the link and application layers."""

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

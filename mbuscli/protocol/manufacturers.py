"""Manufacturer codes: three letters packed into 15 bits (EN 13757-3; FLAG association)."""

from __future__ import annotations

SOFT_ADDRESS = 0x8000
WILDCARD = 0xFFFF


def decode_manufacturer(code: int) -> str:
    """Three letters; bit 15 (address unique on this bus only) is left out. A code that is not three
    letters A-Z comes back as four hexadecimal digits, so that nothing is lost."""
    bits = code & 0x7FFF
    letters = [(bits >> 10) & 0x1F, (bits >> 5) & 0x1F, bits & 0x1F]
    if code == WILDCARD or not all(1 <= letter <= 26 for letter in letters):
        return f"{code:04X}"
    return "".join(chr(64 + letter) for letter in letters)


def encode_manufacturer(text: str) -> int:
    """The code of three letters A-Z or of four hexadecimal digits; ValueError for anything else."""
    letters = text.upper()
    if len(letters) == 3 and letters.isascii() and letters.isalpha():
        first, second, third = (ord(letter) - 64 for letter in letters)
        return first << 10 | second << 5 | third
    if len(letters) == 4:
        return int(letters, 16)
    raise ValueError(f"{text!r} is no manufacturer: three letters A-Z or four hexadecimal digits")

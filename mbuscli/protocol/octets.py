"""Small conversions between octets, numbers and text."""

from __future__ import annotations


def bcd_digits(data: bytes) -> str:
    """The digits of a BCD field sent least significant byte first, most significant digit first.

    Digits A-F stay visible as letters: the caller decides what they mean.
    """
    return data[::-1].hex().upper()


def encode_bcd(digits: str) -> bytes:
    """The octets, least significant first, of an even number of hexadecimal digits."""
    return bytes.fromhex(digits)[::-1]


def hex_text(data: bytes) -> str:
    """Upper-case hexadecimal without separators, as telegrams are written in JSON."""
    return data.hex().upper()


def counted(count: int, noun: str) -> str:
    """`1 byte`, `2 bytes`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def counted_are(count: int, noun: str) -> str:
    """`1 byte is`, `2 bytes are`."""
    return f"{counted(count, noun)} {'is' if count == 1 else 'are'}"


def spaced_hex(data: bytes) -> str:
    """Upper-case hexadecimal in pairs, for people."""
    return data.hex(" ").upper()

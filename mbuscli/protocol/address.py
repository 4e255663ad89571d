"""A meter's address: identification number, manufacturer, version, device type.

In text `12345678.KAM.1B.16`; parts may be left out from the right, a digit F of the identification number
and a left-out part match anything. On the wire eight octets, identification and manufacturer least
significant octet first (EN 13757-3, long header and secondary selection). A manufacturer's code is three
letters packed into 15 bits (FLAG association).
"""

from __future__ import annotations

from typing import NamedTuple, Self

from mbuscli.errors import Reason, UsageError
from mbuscli.protocol.octets import bcd_digits, encode_bcd

# The 16th bit of a manufacturer's code: the address is unique on this bus only.
SOFT_ADDRESS = 0x8000

_HEX_DIGITS = frozenset("0123456789ABCDEFabcdef")
_ANY_OCTET = 0xFF
_ANY_MANUFACTURER = 0xFFFF


class MeterAddress(NamedTuple):
    """`id`: eight digits (hexadecimal digits occur in the field); `manufacturer`: the 16-bit code."""

    id: str
    manufacturer: int = _ANY_MANUFACTURER
    version: int = _ANY_OCTET
    device_type: int = _ANY_OCTET

    @classmethod
    def from_octets(cls, octets: bytes) -> Self:
        """The address in eight octets as sent; `octets` must hold at least eight."""
        return cls(bcd_digits(octets[:4]), octets[4] | octets[5] << 8, octets[6], octets[7])

    @classmethod
    def parse(cls, text: str) -> Self:
        """The address in text; UsageError `usage.invalid` names the part that is wrong."""
        parts = text.strip().split(".")
        if len(parts) > 4:
            raise _invalid(text, "it has more than four parts")
        digits = parts[0].upper()
        if len(digits) != 8 or not set(digits) <= _HEX_DIGITS:
            raise _invalid(text, "the identification number needs eight digits (F stands for any digit)")
        manufacturer = _ANY_MANUFACTURER
        if len(parts) > 1:
            try:
                manufacturer = encode_manufacturer(parts[1])
            except ValueError as error:
                raise _invalid(text, str(error)) from None
        version, device_type = (_octet(text, part) for part in [*parts[2:], "FF", "FF"][:2])
        return cls(digits, manufacturer, version, device_type)

    def octets(self) -> bytes:
        """The eight octets as sent in a header or a selection."""
        return encode_bcd(self.id) + bytes(
            (self.manufacturer & 0xFF, self.manufacturer >> 8, self.version, self.device_type)
        )

    @property
    def manufacturer_name(self) -> str:
        """Three letters, or four hexadecimal digits where the code is none."""
        return decode_manufacturer(self.manufacturer)

    @property
    def is_complete(self) -> bool:
        """True if the address names one meter: no wildcard anywhere."""
        return (
            "F" not in self.id
            and self.manufacturer != _ANY_MANUFACTURER
            and self.version != _ANY_OCTET
            and self.device_type != _ANY_OCTET
        )

    def matches(self, meter: MeterAddress) -> bool:
        """True if this address, with its wildcards, selects `meter` (EN 13757-3 secondary selection)."""
        return (
            all(mine in ("F", its) for mine, its in zip(self.id, meter.id, strict=True))
            and self.manufacturer in (_ANY_MANUFACTURER, meter.manufacturer)
            and self.version in (_ANY_OCTET, meter.version)
            and self.device_type in (_ANY_OCTET, meter.device_type)
        )

    def __str__(self) -> str:
        parts = [self.id, self.manufacturer_name, f"{self.version:02X}", f"{self.device_type:02X}"]
        if self.device_type == _ANY_OCTET:
            parts.pop()
            if self.version == _ANY_OCTET:
                parts.pop()
                if self.manufacturer == _ANY_MANUFACTURER:
                    parts.pop()
        return ".".join(parts)


def _octet(text: str, part: str) -> int:
    if len(part) != 2 or not set(part) <= _HEX_DIGITS:
        raise _invalid(text, f"{part!r} is not two hexadecimal digits")
    return int(part, 16)


def _invalid(text: str, why: str) -> UsageError:
    return UsageError(
        f"{text!r} is no meter address: {why}",
        reason=Reason.INVALID,
        hint=("write it as 12345678.KAM.1B.16: number, manufacturer, version, device type",),
    )


def decode_manufacturer(code: int) -> str:
    """Three letters; bit 15 (address unique on this bus only) is left out. A code that is not three
    letters A-Z comes back as four hexadecimal digits, so that nothing is lost."""
    bits = code & 0x7FFF
    letters = [(bits >> 10) & 0x1F, (bits >> 5) & 0x1F, bits & 0x1F]
    if code == _ANY_MANUFACTURER or not all(1 <= letter <= 26 for letter in letters):
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

"""Small fields of LoRaWAN: EUIs, addresses and frequencies (all least significant octet first on air)."""

from __future__ import annotations

import re
from typing import Final

from mbuscli.errors import Reason, UsageError

EUI_SIZE: Final = 8
DEV_ADDR_SIZE: Final = 4
# Frequencies count in steps of 100 Hz.
FREQUENCY_STEP_HZ: Final = 100

_SEPARATORS = re.compile(r"[\s:.\-]+")


def parse_eui(text: str, what: str) -> bytes:
    """The eight octets of an EUI as people write it, most significant first; UsageError for anything else."""
    return _parse_hex(text, EUI_SIZE, what)


def parse_dev_addr(text: str) -> bytes:
    """The four octets of a DevAddr as people write it, most significant first; UsageError else."""
    return _parse_hex(text, DEV_ADDR_SIZE, "DevAddr")


def _parse_hex(text: str, size: int, what: str) -> bytes:
    digits = _SEPARATORS.sub("", text.strip().removeprefix("0x"))
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        octets = b""
    if len(octets) != size:
        raise UsageError(
            f"{what} {text!r} is not {2 * size} hexadecimal digits",
            reason=Reason.INVALID,
            hint=(f"as printed on the label, most significant first: {'0123456789ABCDEF'[: 2 * size]}",),
        )
    return octets


def from_air(octets: bytes) -> bytes:
    """Octets as people write them, from the order on air; the same turns them back."""
    return octets[::-1]


def frequency_hz(octets: bytes) -> int:
    """A frequency field of three octets, in Hz."""
    return int.from_bytes(octets, "little") * FREQUENCY_STEP_HZ


def encode_frequency(hz: int) -> bytes:
    """The inverse of `frequency_hz`."""
    return (hz // FREQUENCY_STEP_HZ).to_bytes(3, "little")


def describe_dev_addr(dev_addr: bytes) -> str:
    """Whose address it is, as far as its prefix tells: private networks, or the type of the NetID."""
    if dev_addr[0] in (0x00, 0x02):
        return "private or experimental network"
    if dev_addr[0] in (0x26, 0x27):
        return "The Things Network"
    ones = len(f"{dev_addr[0]:08b}") - len(f"{dev_addr[0]:08b}".lstrip("1"))
    return f"NetID type {ones}" if ones < EUI_SIZE else "no NetID type"

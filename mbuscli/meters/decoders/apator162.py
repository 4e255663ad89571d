"""Apator 162: registers of fixed size, one behind the other, in the block of the maker's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mbuscli.meters.decoders.octets import little, own_block, thousandths
from mbuscli.meters.reading import Reading

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram

_CI = 0x7A
_CONTENT_AT = 15
_CHECK_OCTETS = b"\x2f\x2f"
# In front of the registers: seven octets of status; at the end a check sum of two to four octets.
_STATUS_SIZE = 7
_CHECKSUM_SIZE = 2
_LONGEST_CHECKSUM = 4
_PADDING = 0xFF
_OLD_MARK = 0x80
_TOTAL = 0x10
_HISTORIES = range(0x71, 0x7D)

_SIZES: dict[int, int] = {
    **{0x00: 4, 0x01: 3, _TOTAL: 4, 0x11: 2, 0x40: 6, 0x41: 2, 0x42: 4, 0x43: 2, 0x44: 3},
    **{register: 1 + 4 * (register - 0x6F) for register in _HISTORIES},
    **dict.fromkeys((0x80, 0x81, 0x82, 0x83, 0x84, 0x86, 0x87), 10),
    **dict.fromkeys((0x85, 0x88, 0x8F), 11),
    **{0x8A: 9, 0x8B: 6, 0x8C: 6, 0x8E: 7},
    **dict.fromkeys((0xA0, 0xA1, 0xA4, 0xF0), 4),
    **dict.fromkeys((0xA2, 0xA5, 0xA9, 0xAF), 1),
    **{0xA3: 7, 0xA6: 3},
    **dict.fromkeys((0xA7, 0xA8, *range(0xAA, 0xAE)), 2),
    **{0xB0: 5, 0xB1: 8, 0xB2: 16, 0xB3: 8, 0xB4: 2, 0xB5: 16},
    **dict.fromkeys((*range(0xB6, 0xC8), 0xD0, 0xD3), 3),
}
_CONTENTS = {
    0x00: "date and time",
    0x01: "fault flags",
    0x11: "flow",
    0x40: "detectors",
    0x41: "voltage",
    0x42: "energy",
    0x43: "remaining days",
    **dict.fromkeys(_HISTORIES, "history, with its index octet in front"),
    **dict.fromkeys((*range(0x80, 0x85), 0x86, 0x87), "events"),
}


def decode(telegram: Telegram) -> Iterator[Reading]:
    """The total, the history and all registers as they are; what cannot be split stays in one piece."""
    content = _content(telegram)
    if content is None:
        return
    offset, octets = content
    registers, rest = _split(octets)
    if not _is_block(telegram, offset):
        # The mark of old modules is no proof by itself.
        if _TOTAL not in dict(registers):
            return
        telegram.understood(offset)
    for register, data in registers:
        yield from _readings(register, data, offset)
    if rest:
        about = f"Unknown register 0x{rest[0]:02X}, and all that stands behind it."
        yield Reading("unknown_register", rest.hex().upper(), about=about, offset=offset)


def _readings(register: int, data: bytes, offset: int) -> Iterator[Reading]:
    if register == _TOTAL:
        yield Reading("total_m3", thousandths(little(data)), offset=offset)
        return
    if register in _HISTORIES:
        for n in range(1, len(data), 4):
            volume = thousandths(little(data[n : n + 4]))
            yield Reading(f"history_{n // 4 + 1}_m3", volume, offset=offset)
    what = _CONTENTS.get(register)
    if what is None:
        about = f"Unknown register 0x{register:02X}, as sent in hexadecimal."
    else:
        about = f"The register 0x{register:02X}, {what}, as sent in hexadecimal."
    yield Reading(f"register_{register:02x}", data.hex().upper(), about=about, offset=offset)


def _is_block(telegram: Telegram, offset: int) -> bool:
    block = own_block(telegram)
    return block is not None and block.offset == offset


def _content(telegram: Telegram) -> tuple[int, bytes] | None:
    """Where the block begins, and the octets behind its first one: DIF 0F, or 80 in old modules."""
    block = own_block(telegram)
    if block is not None and len(telegram.records) == 1:
        return block.offset, block.raw
    start = _CONTENT_AT
    octets = telegram.clear[start:]
    if telegram.link.ci_field != _CI or telegram.security.state not in ("none", "decrypted"):
        return None
    if octets[:2] == _CHECK_OCTETS:
        start += 2
    if telegram.clear[start : start + 1] != bytes((_OLD_MARK,)):
        return None
    return start, telegram.clear[start + 1 :]


def _split(octets: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The registers with their data, and what stands from the first one of unknown size on."""
    registers: list[tuple[int, bytes]] = []
    position = _STATUS_SIZE
    while position < len(octets) - _CHECKSUM_SIZE and octets[position] != _PADDING:
        size = _SIZES.get(octets[position])
        end = position + 1 + (size or 0)
        if size is None or end > len(octets):
            short = len(octets) - position <= _LONGEST_CHECKSUM
            return registers, b"" if short else octets[position:]
        registers.append((octets[position], octets[position + 1 : end]))
        position = end
    return registers, b""

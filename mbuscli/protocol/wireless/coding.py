"""Channel codes of the radio (EN 13757-4): 3-of-6 for mode T from the meter, Manchester for modes S and R
and for mode T to the meter.

Chips are packed eight to an octet, the first one in the highest bit.
"""

from __future__ import annotations

from mbuscli.errors import DecodeError, Reason

# 3-of-6: six chips for each value of a nibble, three of them ones.
SIX_CHIPS = (
    0x16, 0x0D, 0x0E, 0x0B, 0x1C, 0x19, 0x1A, 0x13, 0x2C, 0x25, 0x26, 0x23, 0x34, 0x31, 0x32, 0x29,
)  # fmt: skip
_NIBBLE = {chips: nibble for nibble, chips in enumerate(SIX_CHIPS)}
# Manchester: bit 0 is chips 10, bit 1 is chips 01.
_TWO_CHIPS = ("10", "01")
_BIT = {int(chips, 2): bit for bit, chips in enumerate(_TWO_CHIPS)}

THREE_OF_SIX_CHIPS = 12
MANCHESTER_CHIPS = 16


def encode_three_of_six(data: bytes) -> bytes:
    """Twelve chips an octet, high nibble first; an odd number of octets is filled up with four zero chips."""
    chips = 0
    for octet in data:
        chips = chips << 12 | SIX_CHIPS[octet >> 4] << 6 | SIX_CHIPS[octet & 0x0F]
    size = THREE_OF_SIX_CHIPS * len(data)
    return (chips << -size % 8).to_bytes((size + 7) // 8, "big")


def decode_three_of_six(chips: bytes, count: int | None = None) -> bytes:
    """The first `count` octets, or as many as `chips` holds whole.

    Raises DecodeError `link.coding` with the octet where six chips are no code, `link.too-short`.
    """
    count = _wanted(len(chips), THREE_OF_SIX_CHIPS, count)
    data = bytearray()
    for index in range(count):
        value = 0
        for start in (THREE_OF_SIX_CHIPS * index, THREE_OF_SIX_CHIPS * index + 6):
            nibble = _NIBBLE.get(_slice(chips, start, 6))
            if nibble is None:
                raise _not_a_code("3-of-6", chips, start, 6, index)
            value = value << 4 | nibble
        data.append(value)
    return bytes(data)


def encode_manchester(data: bytes) -> bytes:
    """Sixteen chips an octet, highest bit first."""
    chips = "".join(_TWO_CHIPS[octet >> bit & 1] for octet in data for bit in range(7, -1, -1))
    return bytes(int(chips[at : at + 8], 2) for at in range(0, len(chips), 8))


def decode_manchester(chips: bytes, count: int | None = None) -> bytes:
    """The first `count` octets, or as many as `chips` holds whole.

    Raises DecodeError `link.coding` with the octet where two equal chips make no bit, `link.too-short`.
    """
    count = _wanted(len(chips), MANCHESTER_CHIPS, count)
    data = bytearray()
    for index in range(count):
        value = 0
        for start in range(MANCHESTER_CHIPS * index, MANCHESTER_CHIPS * (index + 1), 2):
            bit = _BIT.get(_slice(chips, start, 2))
            if bit is None:
                raise _not_a_code("Manchester", chips, start, 2, index)
            value = value << 1 | bit
        data.append(value)
    return bytes(data)


def _wanted(size: int, chips_per_octet: int, count: int | None) -> int:
    whole = size * 8 // chips_per_octet
    if count is None:
        return whole
    if count > whole:
        raise DecodeError(
            f"{size * 8} chips hold {whole} bytes, not {count}", reason=Reason.TOO_SHORT, offset=whole
        )
    return count


def _slice(chips: bytes, start: int, size: int) -> int:
    """`size` chips (at most 8) from chip `start` on, as a number."""
    window = int.from_bytes(chips[start // 8 : start // 8 + 2].ljust(2, b"\0"), "big")
    return window >> 16 - start % 8 - size & (1 << size) - 1


def _not_a_code(code: str, chips: bytes, start: int, size: int, index: int) -> DecodeError:
    return DecodeError(
        f"chips {start} to {start + size - 1} ({_slice(chips, start, size):0{size}b}) in byte {index} are no"
        f" {code} code",
        reason=Reason.CODING,
        offset=index,
    )

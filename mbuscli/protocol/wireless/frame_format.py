"""Frame formats of the radio (EN 13757-4): a telegram on the air carries checks between its octets.

Format A   10 octets + CRC, then blocks of up to 16 octets + CRC each; L counts no CRC.
Format B   up to 126 octets + CRC, then the rest + CRC; L counts the CRCs.

A telegram here starts with L, carries no CRC, and its L counts what follows L.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.address import MeterAddress, encode_manufacturer
from mbuscli.protocol.checksum import crc_en13757, crcs_hold
from mbuscli.protocol.octets import counted, counted_are

FORMAT_A = "A"
FORMAT_B = "B"
NO_CRCS = "none"

# L, C, M(2) and A(6): the first block of format A, and the shortest telegram.
HEADER_SIZE = 10
CI_OFFSET = HEADER_SIZE
# Makers whose telegrams may have the address in an order of their own, see `diehl`.
OWN_ORDER = frozenset(map(encode_manufacturer, ("DME", "EWT", "HYD", "SAP", "SPL")))
_MIN_L = HEADER_SIZE - 1
_MAX_L = 255
_CRC_SIZE = 2
_BLOCK_A = 16
_BLOCK_B = 126
_MAX_ONE_BLOCK_B = _BLOCK_B + _CRC_SIZE

# Octets that receivers of NRZ modes leave in front of a telegram, and the frame format that they announce.
# None of them can be an L and a C field: 8D, CD, 3D and 72 are no C fields.
START_OCTETS = {
    bytes.fromhex("543D54CD"): "A",
    bytes.fromhex("543D543D"): "B",
    bytes.fromhex("54CD"): "A",
    bytes.fromhex("543D"): "B",
    bytes.fromhex("F68D"): "A",
    bytes.fromhex("F672"): "B",
}
_LONGEST_FIRST = sorted(START_OCTETS.items(), key=lambda item: -len(item[0]))
_FIRST_OCTETS = frozenset(octets[:1] for octets in START_OCTETS)


class LinkFrame(NamedTuple):
    """A telegram as taken from what a receiver gave.

    telegram           L first, without CRCs and start octets, L corrected to what is here
    frame_format       A or B where its CRCs were seen, else None
    crc                ok, absent (nothing proves the octets), or bad: cut in front of the first bad block
    crc_error_offset   of the bad CRC, in the octets as given
    missing            octets that L announces and that are not in `telegram`; negative: octets behind its end
    """

    telegram: bytes
    frame_format: str | None
    crc: str
    crc_error_offset: int | None = None
    missing: int = 0


class LinkFields(NamedTuple):
    """Link layer of a telegram; `address` is M(2) A(6) as sent, `ci_field` None where nothing follows it."""

    l_field: int
    c_field: int
    address: bytes
    ci_field: int | None

    @property
    def meter(self) -> MeterAddress:
        """The sender's address."""
        return meter_of(self.address)


class _Block(NamedTuple):
    """Octets under one CRC, which stands at `end`."""

    start: int
    end: int


def meter_of(address: bytes) -> MeterAddress:
    """The address in eight octets M(2) ID(4) version device type, the order of the link layer."""
    return MeterAddress.from_octets(address[2:6] + address[:2] + address[6:8])


def decode_link(telegram: bytes) -> LinkFields:
    """The fields up to CI of a telegram without CRCs.

    Raises DecodeError `link.too-short`, `link.length-mismatch`.
    """
    if len(telegram) < HEADER_SIZE:
        missing = HEADER_SIZE - len(telegram)
        raise _too_short(f"the link layer needs {HEADER_SIZE} bytes, {missing} of them are missing", telegram)
    missing = telegram[0] + 1 - len(telegram)
    if missing:
        raise _wrong_length(telegram[0], missing, min(len(telegram), telegram[0] + 1))
    ci_field = telegram[CI_OFFSET] if len(telegram) > CI_OFFSET else None
    return LinkFields(telegram[0], telegram[1], bytes(telegram[2:HEADER_SIZE]), ci_field)


def strip_crcs(data: bytes, *, frame_format: str | None = None, salvage: bool = False) -> LinkFrame:
    """The telegram in `data`, whose form is found by its CRCs and its L field.

    `frame_format`: what the receiver told, if it did: CRCs of A or B inside, or NO_CRCS. `salvage`:
    return what stands before the damage, as long as the address is in it, instead of raising.

    Raises DecodeError `link.crc` with the offset of the first wrong CRC, `link.too-short` and
    `link.length-mismatch`; offsets count in `data`.
    """
    start, announced = _skip_start_octets(data)
    body = data[start:]
    if not body:
        raise _too_short("no telegram", data)
    found = frame_format or announced or _detect(body)
    try:
        return _take_bare(body, salvage) if found == NO_CRCS else _take_blocks(body, found, salvage)
    except DecodeError as error:
        error.offset = start + (error.offset or 0)
        raise


def encode_format_a(telegram: bytes) -> bytes:
    """`telegram` with the CRCs of format A; raises as decode_link."""
    fields = decode_link(telegram)
    data = b""
    at = 0
    for block in _blocks_a(fields.l_field):
        size = block.end - block.start
        data += _with_crc(telegram[at : at + size])
        at += size
    return data


def encode_format_b(telegram: bytes) -> bytes:
    """`telegram`, at most 252 octets, with the CRCs of format B, L counting them.

    Raises as decode_link, and DecodeError `link.too-long`.
    """
    fields = decode_link(telegram)
    crcs = 1 if len(telegram) <= _BLOCK_B else 2
    l_field = fields.l_field + crcs * _CRC_SIZE
    if l_field > _MAX_L:
        text = f"{len(telegram)} bytes do not fit into frame format B"
        raise DecodeError(text, reason=Reason.TOO_LONG, offset=0)
    telegram = bytes((l_field,)) + telegram[1:]
    first, rest = telegram[:_BLOCK_B], telegram[_BLOCK_B:]
    return _with_crc(first) + (_with_crc(rest) if rest else b"")


def places_of_crcs(size: int) -> tuple[tuple[int, int], ...]:
    """Start and end of all blocks behind which a CRC may stand in so many octets, whose L counts them all."""
    return _blocks_a_within(size) + _blocks_b(size - 1)


def begins_with_start(data: bytes) -> bool:
    """True if start octets may stand in front."""
    return data[:1] in _FIRST_OCTETS


def _skip_start_octets(data: bytes) -> tuple[int, str | None]:
    """Where the telegram starts, and the frame format that the start octets announce."""
    if not begins_with_start(data):
        return 0, None
    for octets, announced in _LONGEST_FIRST:
        if data.startswith(octets):
            return len(octets), announced
    return 0, None


def _detect(body: bytes) -> str:
    """The format whose CRCs are inside, or NO_CRCS.

    One CRC agrees by chance once in 65,536 telegrams, so a telegram of the length that L says without CRCs
    counts as format A only if more than one agrees, or if there is room for only one whole block. A damaged
    L field is told by the CRCs of the other blocks.
    """
    size = len(body)
    blocks, blocks_b = _blocks_a_within(size), _blocks_b(size - 1)
    hold = crcs_hold(body, blocks + blocks_b)
    if True not in hold and size == body[0] + 1:
        return NO_CRCS
    is_b = True in hold[len(blocks) :]
    matches = [block for block, holds in zip(blocks, hold, strict=False) if holds]
    matching = len(matches)
    # Zeros have the CRC FFFF, which often follows zeros for other reasons.
    telling = sum([any(body[block.start : block.end]) for block in matches])
    if size == body[0] + 1:
        if is_b:
            return FORMAT_B
        return FORMAT_A if telling >= max(1, min(2, len(blocks) - 1)) else NO_CRCS
    # Zeros in front of a block do not change its CRC, so the last one may agree for both layouts.
    only_last = matching == 1 and len(blocks) > 2 and _has_last_crc_only(body)
    if matching and not only_last:
        return FORMAT_A
    if is_b:
        return FORMAT_B
    expected = _blocks_a(body[0])
    is_a = expected and size == expected[-1].end + _CRC_SIZE and not _has_last_crc_only(body)
    return FORMAT_A if is_a else NO_CRCS


def _take_bare(body: bytes, salvage: bool) -> LinkFrame:
    """A telegram whose CRCs the receiver removed."""
    l_field = body[0]
    if _has_last_crc_only(body):
        # Some versions of rtl_433 leave the last CRC of format A in place and print L two too small.
        size = len(body) - _CRC_SIZE
        return LinkFrame(bytes((size - 1,)) + body[1:size], FORMAT_A, "absent")
    if l_field < _MIN_L:
        text = f"L field {l_field} is impossible: the link layer alone needs {_MIN_L}"
        raise DecodeError(text, reason=Reason.LENGTH_MISMATCH, offset=0)
    missing = l_field + 1 - len(body)
    if missing and not (salvage and len(body) >= HEADER_SIZE):
        raise _wrong_length(l_field, missing, min(len(body), l_field + 1))
    telegram = body[: l_field + 1]
    return LinkFrame(_with_l(telegram), None, "absent", None, missing)


def _take_blocks(body: bytes, frame_format: str, salvage: bool) -> LinkFrame:
    """A telegram with the CRCs of one format: all blocks that are whole and right."""
    blocks = _blocks_a(body[0]) if frame_format == FORMAT_A else _blocks_b(body[0])
    if not blocks:
        text = f"L field {body[0]} is impossible in frame format {frame_format}"
        raise DecodeError(text, reason=Reason.LENGTH_MISMATCH, offset=0)
    telegram = b""
    announced = sum(block.end - block.start for block in blocks)
    for number, block in enumerate(blocks, 1):
        if block.end + _CRC_SIZE > len(body):
            if telegram and salvage:
                break
            missing = blocks[-1].end + _CRC_SIZE - len(body)
            raise _wrong_length(body[0], missing, len(body))
        if not _matches(body, block):
            if telegram and salvage:
                missing = announced - len(telegram)
                return LinkFrame(_with_l(telegram), frame_format, "bad", block.end, missing)
            raise _wrong_crc(body, frame_format, number, block)
        telegram += body[block.start : block.end]
    missing = announced - len(telegram)
    extra = len(body) - blocks[-1].end - _CRC_SIZE
    if extra > 0:
        if not salvage:
            raise _wrong_length(body[0], -extra, len(body) - extra)
        missing = -extra
    return LinkFrame(_with_l(telegram), frame_format, "ok", None, missing)


@lru_cache(maxsize=256)
def _blocks_a(l_field: int) -> tuple[_Block, ...]:
    """The blocks of format A for an L field, none where it is impossible."""
    if l_field < _MIN_L:
        return ()
    blocks = [_Block(0, HEADER_SIZE)]
    left = l_field - _MIN_L
    while left:
        start = blocks[-1].end + _CRC_SIZE
        size = min(left, _BLOCK_A)
        blocks.append(_Block(start, start + size))
        left -= size
    return tuple(blocks)


@lru_cache(maxsize=512)
def _blocks_a_within(size: int) -> tuple[_Block, ...]:
    """The blocks of format A that fill `size` octets, whatever L says."""
    blocks = [_Block(0, HEADER_SIZE)]
    while blocks[-1].end + 2 * _CRC_SIZE < size:
        start = blocks[-1].end + _CRC_SIZE
        blocks.append(_Block(start, min(start + _BLOCK_A, size - _CRC_SIZE)))
    return tuple([block for block in blocks if block.end + _CRC_SIZE <= size])


@lru_cache(maxsize=512)
def _blocks_b(l_field: int) -> tuple[_Block, ...]:
    """The blocks of format B for an L field, none where it is impossible: a second one is not empty."""
    size = l_field + 1
    if size <= _MAX_ONE_BLOCK_B:
        return (_Block(0, size - _CRC_SIZE),) if size >= HEADER_SIZE + _CRC_SIZE else ()
    if size <= _MAX_ONE_BLOCK_B + _CRC_SIZE:
        return ()
    return _Block(0, _BLOCK_B), _Block(_MAX_ONE_BLOCK_B, size - _CRC_SIZE)


def _has_last_crc_only(body: bytes) -> bool:
    """True if L is short by two and the last block of format A still has its CRC."""
    end = len(body) - _CRC_SIZE
    if len(body) != body[0] + 5 or end <= HEADER_SIZE:
        return False
    start = HEADER_SIZE + (end - HEADER_SIZE - 1) // _BLOCK_A * _BLOCK_A
    return _matches(body, _Block(start, end))


def _matches(body: bytes, block: _Block) -> bool:
    start, end = block
    return crc_en13757(body[start:end]) == int.from_bytes(body[end : end + _CRC_SIZE], "big")


def _with_crc(block: bytes) -> bytes:
    return block + crc_en13757(block).to_bytes(_CRC_SIZE, "big")


def _with_l(telegram: bytes) -> bytes:
    if telegram[0] == len(telegram) - 1:
        return telegram
    return bytes((len(telegram) - 1,)) + telegram[1:]


def _too_short(text: str, data: bytes) -> DecodeError:
    return DecodeError(text, reason=Reason.TOO_SHORT, offset=len(data))


def _wrong_length(l_field: int, missing: int, offset: int) -> DecodeError:
    what = (
        f"{counted_are(missing, 'byte')} missing" if missing > 0 else f"{counted(-missing, 'byte')} too many"
    )
    hint = ("a receiver that removes the CRCs of frame format B may leave L two or four too large",)
    return DecodeError(
        f"L field {l_field:02X} does not fit: {what}",
        reason=Reason.TOO_SHORT if missing > 0 else Reason.LENGTH_MISMATCH,
        offset=offset,
        hint=hint if missing in (2, 4) else (),
    )


def _wrong_crc(body: bytes, frame_format: str, number: int, block: _Block) -> DecodeError:
    received = body[block.end : block.end + _CRC_SIZE].hex().upper()
    expected = crc_en13757(body[block.start : block.end])
    return DecodeError(
        f"CRC of block {number} is {received}, its bytes give {expected:04X} (frame format {frame_format})",
        reason=Reason.CRC,
        offset=block.end,
    )

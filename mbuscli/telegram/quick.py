"""The commonest telegrams, decoded without detours: a wired answer with a long header, a radio telegram
whose content is clear or in security mode 5, each with content of a known layout.

What is met here is met in `decode` too, with the same outcome: whatever is out of the ordinary (damage, a
layout not known yet, a key that does not fit, another layer) gives None, and `decode` does it all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from zlib import adler32

from mbuscli.errors import DecodeError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.ci_table import CI_ELL_I, FROM_SLAVE, LONG, Content
from mbuscli.protocol.application.layout import Laid, Layout
from mbuscli.protocol.security.keys import AES_KEY_SIZE
from mbuscli.protocol.security.modes_table import AES_CBC_IV
from mbuscli.protocol.security.sealed import CHECK_RECORDS, DECRYPTED
from mbuscli.protocol.wired.frames import FrameKind
from mbuscli.protocol.wireless.c_fields import Direction, direction_of
from mbuscli.protocol.wireless.crc_free import is_free_of_crcs
from mbuscli.protocol.wireless.ell import Ell
from mbuscli.protocol.wireless.frame_format import (
    CI_OFFSET,
    NO_CRCS,
    OWN_ORDER,
    begins_with_start,
    decode_link,
    strip_crcs,
)
from mbuscli.telegram.model import (
    APPLICATION,
    START_LONG,
    WIRED,
    WIRELESS,
    Link,
    Lower,
    Security,
    Telegram,
)
from mbuscli.telegram.unseal import ignore_configuration, is_impossible
from mbuscli.telegram.wireless import is_believable

if TYPE_CHECKING:
    from mbuscli.protocol.application.compact import FormatSource
    from mbuscli.protocol.security.keys import KeySource
    from mbuscli.telegram.plans import Plans

_STOP = 0x16
_PRM = 0x40
_MODE = 0x1F
_CHECK_OCTETS = b"\x2f\x2f"
_EXACT = ("2F2F",)
_PLAUSIBLE = ("2F2F", CHECK_RECORDS)
_BLOCK = 16
_LIMIT = 1 << 15
_MOST_LAYOUTS = 2048

_CI_LONG = 0x72
_VARIABLE = FROM_SLAVE[_CI_LONG]
_WIRED_HEAD = 15  # up to the meter's address
_WIRED_HEADER = 19  # up to the records: 68 L L 68 C A CI and the long header
_WIRED = Lower(WIRED, intact=True)
_RADIO = Lower(WIRELESS)
_LONG_FRAME = FrameKind.LONG
_ELL_SIZE = 3
_RADIO_HEAD = CI_OFFSET + 1
_BEHIND_ELL = CI_OFFSET + _ELL_SIZE
_AT_ONCE = CI_OFFSET + 1  # where the transport header begins without an extended link layer


class _Head:
    """What the first octets of telegrams say, the same for all that one meter sends.

    size         of the telegram
    at, start    where the transport header and the content of a radio telegram begin
    meter        None where a long header, which is no part of the first octets, says it
    key, keys    the key that `keys` offers first, and the outcome that it gives
    layout       of the last telegram
    """

    __slots__ = ("at", "ci", "key", "keys", "layout", "link", "meter", "sender", "size", "start")

    def __init__(self, link: Link, meter: MeterAddress | None, size: int) -> None:
        self.link = link
        self.meter = meter
        self.size = size
        self.sender = meter
        self.ci = _VARIABLE
        self.at = self.start = _WIRED_HEADER
        self.key: tuple[bytes, Security] | None = None
        self.keys: KeySource | None = None
        self.layout: Layout | None = None


_NOT_HERE = _Head(Link(WIRED), None, 0)


class Quick:
    """Decodes what is quickly decoded. It keeps what comes again: the heads of telegrams."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self._meters: dict[bytes, MeterAddress] = {}
        self._wired_heads: dict[bytes, _Head] = {}
        self._bare_heads: dict[bytes, _Head] = {}
        self._held: set[Layout] = set()
        self._radio_heads: dict[tuple[bytes, str | None, str], _Head | None] = {}

    def decode(
        self,
        data: bytes,
        layer: str,
        keys: KeySource | None,
        formats: FormatSource | None,
        frame_format: str | None,
    ) -> Telegram | None:
        """The telegram, or None: it is for `decode`."""
        if layer == APPLICATION:
            return None
        if data[0] == START_LONG and data[3:4] == b"\x68" and layer != WIRELESS:
            return self._wired(data, formats)
        return None if layer == WIRED else self._wireless(data, keys, formats, frame_format)

    def _wired(self, data: bytes, formats: FormatSource | None) -> Telegram | None:
        head = self._wired_heads.get(data[:_WIRED_HEAD])
        if head is None:
            head = _wired_head(data)
            if head is None:
                return None
            _keep(self._wired_heads, data[:_WIRED_HEAD], head)
        if (
            len(data) != head.size
            or data[-1] != _STOP
            # Without its first bit, and as no sum of so few octets exceeds it, this is their sum.
            or adler32(data[4:-2], 0) & 0xFF != data[-2]
        ):
            return None
        content = data[_WIRED_HEADER:-2]
        layout = head.layout
        # The wire teaches no formats.
        if layout is None or int.from_bytes(content, "big") & layout.mask != layout.shape:
            layout = self._plans.find(_VARIABLE, content, _WIRED_HEADER, _WIRED, formats)
            if layout is None:
                return None
            self._note(head, layout)
        telegram = Telegram(data, head.link)
        telegram.meter = head.meter
        telegram.acc, telegram.status, low, high = data[15:_WIRED_HEADER]
        telegram.configuration = low | high << 8
        lay(telegram, layout, content)
        if high & _MODE:
            if not (layout.credible and _is_impossible(telegram.configuration, len(content))):
                return None
            ignore_configuration(telegram, _WIRED_HEADER)
        return telegram

    def _wireless(
        self,
        data: bytes,
        keys: KeySource | None,
        formats: FormatSource | None,
        frame_format: str | None,
    ) -> Telegram | None:
        head = self._bare_heads.get(data[:_RADIO_HEAD])
        if (
            head is not None
            and len(data) == head.size
            and (frame_format == NO_CRCS or (frame_format is None and is_free_of_crcs(data)))
        ):
            return self._radio(data, data, head, keys, formats)
        try:
            raw, found, crc, _, _ = strip_crcs(data, frame_format=frame_format)
        except DecodeError:
            return None
        head = self._radio_head(raw, found, crc)
        if head is None:
            return None
        # What a receiver freed from CRCs is taken as it is, if its length is right.
        if head.size == len(data) and head.at == _AT_ONCE and raw == data and not begins_with_start(data):
            _keep(self._bare_heads, data[:_RADIO_HEAD], head)
        return self._radio(raw, data, head, keys, formats)

    def _radio(
        self, raw: bytes, data: bytes, head: _Head, keys: KeySource | None, formats: FormatSource | None
    ) -> Telegram | None:
        start, ci = head.start, head.ci
        if len(raw) <= start:
            return None
        telegram = Telegram(raw, head.link, data)
        telegram.meter = telegram.sender = head.sender
        if head.at != _AT_ONCE:
            telegram.ell = Ell(CI_ELL_I, raw[11], raw[12], None, None, None, _ELL_SIZE)
        content = raw[start:]
        if ci.header:
            if head.meter is None:
                telegram.meter = self._meter(raw[head.at : head.at + 8])
            telegram.acc, telegram.status, low, high = raw[start - 4 : start]
            telegram.configuration = low | high << 8
            if high & _MODE:
                if high & _MODE != AES_CBC_IV or (head.meter is None and telegram.meter != head.sender):
                    return None
                opened = _open(head, raw, content, (low >> 4) * _BLOCK, keys)
                if opened is None:
                    return None
                content, telegram.security = opened
                telegram.clear = raw[:start] + content
        layout = head.layout
        if (
            layout is None
            or (formats is not None and layout.taught is not formats)
            or len(content) != layout.size
            or int.from_bytes(content, "big") & layout.mask != layout.shape
        ):
            layout = self._plans.find(ci, content, start, _RADIO, formats)
            if layout is None:
                return None
            if ci.content is Content.RECORDS:
                self._note(head, layout)
        lay(telegram, layout, content)
        # A key that is not filed under this very meter is believed if the content reads as records.
        if not layout.credible and CHECK_RECORDS in telegram.security.checks:
            return None
        return telegram

    def _radio_head(self, raw: bytes, found: str | None, crc: str) -> _Head | None:
        """What the octets up to CI say; behind an extended link layer of the short form stands another CI
        field."""
        octets = raw[:_RADIO_HEAD]
        if octets[-1] == CI_ELL_I:
            octets += raw[_BEHIND_ELL : _BEHIND_ELL + 1]
        key = octets, found, crc
        known = self._radio_heads.get(key, _NOT_HERE)
        if known is not _NOT_HERE:
            return known
        head = _radio_head(raw, found, crc)
        _keep(self._radio_heads, key, head)
        return head

    def _note(self, head: _Head, layout: Layout) -> None:
        """Try this layout first with the next telegram. Heads must not keep all layouts that plans drop."""
        head.layout = layout
        self._held.add(layout)
        if len(self._held) > _MOST_LAYOUTS:
            for kept in (self._held, self._wired_heads, self._bare_heads, self._radio_heads):
                kept.clear()

    def _meter(self, octets: bytes) -> MeterAddress:
        meter = self._meters.get(octets)
        if meter is None:
            meter = MeterAddress.from_octets(octets)
            _keep(self._meters, octets, meter)
        return meter


_is_impossible = lru_cache(maxsize=1024)(is_impossible)


@cache
def _cipher() -> Callable[[bytes, bytes, bytes], bytes]:
    """AES-128-CBC; the cipher library is loaded with the first telegram that needs it."""
    from mbuscli.protocol.security.ciphers import aes_cbc_decrypt

    return aes_cbc_decrypt


def _open(
    head: _Head, raw: bytes, content: bytes, hidden: int, keys: KeySource | None
) -> tuple[bytes, Security] | None:
    """The content in clear, if the first key for the meter opens its `hidden` octets."""
    if keys is None or not 0 < hidden <= len(content) or content[:2] == _CHECK_OCTETS:
        return None
    if head.key is None or head.keys is not keys:
        head.key, head.keys = _first_key(head, keys), keys
        if head.key is None:
            return None
    key, security = head.key
    iv = raw[2:CI_OFFSET] + raw[head.start - 4 : head.start - 3] * 8
    if hidden == len(content):
        plain = _cipher()(key, iv, content)
    else:
        plain = _cipher()(key, iv, content[:hidden]) + content[hidden:]
    return (plain, security) if plain[:2] == _CHECK_OCTETS else None


def lay(telegram: Telegram, layout: Layout, data: bytes) -> None:
    """Give the telegram the content `data`, which has this layout."""
    telegram.laid = Laid(layout, data)
    if layout.problems:
        telegram.problems.extend(layout.problems)
    if layout.more_follows:
        telegram.more_follows = True


def _wired_head(data: bytes) -> _Head | None:
    """None unless it is the head of a slave's answer with a long header."""
    size = len(data)
    if (
        size <= _WIRED_HEADER + 2
        or data[1] != size - 6
        or data[2] != size - 6
        or data[6] != _CI_LONG
        or data[4] & _PRM
    ):
        return None
    return _Head(Link(WIRED, _LONG_FRAME, *data[4:7]), MeterAddress.from_octets(data[7:_WIRED_HEAD]), size)


def _radio_head(raw: bytes, frame_format: str | None, crc: str) -> _Head | None:
    """None unless a meter sends, in the common order, records or a compact frame behind at most one header of
    the extended link layer."""
    fields = decode_link(raw)
    if (
        not is_believable(fields)
        or direction_of(fields.c_field) is Direction.TO_METER
        or fields.meter.manufacturer in OWN_ORDER
    ):
        return None
    at = CI_OFFSET + _ELL_SIZE if fields.ci_field == CI_ELL_I else CI_OFFSET
    ci = FROM_SLAVE.get(raw[at]) if len(raw) > at else None
    if ci is None or ci.mode2 or ci.content not in (Content.RECORDS, Content.COMPACT):
        return None
    link = Link(
        WIRELESS, c_field=fields.c_field, ci_field=fields.ci_field, frame_format=frame_format, crc=crc
    )
    head = _Head(link, None if ci.header == LONG else fields.meter, len(raw))
    head.sender, head.ci, head.at, head.start = fields.meter, ci, at + 1, at + 1 + ci.header
    return head


def _first_key(head: _Head, keys: KeySource) -> tuple[bytes, Security] | None:
    """The first key for the meter and the outcome that it gives, None if it cannot be the right one.

    A source offers the same first key as long as a stream lasts.
    """
    sender, is_long = head.sender, head.meter is None
    if sender is None:
        return None
    for candidate in keys.candidates([sender, sender] if is_long else [sender]):
        if candidate.factory or len(candidate.key) != AES_KEY_SIZE:
            return None
        label, checks = "ALA" if is_long else "LLA", _EXACT if candidate.exact else _PLAUSIBLE
        return candidate.key.octets, Security(AES_CBC_IV, 0, DECRYPTED, candidate.name, checks, label)
    return None


def _keep(kept: dict[Any, Any], key: object, value: object) -> None:
    if len(kept) >= _LIMIT:
        kept.clear()
    kept[key] = value

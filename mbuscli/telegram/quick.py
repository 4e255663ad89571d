"""The commonest telegrams, decoded without detours: a wired answer with a long header, a radio telegram
whose content is clear or in security mode 5, each with content of a known layout.

What is met here is met in `decode` too, with the same outcome: whatever is out of the ordinary (damage, a
layout not known yet, a key that does not fit, another layer) gives None, and `decode` does it all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import adler32

from mbuscli.errors import DecodeError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.ci_table import CI_ELL_I, FROM_SLAVE, LONG, Ci, Content
from mbuscli.protocol.security.keys import AES_KEY_SIZE
from mbuscli.protocol.security.modes_table import AES_CBC_IV
from mbuscli.protocol.security.sealed import CHECK_RECORDS, DECRYPTED
from mbuscli.protocol.wired.frames import FrameKind
from mbuscli.protocol.wireless.c_fields import Direction, direction_of
from mbuscli.protocol.wireless.ell import Ell
from mbuscli.protocol.wireless.frame_format import (
    CI_OFFSET,
    NO_CRCS,
    OWN_ORDER,
    begins_with_start,
    decode_link,
    meter_of,
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

_CI_LONG = 0x72
_VARIABLE = FROM_SLAVE[_CI_LONG]
_WIRED_HEADER = 19  # up to the records: 68 L L 68 C A CI and the long header
_WIRED = Lower(WIRED, intact=True)
_RADIO = Lower(WIRELESS)
_LONG_FRAME = FrameKind.LONG
_ELL = bytes((CI_ELL_I,))
_ELL_SIZE = 3


class _Radio(NamedTuple):
    """What C field, manufacturer and CI fields of a radio telegram say.

    at   where the transport header begins
    """

    link: Link
    ci: Ci
    at: int


_UNSEEN = _Radio(Link(WIRELESS), _VARIABLE, 0)


class Quick:
    """Decodes what is quickly decoded. It keeps what comes again: addresses, links."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self._meters: dict[bytes, MeterAddress] = {}
        self._senders: dict[bytes, MeterAddress] = {}
        self._wired_links: dict[bytes, Link] = {}
        self._keys: KeySource | None = None
        self._first_keys: dict[tuple[bytes, bool], tuple[bytes, Security]] = {}
        self._radios: dict[tuple[bytes, bytes, str | None, str], _Radio | None] = {}

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
        size = len(data)
        if (
            size <= _WIRED_HEADER + 2
            or data[1] != size - 6
            or data[2] != size - 6
            or data[6] != _CI_LONG
            or data[4] & _PRM
            or data[-1] != _STOP
            # Without its first bit, and as no sum of so few octets exceeds it, this is their sum.
            or adler32(data[4:-2], 0) & 0xFF != data[-2]
        ):
            return None
        part = data[4:7]
        link = self._wired_links.get(part)
        if link is None:
            link = Link(WIRED, _LONG_FRAME, *part)
            _keep(self._wired_links, part, link)
        telegram = Telegram(data, link)
        telegram.meter = self._meter(data[7:15])
        telegram.acc, telegram.status = data[15], data[16]
        telegram.configuration = data[17] | data[18] << 8
        content = data[_WIRED_HEADER:-2]
        if not self._plans.lay(telegram, _VARIABLE, content, _WIRED_HEADER, _WIRED, formats):
            return None
        if data[18] & _MODE:
            assert telegram.laid is not None
            if not (telegram.laid.layout.credible and is_impossible(telegram.configuration, len(content))):
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
        raw, found, crc = data, None, "absent"
        # What a receiver freed from CRCs is taken as it is, if its length is right.
        if (
            frame_format != NO_CRCS
            or data[0] != len(data) - 1
            or data[0] < CI_OFFSET
            or begins_with_start(data)
        ):
            try:
                raw, found, crc, _, _ = strip_crcs(data, frame_format=frame_format)
            except DecodeError:
                return None
        # Behind an extended link layer of the short form stands another CI field.
        fields = raw[CI_OFFSET : CI_OFFSET + 1 + _ELL_SIZE : _ELL_SIZE]
        key = (raw[1:4], fields if fields[:1] == _ELL else fields[:1], found, crc)
        radio = self._radios.get(key, _UNSEEN)
        if radio is _UNSEEN:
            radio = _radio(raw, found, crc)
            _keep(self._radios, key, radio)
        if radio is None:
            return None
        link, ci, at = radio
        start = at + ci.header
        if len(raw) <= start:
            return None
        telegram = Telegram(raw, link, data)
        address = raw[2:10]
        sender = self._senders.get(address)
        if sender is None:
            sender = meter_of(address)
            _keep(self._senders, address, sender)
        telegram.meter = telegram.sender = sender
        if telegram.link.ci_field == CI_ELL_I:
            telegram.ell = Ell(CI_ELL_I, raw[11], raw[12], None, None, None, _ELL_SIZE)
        content = raw[start:]
        if ci.header:
            if ci.header == LONG:
                telegram.meter = self._meter(raw[at : at + 8])
            telegram.acc, telegram.status, low, high = raw[start - 4 : start]
            telegram.configuration = low | high << 8
            if high & _MODE:
                opened = self._open(telegram, ci, raw[start - 4 : start], content, keys)
                if opened is None:
                    return None
                content = opened
                telegram.clear = raw[:start] + content
        if not self._plans.lay(telegram, ci, content, start, _RADIO, formats):
            return None
        # A key that is not filed under this very meter is believed if the content reads as records.
        if CHECK_RECORDS in telegram.security.checks:
            assert telegram.laid is not None
            return telegram if telegram.laid.layout.credible else None
        return telegram

    def _open(
        self, telegram: Telegram, ci: Ci, header: bytes, content: bytes, keys: KeySource | None
    ) -> bytes | None:
        """The content in clear, if it is in mode 5, and the first key for the meter opens it."""
        sender, meter = telegram.sender, telegram.meter
        hidden = (header[2] >> 4) * _BLOCK
        if (
            header[3] & _MODE != AES_CBC_IV
            or keys is None
            or not 0 < hidden <= len(content)
            or content[:2] == _CHECK_OCTETS
            or meter is None
            or sender is None
            or meter != sender
        ):
            return None
        key = self._key_of(telegram.raw[2:CI_OFFSET], sender, keys, is_long=ci.header == LONG)
        if key is None:
            return None
        octets, security = key
        plain = _cipher()(octets, telegram.raw[2:CI_OFFSET] + header[:1] * 8, content[:hidden])
        if plain[:2] != _CHECK_OCTETS:
            return None
        telegram.security = security
        return plain + content[hidden:]

    def _key_of(
        self, address: bytes, meter: MeterAddress, keys: KeySource, *, is_long: bool
    ) -> tuple[bytes, Security] | None:
        """The first key for the meter and the outcome that it gives, None if it cannot be the right one.

        A source offers the same first key as long as a stream lasts.
        """
        if keys is not self._keys:
            self._keys = keys
            self._first_keys.clear()
        known = self._first_keys.get((address, is_long))
        if known is not None:
            return known
        for candidate in keys.candidates([meter, meter] if is_long else [meter]):
            if candidate.factory or len(candidate.key) != AES_KEY_SIZE:
                return None
            label, checks = "ALA" if is_long else "LLA", _EXACT if candidate.exact else _PLAUSIBLE
            security = Security(AES_CBC_IV, 0, DECRYPTED, candidate.name, checks, label)
            known = candidate.key.octets, security
            _keep(self._first_keys, (address, is_long), known)
            return known
        return None

    def _meter(self, octets: bytes) -> MeterAddress:
        meter = self._meters.get(octets)
        if meter is None:
            meter = MeterAddress.from_octets(octets)
            _keep(self._meters, octets, meter)
        return meter


@cache
def _cipher() -> Callable[[bytes, bytes, bytes], bytes]:
    """AES-128-CBC; the cipher library is loaded with the first telegram that needs it."""
    from mbuscli.protocol.security.ciphers import aes_cbc_decrypt

    return aes_cbc_decrypt


def _radio(raw: bytes, frame_format: str | None, crc: str) -> _Radio | None:
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
    return _Radio(link, ci, at + 1)


def _keep(kept: dict[Any, Any], key: object, value: object) -> None:
    if len(kept) >= _LIMIT:
        kept.clear()
    kept[key] = value

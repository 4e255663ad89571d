"""Compact frames and format frames (EN 13757-3:2018 annex G).

    full frame      records
    format frame    L, format signature (2), the headers of all records
    compact frame   format signature (2), CRC of the full frame (2), the data of all records

The signature is the CRC over the headers; the full-frame CRC proves that headers and data belong together.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

from mbuscli.errors import Problem, Reason
from mbuscli.protocol.application.compact_table import KNOWN_FORMATS
from mbuscli.protocol.application.header import RecordHeader
from mbuscli.protocol.application.records import (
    LAYER,
    Parsed,
    Record,
    joined_headers,
    parse_headers,
    parse_records,
)
from mbuscli.protocol.application.values import lvar_length
from mbuscli.protocol.checksum import crc_en13757

if TYPE_CHECKING:
    from mbuscli.protocol.application.layout import Layout

_FILLER = 0x2F
_FORMATS_LIMIT = 2000


class FormatSource(Protocol):
    """Where formats come from and go to."""

    def learn(self, headers: bytes) -> int:
        """Remember the concatenated headers of a frame; returns their signature."""
        ...

    def learn_records(self, records: list[Record]) -> None:
        """Remember the headers of a full frame."""
        ...

    def find(self, signature: int) -> bytes | None:
        """The concatenated headers with this signature, None if it is not known."""
        ...


class Formats:
    """Known formats by signature: built in, and learnt from full and format frames."""

    def __init__(self) -> None:
        self._headers: dict[int, bytes] = {}
        self._known: set[bytes] = set()
        for headers in KNOWN_FORMATS:
            self.learn(bytes.fromhex(headers))

    def learn(self, headers: bytes) -> int:
        """Remember the concatenated headers of a frame; returns their signature."""
        signature = crc_en13757(headers)
        if len(self._headers) < _FORMATS_LIMIT:
            self._headers.setdefault(signature, headers)
            self._known.add(headers)
        return signature

    def learn_records(self, records: list[Record]) -> None:
        """Remember the headers of a full frame."""
        headers = joined_headers(records)
        if headers and headers not in self._known:
            self.learn(headers)

    def find(self, signature: int) -> bytes | None:
        """The concatenated headers with this signature, None if it is not known."""
        return self._headers.get(signature)

    def known(self) -> list[bytes]:
        """The headers of all formats."""
        return list(self._headers.values())


@cache
def built_in_formats() -> Formats:
    """The formats that are known without having heard them; nobody teaches this one."""
    return Formats()


def decode_compact(data: bytes, offset: int, formats: FormatSource) -> Parsed:
    """The records of a compact frame; `data` starts with the signature, at `offset` in the telegram.

    Nothing is guessed: an unknown signature or a wrong CRC gives a problem and no records.
    """
    if len(data) < 4:
        return _failed(offset, Reason.HEADER_TRUNCATED, "the compact frame ends inside signature and CRC")
    signature = int.from_bytes(data[:2], "little")
    headers = formats.find(signature)
    if headers is None:
        text = f"format signature {signature:04X} is not known yet: a full telegram of this meter teaches it"
        return _failed(offset, Reason.SIGNATURE_UNKNOWN, text)
    expanded = _expand(parse_headers(headers) or [], data[4:])
    if expanded is None:
        text = f"the data does not fit the format {signature:04X}"
        return _failed(offset + 4, Reason.RECORD_TRUNCATED, text)
    full, places = expanded
    crc = int.from_bytes(data[2:4], "little")
    if crc_en13757(full) != crc:
        text = f"the full-frame CRC is {crc:04X}, the records give {crc_en13757(full):04X}"
        return _failed(offset + 2, Reason.CRC, text)
    parsed = parse_records(full)
    if len(parsed.records) != len(places):
        return _failed(offset + 4, Reason.RECORD_TRUNCATED, f"format {signature:04X} gives no clean records")
    return parsed._replace(records=_placed(parsed.records, [offset + 4 + place for place in places]))


def proves_layout(layout: Layout, data: bytes, formats: FormatSource) -> bool:
    """True if the compact frame in `data`, of the shape `layout`, is of a known format, and its CRC is right.

    `data` as for `decode_compact`, with fillers in front if the shape has them.
    """
    at = layout.spans[0].start - 4
    if formats.find(int.from_bytes(data[at : at + 2], "little")) != layout.headers_raw:
        return False
    full = bytearray()
    for header, raw in zip(layout.headers, layout.raws(data), strict=True):
        full += header.raw
        full += raw
    return crc_en13757(bytes(full)) == int.from_bytes(data[at + 2 : at + 4], "little")


def decode_format(data: bytes, offset: int, formats: FormatSource) -> Parsed:
    """The headers of a format frame as records without a value, learnt for compact frames to come."""
    if len(data) < 3 or data[0] < 2 or len(data) < 1 + data[0]:
        return _failed(offset, Reason.HEADER_TRUNCATED, "the format frame is cut off")
    octets = data[3 : 1 + data[0]]
    signature = int.from_bytes(data[1:3], "little")
    if crc_en13757(octets) != signature:
        text = f"the format signature is {signature:04X}, the headers give {crc_en13757(octets):04X}"
        return _failed(offset + 1, Reason.CRC, text)
    headers = parse_headers(octets)
    if headers is None:
        return _failed(offset + 3, Reason.RECORD_TRUNCATED, "a record header is cut off")
    formats.learn(octets)
    records: list[Record] = []
    place = offset + 3
    for header, raw in headers:
        records.append(HeaderOnly(place, header, b""))
        place += len(raw)
    return Parsed(records, [], False)


class HeaderOnly(Record):
    """A record of a format frame: it announces a value that comes in compact frames."""

    __slots__ = ()

    @property
    def value(self) -> None:
        """Always None."""
        return None

    @property
    def error(self) -> str:
        """A format frame carries no data."""
        return "format frame: the value comes in compact frames"


def _expand(headers: list[tuple[RecordHeader, bytes]], data: bytes) -> tuple[bytes, list[int]] | None:
    """The full frame, and where each record's data starts in `data`; None if the lengths do not fit."""
    full = bytearray()
    places = []
    position = 0
    for header, octets in headers:
        length = header.data_length
        if length is None:
            length = lvar_length(data[position]) if position < len(data) else None
            if length is None:
                return None
            length += 1
        if position + length > len(data):
            return None
        full += octets + data[position : position + length]
        places.append(position)
        position += length
    if data[position:].strip(bytes((_FILLER,))):
        return None
    return bytes(full), places


def _placed(records: list[Record], places: list[int]) -> list[Record]:
    """The records with the offsets of their data in the telegram, elements of profiles too."""
    from bisect import bisect_right

    starts = [record.offset for record in records]
    # From the full frame to the telegram, for the data of each record.
    shifts = [
        place - start - len(record.header.raw)
        for record, start, place in zip(records, starts, places, strict=True)
    ]
    if any(record.header.profile for record in records):
        from mbuscli.protocol.application.profiles import expand_profiles

        expanded = expand_profiles(records)
    else:
        expanded = records
    for record in expanded:
        index = bisect_right(starts, record.offset) - 1
        at_header = record.offset == starts[index]
        record.offset += shifts[index] + (len(record.header.raw) if at_header else 0)
    return expanded


def _failed(offset: int, reason: Reason, text: str) -> Parsed:
    return Parsed([], [Problem(LAYER, offset, reason, text)], False)

"""Variable data structure: a list of records (EN 13757-3, 6)."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import Problem, Reason
from mbuscli.protocol.application.date_types import NoValueError, is_summer_time
from mbuscli.protocol.application.dif_table import (
    DIF_FILLER,
    DIF_GLOBAL_READOUT,
    DIF_MANUFACTURER,
    DIF_MANUFACTURER_MORE,
    SPECIAL,
)
from mbuscli.protocol.application.header import RecordHeader, is_plain_text
from mbuscli.protocol.application.values import Value, choose_reader, lvar_length
from mbuscli.protocol.application.vif_table import Kind
from mbuscli.protocol.octets import counted, hex_text

LAYER = "application"

# Headers repeat from telegram to telegram; what does not repeat must not fill the memory.
_CACHE_LIMIT = 4096
_VIF_TEXT_FIRST = 0xFC
# Looking a member up costs more than the comparison.
_DATETIME = Kind.DATETIME
_MAX_PLAIN_TEXT = 20


class Record:
    """One record: where it starts (octets from the start of the telegram), its header, its data octets.

    `raw` holds the data as sent, with the LVAR octet in front where there is one. The value is worked out
    when it is first asked for.
    """

    __slots__ = ("_decoded", "header", "offset", "raw")

    def __init__(self, offset: int, header: RecordHeader, raw: bytes) -> None:
        self.offset = offset
        self.header = header
        self.raw = raw
        self._decoded: tuple[Value, str | None] | None = None

    @property
    def storage(self) -> int:
        """Storage number: 0 is the present value."""
        return self.header.storage

    @property
    def time(self) -> str | None:
        """The moment that the value belongs to, known for elements of a compact profile."""
        return None

    @property
    def value(self) -> Value:
        """The value in `header.unit`, or None (then `error` says why)."""
        return (self._decoded or self._decode())[0]

    @property
    def error(self) -> str | None:
        """Why there is no value."""
        return (self._decoded or self._decode())[1]

    @property
    def qualifiers(self) -> tuple[str, ...]:
        """What else the header, or the value, says."""
        qualifiers = self.header.qualifiers
        if self.header.kind is _DATETIME and self.error is None and is_summer_time(self.raw):
            return (*qualifiers, "summer_time")
        return qualifiers

    def _decode(self) -> tuple[Value, str | None]:
        header = self.header
        decoded: tuple[Value, str | None]
        try:
            decoded = ((header.reader or choose_reader(header))(self.raw), None)
        except NoValueError as reason:
            decoded = (None, str(reason))
        self._decoded = decoded
        return decoded

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} @{self.offset} {self.header.quantity}={self.value} {self.header.unit}>"
        )


class Mode2Record(Record):
    """A record of CI 76: numbers come most significant octet first; an LVAR octet still stands in front."""

    __slots__ = ()

    def _decode(self) -> tuple[Value, str | None]:
        raw = self.raw
        octets = raw[:1] + raw[:0:-1] if self.header.data_length is None else raw[::-1]
        self._decoded = Record(self.offset, self.header, octets)._decode()
        return self._decoded


class Blob(Record):
    """Manufacturer data to the end of the telegram (DIF 0F, 1F): octets without a meaning of their own."""

    __slots__ = ()

    @property
    def value(self) -> Value:
        """The octets in hexadecimal."""
        return hex_text(self.raw)

    @property
    def error(self) -> str | None:
        """Never set: octets are always what they are."""
        return None


def joined_headers(records: list[Record]) -> bytes | None:
    """The headers of a full frame, one behind the other, as its format signature covers them.

    None where manufacturer data ends the frame: compact frames cannot carry it.
    """
    if any(isinstance(record, Blob) for record in records):
        return None
    return b"".join([record.header.raw for record in records])


class Parsed(NamedTuple):
    """What a list of records holds; `more_follows`: the readout goes on in the next telegram (DIF 1F)."""

    records: list[Record]
    problems: list[Problem]
    more_follows: bool


_from_slave: dict[bytes, RecordHeader] = {}
_from_master: dict[bytes, RecordHeader] = {}


def parse_records(data: bytes, start: int = 0, *, from_master: bool = False, mode2: bool = False) -> Parsed:
    """All records of `data` from octet `start` on; offsets count from the start of `data`.

    Never raises: what cannot be read is a Problem, the records before it stay, and those after it where
    its length is known.
    """
    cache = _from_master if from_master else _from_slave
    new_record = Mode2Record if mode2 else Record
    records: list[Record] = []
    problems: list[Problem] = []
    position = start
    size = len(data)
    while position < size:
        dif = data[position]
        if dif & 0x0F == SPECIAL:
            if dif == DIF_FILLER:
                position += 1
                continue
            more = _special(data, position, records, problems)
            if more is None:
                position += 1
                continue
            return Parsed(records, problems, more)
        # DIF, DIFEs, VIF, VIFEs: every octet with bit 7 set announces another one.
        end = position
        try:
            while data[end] & 0x80:
                end += 1
            end += 1
            while data[end] & 0x80:
                end += 1
            end += 1
            header = cache.get(data[position:end])
            if header is None:
                header, end = _new_header(data, position, end, cache, from_master)
        except IndexError:
            problems.append(_truncated(position, "the header of the record is cut off"))
            break
        if header.error is not None:
            _note_chain(header, position, problems)
        length = header.data_length
        if length is None:
            length = _variable_length(data, end, position, problems)
            if length is None:
                break
        stop = end + length
        if stop > size:
            text = f"the record needs {counted(length, 'byte')} of data, {size - end} left"
            problems.append(_truncated(position, text))
            break
        records.append(new_record(position, header, data[end:stop]))
        position = stop
    return Parsed(records, problems, False)


def parse_headers(data: bytes) -> list[tuple[RecordHeader, bytes]] | None:
    """Record headers without data, as a format frame carries them; None if `data` is anything else.

    The octets come with each header: they are what a format signature is computed from.
    """
    headers = []
    position = 0
    while position < len(data):
        if data[position] & 0x0F == SPECIAL:
            return None
        try:
            header, end = _new_header(data, position, _header_end(data, position), _from_slave, False)
        except IndexError:
            return None
        headers.append((header, data[position:end]))
        position = end
    return headers


def _chain_end(data: bytes, position: int) -> int:
    """Where a chain of octets that announce each other by bit 7 ends; IndexError if the data ends first."""
    while data[position] & 0x80:
        position += 1
    return position + 1


def _header_end(data: bytes, position: int) -> int:
    return _chain_end(data, _chain_end(data, position))


def _note_chain(header: RecordHeader, position: int, problems: list[Problem]) -> None:
    """More than ten DIFEs or VIFEs break the standard; other header errors concern the value only."""
    if header.too_many_dife or header.too_many_vife:
        reason = Reason.TOO_MANY_DIFE if header.too_many_dife else Reason.TOO_MANY_VIFE
        problems.append(Problem(LAYER, position, reason, str(header.error)))


def _new_header(
    data: bytes, start: int, end: int, cache: dict[bytes, RecordHeader], from_master: bool
) -> tuple[RecordHeader, int]:
    """A header not met before, and where it ends: `end`, or behind its plain text. IndexError if cut off."""
    dib_end = _chain_end(data, start)
    vib = data[dib_end:end]
    if is_plain_text(vib):
        return _plain_text_header(data, start, dib_end, end, cache, from_master)
    return _remember(cache, RecordHeader(data[start:dib_end], vib, from_master=from_master)), end


def _remember(cache: dict[bytes, RecordHeader], header: RecordHeader) -> RecordHeader:
    if len(cache) >= _CACHE_LIMIT:
        cache.clear()
    cache[header.raw] = header
    return header


def _plain_text_header(
    data: bytes,
    start: int,
    dib_end: int,
    vib_end: int,
    cache: dict[bytes, RecordHeader],
    from_master: bool,
) -> tuple[RecordHeader, int]:
    """VIF 7C/FC: a length octet and that many characters, last one first.

    The standard puts them after all VIFEs; an older order, still met, directly after FC. FC with a short
    printable text right behind it is read the older way.
    """
    text_start = vib_end
    if data[dib_end] == _VIF_TEXT_FIRST and _looks_like_text(data, dib_end + 1):
        text_start = dib_end + 1
    text_end = text_start + 1 + data[text_start]
    if text_end > len(data):
        raise IndexError("the plain text is cut off")
    end = text_end if text_start == vib_end else _chain_end(data, text_end)
    raw = data[start:end]
    known = cache.get(raw)
    if known is not None:
        return known, end
    text = data[text_start + 1 : text_end][::-1].decode("latin-1")
    if text_start == vib_end:
        vib = data[dib_end:vib_end]
    else:
        vib = data[dib_end : dib_end + 1] + data[text_end:end]
    header = RecordHeader(data[start:dib_end], vib, text, from_master=from_master)
    header.raw = raw
    return _remember(cache, header), end


def _looks_like_text(data: bytes, position: int) -> bool:
    if position >= len(data):
        return False
    length = data[position]
    text = data[position + 1 : position + 1 + length]
    return (
        1 <= length <= _MAX_PLAIN_TEXT
        and len(text) == length
        and all(0x20 <= octet <= 0x7E or octet >= 0xA0 for octet in text)
    )


def _special(data: bytes, position: int, records: list[Record], problems: list[Problem]) -> bool | None:
    """DIFs without a VIF. True or False: the data ends here, more follows or not. None: go on behind it."""
    dif = data[position]
    if dif in (DIF_MANUFACTURER, DIF_MANUFACTURER_MORE):
        if position + 1 < len(data):
            records.append(Blob(position, _blob_header(dif), data[position + 1 :]))
        return dif == DIF_MANUFACTURER_MORE
    if dif == DIF_GLOBAL_READOUT:
        return None
    text = f"DIF {dif:02X} is reserved; {counted(len(data) - position - 1, 'byte')} behind it left unread"
    problems.append(Problem(LAYER, position, Reason.RESERVED_DIF, text))
    return False


def _blob_header(dif: int) -> RecordHeader:
    header = _from_slave.get(bytes((dif,)))
    if header is None:
        # VIF 7F stands in for the missing one: "manufacturer specific".
        header = RecordHeader(bytes((dif,)), b"\x7f")
        header.raw = bytes((dif,))
        header.function = "instantaneous"
        _from_slave[header.raw] = header
    return header


def _variable_length(data: bytes, end: int, start: int, problems: list[Problem]) -> int | None:
    """Octets of LVAR and data together; None, with a problem noted, if that cannot be known."""
    if end >= len(data):
        problems.append(_truncated(start, "the length byte LVAR is missing"))
        return None
    length = lvar_length(data[end])
    if length is None:
        text = (
            f"LVAR {data[end]:02X} is reserved; {counted(len(data) - end - 1, 'byte')} behind it left unread"
        )
        problems.append(Problem(LAYER, end, Reason.RESERVED_LVAR, text))
        return None
    return 1 + length


def _truncated(position: int, text: str) -> Problem:
    return Problem(LAYER, position, Reason.RECORD_TRUNCATED, text)

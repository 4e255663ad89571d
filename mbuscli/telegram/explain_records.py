"""The application layer of an annotated dump: records, compact and format frames, fixed data."""

from __future__ import annotations

from decimal import Decimal
from itertools import takewhile

from mbuscli.protocol.application.dif_table import (
    DIF_FILLER,
    DIF_GLOBAL_READOUT,
    DIF_MANUFACTURER,
    DIF_MANUFACTURER_MORE,
    SPECIAL,
)
from mbuscli.protocol.application.fixed import describe_medium
from mbuscli.protocol.application.fixed_table import UNIT_OF_OTHER_COUNTER
from mbuscli.protocol.application.header import RecordHeader
from mbuscli.protocol.application.profiles import ProfileElement, expand_profiles
from mbuscli.protocol.application.records import Blob, Record, parse_headers, parse_records
from mbuscli.protocol.application.status import describe_status
from mbuscli.protocol.octets import bcd_digits
from mbuscli.telegram.explain_parts import Dump
from mbuscli.telegram.explain_words import (
    dif_words,
    dife_words,
    header_words,
    lvar_words,
    number_text,
    quantity_words,
    record_title,
    step_text,
    value_words,
    vib_words,
)

_DIB = "EN 13757-3, data information block"
_VIB_TEXT = "EN 13757-3, plain text VIF"
_LVAR = "EN 13757-3, LVAR"
_DATA = "EN 13757-3:2018 annex A, data types"
_PROFILE = "EN 13757-3:2018 annex F, compact profiles"
_COMPACT = "EN 13757-3:2018 annex G, compact frames"
_FIXED = "EN 13757-3, fixed data structure (CI 73, withdrawn)"
_SPECIAL_DIFS = {
    DIF_MANUFACTURER: "the rest is the maker's own data",
    DIF_MANUFACTURER_MORE: "the rest is the maker's own data, and the readout goes on in the next telegram",
    DIF_GLOBAL_READOUT: "asks for all data of the meter",
}
_SPACING_MODES = (
    "absolute values",
    "increments from the base value on",
    "decrements from the base value on",
    "signed differences, younger minus older",
)
_SPACING_UNITS = ("s", "min", "h", "d")
_SPACING_MONTHS = {1: "half a year", 2: "a quarter", 3: "a month"}
_FIXED_STATUS_BITS = 0x1C


def records(dump: Dump, *, from_master: bool, mode2: bool) -> None:
    """Records up to the end of the dump, or to the damage."""
    data = dump.clear[: dump.end]
    parsed = parse_records(data, dump.at, from_master=from_master, mode2=mode2)
    expanded = expand_profiles(parsed.records)
    for number, record in enumerate(parsed.records, 1):
        _special(dump)
        dump.group = record_title(record, number)
        if isinstance(record, Blob):
            dump.take(1, "DIF", _DIB, f"{data[record.offset]:02X}: {_SPECIAL_DIFS[data[record.offset]]}")
            dump.take(dump.left, "data", _DIB, value_words(record))
        else:
            _header(dump, record.header, from_master)
            stop = dump.at + len(record.raw)
            _data(dump, record, [e for e in expanded if record.offset <= e.offset < stop])
        dump.group = ""
    _special(dump)
    _header_without_data(dump, from_master)


def _special(dump: Dump) -> None:
    """Octets between records, and a last one that announces manufacturer data and has none."""
    while dump.left:
        rest = dump.peek(dump.left)
        fillers = len(rest) - len(rest.lstrip(bytes((DIF_FILLER,))))
        if fillers:
            dump.take(fillers, "idle filler", _DIB, "2F: fills up, says nothing")
        elif rest[0] == DIF_GLOBAL_READOUT or (len(rest) == 1 and rest[0] in _SPECIAL_DIFS):
            dump.take(1, "DIF", _DIB, f"{rest[0]:02X}: {_SPECIAL_DIFS[rest[0]]}")
        else:
            return


def _header_without_data(dump: Dump, from_master: bool) -> None:
    """The header of a record whose data is cut off or of unknown length."""
    rest = dump.peek(dump.left)
    if not rest or rest[0] & 0x0F == SPECIAL:
        return
    dib_size = _chain_size(rest)
    size = dib_size + _chain_size(rest[dib_size:])
    if size > len(rest) or not rest[dib_size:]:
        return
    headers = parse_headers(rest[:size])
    if headers:
        dump.group = "a record that cannot be read"
        _header(dump, headers[0][0], from_master)


def _chain_size(octets: bytes) -> int:
    """Octets of a chain whose members announce the next one by bit 7; one too many if it is cut."""
    return 1 + sum(1 for _ in takewhile(lambda octet: octet & 0x80, octets))


def _header(dump: Dump, header: RecordHeader, from_master: bool) -> None:
    """DIF, DIFE, VIF, VIFE and plain text, an octet each but the text."""
    raw, vib = header.raw, header.vib
    dump.take(1, "DIF", _DIB, dif_words(raw[0]))
    dib_size = _chain_size(raw)
    for k, dife in enumerate(raw[1:dib_size]):
        dump.take(1, "DIFE", _DIB, dife_words(dife, k))
    text_size = len(raw) - dib_size - len(vib)
    # An older order, still met, puts the text directly behind the first octet.
    early = text_size and not raw[dib_size:].startswith(vib)
    for k, (name, clause, meaning) in enumerate(vib_words(vib, from_master=from_master)):
        dump.take(1, name, clause, meaning)
        if early and k == 0:
            _plain_text(dump, text_size, header.unit)
    if text_size and not early:
        _plain_text(dump, text_size, header.unit)


def _plain_text(dump: Dump, size: int, unit: str) -> None:
    dump.take(1, "text length", _VIB_TEXT, f"{size - 1} characters of unit text")
    if size > 1:
        dump.take(size - 1, "plain text", _VIB_TEXT, f'the unit "{unit}", last character first')


def _data(dump: Dump, record: Record, elements: list[Record]) -> None:
    """The data octets of a record; `elements`: what a compact profile holds."""
    raw, profile = record.raw, [e for e in elements if isinstance(e, ProfileElement)]
    value = value_words(record)
    if not raw:
        if dump.parts:
            last = dump.parts[-1]
            dump.parts[-1] = last._replace(meaning=f"{last.meaning}; {value}")
        return
    size = len(raw)
    if record.header.data_length is None:
        size -= 1
        dump.take(1, "LVAR", _LVAR, lvar_words(raw[0], size))
    if len(profile) == 1 and profile[0].raw == raw:
        value = str(profile[0].error)  # a profile that cannot be read stays whole
    elif profile:
        _profile(dump, profile, raw)
        return
    if size:
        dump.take(size, "data", _DATA, value)


def _profile(dump: Dump, elements: list[ProfileElement], raw: bytes) -> None:
    control, spacing = raw[1], raw[2]
    unit = control >> 4 & 3
    words = f"elements are {_SPACING_MODES[control >> 6]}; spacing in {_SPACING_UNITS[unit]}"
    dump.take(1, "spacing control", _PROFILE, words)
    if 1 <= spacing <= 250:
        words = f"one element each {spacing} {_SPACING_UNITS[unit]}"
    elif spacing == 254 and unit in _SPACING_MONTHS:
        words = f"one element each {_SPACING_MONTHS[unit]}"
    else:
        words = "no spacing in time" if not spacing else f"special spacing {spacing}"
    dump.take(1, "spacing value", _PROFILE, words)
    for number, element in enumerate(elements, 1):
        what = (
            f"no value: {element.error}"
            if element.value is None
            else f"{number_text(Decimal(element.value))} {element.header.unit}"
        )
        where = f", storage {element.storage}" if element.storage != element.header.storage else ""
        when = f" at {element.time.replace('T', ' ')}" if element.time else ""
        dump.take(len(element.raw), f"element {number}", _PROFILE, f"{what.rstrip()}{when}{where}")


def compact_frame(dump: Dump) -> None:
    """Signature, CRC and the data of records whose headers a full telegram has taught."""
    telegram = dump.telegram
    signature, crc = dump.peek(2), dump.peek(4)[2:]
    known = "which headers belong to the data" if telegram.records else "of a format that is not known yet"
    dump.take(2, "signature", _COMPACT, f"format signature {_hex(signature)}: {known}")
    verdict = "right: headers and data belong together" if telegram.records else "of the full telegram"
    dump.take(2, "full-frame CRC", _COMPACT, f"{_hex(crc)}, {verdict}")
    rest = list(telegram.records)
    number = 0
    while rest:
        number += 1
        record = rest.pop(0)
        elements = [record]
        # The elements of one profile stand side by side.
        while rest and _go_on(elements[-1], rest[0]):
            elements.append(rest.pop(0))
        dump.group = record_title(record, number)
        _compact_data(dump, record, elements)
    dump.group = ""
    _special(dump)


def _go_on(before: Record, after: Record) -> bool:
    """True for two elements of one profile."""
    elements = isinstance(before, ProfileElement) and isinstance(after, ProfileElement)
    return elements and after.offset == before.offset + len(before.raw)


def _compact_data(dump: Dump, record: Record, elements: list[Record]) -> None:
    profile = [e for e in elements if isinstance(e, ProfileElement)]
    size = sum(len(e.raw) for e in elements)
    if profile and not (len(profile) == 1 and profile[0].raw[:1] == dump.peek(1)):
        raw = dump.peek(size + 3)
        dump.take(1, "LVAR", _LVAR, lvar_words(raw[0], size + 2))
        _profile(dump, profile, raw)
    elif size:
        dump.take(size, "data", _DATA, f"{value_words(record)} ({header_words(record.header)})")


def format_frame(dump: Dump) -> None:
    """The headers of compact frames to come."""
    length, signature = dump.peek(1)[0], dump.peek(3)[1:]
    dump.take(1, "L field", _COMPACT, f"length: {length} bytes of signature and headers follow")
    words = f"format signature {_hex(signature)}: CRC of the headers, which compact frames refer to"
    dump.take(2, "signature", _COMPACT, words)
    for number, record in enumerate(dump.telegram.records, 1):
        dump.group = f"header {number}: {quantity_words(record.header.quantity)}, counted in " + step_text(
            record.header.exponent, record.header.unit
        )
        _header(dump, record.header, from_master=False)
    dump.group = ""
    if dump.telegram.records:
        _special(dump)


def _hex(octets: bytes) -> str:
    return octets[::-1].hex().upper()


def fixed_data(dump: Dump, *, mode2: bool) -> None:
    """Identification, status and two counters in 16 octets."""
    identification, acc, status = dump.peek(4), dump.peek(5)[4], dump.peek(6)[5]
    digits = bcd_digits(identification[::-1] if mode2 else identification)
    dump.take(4, "identification", _FIXED, f"the meter's number {digits}")
    dump.take(1, "access number", _FIXED, f"{acc}: counts readouts")
    words = ", ".join(describe_status(status & _FIXED_STATUS_BITS)) or "no error"
    dump.take(
        1, "status", _FIXED, f"{words}; two bits tell how the counters are coded, and when they were stored"
    )
    octets = dump.peek(2)
    medium = describe_medium(octets[0] >> 6 | octets[1] >> 6 << 2)
    counters = dump.telegram.records
    for number, (octet, counter) in enumerate(zip(octets, counters, strict=True), 1):
        part = "low" if number == 1 else "high"
        dump.take(
            1,
            f"unit {number}",
            _FIXED,
            f"of counter {number}: {_unit_words(octet & 0x3F, counter)}; {part} bits of the medium, {medium}",
        )
    for number, counter in enumerate(counters, 1):
        dump.group = record_title(counter, number)
        dump.take(4, f"counter {number}", _FIXED, value_words(counter))
    dump.group = ""


def _unit_words(code: int, counter: Record) -> str:
    header = counter.header
    same = "the unit of the other counter: " if code == UNIT_OF_OTHER_COUNTER else ""
    if header.error:
        return header.error
    return f"{same}{quantity_words(header.quantity)}, counted in {step_text(header.exponent, header.unit)}"

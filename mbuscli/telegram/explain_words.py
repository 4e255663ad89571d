"""Codes of a record header and link layer services in words that need no standard at hand."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from mbuscli.protocol.application.dif_table import DATA_LENGTHS, FUNCTIONS
from mbuscli.protocol.application.header import RecordHeader
from mbuscli.protocol.application.records import Blob, Record
from mbuscli.protocol.application.values import EXACT
from mbuscli.protocol.application.vif_table import (
    EXTENSION_FB,
    EXTENSION_FD,
    EXTENSION_FD_FD,
    PRIMARY,
    RESERVED,
    VIF_FB,
    VIF_FD,
    VIF_PLAIN_TEXT,
    Kind,
    Vif,
)
from mbuscli.protocol.application.vife_table import (
    ACTIONS,
    COMBINABLE,
    EXTENSION_FC,
    FROM_SLAVE,
    VIFE_EXTENSION,
    VIFE_MANUFACTURER,
    Effect,
    Vife,
)
from mbuscli.protocol.octets import counted

CLAUSE_VIF = "EN 13757-3:2018 tables 10-14, value information block"
CLAUSE_VIFE = "EN 13757-3:2018 tables 15-17, combinable VIFE"

SERVICES = {
    "SND_NKE": "resets the link: the conversation begins anew",
    "SND_UD": "data to the meter, which acknowledges it",
    "SND_UD2": "a command to the meter, which answers with data at once",
    "SND_UD3": "data to the meter without an answer",
    "REQ_UD1": "asks the meter for alarms",
    "REQ_UD2": "asks the meter for its readings",
    "RSP_UD": "the meter answers with its data",
    "SND_NR": "the meter sends by itself and expects no answer",
    "SND_IR": "the meter asks to be installed",
    "ACC_NR": "the meter has nothing to say, but may be spoken to now",
    "ACC_DMD": "the meter wants to be asked: it has an alarm",
    "ACK": "the meter acknowledges",
    "NACK": "the meter refuses",
    "CNF_IR": "confirms the installation of the meter",
}

_DATA_FIELDS = (
    "no data",
    "8-bit integer",
    "16-bit integer",
    "24-bit integer",
    "32-bit integer",
    "32-bit floating point number",
    "48-bit integer",
    "64-bit integer",
    "selection for readout",
    "2-digit decimal number (BCD)",
    "4-digit decimal number (BCD)",
    "6-digit decimal number (BCD)",
    "8-digit decimal number (BCD)",
    "data of variable length, told by the LVAR byte",
    "12-digit decimal number (BCD)",
    "special function",
)
_FUNCTIONS = dict(
    zip(FUNCTIONS, ("present value", "maximum", "minimum", "value during an error"), strict=True)
)
_DATE_TYPES = {2: "G", 3: "J", 4: "F", 6: "I"}
_QUANTITIES = {
    "hca": "heat cost allocator units",
    "any": "any quantity",
    "datetime": "date and time",
    "plain_text": "value",
}
_PLAIN_EXPONENTS = range(-6, 7)


def service_words(description: str) -> str:
    """`REQ_UD2 FCB=1` with what it is for."""
    name, _, bits = description.partition(" ")
    words = [f"{description}: {SERVICES[name]}" if name in SERVICES else description]
    if "FCB=" in bits:
        words.append("FCB, the frame count bit, changes with each new request")
    if "ACD" in bits:
        words.append("ACD: alarms are waiting")
    if "DFC" in bits:
        words.append("DFC: the meter cannot take more data now")
    return "; ".join(words)


def spaced(name: str) -> str:
    """A name of the tables as words."""
    return name.replace("_", " ")


def quantity_words(quantity: str) -> str:
    """The quantity of a record in words."""
    return _QUANTITIES.get(quantity, spaced(quantity))


def number_text(value: int | Decimal) -> str:
    """All digits, no exponent."""
    return format(Decimal(value), "f")


def step_text(exponent: int, unit: str) -> str:
    """What one count stands for: `0.01 m³`."""
    if not exponent:
        return unit or "1"
    plain = exponent in _PLAIN_EXPONENTS
    step = number_text(Decimal((0, (1,), exponent))) if plain else f"10^{exponent}"
    return f"{step} {unit}".rstrip()


def dif_words(dif: int) -> str:
    """The first octet of a record."""
    length = DATA_LENGTHS[dif & 0x0F]
    words = [_DATA_FIELDS[dif & 0x0F]]
    if length:
        words[0] += f" in {counted(length, 'byte')}" + (", lowest first" if length > 1 else "")
    words.append(_FUNCTIONS[FUNCTIONS[dif >> 4 & 3]])
    if dif & 0x40:
        more = "lowest bit of the storage number set"
        words.append(more if dif & 0x80 else "storage 1: an earlier value that the meter kept")
    return ", ".join(words) + _more(dif, "DIFE")


def dife_words(dife: int, k: int) -> str:
    """The DIFE number `k` from 0 on: which bits of storage number, tariff and subunit it adds."""
    words = []
    storage, tariff, subunit = (dife & 0x0F) << (1 + 4 * k), (dife >> 4 & 3) << 2 * k, (dife >> 6 & 1) << k
    if storage:
        words.append(f"adds {storage} to the storage number")
    if tariff:
        words.append(f"adds {tariff} to the tariff")
    if subunit:
        words.append(f"adds {subunit} to the subunit")
    return (", ".join(words) or "adds nothing to storage number, tariff and subunit") + _more(dife, "DIFE")


def vib_words(vib: bytes, *, from_master: bool) -> Iterator[tuple[str, str, str]]:
    """Name, clause and meaning of each octet of a value information block, without plain text."""
    vif = vib[0]
    size = 1
    if vif in (VIF_FB, VIF_FD) and len(vib) > 1:
        table = {VIF_FB: EXTENSION_FB, VIF_FD: EXTENSION_FD}[vif]
        yield "VIF", CLAUSE_VIF, f"{vif:02X}: the next byte tells the quantity, by extension table {vif:02X}"
        size = 2
        if vif == VIF_FD == vib[1] and len(vib) > 2:
            yield "VIFE", CLAUSE_VIF, "second FD: the next byte tells the quantity, by table FD FD"
            table, size = EXTENSION_FD_FD, 3
        code = vib[size - 1]
        yield "VIFE", CLAUSE_VIF, _vif_words(table.get(code & 0x7F, RESERVED)) + _more(code, "VIFE")
    elif vif & 0x7F == VIF_PLAIN_TEXT:
        yield "VIF", CLAUSE_VIF, "the unit follows as text" + _more(vif, "VIFE")
    else:
        yield "VIF", CLAUSE_VIF, _vif_words(PRIMARY.get(vif & 0x7F, RESERVED)) + _more(vif, "VIFE")
    private = vif & 0x7F == VIFE_MANUFACTURER
    yield from _vife_words(vib[size:], private=private, from_master=from_master)


def _vife_words(vifes: bytes, *, private: bool, from_master: bool) -> Iterator[tuple[str, str, str]]:
    extended = False
    for vife in vifes:
        code = vife & 0x7F
        if private:
            meaning = "the maker's own code"
        elif extended:
            meaning, extended = _effect_words(EXTENSION_FC.get(code)), False
        elif code == VIFE_MANUFACTURER:
            meaning, private = "manufacturer specific: what follows in this record is the maker's own", True
        elif code == VIFE_EXTENSION:
            meaning, extended = "the next byte says more, by extension table FC", True
        elif code <= 0x1F and from_master:
            meaning = f"action: {spaced(ACTIONS.get(code, 'reserved'))}"
        else:
            meaning = _effect_words((FROM_SLAVE if code <= 0x1F else COMBINABLE).get(code))
        yield "VIFE", CLAUSE_VIFE, meaning + ("" if extended else _more(vife, "VIFE"))


def _vif_words(vif: Vif) -> str:
    name = quantity_words(vif.quantity)
    if vif.divisor != 1:
        return f"{name}, counted in 1/{vif.divisor}"
    if vif.unit or vif.exponent:
        return f"{name}, counted in {step_text(vif.exponent, vif.unit)}"
    return name


def _effect_words(vife: Vife | None) -> str:
    if vife is None:
        return "reserved: the value cannot be trusted"
    text = spaced(vife.text)
    words = {
        Effect.QUALIFY: text,
        Effect.UNIT: f"the unit goes on with {text}",
        Effect.SCALE: f"the value is multiplied by {step_text(vife.exponent, '')}",
        Effect.ADD: f"{step_text(vife.exponent, '')} of the unit is added to the value",
        Effect.COUNT: f"{text}: the data is a number of events",
        Effect.DATE: f"{text}: the data is a date",
        Effect.DURATION: f"{text}: the data is a time in {vife.unit}",
        Effect.UNSIGNED: "the number has no sign",
        Effect.BITS: "the data is a set of bits",
        Effect.PROFILE: f"{text}: the data is a series of values",
        Effect.ERROR: f"record error: {text}",
        Effect.NOTHING: "no error",
    }
    return words[vife.effect]


def _more(octet: int, name: str) -> str:
    return f"; a {name} follows" if octet & 0x80 else ""


def lvar_words(lvar: int, length: int) -> str:
    """What the length octet of a variable field announces."""
    if lvar <= 0xBF:
        return f"{counted(length, 'byte')} of text or of a container"
    if lvar <= 0xDF:
        return f"{'positive' if lvar < 0xD0 else 'negative'} BCD number in {counted(length, 'byte')}"
    return f"binary number in {counted(length, 'byte')}"


def record_title(record: Record, number: int) -> str:
    """`record 2: volume 28504.27 m³, storage 1`."""
    header = record.header
    parts = [f"{quantity_words(header.quantity)} {_short_value(record)}".rstrip()]
    if header.function != "instantaneous":
        parts.append(_FUNCTIONS[header.function])
    parts += [f"storage {record.storage}"] if record.storage else []
    parts += [f"tariff {header.tariff}"] if header.tariff else []
    parts += [f"subunit {header.subunit}"] if header.subunit else []
    parts += [spaced(qualifier) for qualifier in record.qualifiers]
    return f"record {number}: {', '.join(parts)}"


def _short_value(record: Record) -> str:
    if record.header.profile is not None:
        return ""
    if isinstance(record, Blob):
        return f"data, {counted(len(record.raw), 'byte')}"
    value = record.value
    if value is None:
        return f"({record.error})"
    text = _clock(record) if isinstance(value, str) else number_text(value)
    return f"{text} {record.header.unit}".rstrip()


def _clock(record: Record) -> str:
    text = str(record.value)
    return text.replace("T", " ") if record.header.kind in (Kind.DATE, Kind.DATETIME) else text


def value_words(record: Record) -> str:
    """How the data octets become the value."""
    header, value = record.header, record.value
    if isinstance(record, Blob):
        return "the maker's own data: only the maker's documents tell what it means"
    if value is None:
        return f"no value: {record.error}"
    if header.kind is Kind.OCTETS:
        return "a container: bytes of another protocol"
    if isinstance(value, str):
        return _clock(record) + _text_hint(record)
    if header.kind is Kind.BITS and isinstance(value, int):
        bits = [str(bit) for bit in range(value.bit_length()) if value >> bit & 1]
        return f"bits set: {', '.join(bits)}" if bits else "no bit set"
    text = f"{number_text(value)} {header.unit}".rstrip()
    plain = header.exponent and header.divisor == 1 and not header.addends and header.data_field != 0x05
    if not plain:
        return text
    count = int(EXACT.scaleb(Decimal(value), -header.exponent))
    return f"{count} x {step_text(header.exponent, header.unit)} = {text}"


def _text_hint(record: Record) -> str:
    if record.header.data_length is None:
        return " (text, last character first)" if record.raw[:1] <= b"\xbf" else ""
    if record.header.kind in (Kind.DATE, Kind.DATETIME):
        return (
            f" (date type {_DATE_TYPES.get(len(record.raw), '?')}: packed in bits, local time of the meter)"
        )
    return ""


def header_words(header: RecordHeader) -> str:
    """A whole header in one line, for compact frames, which leave it out."""
    return (
        f"{_DATA_FIELDS[header.data_field]}; its header {header.raw.hex(' ').upper()} is known by the format"
    )

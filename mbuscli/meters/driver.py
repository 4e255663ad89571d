"""A meter driver: which meters it serves, and which record becomes which reading.

The TOML of a driver, in the order of the fields:

    name = "multical21"                       the driver's name
    title = "Kamstrup Multical 21"            for people
    serves = ["KAM.1B.06", "KAM.1B.16"]       manufacturer, version, device type; * for any
    main = "total_m3"                         the reading that a bill is made from
    extends = "water"                         fields and main of `drivers/base/water.toml`; own ones come
                                              first, and replace those of the same name
    decoder = "techem"                        a module of `decoders/`, for payloads that are no records

    [[field]]
    name = "total_m3"                         ends with the unit; {storage} {tariff} {subunit} {n} {count}
    about = "The total volume."
    quantity = "volume"                       as in records; or:
    vib = "FF20"                              VIF and VIFEs in hexadecimal, for makers' own codes
    storage = "1-12"                          number, range or "any"; default 0, as tariff and subunit
    function = "maximum"                      default instantaneous; "any"
    qualifiers = ["reverse_flow"]             default: none at all
    data = 4                                  only records with this data field (low half of the DIF)
    first = 8                                 {n} = storage - first + 1
    last = 31                                 {n} = last - storage + 1, where the newest comes last
    nr = 2                                    only the second record with such a header; this is {count}
    dated = "history_{count}_date"            a second reading: the moment of a compact profile's element; or
    since = 8                                 a month less for each storage after 8, whose date is sent
    unit = "m³"                               of a maker's own code; scale = "0.01" goes with it
    bits = { "0x01" = "DRY" }                 words of a bit field; "0x20/0xF0": under this mask it is 0x20
    ok = "OK"                                 the word for no bit; alone: a bit field without words
    words = { "1" = "open" }                  words of a number
    mask = "0x0F00"                           only these bits (moved down, but not for `bits`); fields with a
                                              mask share a record
    from = "status"                           the status octet of the header instead of a record; "decoder":
                                              by this name from the decoder, which may fill other fields too
    none = 127                                the number that says that there is no value
    as = "date"                               text form: date (without the time of day), hex, hex-reversed,
                                              digits (a BCD number with its leading zeros)

Fields with the same name and `bits` are joined: their words stand in one reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from mbuscli.errors import InputError, Reason
from mbuscli.protocol.application.header import RecordHeader

ANY = "any"
_ALL_NUMBERS = range(1 << 41)
_RECORD_KEYS = ("quantity", "vib", "storage", "tariff", "subunit", "function", "qualifiers", "data")
_NAME_KEYS = ("first", "last", "nr", "dated", "since")
_VALUE_KEYS = ("unit", "scale", "bits", "ok", "words", "mask", "none", "from", "as")
_FIELD_KEYS = frozenset(("name", "about", *_RECORD_KEYS, *_NAME_KEYS, *_VALUE_KEYS))
_TEXTS = ("name", "about", "quantity", "function", "unit", "ok", "from", "as", "dated", "vib")
_DRIVER_KEYS = frozenset(("name", "title", "serves", "main", "extends", "decoder", "field", "test"))
# The modules of `decoders/`.
DECODERS = ("apator", "apator162", "bfw", "bmeters", "diehl", "gwf", "qundis", "techem", "zenner")
_SOURCES = ("status", "decoder")
_NUMBERS = ("storage", "tariff", "subunit", "n", "count")
_FORMS = ("date", "digits", "hex", "hex-reversed")


class Field(NamedTuple):
    """One reading, and how to tell the record that it comes from. `unit` is None: the record's."""

    name: str
    about: str
    quantity: str | None
    vib: bytes | None
    storage: range
    tariff: range
    subunit: range
    function: str
    qualifiers: frozenset[str] | None
    data: int | None
    first: int
    last: int | None
    nr: int | None
    dated: str
    since: int | None
    unit: str | None
    scale: Decimal | None
    flags: bool
    bits: tuple[tuple[int, int, str], ...]
    ok: str
    words: Mapping[int, str]
    mask: int
    none: int | None
    source: str
    form: str

    def takes(self, header: RecordHeader) -> bool:
        """True if this reading comes from a record with such a header."""
        if self.vib is None:
            plain = self.qualifiers is None or frozenset(header.qualifiers) == self.qualifiers
            fits = plain and header.quantity == self.quantity
        else:
            fits = header.vib == self.vib
        return (
            fits
            and header.storage in self.storage
            and header.tariff in self.tariff
            and header.subunit in self.subunit
            and self.function in (ANY, header.function)
            and self.data in (None, header.data_field)
        )

    def name_for(self, header: RecordHeader, count: int, name: str | None = None) -> str:
        """The reading's name (or `name`), with the numbers of the record in it."""
        template = self.name if name is None else name
        if "{" not in template:
            return template
        return template.format(
            storage=header.storage,
            tariff=header.tariff,
            subunit=header.subunit,
            n=header.storage - self.first + 1 if self.last is None else self.last - header.storage + 1,
            count=count,
        )

    def names(self, name: str) -> bool:
        """True if this field describes a reading of this name: its own, or with a number for `{n}`."""
        before, found, behind = self.name.partition("{n}")
        if not found:
            return name == self.name
        number = name.removeprefix(before).removesuffix(behind)
        return number.isdigit() and name == f"{before}{number}{behind}"

    def masked(self, value: int) -> int:
        """The part of a number that the reading is about; bits stay in their places."""
        if not self.mask:
            return value
        shift = 0 if self.flags else (self.mask & -self.mask).bit_length() - 1
        return (value & self.mask) >> shift


class Driver:
    """One family of meters. `fields` in the order in which readings are shown."""

    def __init__(
        self,
        name: str,
        title: str,
        serves: tuple[str, ...],
        main: str | None,
        decoder: str | None,
        fields: tuple[Field, ...],
    ) -> None:
        self.name = name
        self.title = title
        self.serves = serves
        self.main = main
        self.decoder = decoder
        self.fields = fields
        self.from_status = tuple(field for field in fields if field.source == "status")
        self._places: dict[bytes, tuple[int, ...]] = {}
        self._names: dict[str, int | None] = {}

    def place_named(self, name: str) -> int | None:
        """The field, by index, that describes a decoder's reading of this name."""
        if name not in self._names:
            self._names[name] = next((n for n, each in enumerate(self.fields) if each.names(name)), None)
        return self._names[name]

    def places_of(self, header: RecordHeader, count: int) -> tuple[int, ...]:
        """The fields that take the `count`th record with this header, by index: one, or some with masks."""
        try:
            places = self._places[header.raw]
        except KeyError:
            places = tuple(
                n for n, field in enumerate(self.fields) if not field.source and field.takes(header)
            )
            if len(self._places) < 4096:  # headers of a stranger must not fill the memory
                self._places[header.raw] = places
        if len(places) < 2 and (not places or self.fields[places[0]].nr is None):
            return places
        fitting = [n for n in places if self.fields[n].nr in (None, count)]
        if not fitting or not self.fields[fitting[0]].mask:
            return tuple(fitting[:1])
        return tuple(n for n in fitting if self.fields[n].mask)


def parse_driver(table: Mapping[str, Any], where: str) -> Driver:
    """The driver in a TOML table. InputError `input.invalid` names `where`, the field and the wrong key."""
    _check_keys(table, _DRIVER_KEYS, where)
    name = str(table.get("name", ""))
    if not name or not isinstance(table.get("serves", []), list):
        raise _invalid(where, "a driver needs a name, and a list of meters that it serves")
    decoder = table.get("decoder")
    if decoder is not None and (not isinstance(decoder, str) or decoder not in DECODERS):
        raise _invalid(where, f"no decoder is called {decoder!r}: there are {', '.join(DECODERS)}")
    for key in ("field", "test"):
        tables = table.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            raise _invalid(where, f"its {key}s stand in [[{key}]] tables")
    fields = tuple(_field(each, f"{where}, field {n}") for n, each in enumerate(table.get("field", []), 1))
    return Driver(
        name,
        str(table.get("title", name)),
        tuple(map(str, table.get("serves", []))),
        table.get("main"),
        decoder,
        fields,
    )


def _field(table: Mapping[str, Any], where: str) -> Field:
    _check_keys(table, _FIELD_KEYS, where)
    if not table.get("name"):
        raise _invalid(where, "it has no name")
    for key in _TEXTS:
        if not isinstance(table.get(key, ""), str):
            raise _invalid(where, f"{key} is a text")
    source = table.get("from", "")
    form = table.get("as", "")
    if source not in ("", *_SOURCES) or (form and form not in _FORMS):
        raise _invalid(where, f"`from` is one of {', '.join(_SOURCES)}, `as` one of {', '.join(_FORMS)}")
    if not source and not ("quantity" in table or "vib" in table):
        raise _invalid(where, "it needs quantity, vib or from")
    qualifiers = table.get("qualifiers", [])
    try:
        return Field(
            name=_template(table["name"]),
            about=table.get("about", ""),
            quantity=table.get("quantity"),
            vib=bytes.fromhex(table["vib"]) if "vib" in table else None,
            storage=_range(table.get("storage", 0)),
            tariff=_range(table.get("tariff", 0)),
            subunit=_range(table.get("subunit", 0)),
            function=table.get("function", "instantaneous"),
            qualifiers=None if qualifiers == ANY else frozenset(qualifiers),
            data=int(table["data"]) if "data" in table else None,
            first=int(table.get("first", 1)),
            last=int(table["last"]) if "last" in table else None,
            nr=int(table["nr"]) if "nr" in table else None,
            dated=_template(table.get("dated", "")),
            since=int(table["since"]) if "since" in table else None,
            unit=table.get("unit"),
            scale=Decimal(str(table["scale"])) if "scale" in table else None,
            flags="bits" in table or "ok" in table,
            bits=tuple(_bit(mask, word) for mask, word in table.get("bits", {}).items()),
            ok=table.get("ok", "OK"),
            words={int(number, 0): word for number, word in table.get("words", {}).items()},
            mask=int(table.get("mask", "0"), 0),
            none=int(table["none"]) if "none" in table else None,
            source=source,
            form=form,
        )
    except (ValueError, ArithmeticError, TypeError, AttributeError) as error:
        raise _invalid(where, str(error)) from None


def _template(name: str) -> str:
    """The name, if nothing but known numbers stand in its braces."""
    try:
        name.format(**dict.fromkeys(_NUMBERS, 0))
    except (KeyError, IndexError):
        raise ValueError(f"in {name!r}, only {', '.join(_NUMBERS)} may stand in braces") from None
    return name


def _bit(text: str, word: str) -> tuple[int, int, str]:
    """`0x20/0xF0` -> mask, value under the mask, word; without a mask the value is its own."""
    value, _, mask = text.partition("/")
    return int(mask or value, 0), int(value, 0), word


def _range(text: int | str) -> range:
    if text == ANY:
        return _ALL_NUMBERS
    first, _, last = str(text).partition("-")
    return range(int(first), int(last or first) + 1)


def _check_keys(table: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    if not isinstance(table, Mapping):
        raise _invalid(where, "it is no table")
    unknown = [key for key in table if key not in known]
    if unknown:
        from difflib import get_close_matches

        near = get_close_matches(unknown[0], known, n=1)
        raise _invalid(
            where, f"unknown key {unknown[0]!r}" + (f", did you mean {near[0]!r}?" if near else "")
        )


def _invalid(where: str, text: str) -> InputError:
    return InputError(f"meter driver {where}: {text}", reason=Reason.INVALID)


def words_of_bits(value: int, bits: Sequence[tuple[int, int, str]], prefix: str) -> list[str]:
    """The words of the bits (mask, value, word) that are set, each bit once; others as `<prefix>_<hex>`.

    An empty word is for bits that are known and say nothing.
    """
    words = []
    for mask, wanted, word in bits:
        if wanted and value & mask == wanted:
            value &= ~mask
            words += [word] if word else []
    return [*words, f"{prefix}_{value:X}"] if value else words

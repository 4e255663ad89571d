"""The header of a record: data and value information block, DIF DIFE VIF VIFE (EN 13757-3).

A header means the same wherever it stands, so one object serves every record that begins with these octets.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mbuscli.protocol.application.dif_table import DATA_LENGTHS, FUNCTIONS, MAX_EXTENSIONS
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

_MORE = 0x80


class RecordHeader:
    """What the octets before the data say.

    The value is `raw number · 10^exponent / divisor + addend`, in `unit`; `kind` tells how to read the raw
    number from the data octets, of which there are `data_length` (None: the LVAR octet says how many).
    `reader`, filled on first use, does all that. `error` is set if the header itself forbids a value: a
    record error, or a `reserved` code.
    """

    __slots__ = (
        "addends",
        "data_field",
        "data_length",
        "divisor",
        "error",
        "exponent",
        "function",
        "kind",
        "profile",
        "qualifiers",
        "quantity",
        "raw",
        "reader",
        "reserved",
        "storage",
        "subunit",
        "tariff",
        "unit",
        "vib",
    )

    def __init__(self, dib: bytes, vib: bytes, text: str | None = None, *, from_master: bool = False) -> None:
        """`vib` without the plain text of VIF 7C/FC, which comes as `text` (first character first)."""
        self.raw = dib + vib
        self.vib = vib
        self.data_field = dib[0] & 0x0F
        self.data_length = DATA_LENGTHS[self.data_field]
        self.function = FUNCTIONS[dib[0] >> 4 & 0x03]
        self.storage, self.tariff, self.subunit = _numbers(dib)
        self.qualifiers: tuple[str, ...] = ()
        self.addends: tuple[int, ...] = ()
        self.profile: str | None = None
        self.error: str | None = None
        self.reserved = False
        self.reader: Callable[[bytes], int | Decimal | str | None] | None = None
        vif, vifes = _split_vib(vib)
        self.quantity, self.unit, self.exponent, self.kind, self.divisor, legacy = vif
        if text is not None:
            self.unit = text
        if legacy:
            self.qualifiers = ("legacy_code",)
        if vif is RESERVED:
            self.reserved = True
            self.error = f"reserved VIF {vib.hex().upper()}"
        _Vifes(self, from_master).apply(vifes)
        if len(dib) - 1 > MAX_EXTENSIONS:
            self.error = f"{len(dib) - 1} DIFE, at most {MAX_EXTENSIONS} are allowed"
        elif len(vifes) > MAX_EXTENSIONS:
            self.error = f"{len(vifes)} VIFE, at most {MAX_EXTENSIONS} are allowed"

    @property
    def too_many_dife(self) -> bool:
        """True beyond ten DIFE."""
        return self.error is not None and "DIFE, at most" in self.error

    @property
    def too_many_vife(self) -> bool:
        """True beyond ten VIFE."""
        return self.error is not None and "VIFE, at most" in self.error

    def __repr__(self) -> str:
        return f"<RecordHeader {self.raw.hex().upper()} {self.quantity} [{self.unit}] storage {self.storage}>"


def _numbers(dib: bytes) -> tuple[int, int, int]:
    """Storage, tariff and subunit, each put together from the DIFEs, least significant part first."""
    storage = dib[0] >> 6 & 1
    tariff = subunit = 0
    for k, dife in enumerate(dib[1:]):
        storage |= (dife & 0x0F) << (1 + 4 * k)
        tariff |= (dife >> 4 & 0x03) << 2 * k
        subunit |= (dife >> 6 & 1) << k
    return storage, tariff, subunit


def _split_vib(vib: bytes) -> tuple[Vif, bytes]:
    """The meaning of the VIF, with its extension tables, and the VIFEs that follow it."""
    vif = vib[0]
    if vif == VIF_FB and len(vib) > 1:
        return EXTENSION_FB.get(vib[1] & 0x7F, RESERVED), vib[2:]
    if vif == VIF_FD and len(vib) > 1:
        if vib[1] == VIF_FD and len(vib) > 2:
            return EXTENSION_FD_FD.get(vib[2] & 0x7F, RESERVED), vib[3:]
        return EXTENSION_FD.get(vib[1] & 0x7F, RESERVED), vib[2:]
    return PRIMARY.get(vif & 0x7F, RESERVED), vib[1:]


def is_plain_text(vib: bytes) -> bool:
    """True if the VIF announces a unit in text."""
    return vib[0] & 0x7F == VIF_PLAIN_TEXT


class _Vifes:
    """Applies combinable VIFEs to a header, in the order in which they stand."""

    def __init__(self, header: RecordHeader, from_master: bool) -> None:
        self.header = header
        self.from_master = from_master
        self.qualifiers = list(header.qualifiers)

    def apply(self, vifes: bytes) -> None:
        """Apply all of them; after a manufacturer VIFE (7F) the rest is the maker's own."""
        if self.header.kind is Kind.PRIVATE:
            # After VIF 7F/FF the VIFEs are no longer the standard's: they name the maker's register.
            if vifes:
                self.qualifiers.append(f"manufacturer_{vifes.hex()}")
        else:
            self._apply_standard(vifes)
        self.header.qualifiers = tuple(self.qualifiers)

    def _apply_standard(self, vifes: bytes) -> None:
        position = 0
        while position < len(vifes):
            code = vifes[position] & ~_MORE
            position += 1
            if code == VIFE_MANUFACTURER:
                self.qualifiers.append(f"manufacturer_{vifes[position:].hex()}".rstrip("_"))
                return
            if code == VIFE_EXTENSION and position < len(vifes):
                second = vifes[position] & ~_MORE
                position += 1
                self._one(EXTENSION_FC.get(second), f"FC{second:02X}")
            elif code <= 0x1F and self.from_master:
                self.qualifiers.append(ACTIONS.get(code, f"action_{code:02x}"))
            elif code <= 0x1F:
                self._one(FROM_SLAVE.get(code), f"{code:02X}")
            else:
                self._one(COMBINABLE.get(code), f"{code:02X}")

    def _one(self, vife: Vife | None, code: str) -> None:
        header = self.header
        if vife is None:
            header.reserved = True
            header.error = header.error or f"reserved VIFE {code}"
            return
        effect = vife.effect
        if effect is Effect.ERROR:
            header.error = vife.text
        elif effect is Effect.UNIT:
            header.unit = (header.unit or "1" if vife.text[0] == "/" else header.unit) + vife.text
        elif effect is Effect.SCALE:
            header.exponent += vife.exponent
        elif effect is Effect.ADD:
            header.addends += (vife.exponent,)
        elif effect is Effect.UNSIGNED:
            header.kind = Kind.UNSIGNED
        elif effect is Effect.BITS:
            header.kind = Kind.BITS
        elif effect is Effect.PROFILE:
            header.profile = vife.text
            self.qualifiers.append(vife.text)
        elif effect in (Effect.COUNT, Effect.DATE, Effect.DURATION):
            self._replace(vife)
        elif effect is Effect.QUALIFY:
            self.qualifiers.append(vife.text)

    def _replace(self, vife: Vife) -> None:
        """The data is no longer a value of the VIF, but a count, a date or a time span about it."""
        header = self.header
        header.unit, header.exponent, header.divisor = vife.unit, 0, 1
        kinds = {Effect.COUNT: Kind.UNSIGNED, Effect.DATE: Kind.DATETIME, Effect.DURATION: Kind.NUMBER}
        header.kind = kinds[vife.effect]
        self.qualifiers.append(vife.text)

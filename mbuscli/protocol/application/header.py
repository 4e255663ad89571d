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
    Vif,
)


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
        if vifes:
            from mbuscli.protocol.application.vifes import apply_vifes

            apply_vifes(self, vifes, from_master=from_master)
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

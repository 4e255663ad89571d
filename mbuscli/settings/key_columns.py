"""Which columns of a list hold the meter's number and its key: by heading, else by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from mbuscli.settings.sheet import heading_word

# Headings as lists of utilities and makers have them, as `heading_word` leaves them.
_SERIAL = frozenset(
    (
        "serial",
        "serialno",
        "serialnumber",
        "meterno",
        "meternumber",
        "meterid",
        "id",
        "deviceid",
        "secondaryaddress",
        "address",
        "meters",
        "zahlernummer",
        "zahlernr",
        "geratenummer",
        "geratenr",
        "seriennummer",
    )
)
_KEY = frozenset(
    (
        "key",
        "aeskey",
        "aes",
        "aes128",
        "aes128key",
        "encryptionkey",
        "decryptionkey",
        "schlussel",
        "aesschlussel",
        "dek",
    )
)
_OTHERS = {
    "manufacturer": frozenset(("manufacturer", "manufacturerid", "vendor", "vendorid", "hersteller")),
    "name": frozenset(("name", "metername", "location")),
    "note": frozenset(("note", "comment", "bemerkung")),
}
_KEY_TEXT = re.compile(r"(?:0[xX])?(?:[0-9A-Fa-f][\s:\-]?){32}")
_SERIAL_TEXT = re.compile(r"\d{5,8}(?:\.[A-Za-z]{3}(?:\.[0-9A-Fa-f]{2}){0,2})?|\d{8}[0-9A-Fa-f]{8}")


class Columns(NamedTuple):
    """Places of columns, from 0; `heading` is True if the first row names them."""

    serial: int
    key: int
    others: dict[str, int]
    heading: bool


def find_columns(first: Sequence[str]) -> Columns | None:
    """The columns of a list that begins with the row `first`, None if it is no list of keys."""
    return _by_heading(first) or _by_content(first)


def _by_heading(first: Sequence[str]) -> Columns | None:
    names = [heading_word(cell) for cell in first]
    serial, key = _place(names, _SERIAL), _place(names, _KEY)
    if serial is None or key is None:
        return None
    others = {field: _place(names, known) for field, known in _OTHERS.items()}
    return Columns(serial, key, {field: at for field, at in others.items() if at is not None}, True)


def _by_content(first: Sequence[str]) -> Columns | None:
    keys = [place for place, cell in enumerate(first) if _KEY_TEXT.fullmatch(cell)]
    serials = [place for place, cell in enumerate(first) if _SERIAL_TEXT.fullmatch(cell)]
    return Columns(serials[0], keys[0], {}, False) if len(keys) == 1 and serials else None


def _place(names: Sequence[str], known: frozenset[str]) -> int | None:
    return next((place for place, name in enumerate(names) if name in known), None)

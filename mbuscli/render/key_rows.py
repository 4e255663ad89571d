"""Rows of the commands about keys: a key is shown by its check value, never by its octets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.render.lists import named_columns, write_list
from mbuscli.render.rows import Row

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.keys import Finding
    from mbuscli.settings.keystore import AnyEntry


_KEYS = named_columns(
    {
        "name": "the user's name for it",
        "meters": "the meters it belongs to, F for any digit; DevEUI or DevAddr and role of LoRaWAN",
        "check": "check value: start of AES-CMAC over 16 zero octets",
        "bits": "length of the key: 128 (AES) or 64 (DES)",
        "note": "the user's note",
    }
)
_FINDINGS = named_columns(
    {
        "severity": "error or note",
        "entry": "the key it is about",
        "text": "what was found",
        "hint": "what to do",
    }
)
COLUMNS = {"keys": (_KEYS, tuple(_KEYS)), "findings": (_FINDINGS, tuple(_FINDINGS))}


def key_row(entry: AnyEntry) -> Row:
    """A key of the ring."""
    return {
        "name": entry.name,
        "meters": entry.owner,
        "check": entry.key.check_value,
        "bits": 8 * len(entry.key),
        "note": entry.note,
    }


def finding_row(finding: Finding) -> Row:
    """Something that `keys check` found."""
    return finding._asdict()


def write_rows(output: Output, kind: str, rows: list[Row]) -> None:
    """The rows in the format of the command; `kind` is keys or findings."""
    write_list(output, kind, COLUMNS[kind], rows)

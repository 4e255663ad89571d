"""What the commands about keys have in common: which ring, and how an entry is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mbuscli.render.report import Output
    from mbuscli.settings.keystore import AnyEntry


def ring_path(ring: str | None) -> Path:
    """The ring that the user named, else the one in the folder of settings."""
    from pathlib import Path

    from mbuscli.settings.paths import default_ring

    return Path(ring) if ring else default_ring()


def described(entry: AnyEntry) -> str:
    """An entry in a sentence."""
    name = entry.owner if entry.name == entry.owner else f"{entry.name} ({entry.owner})"
    return f"{name}, check value {entry.key.check_value}"


def write_keys(output: Output, entries: Sequence[AnyEntry]) -> None:
    """Entries as data, in the format of the command."""
    from mbuscli.render.key_rows import key_row, write_rows

    write_rows(output, "keys", [key_row(entry) for entry in entries])

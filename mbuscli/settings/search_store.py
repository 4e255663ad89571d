"""Searches of a bus that were broken off, one for each port, in the folder of what the program learns."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from mbuscli.errors import InputError, Reason
from mbuscli.settings.files import read_file, write_private
from mbuscli.settings.paths import state_folder

_SCHEMA = "mbuscli-search/1"
_LIMIT = 8 << 20
_NAME_SIZE = 40


class SavedSearch(NamedTuple):
    """A search as it stood. `states`: what the search of each of `bauds` knew, for those begun; `wanted`: the
    meters of a list, each as eight octets in hexadecimal and a remark; `saved`: the time, ISO 8601."""

    port: str
    bauds: tuple[int, ...]
    swept: bool
    expect: int | None
    wanted: tuple[tuple[str, str], ...]
    states: tuple[Any, ...]
    saved: str


def store_path(port: str) -> Path:
    """The file of a port: readable, and no two ports' the same."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", port).strip("-")[-_NAME_SIZE:]
    digest = hashlib.sha256(port.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return state_folder() / "searches" / f"{readable}-{digest}.json"


def save_search(search: SavedSearch) -> Path:
    """Replace what was saved for this port: all of it or nothing. InputError `input.unwritable`."""
    path = store_path(search.port)
    document = {"schema": _SCHEMA, **search._asdict()}
    write_private(path, json.dumps(document, indent=1).encode() + b"\n")
    return path


def load_search(port: str) -> SavedSearch:
    """What was saved for this port; InputError `input.missing`, `input.invalid` or as `read_file`."""
    path = store_path(port)
    if not path.exists():
        raise InputError(
            f"no search of {port} was broken off",
            reason=Reason.MISSING,
            hint=("without --resume a search begins", "the port must be named as it was then"),
        )
    try:
        return _checked(json.loads(read_file(path, _LIMIT)))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise damaged(port, str(error)) from None


def damaged(port: str, why: str) -> InputError:
    """`input.invalid` for a saved search that cannot be gone on with."""
    return InputError(
        f"the saved search {store_path(port)} is damaged: {why}",
        reason=Reason.INVALID,
        hint=("begin again, without --resume",),
    )


def remove_search(port: str) -> None:
    """Forget what was saved for this port, if anything; a file that cannot be removed stays."""
    try:
        store_path(port).unlink(missing_ok=True)
    except OSError:
        return  # it is told of, and replaced, by the next search that is broken off


def is_saved(port: str) -> bool:
    """True if a search of this port was broken off."""
    return store_path(port).is_file()


def _checked(document: Any) -> SavedSearch:
    if document["schema"] != _SCHEMA:
        raise ValueError(f"its schema is {document['schema']!r}")
    search = SavedSearch(
        str(document["port"]),
        tuple(map(int, document["bauds"])),
        bool(document["swept"]),
        None if document["expect"] is None else int(document["expect"]),
        tuple((str(octets), str(remark)) for octets, remark in document["wanted"]),
        tuple(document["states"]),
        str(document["saved"]),
    )
    if not search.bauds or len(search.states) > len(search.bauds):
        raise ValueError("its baud rates are missing")
    return search

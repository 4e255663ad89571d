"""Check of the inventory's database: opened as it is, nothing brought up to date."""

from __future__ import annotations

import os
import shlex
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from mbuscli.errors import InputError
from mbuscli.protocol.octets import counted
from mbuscli.services.doctor_case import Case, Finding, found_error
from mbuscli.settings.inventory_file import APPLICATION_ID, VERSION, default_inventory, explained

_PATIENCE_S = 2.0
_LONGEST_S = 8.0
_STEPS = 100_000


def look_at_inventory(_case: Case) -> Iterator[Finding]:
    """It opens, it is ours, SQLite finds it whole, and how much is in it."""
    path = default_inventory()
    if not os.path.lexists(path):
        yield Finding("skipped", f"no inventory yet ({path})", ("mbuscli sniff begins one",))
        return
    try:
        with closing(_open(path)) as connection:
            yield _judged(connection, path)
    except sqlite3.Error as error:
        yield found_error(explained(path, error))
    except InputError as error:
        yield found_error(error)


def _open(path: Path) -> sqlite3.Connection:
    with open(path, "rb"):
        pass  # the system's own word for why it cannot be opened
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=rw", timeout=_PATIENCE_S, uri=True)


def _judged(connection: sqlite3.Connection, path: Path) -> Finding:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    octets = os.path.getsize(path)
    size = f"{path}, {octets / 1e6:.1f} MB" if octets >= 1e6 else f"{path}, {octets // 1000} kB"
    if not version and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return Finding("ok", f"{size}, still empty")
    name = shlex.quote(str(path))
    aside = f"put it aside: mv {name} {name}.old"
    if application != APPLICATION_ID:
        return Finding("failed", f"{size}: the database of another program", (aside,))
    if version > VERSION:
        text = f"{size}: written by a newer mbuscli (format {version}, known here: {VERSION})"
        return Finding("failed", text, ("pip install --upgrade mbuscli",))
    fault = _fault(connection)
    if fault:
        return Finding("failed", f"{size} is damaged: {fault}", _rescue(path))
    meters = connection.execute("SELECT count(*) FROM meters").fetchone()[0]
    rest = "" if fault == "" else ", too large to be checked as a whole here"
    return Finding("ok", f"{size}, {counted(meters, 'meter')}, format {version}{rest}")


def _fault(connection: sqlite3.Connection) -> str | None:
    """What SQLite finds wrong; "" if nothing, None if that would take too long."""
    deadline = time.monotonic() + _LONGEST_S
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        connection.set_progress_handler(None, 0)
    return "" if found == "ok" else " ".join(found.split())


def _rescue(path: Path) -> tuple[str, ...]:
    name = shlex.quote(str(path))
    return (
        f"save what can be read: sqlite3 {name} .recover | sqlite3 {name}.new",
        f"or begin anew: mv {name} {name}.damaged",
    )

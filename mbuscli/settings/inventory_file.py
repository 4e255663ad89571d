"""The SQLite file of everything that was ever heard: opened, brought up to date, and its faults in words.

Write-ahead log: others may read while one session writes, and a file is whole after SIGKILL or a power cut; a
power cut may take the last commits with it, not the file.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mbuscli.errors import InputError, Reason
from mbuscli.settings.files import PRIVATE, make_folder
from mbuscli.settings.paths import state_folder

FILE_NAME = "inventory.sqlite3"
# "mbus", so that another program's database is told from an old inventory.
APPLICATION_ID = 0x6D627573
_PATIENCE_S = 5.0

# Each entry brings a file from the version before to its own number, counted from 1.
_MIGRATIONS = (
    """
    CREATE TABLE meters (
        address TEXT PRIMARY KEY,
        id TEXT NOT NULL,
        manufacturer TEXT NOT NULL,
        device_type INTEGER NOT NULL,
        name TEXT NOT NULL DEFAULT '',
        place TEXT NOT NULL DEFAULT '',
        first_heard REAL NOT NULL,
        last_heard REAL NOT NULL,
        telegrams INTEGER NOT NULL,
        rssi_dbm REAL,
        best_rssi_dbm REAL,
        radio_mode TEXT,
        security TEXT NOT NULL,
        security_mode INTEGER NOT NULL,
        key TEXT,
        pinned INTEGER NOT NULL,
        suspicions INTEGER NOT NULL,
        last_read REAL,
        quantity TEXT,
        value TEXT,
        unit TEXT,
        exponent INTEGER,
        counter INTEGER,
        latitude REAL,
        longitude REAL
    ) WITHOUT ROWID;
    CREATE INDEX meters_by_time ON meters (last_heard);
    CREATE TABLE telegrams (
        meter TEXT NOT NULL,
        slot INTEGER NOT NULL,
        time REAL NOT NULL,
        raw BLOB NOT NULL,
        rssi_dbm REAL,
        radio_mode TEXT,
        port TEXT NOT NULL,
        PRIMARY KEY (meter, slot)
    ) WITHOUT ROWID;
    CREATE TABLE readings (
        meter TEXT NOT NULL,
        quantity TEXT NOT NULL,
        function TEXT NOT NULL,
        storage INTEGER NOT NULL,
        tariff INTEGER NOT NULL,
        subunit INTEGER NOT NULL,
        qualifiers TEXT NOT NULL,
        moment TEXT NOT NULL,
        slot INTEGER NOT NULL,
        time REAL NOT NULL,
        value TEXT NOT NULL,
        unit TEXT NOT NULL,
        PRIMARY KEY (meter, quantity, function, storage, tariff, subunit, qualifiers, moment, slot)
    ) WITHOUT ROWID;
    CREATE TABLE routes (path TEXT PRIMARY KEY, started REAL NOT NULL, last REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE progress (
        route TEXT NOT NULL,
        meter TEXT NOT NULL,
        heard REAL,
        read REAL,
        marked REAL,
        PRIMARY KEY (route, meter)
    ) WITHOUT ROWID;
    """,
)
VERSION = len(_MIGRATIONS)


def default_inventory() -> Path:
    """The file in the folder of what is learnt."""
    return state_folder() / FILE_NAME


def open_inventory(path: Path, *, create: bool = True) -> sqlite3.Connection:
    """The open file, made or brought up to date if need be.

    InputError: `input.missing` (without `create`), `input.unreadable` (damaged, or no inventory),
    `input.unwritable`, `input.busy` (another program holds it), `input.unsupported` (of a newer version).
    """
    if not create and not path.exists():
        raise InputError(
            f"there is no inventory yet ({path})",
            reason=Reason.MISSING,
            hint=("mbuscli sniff fills it with the meters that are heard",),
        )
    with in_words(path):
        if not path.exists():
            make_folder(path.parent)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE))
        connection = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and tables:
        raise InputError(
            f"{path} is the database of another program",
            reason=Reason.UNRECOGNISED,
            hint=("name another file with --inventory",),
        )
    if version > VERSION:
        raise InputError(
            f"{path} was written by a newer version of mbuscli (format {version}, known here: {VERSION})",
            reason=Reason.UNSUPPORTED,
            hint=("use the newer version, or another file with --inventory",),
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if version < VERSION:
        _migrate(connection)


def _migrate(connection: sqlite3.Connection) -> None:
    """All steps in one transaction: a file is of one version or of the other."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been quicker.
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for step in _MIGRATIONS[version:]:
            for statement in filter(str.strip, step.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """SQLite's and the system's errors as InputError."""
    try:
        yield
    except sqlite3.Error as error:
        raise explained(path, error) from error
    except OSError as error:
        raise InputError(
            f"cannot open the inventory {path}: {error.strerror or error}", reason=Reason.UNWRITABLE
        ) from error


def explained(path: Path, error: sqlite3.Error) -> InputError:
    """What SQLite complains about, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    name = shlex.quote(str(path))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return InputError(
            f"another program holds the inventory {path}",
            reason=Reason.BUSY,
            hint=("end the other program, or go on with --no-inventory",),
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return InputError(
            f"the inventory {path} is damaged: {error}",
            reason=Reason.UNREADABLE,
            hint=(f"put it aside: mv {name} {name}.damaged", "captures fill a new one: --port replay:FILE"),
        )
    if code == sqlite3.SQLITE_FULL:
        return InputError(
            f"cannot write the inventory {path}: the disk is full",
            reason=Reason.UNWRITABLE,
            hint=("make room, or go on with --no-inventory",),
        )
    return InputError(
        f"cannot use the inventory {path}: {error}",
        reason=Reason.UNWRITABLE,
        hint=("go on with --no-inventory, or name another file with --inventory",),
    )

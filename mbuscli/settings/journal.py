"""The journal of what was written into meters: one line before each write, one after it, never rewritten."""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from mbuscli.settings.files import PRIVATE, make_folder, read_file, unwritable
from mbuscli.settings.paths import state_folder

JOURNAL_NAME = "journal.ndjson"
SCHEMA = "mbuscli/1"
BEGUN = "begun"
UNKNOWN = "unknown"

_MAX_OCTETS = 1 << 30


class Entry(NamedTuple):
    """A write. `target`: how the meter was addressed; `undo`: the words of the command that takes it back."""

    command: str
    port: str
    baud: int
    meter: str | None
    target: str
    old: str
    new: str
    frames: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()


class Line(NamedTuple):
    """A write as the journal tells it: `outcome` is begun if no line says how it ended."""

    key: str
    time: str
    entry: Entry
    outcome: str
    note: str


def default_journal() -> Path:
    """The journal in the folder of what the program learns."""
    return state_folder() / JOURNAL_NAME


def local_time() -> str:
    """The computer's time with its zone, milliseconds."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


class Writing:
    """A write that is under way; leaving it without `end` notes that its outcome is unknown."""

    def __init__(self, journal: Journal, key: str, entry: Entry) -> None:
        self._journal = journal
        self._key = key
        self._entry = entry
        self._ended = False

    def end(self, outcome: str, note: str = "", entry: Entry | None = None) -> None:
        """Note how it ended; `entry` if it is not just what was begun."""
        self._ended = True
        self._journal.append(self._key, entry or self._entry, outcome, note)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._ended:
            self.end(UNKNOWN, "interrupted" if value is None else str(value) or type(value).__name__)


class Journal:
    """Appends to one file, each line flushed to the disk before the bus sees the first frame of a write."""

    def __init__(self, path: Path | None = None, *, now: Callable[[], str] = local_time) -> None:
        self.path = path or default_journal()
        self._now = now

    def begin(self, entry: Entry) -> Writing:
        """Note what is about to be written. InputError `input.unwritable`: then nothing must be written."""
        key = secrets.token_hex(4)
        self.append(key, entry, BEGUN, "")
        return Writing(self, key, entry)

    def append(self, key: str, entry: Entry, outcome: str, note: str) -> None:
        """One line; InputError `input.unwritable`."""
        row = {"schema": SCHEMA, "event": "journal", "key": key, "time": self._now(), "outcome": outcome}
        row |= entry._asdict()
        if note:
            row["note"] = note
        data = json.dumps(row, separators=(",", ":")).encode() + b"\n"
        try:
            make_folder(self.path.parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            with open(os.open(self.path, flags, PRIVATE), "r+b", buffering=0) as stream:
                if _is_cut(stream.fileno()):
                    data = b"\n" + data
                if stream.write(data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(stream.fileno())
        except OSError as error:
            raise unwritable(self.path, error) from None

    def read(self) -> list[Line]:
        """All writes in the order in which they began; lines that a power cut left behind are passed over.

        InputError `input.unreadable`; no journal is an empty one.
        """
        if not self.path.exists():
            return []
        lines: dict[str, Line] = {}
        for text in read_file(self.path, _MAX_OCTETS).split(b"\n"):
            line = _parse(text)
            if line is not None:
                began = lines.get(line.key)
                lines[line.key] = line if began is None else line._replace(time=began.time)
        return list(lines.values())


def _is_cut(descriptor: int) -> bool:
    """True if the file's last line has no end: a power cut or a full disk stopped it."""
    size = os.fstat(descriptor).st_size
    if not size:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"


def _parse(text: bytes) -> Line | None:
    try:
        row = json.loads(text)
        return Line(
            str(row["key"]), str(row["time"]), _entry(row), str(row["outcome"]), str(row.get("note", ""))
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _entry(row: dict[str, Any]) -> Entry:
    texts = {name: str(row[name]) for name in ("command", "port", "target", "old", "new")}
    meter = row["meter"]
    return Entry(
        **texts,
        baud=int(row["baud"]),
        meter=None if meter is None else str(meter),
        frames=_words(row["frames"]),
        undo=_words(row["undo"]),
    )


def _words(value: Sequence[object]) -> tuple[str, ...]:
    return tuple(map(str, value))

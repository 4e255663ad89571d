"""The lines of earlier sessions, in a file of the user's alone, without secrets."""

from __future__ import annotations

import os
from contextlib import suppress

from mbuscli.repl.masking import without_secrets
from mbuscli.settings.files import PRIVATE, make_folder
from mbuscli.settings.paths import state_file

_NAME = "shell_history"
_MOST = 2_000
# So much of the end of the file is read: no one wants what is older.
_LIMIT = 1 << 18


class History:
    """Lines, the oldest first. A file that cannot be read or written leaves those of this session."""

    def __init__(self) -> None:
        self._lines: list[str] | None = None

    @property
    def lines(self) -> list[str]:
        """All lines, those of earlier sessions included."""
        if self._lines is None:
            self._lines = _read()
        return self._lines

    def add(self, line: str) -> str:
        """Keep a line; returns it as it is kept."""
        kept = without_secrets(" ".join(line.splitlines()))
        lines = self.lines
        if kept.strip() and lines[-1:] != [kept]:
            lines.append(kept)
            with suppress(OSError):
                _append(state_file(_NAME), kept)
        return kept


def _read() -> list[str]:
    path = state_file(_NAME)
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _LIMIT))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [line for line in lines[size > _LIMIT :] if line][-_MOST:]


def _append(path: str, line: str) -> None:
    make_folder(os.path.dirname(path))
    # Private from its first moment on, not after the first line.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), PRIVATE)
    with open(descriptor, "ab+") as file:
        if os.name == "posix":
            os.chmod(path, PRIVATE)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        # A line that a power cut has left unfinished must not swallow this one.
        start = b"" if file.read(1) in (b"", b"\n") else b"\n"
        file.write(start + line.encode("utf-8", "replace") + b"\n")

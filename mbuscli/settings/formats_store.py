"""The known formats of compact frames together with those that were learnt in earlier runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.protocol.application.compact import Formats
from mbuscli.settings.formats_file import append, stored, unreadable, unwritable

if TYPE_CHECKING:
    from pathlib import Path


class StoredFormats(Formats):
    """The known formats with those of earlier runs; what is learnt is written at once.

    If the file cannot be read or written, formats are learnt for this run only and `trouble` says why.
    """

    def __init__(self, path: Path | str) -> None:
        self._path: Path | str | None = None  # nothing is written while the known formats are filled in
        self.trouble: str | None = None
        super().__init__()
        try:
            for headers in stored(path):
                self.learn(headers)
        except OSError as error:
            self.trouble = unreadable(path, error)
        self._path = path

    def learn(self, headers: bytes) -> int:
        """Remember the headers, in the file too if they are new; returns their signature."""
        count = len(self._headers)
        signature = super().learn(headers)
        if len(self._headers) > count and self._path is not None and self.trouble is None:
            try:
                append(self._path, signature, headers)
            except OSError as error:
                self.trouble = unwritable(self._path, error)
        return signature

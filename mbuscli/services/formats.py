"""Formats of compact frames for one command: what earlier runs learnt is loaded when it is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.protocol.application.records import Record, joined_headers

if TYPE_CHECKING:
    from mbuscli.protocol.application.compact import Formats

# Shapes of full frames that are remembered until a compact frame, or the end, calls for the store.
_MAX_PENDING = 500


class LearntFormats:
    """A `FormatSource` that keeps what it learns between runs. `keep` at the end of the command."""

    def __init__(self) -> None:
        self._formats: Formats | None = None
        self._pending: dict[bytes, None] = {}

    def learn(self, headers: bytes) -> int:
        """Remember the concatenated headers of a frame; returns their signature."""
        return self._load().learn(headers)

    def learn_records(self, records: list[Record]) -> None:
        """Remember the headers of a full frame, later: most commands see no compact frame."""
        if self._formats is not None:
            self._formats.learn_records(records)
            return
        headers = joined_headers(records)
        if headers and len(self._pending) < _MAX_PENDING:
            self._pending[headers] = None

    def find(self, signature: int) -> bytes | None:
        """The concatenated headers with this signature, None if it is not known."""
        return self._load().find(signature)

    def keep(self) -> str | None:
        """Store what is still pending; returns why it could not be stored."""
        if not self._pending and self._formats is None:
            return None
        self._load()
        return getattr(self._formats, "trouble", None)

    def _load(self) -> Formats:
        if self._formats is None:
            from mbuscli.settings.formats_store import StoredFormats, default_path

            self._formats = StoredFormats(default_path())
            for headers in self._pending:
                self._formats.learn(headers)
            self._pending.clear()
        return self._formats

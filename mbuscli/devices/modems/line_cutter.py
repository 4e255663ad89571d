"""Lines of text, and octets between them, out of what a modem's port receives."""

from __future__ import annotations

import re

# Longer than any line with the longest payload; more than this without an end is noise.
_LONGEST_LINE = 4096
_END = re.compile(rb"[\r\n]")


class LineCutter:
    """Lines out of octets in pieces of any size; CR, LF or both end a line, and empty ones are left out."""

    def __init__(self) -> None:
        self._held = b""
        self._take = 0
        self._before = b""

    def feed(self, data: bytes) -> None:
        """Octets that came in; `next` hands out what is whole."""
        self._held += data
        if len(self._held) > _LONGEST_LINE and not _END.search(self._held):
            self._held = self._held[-_LONGEST_LINE:]

    def take(self, count: int, *, before: bytes = b"") -> None:
        """Hand out the next `count` octets as they are, ends of lines too; `before` stands before them."""
        self._take, self._before = count, before

    def next(self) -> bytes | None:
        """The next line without its end, or the octets that `take` asked for; None if none is whole."""
        if self._take:
            whole = len(self._before) + self._take
            if len(self._held) < whole:
                return None
            taken, self._held = self._held[len(self._before) : whole], self._held[whole:]
            self._take, self._before = 0, b""
            return taken
        while (end := _END.search(self._held)) is not None:
            line, self._held = self._held[: end.start()], self._held[end.end() :]
            if line:
                return line
        return None

    def flush(self) -> bytes:
        """What is held, as if it had ended."""
        held, self._held = self._held.strip(b"\r\n"), b""
        self._take, self._before = 0, b""
        return held

"""Help on narrow terminals: an option stands above what it does, and a list of choices may break."""

from __future__ import annotations

from collections.abc import Iterable

import click

_NARROW = 60
_NARROW_COLUMN = 4
# Names this short leave room beside them.
_SHORT = 12


class HelpFormatter(click.HelpFormatter):
    """As click's from 60 columns on."""

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """A list of names and what they mean."""
        rows = list(rows)
        if self.width < _NARROW and max((len(name) for name, _ in rows), default=0) > _SHORT:
            col_max = _NARROW_COLUMN
            rows = [(self._broken(name), text) for name, text in rows]
        super().write_dl(rows, col_max, col_spacing)

    def _broken(self, name: str) -> str:
        """A name that is wider than the terminal, with line breaks behind its bars."""
        lines, indent = [""], " " * (self.current_indent + _NARROW_COLUMN)
        for part in name.replace("|", "|\0").split("\0"):
            if lines[-1] and len(lines[-1]) + len(part) > self.width - self.current_indent:
                lines.append(indent)
            lines[-1] += part
        return "\n".join(lines)

"""Errors and warnings in words: what happened, where, what to try, and a name to search for."""

from __future__ import annotations

from mbuscli.errors import MbuscliError
from mbuscli.render.json import dump_line
from mbuscli.render.text import inert
from mbuscli.settings.redact import without_keys

_MAX_HINTS = 3
# Errors of these layers name the place in their text; the others are about a telegram and its bytes.
_OUTSIDE = frozenset(("usage", "input", "port", "device", "bus", "network", "internal"))


def error_text(error: MbuscliError, *, where: str | None = None) -> str:
    """The error for a person, two to five lines."""
    lines = [f"error: {_harmless(error.text)} [{inert(error.name)}]"]
    place = _place(error, where)
    if place:
        lines.append(f"  where: {inert(place)}")
    lines += [f"  try: {_harmless(hint)}" for hint in error.hint[:_MAX_HINTS]]
    return "\n".join(lines)


def error_json(error: MbuscliError, *, where: str | None = None, ascii_only: bool = False) -> str:
    """The error as one JSON object on one line."""
    body: dict[str, object] = {
        "name": error.name,
        "text": without_keys(error.text),
        "layer": error.layer,
        "offset": error.offset,
        "hint": list(map(without_keys, error.hint)),
    }
    if where is not None:
        body["where"] = where
    return dump_line({"error": body}, ascii_only=ascii_only)


def _harmless(text: str) -> str:
    """It neither steers a terminal, nor shows a key that was typed where no key belongs."""
    return inert(without_keys(text))


def _place(error: MbuscliError, where: str | None) -> str:
    parts = [where] if where and where not in error.text else []
    if error.layer not in _OUTSIDE:
        parts.append(f"{error.layer} layer")
        if error.offset is not None:
            parts.append(f"byte {error.offset}")
    return ", ".join(parts)

"""JSON with the meter's exact digits: a Decimal is written as the number it is, never through a float."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from mbuscli.render.text import UNSAFE

_WIDTH = 100
_NON_ASCII = re.compile("[^\x00-\x7f]")


def dump_line(value: Any, *, ascii_only: bool = False) -> str:
    """`value` on one line, without spaces between its parts."""
    return _compact(value, ",", ":", ascii_only)


def dump_document(value: Any, *, ascii_only: bool = False) -> str:
    """`value` for reading: what is short or flat stays on one line, the rest is indented by two."""
    return _pretty(value, "", ascii_only)


def _compact(value: Any, comma: str, colon: str, ascii_only: bool) -> str:
    if isinstance(value, str):
        return _string(value, ascii_only)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        parts = (
            f"{_string(key, ascii_only)}{colon}{_compact(item, comma, colon, ascii_only)}"
            for key, item in value.items()
        )
        return "{" + comma.join(parts) + "}"
    if isinstance(value, Sequence):
        return "[" + comma.join(_compact(item, comma, colon, ascii_only) for item in value) + "]"
    return json.dumps(value, allow_nan=False)


def _pretty(value: Any, indent: str, ascii_only: bool) -> str:
    line = _compact(value, ", ", ": ", ascii_only)
    if len(indent) + len(line) <= _WIDTH or _is_flat(value):
        return line
    deeper = indent + "  "
    if isinstance(value, Mapping):
        parts = [
            f"{_string(key, ascii_only)}: {_pretty(item, deeper, ascii_only)}" for key, item in value.items()
        ]
        opening, closing = "{", "}"
    else:
        parts = [_pretty(item, deeper, ascii_only) for item in value]
        opening, closing = "[", "]"
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}{closing}"


def _is_flat(value: Any) -> bool:
    """True for an object or list that holds at most lists of single values: a record, a meter."""
    if isinstance(value, Mapping):
        return all(_is_flat(item) and not isinstance(item, Mapping) for item in value.values())
    if isinstance(value, str) or not isinstance(value, Sequence):
        return True
    return all(isinstance(item, str) or not isinstance(item, Mapping | Sequence) for item in value)


def _number(value: Decimal) -> str:
    """All digits, no exponent; JSON knows no infinity and no NaN."""
    return format(value, "f") if value.is_finite() else "null"


def _string(text: str, ascii_only: bool) -> str:
    # json.dumps escapes C0 and the quotes; DEL, C1 and the bidirectional controls would pass.
    quoted = json.dumps(text, ensure_ascii=False)
    return (_NON_ASCII if ascii_only else UNSAFE).sub(_escaped, UNSAFE.sub(_escaped, quoted))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"

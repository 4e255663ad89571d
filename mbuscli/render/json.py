"""JSON with the meter's exact digits: a Decimal is written as the number it is, never through a float.

The standard library's encoder knows no Decimal, and escapes neither DEL nor C1 nor bidirectional controls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache, lru_cache
from itertools import count
from typing import Any, TypeAlias

from mbuscli.render.streams import UNSAFE_CHARACTERS

Quote: TypeAlias = Callable[[str], str]


class Rendered(str):
    """JSON text that stands for a value, written as it is."""

    __slots__ = ()


_WIDTH = 100
# From so many lines on it is worth it to load a faster way.
_MANY_LINES = 200
_lines = count(1)
_UNSAFE = re.compile(UNSAFE_CHARACTERS)
_ESCAPED = re.compile(f'["\\\\]|{UNSAFE_CHARACTERS}')
_ESCAPED_ASCII = re.compile(r'["\\\x00-\x1f\x7f]|[^\x00-\x7f]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def dump_line(value: Any, *, ascii_only: bool = False) -> str:
    """`value` on one line, without spaces between its parts."""
    if not ascii_only and next(_lines) > _MANY_LINES:
        text = _by_orjson()(value)
        if text is not None:
            return text
    return _compact(value, ",", ":", _quoted_ascii if ascii_only else _quoted)


@cache
def _by_orjson() -> Callable[[Any], str | None]:
    """The same text by the package orjson, where it is installed; None for what it would write otherwise."""
    try:
        from orjson import OPT_PASSTHROUGH_SUBCLASS, Fragment, JSONEncodeError, dumps
    except ImportError:
        return lambda _value: None

    def ours(value: Any) -> Any:
        if isinstance(value, Decimal | Rendered):
            return Fragment(_compact(value, ",", ":", _quoted))
        raise TypeError

    def line(value: Any) -> str | None:
        try:
            text: str = dumps(value, ours, OPT_PASSTHROUGH_SUBCLASS).decode()
        except JSONEncodeError:  # an integer beyond 64 bits, half a surrogate pair
            return None
        # What needs escaping is escaped in one way only.
        return None if "\\" in text or _UNSAFE.search(text) else text

    return line


def quoter(*, ascii_only: bool) -> Quote:
    """What puts text in quotes."""
    return _quoted_ascii if ascii_only else _quoted


def dump_document(value: Any, *, ascii_only: bool = False) -> str:
    """`value` for reading: what is short or flat stays on one line, the rest is indented by two."""
    return _pretty(value, "", _quoted_ascii if ascii_only else _quoted)


def _compact(value: Any, comma: str, colon: str, quoted: Quote) -> str:
    kind = type(value)
    if kind is str:
        return quoted(value)
    if kind is int:
        return str(value)
    if value is None:
        return "null"
    if kind is dict:
        return "{" + comma.join(_pairs(value, comma, colon, quoted)) + "}"
    if kind is list:
        return "[" + comma.join([_compact(item, comma, colon, quoted) for item in value]) + "]"
    if kind is Decimal:
        # All digits, no exponent; JSON knows no infinity and no NaN.
        return format(value, "f") if value.is_finite() else "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is Rendered:
        return str(value)
    raise TypeError(f"{kind.__name__} has no place in JSON")


def _pairs(value: dict[str, Any], comma: str, colon: str, quoted: Quote) -> list[str]:
    """The members of an object. Most are texts, numbers and null, written without another call."""
    pairs = []
    for key, item in value.items():
        kind = type(item)
        if kind is Rendered:
            text = item
        elif kind is str:
            text = quoted(item)
        elif kind is int:
            text = str(item)
        elif item is None:
            text = "null"
        elif kind is Decimal and item.is_finite():
            text = format(item, "f")
        else:
            text = _compact(item, comma, colon, quoted)
        pairs.append(quoted(key) + colon + text)
    return pairs


def _pretty(value: Any, indent: str, quoted: Quote) -> str:
    line = _compact(value, ", ", ": ", quoted)
    if len(indent) + len(line) <= _WIDTH or _is_flat(value):
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        parts = [f"{quoted(key)}: {_pretty(item, deeper, quoted)}" for key, item in value.items()]
        opening, closing = "{", "}"
    else:
        parts = [_pretty(item, deeper, quoted) for item in value]
        opening, closing = "[", "]"
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}{closing}"


def _is_flat(value: Any) -> bool:
    """True for an object or list that holds at most lists of single values: a record, a meter."""
    if isinstance(value, dict):
        return all(_is_flat(item) and not isinstance(item, dict) for item in value.values())
    return not isinstance(value, list) or not any(isinstance(item, dict | list) for item in value)


# Keys, quantities and units come again with every record.
@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    return '"' + _ESCAPED.sub(_escaped, text) + '"'


@lru_cache(maxsize=1024)
def _quoted_ascii(text: str) -> str:
    return '"' + _ESCAPED_ASCII.sub(_escaped, text) + '"'


def _escaped(match: re.Match[str]) -> str:
    if match.group() in _SHORT:
        return _SHORT[match.group()]
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"

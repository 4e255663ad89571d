"""HTML that cannot be broken from outside: every text is escaped, unless it was made here."""

from __future__ import annotations

import re
from html import escape

from mbuscli.render.text import inert
from mbuscli.settings.redact import redact

_VOID = frozenset(("meta", "img", "br", "wbr", "rect", "line", "polyline", "circle"))
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9]")
# Two numbers of meters after each other look like a key.
_METER_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d{8}(?![0-9A-Za-z])")


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Html:
    """Any text, made harmless: no markup, no control characters, no key."""
    if isinstance(value, Html):
        return value
    return Html(escape(inert(discreet(str(value)))))


def discreet(words: str) -> str:
    """The text without what may be a key; numbers of meters beside each other are none."""
    hidden = redact(words)
    if hidden != words:
        rest = _METER_NUMBER.sub("", words)
        return words if redact(rest) == rest else hidden
    return words


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """`<name class="…">children</name>`; `class_` is class, `aria_label` is aria-label, None is left out, and
    so are children that are None or empty."""
    opening = name + "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{opening}>" if name in ("meta", "img", "br", "wbr") else f"<{opening}/>")
    inner = "".join(text(child) for child in children if child is not None)
    return Html(f"<{opening}>{inner}</{name}>")


def join(*parts: object) -> Html:
    """Parts after each other."""
    return Html("".join(text(part) for part in parts if part is not None))


def css_string(words: str) -> str:
    """A text as a string of a style sheet: nothing but letters and digits stands there as itself."""
    plain = inert(discreet(words))
    return '"' + _NOT_PLAIN.sub(lambda match: f"\\{ord(match.group()):x} ", plain) + '"'

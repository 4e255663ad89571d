"""Text from outside (a meter, a gateway, a file) made harmless before it reaches a terminal."""

from __future__ import annotations

import re

from mbuscli.render.streams import UNSAFE_CHARACTERS

UNSAFE = re.compile(UNSAFE_CHARACTERS)
# Without the ends of lines and the tabs of columns.
_UNLINED = re.compile(UNSAFE_CHARACTERS.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
_UNCOLOURED = re.compile(rf"\x1b\[[0-9;]*m|{_UNLINED.pattern}")
# A word, or a command to type: it can be copied only while it is whole.
_PIECE = re.compile(r"\s*(?:(?:mbuscli|sudo)(?: +\S*[^\s,;])* +\S+|\S+)")

_ASCII_UNITS = str.maketrans(
    {"³": "3", "²": "2", "°": "deg", "µ": "u", "μ": "u", "Ω": "Ohm", "·": ".", "–": "-"}
)


def inert(text: str) -> str:
    """`text` with every character that could act on a terminal written as a visible `\\x1b` or `\\u202e`."""
    return UNSAFE.sub(_visible, text)


def contained(text: str, *, colour: bool) -> str:
    """Whole lines of output, with what should not be in them written as `inert` does; the codes of colours
    stay where they are on."""
    return (_UNCOLOURED if colour else _UNLINED).sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    if len(match.group()) > 1:
        return match.group()  # a colour
    code = ord(match.group())
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def folded(text: str, width: int) -> str:
    """The text with lines broken between words where they are longer than `width`, and what follows indented.

    Words and commands to type are not broken: the terminal does that.
    """
    return "\n".join(line if len(line) <= width else _folded(line, width) for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    indent = " " * (len(line) - len(line.lstrip(" ")) + 2)
    lines = [""]
    for piece in _PIECE.findall(line):
        if lines[-1].strip() and len(lines[-1] + piece) > width:
            lines.append(indent + piece.lstrip())
        else:
            lines[-1] += piece
    return "\n".join(lines)


def ascii_unit(text: str) -> str:
    """A unit or label of ours in ASCII: `m³` becomes `m3`, `°C` becomes `degC`."""
    return text.translate(_ASCII_UNITS)

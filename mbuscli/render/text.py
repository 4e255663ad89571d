"""Text from outside (a meter, a gateway, a file) made harmless before it reaches a terminal."""

from __future__ import annotations

import re

from mbuscli.render.streams import UNSAFE_CHARACTERS

UNSAFE = re.compile(UNSAFE_CHARACTERS)

_ASCII_UNITS = str.maketrans(
    {"³": "3", "²": "2", "°": "deg", "µ": "u", "μ": "u", "Ω": "Ohm", "·": ".", "–": "-"}
)


def inert(text: str) -> str:
    """`text` with every character that could act on a terminal written as a visible `\\x1b` or `\\u202e`."""
    return UNSAFE.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def ascii_unit(text: str) -> str:
    """A unit or label of ours in ASCII: `m³` becomes `m3`, `°C` becomes `degC`."""
    return text.translate(_ASCII_UNITS)

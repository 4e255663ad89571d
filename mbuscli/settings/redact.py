"""Keys that were typed where no key belongs, found before they are shown or stored in clear."""

from __future__ import annotations

import re

HIDDEN = "(hidden: looks like a key)"
# A DES key, the shorter of the two kinds, has 16 hexadecimal digits.
_SHORTEST = 16
_HEX = "[0-9A-Fa-f]"
_RUN = re.compile(rf"{_HEX}(?:[\s:|_,;\-]{{0,3}}(?:0[xX])?{_HEX}){{{_SHORTEST - 1},}}")
# Dots stand between the parts of a meter's address too, but never between all its octets.
_DOTTED = re.compile(rf"{_HEX}{{2}}(?:\.{_HEX}{{2}}){{{_SHORTEST // 2 - 1},}}")
_WORD = re.compile(rf"[0-9A-Za-z]{{{_SHORTEST - 1},}}")
_MOSTLY = 0.75
# A digit more or less is a slip of who typed it.
_PAIRS = rf"{_HEX}{{2}}([ :|_,;.\-](?:0[xX])?){_HEX}{{2}}(?:\1{_HEX}{{2}}){{13,15}}"
_AES_KEY = re.compile(rf"(?<![0-9A-Za-z])(?:0[xX])?(?:{_HEX}{{30,34}}|{_PAIRS})(?![0-9A-Za-z])")


def redact(text: str) -> str:
    """`text` with everything that may be a key, mistyped ones included, replaced by a remark."""
    text = _WORD.sub(_hide_mostly_hex, text)
    return _DOTTED.sub(HIDDEN, _RUN.sub(HIDDEN, text))


def without_keys(text: str) -> str:
    """`text` with what has the length and the form of an AES key replaced.

    Unlike `redact` it leaves numbers of meters, addresses and telegrams, so that it fits every message.
    """
    return _AES_KEY.sub(HIDDEN, text)


def looks_like_key(text: str) -> bool:
    """True if a key may be in `text`."""
    return len(text) >= _SHORTEST - 1 and redact(text) != text


def _hide_mostly_hex(match: re.Match[str]) -> str:
    word = match.group()
    digits = sum(character in "0123456789abcdefABCDEF" for character in word)
    return HIDDEN if digits >= _MOSTLY * len(word) else word

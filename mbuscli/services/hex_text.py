"""Hexadecimal as people paste it: spaces, colons, commas, bars, 0x in front, upper or lower case."""

from __future__ import annotations

import re

from mbuscli.errors import Reason, UsageError

_SEPARATORS = r"\s:,;_|.\-"
_TOKEN = r"(?:0[xX])?(?:[0-9A-Fa-f]{2})+(?![0-9A-Za-z])"
_RUN = re.compile(rf"(?<![0-9A-Za-z]){_TOKEN}(?:[{_SEPARATORS}]{{1,3}}{_TOKEN})*")
_ONLY_HEX = re.compile(rf"(?:0[xX]|[0-9A-Fa-f]|[{_SEPARATORS}])*")
_GROUPS_OF_PAIRS = re.compile(
    rf"[{_SEPARATORS}]*+(?:(?:0[xX])?+(?:[0-9A-Fa-f]{{2}})++(?:[{_SEPARATORS}]++|\Z))*+"
)
_NO_SPACES = str.maketrans(":,;_|.-", 7 * " ")
_GROUP = re.compile(rf"[^{_SEPARATORS}]+")
_PREFIX = re.compile(r"0[xX]")
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_PAIRS = "write bytes as pairs of hexadecimal digits, such as 0C 78"


def is_only_hex(text: str) -> bool:
    """True if nothing but hexadecimal digits and separators stands in `text`."""
    return _ONLY_HEX.fullmatch(text) is not None


def octets_if_hex(text: str) -> bytes | None:
    """The octets of `text` if it is hexadecimal pairs throughout, else None."""
    if _GROUPS_OF_PAIRS.fullmatch(text) is None:
        return None
    return bytes.fromhex(_digits(text))


def longest_run(text: str) -> bytes:
    """The octets of the longest stretch of hexadecimal pairs in a line, whatever words stand around it."""
    best = ""
    for match in _RUN.finditer(text):
        digits = _digits(match.group())
        if len(digits) > len(best):
            best = digits
    return bytes.fromhex(best)


def octets_of(text: str, place: str, hint: str = _PAIRS) -> bytes:
    """The octets of `text`, which must be hexadecimal throughout; `hint`: what else it might have been.

    UsageError `usage.not-hex` or `usage.odd-hex` names `place` and the position (from 1) of the character.
    """
    octets = octets_if_hex(text)
    if octets is None:
        raise _wrong_character(text, place, hint)
    return octets


def _wrong_character(text: str, place: str, hint: str) -> UsageError:
    """What the first group of digits that cannot be read suffers from."""
    for group in _GROUP.finditer(text):
        prefix = _PREFIX.match(group.group())
        digits = group.group()[2:] if prefix else group.group()
        start = group.start() + (2 if prefix else 0)
        for index, digit in enumerate(digits):
            if digit not in _HEX_DIGITS:
                return UsageError(
                    f"{place}, character {start + index + 1}: {digit!r} is no hexadecimal digit",
                    reason=Reason.NOT_HEX,
                    offset=start + index,
                    hint=(hint,),
                )
        if len(digits) % 2 or not digits:
            return UsageError(
                f"{place}, character {start + 1}: an odd number of hexadecimal digits ({len(digits)})",
                reason=Reason.ODD_HEX,
                offset=start + len(digits) - 1,
                hint=("a byte has two digits: one was lost, or one is too many",),
            )
    raise AssertionError("every group is in order")


def _digits(run: str) -> str:
    if "x" in run or "X" in run:
        run = _PREFIX.sub("", run)
    return "".join(run.translate(_NO_SPACES).split())

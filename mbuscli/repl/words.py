"""Lines into words, as a POSIX shell takes them; on Windows a backslash is a letter (\\\\.\\COM10)."""

from __future__ import annotations

import os
from typing import NamedTuple

from mbuscli.errors import Reason, UsageError

_ESCAPES = os.name != "nt"
_BLANKS = " \t\r\n"
# What has to be quoted so that it stays one word and means itself.
_SPECIAL = frozenset(" \t\"'#&")
BACKGROUND = "&"
_OF_OTHER_SHELLS = frozenset(("|", "||", "&&", ";", "<", ">", ">>", "2>", BACKGROUND))


class Word(NamedTuple):
    """A word, and where it stands in the line; `bare`: nothing of it was quoted."""

    text: str
    start: int
    end: int
    bare: bool


class Line(NamedTuple):
    """The words of a line without its comment, and the quotation mark that is still open at its end."""

    words: tuple[Word, ...]
    open_quote: str = ""

    @property
    def texts(self) -> list[str]:
        """The words as a command gets them."""
        return [word.text for word in self.words]


def split(line: str, *, escapes: bool = _ESCAPES) -> Line:
    """The words of a line, the last one as far as it goes; `escapes`: a backslash takes the next one's
    meaning. A word that begins with # begins a comment."""
    words: list[Word] = []
    text, start, quote, bare = "", -1, "", True
    at = 0
    while at < len(line):
        c = line[at]
        if start < 0 and c not in _BLANKS:
            if c == "#":
                break
            text, start, bare = "", at, True
        if escapes and c == "\\" and quote != "'":
            text, bare = text + line[at + 1 : at + 2], False
            at += 1
        elif quote:
            text, quote = (text, "") if c == quote else (text + c, quote)
        elif c in "'\"":
            quote, bare = c, False
        elif c not in _BLANKS:
            text += c
        elif start >= 0:
            words.append(Word(text, start, at, bare))
            start = -1
        at += 1
    if start >= 0:
        words.append(Word(text, start, min(at, len(line)), bare))
    return Line(tuple(words), quote)


def command_words(line: str, *, escapes: bool = _ESCAPES) -> tuple[list[str], bool]:
    """What a line asks for, without `mbuscli` in front, and whether in the background (`&` at its end).

    UsageError `usage.invalid` for a quotation mark that is not closed, and for pipes and the like.
    """
    words, open_quote = split(line, escapes=escapes)
    if open_quote:
        raise UsageError(f"the quotation mark {open_quote} is not closed", reason=Reason.INVALID)
    in_background = bool(words) and words[-1].bare and words[-1].text == BACKGROUND
    words = words[: len(words) - in_background]
    for word in words:
        if word.bare and word.text in _OF_OTHER_SHELLS:
            raise UsageError(
                f"this shell has no {word.text}",
                reason=Reason.INVALID,
                hint=("mbuscli takes part in pipes outside of it", f"as a word it is written '{word.text}'"),
            )
    texts = [word.text for word in words]
    if len(texts) > 1 and texts[0] == "mbuscli":
        del texts[0]
    return texts, in_background


def quoted(text: str, *, escapes: bool = _ESCAPES) -> str:
    """The text as one word of a line."""
    if text and not _SPECIAL & set(text) and not (escapes and "\\" in text):
        return text
    if "'" not in text:
        return f"'{text}'"
    return '"' + "".join("\\" + c if escapes and c in '"\\' else c for c in text) + '"'

"""What of a line may be kept: everything but keys and passphrases."""

from __future__ import annotations

import re

from mbuscli.repl.words import Word, split
from mbuscli.settings.redact import looks_like_key

MASK = "(hidden)"

# Options whose value is a secret, and `set key ...`; names of files and of keys are none.
_SECRET = re.compile(r"-{0,2}[a-z-]*(key|passphrase|password|qr)", re.IGNORECASE)
_STANDARD_INPUT = "-"
# A key has 32 digits, a mistyped one perhaps less. Beyond two keys it is a telegram, which may be kept.
_FEWEST, _MOST = 30, 65
_TELEGRAM = re.compile(rf"[0-9A-Fa-f]{{{_MOST + 1},}}")
_GROUPS = re.compile(rf"(?<![0-9A-Za-z])(?:[0-9A-Fa-f][\s:|_,;.\-]{{0,3}}){{{_FEWEST},}}(?![0-9A-Za-z])")


def without_secrets(line: str) -> str:
    """The line with (hidden) in the place of what is a key by its option, or looks like one.

    A telegram's digits are kept if there are more of them than a key has.
    """
    words, _ = split(line)
    parts, end = [], 0
    for before, word in zip((None, *words), words, strict=False):
        parts += [line[end : word.start], _shown(before, word, line[word.start : word.end])]
        end = word.end
    # Keys are written in groups too.
    return _GROUPS.sub(_without_groups, "".join(parts) + line[end:])


def _shown(before: Word | None, word: Word, raw: str) -> str:
    name, equals, value = word.text.partition("=")
    if equals and name.startswith("--") and _SECRET.fullmatch(name):
        return f"{name}={MASK}" if value else raw
    if before is not None and _is_secret(before.text, word.text):
        return MASK
    is_key = len(word.text) >= _FEWEST and looks_like_key(word.text) and not _TELEGRAM.fullmatch(word.text)
    return MASK if is_key else raw


def _is_secret(option: str, value: str) -> bool:
    return _SECRET.fullmatch(option) is not None and not value.startswith("-")


def _without_groups(match: re.Match[str]) -> str:
    digits = sum(c.isalnum() for c in match.group())
    if digits > _MOST:
        return match.group()
    return MASK + match.group()[len(match.group().rstrip()) :]

"""What the value of a setting may be: in TOML, and as the text of an option or a variable."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol, TypeAlias

Value: TypeAlias = str | int | float | bool | list[str]

FLAG_WORDS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


class Kind(Protocol):
    """A kind of value. `allowed` says in words what it may be."""

    @property
    def allowed(self) -> str:
        """What is allowed, such as `a whole number 0..10`."""
        ...

    def accepts(self, value: object) -> bool:
        """True for a value of this kind as TOML gives it."""
        ...

    def parse(self, text: str) -> Value:
        """The value that a text means; ValueError for text of no such value."""
        ...


class Text:
    """Any text but an empty one. `is_path`: a file, relative to the file of settings, `~` the home folder."""

    def __init__(self, allowed: str, *, is_path: bool = False) -> None:
        self.allowed = allowed
        self.is_path = is_path

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and bool(value) and value.isprintable()

    def parse(self, text: str) -> Value:
        if not self.accepts(text):
            raise ValueError(text)
        return text


class Texts:
    """A text, or several in an array; words of a text that is parsed are several."""

    def __init__(self, allowed: str) -> None:
        self.allowed = allowed

    def accepts(self, value: object) -> bool:
        texts = value if isinstance(value, list) else [value]
        return bool(texts) and all(isinstance(each, str) and each and each.isprintable() for each in texts)

    def parse(self, text: str) -> Value:
        words = text.split()
        if not self.accepts(words):
            raise ValueError(text)
        return words


class Flag:
    """On or off."""

    allowed = "true or false"

    def accepts(self, value: object) -> bool:
        return isinstance(value, bool)

    def parse(self, text: str) -> Value:
        try:
            return FLAG_WORDS[text.strip().lower()]
        except KeyError:
            raise ValueError(text) from None


class Whole:
    """A whole number from `low` to `high`."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high
        self.allowed = f"a whole number {low}..{high}"

    def accepts(self, value: object) -> bool:
        return type(value) is int and self.low <= value <= self.high

    def parse(self, text: str) -> Value:
        if not (text.isascii() and text.isdigit() and self.accepts(int(text))):
            raise ValueError(text)
        return int(text)


class Seconds:
    """A number of seconds up to `high`; from `low` on, or more than 0 where `low` is None."""

    def __init__(self, low: float | None, high: float) -> None:
        self.low, self.high = low, high
        span = f"{low:g}..{high:g}" if low is not None else f"more than 0, up to {high:g}"
        self.allowed = f"a number of seconds, {span}"

    def accepts(self, value: object) -> bool:
        if type(value) not in (int, float):
            return False
        number = float(value)  # type: ignore[arg-type]
        above = number > 0 if self.low is None else number >= self.low
        return math.isfinite(number) and above and number <= self.high

    def parse(self, text: str) -> Value:
        number = float(text)
        if not self.accepts(number):
            raise ValueError(text)
        return number


class Choice:
    """One of some words or numbers."""

    def __init__(self, *values: str | int) -> None:
        self.values = values
        # No commas: rates in a row would look like a key, and be hidden.
        self.allowed = "one of " + "/".join(map(str, values))

    def accepts(self, value: object) -> bool:
        return type(value) in (str, int) and value in self.values

    def parse(self, text: str) -> Value:
        for value in self.values:
            if str(value).lower() == text.lower():
                return value
        raise ValueError(text)

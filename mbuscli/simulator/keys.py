"""Checked access to a scenario's tables: each complaint names the place, the key and what is allowed."""

from __future__ import annotations

import difflib
import string
from collections.abc import Collection, Mapping
from typing import Any, NoReturn, TypeGuard

from mbuscli.errors import InputError, Reason


class Table:
    """One TOML table at a place such as `heat.toml, meter 3`; `values` is what TOML gave."""

    def __init__(self, values: Mapping[str, Any], where: str, known: Collection[str]) -> None:
        """InputError `input.invalid` for a key that is not in `known`, with the nearest one as a hint."""
        self._values = values
        self.where = where
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(known)}"
                raise InputError(f"{where}: unknown key {key!r}", reason=Reason.INVALID, hint=(hint,))

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def fail(self, key: str, allowed: str) -> NoReturn:
        """Raise InputError for the value of `key`."""
        if key not in self._values:
            raise InputError(f"{self.where}: {key} is missing; it is {allowed}", reason=Reason.INVALID)
        value = self._values[key]
        raise InputError(
            f"{self.where}: {key} = {value!r} is not allowed; it is {allowed}", reason=Reason.INVALID
        )

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from `low` to `high`; without a default the key must be there."""
        value = self._values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.fail(key, f"a whole number {low}..{high}")
        return value

    def optional_integer(self, key: str, low: int, high: int) -> int | None:
        """As `integer`, None where the key is absent."""
        return self.integer(key, low, high) if key in self else None

    def number(self, key: str, low: float, high: float, default: float) -> float:
        """A number from `low` to `high`."""
        value = self._values.get(key, default)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
            self.fail(key, f"a number {low:g}..{high:g}")
        return float(value)

    def boolean(self, key: str) -> bool:
        """true or false, false where the key is absent."""
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            self.fail(key, "true or false")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """Text; without a default the key must be there."""
        value = self._values.get(key, default)
        if not isinstance(value, str):
            self.fail(key, "text in quotes")
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of `allowed`, the first where the key is absent."""
        value = self._values.get(key, allowed[0])
        if value not in allowed:
            self.fail(key, "one of " + ", ".join(f'"{each}"' for each in allowed))
        return str(value)

    def digits(self, key: str) -> str:
        """Eight digits in quotes; A to E occur in the field, F is the wildcard."""
        value = self._values.get(key)
        if (
            not isinstance(value, str)
            or len(value) != 8
            or not set(value) <= set(string.hexdigits) - {"F", "f"}
        ):
            self.fail(key, 'eight digits in quotes, such as "12345678"')
        return value.upper()

    def texts(self, key: str) -> list[str]:
        """A list of texts, empty where the key is absent."""
        value = self._values.get(key, [])
        if not _is_texts(value):
            self.fail(key, "a list of texts in quotes")
        return value

    def text_lists(self, key: str) -> list[list[str]]:
        """A list of lists of texts, not empty."""
        value = self._values.get(key)
        if not isinstance(value, list) or not value or not all(map(_is_texts, value)):
            self.fail(key, "a list of lists of texts, one list for each telegram")
        return value

    def table(self, key: str, known: Collection[str]) -> Table:
        """A table inside this one, empty where the key is absent."""
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            self.fail(key, "a table")
        return Table(value, f"{self.where}, {key}", known)

    def tables(self, key: str) -> list[Mapping[str, Any]]:
        """A list of tables (`[[key]]`), not empty; the caller says which keys each knows."""
        value = self._values.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
            self.fail(key, f"written as one [[{key}]] for each {key}")
        return value


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)

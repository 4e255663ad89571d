"""Profiles: what is known of a site's bus, under a name, in the file of settings.

A table `[profile.site-7]` with `port = "tcp://10.0.0.7:10001"` and, as needed, `baud = 300` (or "auto"),
`timeout_s = 1.5`, `retries = 3`, `margin_s = 0.4`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias

from mbuscli.errors import InputError, Reason
from mbuscli.settings.files import read_file
from mbuscli.settings.paths import config_folder

CONFIG_NAME = "config.toml"
BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400)
MAX_TIMEOUT_S = 60.0
MAX_MARGIN_S = 10.0
MAX_RETRIES = 10
_LIMIT = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
# What --port takes for something else.
_TAKEN = re.compile(r"auto|COM[0-9]{1,3}", re.IGNORECASE)

Baud: TypeAlias = int | Literal["auto"]


class Profile(NamedTuple):
    """A bus; None where the profile leaves it to the program. `margin_s`: the converter's own delay."""

    port: str
    baud: Baud | None = None
    timeout_s: float | None = None
    retries: int | None = None
    margin_s: float | None = None


def may_be_profile(text: str) -> bool:
    """True if `text` can be the name of a profile: letters, digits, `_`, `.` and `-`, and no port's name."""
    return _NAME.fullmatch(text) is not None and _TAKEN.fullmatch(text) is None


def load_profiles(path: Path | None = None) -> dict[str, Profile]:
    """The profiles in a file, by default the user's; none if there is no such file.

    InputError: `input.unreadable`, `input.too-long`, `input.invalid` for unknown keys and wrong values.
    """
    path = path or config_folder() / CONFIG_NAME
    try:
        data = read_file(path, _LIMIT)
    except InputError as error:
        if error.reason is Reason.MISSING:
            return {}
        raise
    try:
        values = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no valid TOML: {error}", reason=Reason.INVALID) from None
    _check_keys(values, str(path), ("profile",))
    profiles = values.get("profile", {})
    if not isinstance(profiles, dict) or not all(isinstance(each, dict) for each in profiles.values()):
        raise InputError(f"{path}: profiles are written as [profile.NAME]", reason=Reason.INVALID)
    return {name: _profile(name, table, f"{path}, profile {name}") for name, table in profiles.items()}


def _profile(name: str, table: Mapping[str, Any], where: str) -> Profile:
    if not may_be_profile(name):
        raise InputError(
            f"{where}: a name has letters, digits, '_', '.' and '-', and is no port's", reason=Reason.INVALID
        )
    _check_keys(table, where, Profile._fields)
    port = table.get("port")
    if not isinstance(port, str) or not port:
        _refuse(where, table, "port", "the text of --port")
    baud = table.get("baud")
    if baud is not None and baud != "auto" and (type(baud) is not int or baud not in BAUDS):
        _refuse(where, table, "baud", f'one of {", ".join(map(str, BAUDS))}, "auto"')
    retries = table.get("retries")
    if retries is not None and (type(retries) is not int or not 0 <= retries <= MAX_RETRIES):
        _refuse(where, table, "retries", f"a whole number 0..{MAX_RETRIES}")
    timeout_s = _seconds(where, table, "timeout_s", MAX_TIMEOUT_S)
    if timeout_s == 0:
        _refuse(where, table, "timeout_s", "more than 0")
    return Profile(port, baud, timeout_s, retries, _seconds(where, table, "margin_s", MAX_MARGIN_S))


def _seconds(where: str, table: Mapping[str, Any], key: str, high: float) -> float | None:
    value = table.get(key)
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value <= high:
        _refuse(where, table, key, f"a number of seconds 0..{high:g}")
    return float(value)


def _check_keys(table: Mapping[str, Any], where: str, known: Collection[str]) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(known)}"
            raise InputError(f"{where}: unknown key {key!r}", reason=Reason.INVALID, hint=(hint,))


def _refuse(where: str, table: Mapping[str, Any], key: str, allowed: str) -> NoReturn:
    if key not in table:
        raise InputError(f"{where}: {key} is missing; it is {allowed}", reason=Reason.INVALID)
    raise InputError(
        f"{where}: {key} = {table[key]!r} is not allowed; it is {allowed}", reason=Reason.INVALID
    )

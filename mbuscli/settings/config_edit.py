"""Changes to the file of settings; comments, order and whatever else the user wrote in it stay."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from mbuscli.errors import InputError, Reason
from mbuscli.settings.config import PROFILE, Config, Place, parse_config
from mbuscli.settings.config_kinds import Value
from mbuscli.settings.files import locked, read_file, unwritable, write_kept

_LIMIT = 1 << 20
_TITLE = "# Settings of mbuscli; `mbuscli config list` shows what holds.\n\n"


def set_value(path: Path, place: Place, key: str, value: Value) -> None:
    """Set one key in one table; both are made if need be.

    InputError: `input.unwritable`; `input.invalid` for a file that is no TOML, or would be wrong with it.
    """

    def change(document: dict[str, Any]) -> None:
        _table(document, place)[key] = value

    _change(path, change)


def unset_value(path: Path, place: Place, key: str) -> bool:
    """Take one key out; False if it is not there. Errors as `set_value`."""
    done = False

    def change(document: dict[str, Any]) -> None:
        nonlocal done
        table: Any = document
        for name in place:
            table = table.get(name) if isinstance(table, dict) else None
        if isinstance(table, dict) and key in table:
            del table[key]
            done = True

    _change(path, change)
    return done


def put_profile(path: Path, name: str, values: Mapping[str, Value], *, replace: bool) -> None:
    """Write a whole profile.

    InputError as `set_value`, and `input.exists` where there is one of this name already, without `replace`.
    """

    def change(document: dict[str, Any]) -> None:
        profiles = _table(document, (PROFILE,))
        if name in profiles and not replace:
            raise InputError(
                f"there is a profile {name} already", reason=Reason.EXISTS, hint=("--replace replaces it",)
            )
        own = profiles.get(name)
        if isinstance(own, dict):  # comments in it stay
            for key in [key for key in own if key not in values]:
                del own[key]
            own.update(values)
        else:
            profiles[name] = dict(values)

    _change(path, change)


def remove_profile(path: Path, name: str) -> None:
    """Take a profile out. Errors as `set_value`."""

    def change(document: dict[str, Any]) -> None:
        _table(document, (PROFILE,)).pop(name, None)

    _change(path, change)


def write_checked(path: Path, text: str) -> None:
    """Replace the file by a text of the user's. InputError `input.invalid` for the first fault in it."""
    parse_config(text.encode(), path).raise_fault()
    with _exclusively(path):
        write_kept(path, text.encode())


@contextlib.contextmanager
def _exclusively(path: Path) -> Iterator[None]:
    """No other process changes the file meanwhile. The lock lies in the folder of settings even if the file
    is a link to elsewhere. InputError `input.unwritable`."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(path.with_suffix("")))
        except OSError as error:
            raise unwritable(path, error) from None
        yield


def _change(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the file as `change` changes its document; a fault that stood in it before may stay."""
    with _exclusively(path):
        before = _read(path)
        windows = "\r\n" in before
        old = parse_config(before.encode(), path)
        text = before.replace("\r\n", "\n")
        try:
            plain = tomllib.loads(text)
            document = tomlkit.parse(text)
        except (ValueError, RecursionError, TOMLKitError):
            old.raise_fault()
            raise InputError(f"{path} is no valid TOML", reason=Reason.INVALID) from None
        change(plain)
        change(document)
        after = _aired(tomlkit.dumps(document), text)
        if _filled(tomllib.loads(after)) != _filled(plain):
            raise InputError(
                f"{path} is written in a way that cannot be changed by a program",
                reason=Reason.UNSUPPORTED,
                hint=("mbuscli config edit",),
            )
        _refuse_new_faults(old, parse_config(after.encode(), path))
        if after == text and text:
            return
        if not before:
            after = _TITLE + after
        write_kept(path, (after.replace("\n", "\r\n") if windows else after).encode())


def _filled(table: dict[str, Any]) -> dict[str, Any]:
    """Without empty tables, which may vanish with their last key."""
    filled = {key: _filled(value) if isinstance(value, dict) else value for key, value in table.items()}
    return {key: value for key, value in filled.items() if value != {}}


def _aired(text: str, before: str) -> str:
    """An empty line above headers, but for where there was none before."""
    old = before.splitlines()
    close = set(pairwise(old))
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("[") and lines and lines[-1].strip() and (lines[-1], line) not in close:
            lines.append("")
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def _read(path: Path) -> str:
    try:
        data = read_file(path, _LIMIT)
    except InputError as error:
        if error.reason is Reason.MISSING:
            return ""
        raise
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        parse_config(data, path).raise_fault()
        raise


def _refuse_new_faults(old: Config, new: Config) -> None:
    known = {(fault.place, fault.key) for fault in old.faults}
    new.faults = [fault for fault in new.faults if (fault.place, fault.key) not in known]
    new.raise_fault()


def _table(document: dict[str, Any], place: Place) -> dict[str, Any]:
    """The table, made if need be; InputError where something else has its name."""
    table: Any = document
    for depth, name in enumerate(place):
        if name not in table:
            table[name] = {}
        table = table[name]
        if not isinstance(table, dict):
            raise InputError(f"{'.'.join(place[: depth + 1])} is no table", reason=Reason.INVALID)
    found: dict[str, Any] = table
    return found

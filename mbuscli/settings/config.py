"""The file of settings, config.toml: options set once and for all, and profiles.

    [defaults]            an option of every command that has it     port = "site-7"
    [defaults.COMMAND]    the same of one command, which wins        output = "csv"
    [profile.NAME]        what is known of one bus, stick or modem   port = "tcp://10.0.0.7:10001"
    [shell]               the interactive shell's own

A flag wins over the environment, that over the profile which the port names, that over `[defaults.COMMAND]`,
that over `[defaults]`. The keys stand in `config_table`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from mbuscli.errors import InputError, Reason
from mbuscli.settings.config_kinds import Text, Value
from mbuscli.settings.config_table import BY_KEY, COMMANDS, SETTINGS, SHELL, Setting, settings_of
from mbuscli.settings.files import read_file
from mbuscli.settings.paths import CONFIG_NAME, config_folder
from mbuscli.settings.profiles import Profile, may_be_profile

DEFAULTS, PROFILE, SHELL_TABLE = "defaults", "profile", "shell"
_LIMIT = 1 << 20
_MOST_SHOWN = 12
_ALIKE = 0.65
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?")
_ASSIGNMENT = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'|\s*\.\s*)+?)\s*=""")
_POSITION = re.compile(r"\s*\(at line (\d+), column \d+\)|\s*\(at end of document\)")

Place: TypeAlias = tuple[str, ...]
"""A table of the file, such as ("defaults", "scan")."""


class Fault(NamedTuple):
    """Something wrong in the file: at which line (None if that cannot be told), in which table and key."""

    line: int | None
    place: Place
    key: str
    text: str
    hint: tuple[str, ...] = ()


class Found(NamedTuple):
    """A value, and the table that it stands in."""

    value: Value
    place: Place


class Config:
    """What stands in a file of settings. Only values without fault are in it."""

    def __init__(self, path: Path, text: str | None = None) -> None:
        self.path = path
        self.exists = text is not None
        self.faults: list[Fault] = []
        self.profiles: dict[str, Profile] = {}
        self._lines = (text or "").splitlines()
        self._tables: dict[Place, dict[str, Value]] = {}
        if text is not None:
            self._take(text)

    def table(self, *place: str) -> Mapping[str, Value]:
        """The values of one table, by key; none if there is no such table."""
        return self._tables.get(place, {})

    @property
    def places(self) -> list[Place]:
        """The tables that hold anything, in the order of the file."""
        return [place for place, values in self._tables.items() if values]

    def find(self, setting: Setting, command: str | None, profile: Profile | None = None) -> Found | None:
        """The value that holds for a command, None if the file leaves it open."""
        places: list[Place] = [(DEFAULTS,)]
        if command is not None:
            places.insert(0, (DEFAULTS, command))
        if profile is not None and setting.in_profile:
            places.insert(0, (PROFILE, profile.name))
        for place in places:
            value = self.table(*place).get(setting.key)
            if value is not None:
                return Found(self._value(setting, value), place)
        return None

    def where(self, place: Place, key: str) -> str:
        """`/home/me/.config/mbuscli/config.toml:7`, without the line where that cannot be told."""
        line = self.line(place, key)
        return str(self.path) if line is None else f"{self.path}:{line}"

    def line(self, place: Place, key: str | None = None) -> int | None:
        """The line, from 1 on, of a key or of a table's header."""
        wanted = place if key is None else (*place, key)
        here: Place = ()
        for number, line in enumerate(self._lines, 1):
            header = _HEADER.fullmatch(line)
            if header is not None:
                here = _names(header.group(1))
                if here == wanted:
                    return number
                continue
            assignment = _ASSIGNMENT.match(line)
            if assignment is not None and (*here, *_names(assignment.group(1)))[: len(wanted)] == wanted:
                return number
        return None

    def raise_fault(self) -> None:
        """InputError `input.invalid` for the first fault, if there is one."""
        if not self.faults:
            return
        first = self.faults[0]
        more = len(self.faults) - 1
        place = str(self.path) if first.line is None else f"{self.path}, line {first.line}"
        hint = (*first.hint, "mbuscli config edit")
        if more:
            hint = (*first.hint, f"mbuscli config check shows {more} more")
        raise InputError(f"{place}: {first.text}", reason=Reason.INVALID, hint=hint)

    def _value(self, setting: Setting, value: Value) -> Value:
        """A path is relative to the file that it stands in."""
        if isinstance(setting.kind, Text) and setting.kind.is_path and isinstance(value, str):
            from os.path import expanduser

            return str(self.path.parent / expanduser(value))
        return value

    def _take(self, text: str) -> None:
        try:
            document = tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # the syntax; digits without end; nested too deeply
            at = _POSITION.search(str(error))
            number = int(at.group(1)) if at and at.group(1) else len(self._lines)
            said = _POSITION.sub("", str(error))
            self.faults.append(Fault(number, (), "", f"no valid TOML: {said[:1].lower()}{said[1:]}"))
            return
        for name, value in document.items():
            if name not in (DEFAULTS, PROFILE, SHELL_TABLE):
                hint = suggestion(name, (DEFAULTS, PROFILE, SHELL_TABLE))
                self._fault((), name, f"unknown table {name!r}", hint)
            elif not isinstance(value, dict):
                self._fault((), name, f"{name} is a table: [{_FORMS[name]}]")
            elif name == DEFAULTS:
                self._take_defaults(value)
            elif name == PROFILE:
                self._take_profiles(value)
            else:
                self._take_table((SHELL_TABLE,), value, {setting.key: setting for setting in SHELL})

    def _take_defaults(self, table: dict[str, Any]) -> None:
        commands = {key: value for key, value in table.items() if isinstance(value, dict)}
        values = {key: value for key, value in table.items() if key not in commands}
        known = {setting.key: setting for setting in SETTINGS if setting.everywhere}
        self._take_table((DEFAULTS,), values, known)
        for command, own in commands.items():
            if command not in COMMANDS:
                place = (DEFAULTS,)
                self._fault(place, command, f"unknown command {command!r}", suggestion(command, COMMANDS))
                continue
            self._take_table((DEFAULTS, command), own, settings_of(command))

    def _take_profiles(self, table: dict[str, Any]) -> None:
        known = {setting.key: setting for setting in SETTINGS if setting.in_profile}
        for name, own in table.items():
            place = (PROFILE, name)
            if not isinstance(own, dict):
                self._fault((PROFILE,), name, "profiles are written as [profile.NAME]")
                continue
            if not may_be_profile(name):
                text = f"{name!r} is no name of a profile: a name has letters, digits, _ . - and is no port's"
                self._fault(place, "", text)
                continue
            good = self._take_table(place, own, known)
            port = good.get("port")
            if isinstance(port, str):
                self.profiles[name] = Profile(port, name, {k: v for k, v in good.items() if k != "port"})
            elif "port" not in own:
                self._fault(
                    place, "", f"profile {name}: port is missing; it is {BY_KEY['port'].kind.allowed}"
                )

    def _take_table(
        self, place: Place, table: dict[str, Any], known: Mapping[str, Setting]
    ) -> dict[str, Value]:
        good = self._tables.setdefault(place, {})
        for key, value in table.items():
            setting = known.get(key)
            if setting is None:
                text = f"unknown key {key!r} in [{'.'.join(place)}]"
                self._fault(place, key, text, _near_key(key, known, place))
            elif not setting.kind.accepts(value):
                text = f"{key} = {toml_text(value)} is not allowed; it is {setting.kind.allowed}"
                self._fault(place, key, text)
            else:
                good[key] = value
        return good

    def _fault(self, place: Place, key: str, text: str, hint: tuple[str, ...] = ()) -> None:
        from mbuscli.settings.redact import redact

        self.faults.append(Fault(self.line(place, key or None), place, redact(key), redact(text), hint))


_FORMS = {DEFAULTS: "defaults", PROFILE: "profile.NAME", SHELL_TABLE: "shell"}


def default_path() -> Path:
    """The user's file of settings, which need not exist. InputError `input.missing` without a home folder."""
    return config_folder() / CONFIG_NAME


def load_config(path: Path | None = None) -> Config:
    """The settings of a file, by default the user's; empty if there is none.

    InputError: `input.unreadable`, `input.too-long`, `input.invalid` for unknown keys and wrong values.
    """
    config = read_config(path)
    config.raise_fault()
    return config


def read_config(path: Path | None = None) -> Config:
    """As `load_config`, but what is invalid is told in `faults`, and the rest is there."""
    path = path or default_path()
    try:
        data = read_file(path, _LIMIT)
    except InputError as error:
        if error.reason is Reason.MISSING:
            return Config(path)
        raise
    return parse_config(data, path)


def parse_config(data: bytes, path: Path) -> Config:
    """The settings in a file's octets."""
    try:
        return Config(path, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        config = Config(path, "")
        line = data[: error.start].count(b"\n") + 1
        config.faults.append(Fault(line, (), "", "no valid TOML: this is no UTF-8"))
        return config


def suggestion(word: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """`did you mean …?`, or what is known."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, 1, _ALIKE)
    if near:
        return (f"did you mean {near[0]}?",)
    if not known:
        return ()
    more = ", ..." if len(known) > _MOST_SHOWN else ""
    return (f"known are: {', '.join(known[:_MOST_SHOWN])}{more}",)


def toml_text(value: object) -> str:
    """A value as it is written in the file, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(toml_text, value))}]"
    return "a table" if isinstance(value, dict) else str(value)


def _near_key(key: str, known: Mapping[str, Setting], place: Place) -> tuple[str, ...]:
    """What may have been meant: a key that is spelt alike, the key of an option, or the key's own place."""
    option = f"--{key.replace('_', '-')}"
    of_option = [setting.key for setting in known.values() if setting.option == option and setting.key != key]
    if of_option:
        return (f"did you mean {' or '.join(of_option)}?",)
    elsewhere = BY_KEY.get(key)
    if elsewhere is None:
        return suggestion(key, tuple(known))
    if place == (DEFAULTS,):
        return (f"{key} means another thing to each command: put it into [defaults.COMMAND]",)
    if place[0] == DEFAULTS:
        return (f"{place[1]} has no {elsewhere.option}; put {key} into [defaults]",)
    return (f"a profile has no {key}; put it into [defaults]",)


def _names(dotted: str) -> Place:
    """The parts of a key or header; none where they cannot be told."""
    try:
        table: object = tomllib.loads(f"{dotted} = 0")
    except (ValueError, RecursionError):
        return ()
    names = []
    while isinstance(table, dict):
        name, table = next(iter(table.items()))
        names.append(name)
    return tuple(names)

"""Which value a setting has, and where it comes from: what a command without flags would find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mbuscli.settings.config import DEFAULTS, PROFILE, Config, Found, Place
from mbuscli.settings.config_kinds import Value
from mbuscli.settings.config_table import BY_KEY, SETTINGS, Setting, settings_of
from mbuscli.settings.profiles import Profile

ENVIRONMENT, IN_PROFILE, IN_FILE, BUILT_IN, UNSET = "environment", "profile", "file", "built-in", "unset"


class Effective(NamedTuple):
    """A setting as `config list` shows it.

    `key` as `config set` takes it; `value` text in words where `source` is built-in, None where it is unset;
    `origin`: the variable, or file and line, or the profile with both.
    """

    key: str
    value: Value | None
    source: str
    origin: str
    setting: Setting


def effective(config: Config, setting: Setting, command: str | None, environ: Mapping[str, str]) -> Effective:
    """The value that holds for a command, or for all of them where `command` is None."""
    key = setting.key
    given = environ.get(setting.variable) if setting.variable else None
    if given:
        return Effective(key, _meaning(setting, given), ENVIRONMENT, setting.variable or "", setting)
    found = config.find(setting, command, _profile(config, setting, command, environ))
    if found is not None:
        return _from_file(config, setting, found, key)
    if setting.built_in:
        return Effective(key, setting.built_in, BUILT_IN, BUILT_IN, setting)
    return Effective(key, None, UNSET, "", setting)


def of_command(config: Config, command: str, environ: Mapping[str, str]) -> list[Effective]:
    """All settings of a command."""
    return [effective(config, setting, command, environ) for setting in settings_of(command).values()]


def of_all(config: Config, environ: Mapping[str, str], *, unset: bool) -> list[Effective]:
    """What holds for all commands, then what the file says of single commands and in profiles.

    `unset`: also what is left to the program.
    """
    everywhere = [setting for setting in SETTINGS if setting.everywhere]
    found = [effective(config, setting, None, environ) for setting in everywhere]
    if not unset:
        found = [each for each in found if each.source not in (BUILT_IN, UNSET)]
    return [*found, *_others(config)]


def in_table(config: Config, place: Place, setting: Setting) -> Effective:
    """What stands in one table of the file, whatever wins over it."""
    value = config.table(*place).get(setting.key)
    if value is None:
        return Effective(dotted(place, setting.key), None, UNSET, "", setting)
    where = config.where(place, setting.key)
    return Effective(dotted(place, setting.key), value, IN_FILE, where, setting)


def dotted(place: Place, key: str) -> str:
    """A key as `config set` takes it: `port`, `scan.output`, `profile.site-7.baud`."""
    return ".".join((*(place[1:] if place[0] == DEFAULTS else place), key))


def profile_rows(config: Config, name: str) -> list[Effective]:
    """All that a profile says, its port first."""
    place = (PROFILE, name)
    keys = sorted(config.table(*place), key=lambda key: key != "port")
    return [in_table(config, place, BY_KEY[key]) for key in keys]


def _others(config: Config) -> Iterator[Effective]:
    for place in config.places:
        if place != (DEFAULTS,) and place[0] in (DEFAULTS, PROFILE):
            for key in config.table(*place):
                yield in_table(config, place, BY_KEY[key])


def _from_file(config: Config, setting: Setting, found: Found, key: str) -> Effective:
    where = config.where(found.place, setting.key)
    if found.place[0] == PROFILE:
        return Effective(key, found.value, IN_PROFILE, f"profile {found.place[1]}, {where}", setting)
    return Effective(key, found.value, IN_FILE, where, setting)


def _profile(
    config: Config, setting: Setting, command: str | None, environ: Mapping[str, str]
) -> Profile | None:
    """The profile that the port of the command names; without one, that of commands with the setting."""
    for name in (command,) if command is not None else setting.commands:
        port = next((each for each in settings_of(name).values() if each.option == "--port"), None)
        if port is None or port is setting:
            return None
        text = environ.get(port.variable or "")
        if not text:
            found = config.find(port, name)
            text = str(found.value) if found is not None else ""
        if text in config.profiles:
            return config.profiles[text]
    return None


def _meaning(setting: Setting, text: str) -> Value:
    try:
        return setting.kind.parse(text)
    except ValueError:
        return text

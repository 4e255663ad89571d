"""Rows of the commands about settings and profiles."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mbuscli.render.lists import named_columns, write_list
from mbuscli.render.rows import Row

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.effective import Effective
    from mbuscli.settings.config import Fault
    from mbuscli.settings.config_kinds import Value
    from mbuscli.settings.profiles import Profile

_SETTINGS = named_columns(
    {
        "key": "the name of the setting, as `config set` takes it",
        "value": "what holds; in words where it is built in",
        "origin": "the environment variable, or the file and line, that it comes from",
        "source": "environment, profile, file, built-in or unset",
        "variable": "the environment variable that sets it",
        "option": "the option that sets it for one run",
        "allowed": "what it may be",
        "text": "what it does",
    }
)
_PROFILES = named_columns(
    {
        "name": "what --port takes",
        "port": "the port behind it",
        "settings": "what else it says",
        "used": "the setting that names it as the usual one",
    }
)
_FAULTS = named_columns(
    {
        "severity": "error or note",
        "line": "line of the file",
        "key": "the setting it is about",
        "text": "what was found",
        "hint": "what to do",
    }
)
_BRIEF = ("key", "value")
_WITH_ORIGIN = ("key", "value", "origin")
COLUMNS = {
    "settings": (_SETTINGS, _BRIEF),
    "profiles": (_PROFILES, tuple(_PROFILES)),
    "faults": (_FAULTS, tuple(_FAULTS)),
}


def setting_row(found: Effective) -> Row:
    """A setting; its value as JSON has it, lists included."""
    setting = found.setting
    return {
        "key": found.key,
        "value": _exact(found.value),
        "origin": found.origin,
        "source": found.source,
        "variable": setting.variable,
        "option": setting.option,
        "allowed": setting.kind.allowed,
        "text": setting.text,
    }


def profile_row(profile: Profile, used: list[str]) -> Row:
    """A profile; `used`: the settings that name it."""
    return {
        "name": profile.name,
        "port": profile.port,
        "settings": {key: _exact(value) for key, value in profile.settings.items()},
        "used": ",".join(used),
    }


def fault_row(fault: Fault, severity: str = "error") -> Row:
    """Something that `config check` found."""
    key = ".".join((*fault.place, fault.key)) if fault.key else ".".join(fault.place)
    return {
        "severity": severity,
        "line": fault.line,
        "key": key,
        "text": fault.text,
        "hint": "; ".join(fault.hint),
    }


def write_settings(output: Output, rows: list[Row], *, origin: bool) -> None:
    """Settings in the format of the command, with their origin if that is asked for; JSON has all."""
    default = _WITH_ORIGIN if origin else _BRIEF
    if not (output.is_json and output.fields is None):
        rows = [{**row, "value": _text(row["value"])} for row in rows]
    write_list(output, "settings", (_SETTINGS, default), rows)


def write_profiles(output: Output, rows: list[Row]) -> None:
    """Profiles in the format of the command."""
    if not (output.is_json and output.fields is None):
        rows = [{**row, "settings": settings_text(row["settings"])} for row in rows]
    write_list(output, "profiles", COLUMNS["profiles"], rows)


def write_faults(output: Output, rows: list[Row]) -> None:
    """What a check found, in the format of the command."""
    write_list(output, "faults", COLUMNS["faults"], rows)


def settings_text(settings: object) -> str:
    """`baud=300 mode=T1`."""
    if not isinstance(settings, dict):
        return ""
    return " ".join(f"{key}={_text(value)}" for key, value in settings.items())


def _exact(value: Value | None) -> object:
    """JSON has the digits that the user wrote."""
    return Decimal(repr(value)) if isinstance(value, float) else value


def _text(value: Value | object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)

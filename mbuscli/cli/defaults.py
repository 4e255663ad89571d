"""The user's file of settings as click's `default_map`: what an option is where neither flag nor variable is.

Loaded only where there is such a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from mbuscli.errors import InputError, MbuscliError, Reason
from mbuscli.settings.config import Config, load_config, read_config, toml_text
from mbuscli.settings.config_kinds import Value
from mbuscli.settings.config_table import Setting, settings_of
from mbuscli.settings.profiles import Profile
from mbuscli.settings.redact import redact

# What helps with a broken file must go on in spite of it.
_HELPERS = frozenset(("config", "doctor", "help", "completion"))


class CommandDefaults:
    """The values of one command's options. Errors of the file are raised when the first option asks."""

    def __init__(self, ctx: click.Context) -> None:
        self._ctx = ctx
        self._command = command_of(ctx)
        helps = self._command in _HELPERS
        self._config = read_config() if helps else load_config()
        self._settings = _by_parameter(ctx.command, self._command)

    def value(self, name: str) -> Value | None:
        """What the parameter `name` is to be, None if the file leaves it open.

        InputError `input.invalid` for a value that the option does not take.
        """
        setting = self._settings.get(name)
        if setting is None:
            return None
        found = self._config.find(setting, self._command, self._profile(name))
        if found is None:
            return None
        value: Value = for_option(setting, found.value)
        try:
            check_value(self._ctx, setting, value)
        except InputError as error:
            where = self._config.where(found.place, setting.key)
            raise InputError(f"{where}: {error.text}", reason=error.reason, hint=error.hint) from None
        return value

    def _profile(self, name: str) -> Profile | None:
        """The profile which the port names; a port is eager, so that it is known first."""
        port = next((param for param in self._ctx.command.params if "--port" in param.opts), None)
        if port is None or port.name is None or port.name == name:
            return None
        return profile_in(self._config, self._ctx.params.get(port.name))


def profile_in(config: Config, port: object) -> Profile | None:
    """The profile that a port's value names; of several ports none."""
    names = port if isinstance(port, (tuple, list)) else (port,)
    return config.profiles.get(str(names[0])) if len(names) == 1 else None


def command_of(ctx: click.Context) -> str:
    """The name of the command that runs: `keys` of `mbuscli keys list`."""
    while ctx.parent is not None and ctx.parent.parent is not None:
        ctx = ctx.parent
    return ctx.info_name or ""


def for_option(setting: Setting, value: Value) -> Value:
    """The value as its option takes it: an option that may be repeated takes a list."""
    if setting.key == "unit":
        return value if isinstance(value, list) else [str(value)]
    if setting.key == "stick_port":
        return [str(value)]
    return str(value) if setting.key == "baud" else value


def check_value(ctx: click.Context, setting: Setting, value: Any) -> None:
    """Let the option itself judge a value; InputError `input.invalid` says what it finds."""
    param = _parameter(ctx.command, setting)
    if param is None:
        return
    try:
        param.process_value(ctx, value)
    except click.UsageError as error:
        raise _refused(setting, value, error.message, ()) from None
    except MbuscliError as error:
        raise _refused(setting, value, error.text, error.hint) from None


def _refused(setting: Setting, value: Any, text: str, hint: tuple[str, ...]) -> InputError:
    shown = toml_text(value[0] if isinstance(value, list) and len(value) == 1 else value)
    return InputError(redact(f"{setting.key} = {shown}: {text}"), reason=Reason.INVALID, hint=hint)


def _parameter(command: click.Command, setting: Setting) -> click.Parameter | None:
    return next((param for param in command.params if setting.option in param.opts), None)


def _by_parameter(command: click.Command, name: str) -> Mapping[str, Setting]:
    """The settings of a command, by the names that their parameters have in the code."""
    found: dict[str, Setting] = {}
    for setting in settings_of(name).values():
        param = _parameter(command, setting)
        if param is not None and param.name is not None:
            found[param.name] = setting
    return found

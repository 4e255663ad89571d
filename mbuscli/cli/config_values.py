"""Keys and values as they are typed at `mbuscli config` and `mbuscli profile`, and what a check looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from mbuscli.errors import InputError, Reason, UsageError
from mbuscli.settings.config import DEFAULTS, PROFILE, SHELL_TABLE, Config, Fault, Place, suggestion
from mbuscli.settings.config_kinds import Text, Value
from mbuscli.settings.config_table import BY_KEY, COMMANDS, SETTINGS, SHELL, Setting, settings_of

if TYPE_CHECKING:
    from mbuscli.settings.profiles import Profile

_PREFIX = "MBUSCLI_"
PORTS = ("port", "stick_port", "modem_port")
# Variables that are no options; keys are named by their roles.
_OTHER_VARIABLES = ("CONFIG_DIR", "STATE_DIR", "PASSPHRASE", "KEY", "DEBUG", "COMPLETE")


def split_key(text: str) -> tuple[Place, str]:
    """Table and key of `port`, `scan.output`, `profile.b.2.baud`; UsageError for what cannot be one."""
    parts = [part.strip() for part in text.split(".")]
    if not all(parts):
        raise UsageError(
            f"{text!r} is no key", reason=Reason.INVALID, hint=("KEY, COMMAND.KEY or profile.NAME.KEY",)
        )
    if parts[0] == DEFAULTS and len(parts) > 1:
        parts = parts[1:]
    *place, key = parts
    if not place:
        return (DEFAULTS,), key
    if place[0] == PROFILE and len(place) > 1:  # names may have dots in them
        return (PROFILE, ".".join(place[1:])), key
    if place == [SHELL_TABLE]:
        return (SHELL_TABLE,), key
    return (DEFAULTS, *place), key


def parse_setting(text: str) -> tuple[Place, Setting]:
    """The table and the setting that a key means. UsageError `usage.invalid` with what it may have meant."""
    place, key = split_key(text)
    known = _known(place, text)
    if key in known:
        return place, known[key]
    elsewhere = BY_KEY.get(key)
    if elsewhere is None:
        hint = _of_option(key, known) or suggestion(key, tuple(known))
    elif place == (DEFAULTS,):
        hint = tuple(f"mbuscli config set {name}.{key} ..." for name in elsewhere.commands[:2])
    else:
        hint = (f"mbuscli config set {key} ...",)
    more = f" in [{'.'.join(place)}]" if place != (DEFAULTS,) or elsewhere is not None else ""
    raise UsageError(f"there is no setting {key!r}{more}", reason=Reason.UNKNOWN, hint=hint)


def _known(place: Place, text: str) -> Mapping[str, Setting]:
    if place == (DEFAULTS,):
        return {setting.key: setting for setting in SETTINGS if setting.everywhere}
    if place[0] == PROFILE:
        return {setting.key: setting for setting in SETTINGS if setting.in_profile}
    if place == (SHELL_TABLE,):
        return {setting.key: setting for setting in SHELL}
    if len(place) > 2 or place[1] not in COMMANDS:
        raise UsageError(
            f"there is no setting {text!r}: no command {'.'.join(place[1:])!r} has any",
            reason=Reason.UNKNOWN,
            hint=suggestion(place[1], (*COMMANDS, PROFILE)),
        )
    return settings_of(place[1])


def _of_option(key: str, known: Mapping[str, Setting]) -> tuple[str, ...]:
    option = f"--{key.replace('_', '-').lstrip('-')}"
    keys = [setting.key for setting in known.values() if setting.option == option]
    return (f"did you mean {' or '.join(keys)}?",) if keys else ()


def parse_value(place: Place, setting: Setting, text: str) -> Value:
    """The value that a text means. UsageError `usage.invalid` with what is allowed, never with a key."""
    from mbuscli.settings.redact import looks_like_key

    if isinstance(setting.kind, Text) and setting.key != "join_eui" and looks_like_key(text):
        raise UsageError(
            f"what is given for {setting.key} looks like a key",
            reason=Reason.INVALID,
            hint=("keys belong in the key ring: mbuscli keys add METERS",),
        )
    try:
        value = setting.kind.parse(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no value of {setting.key}; it is {setting.kind.allowed}", reason=Reason.INVALID
        ) from None
    if isinstance(setting.kind, Text) and setting.kind.is_path and not text.startswith("~"):
        import os

        value = os.path.abspath(text)
    trouble = _trouble(place, setting, value)
    if trouble is not None:
        raise UsageError(trouble.text, reason=Reason.INVALID, hint=trouble.hint)
    return value


def unfit(config: Config) -> Iterator[Fault]:
    """Values of the right kind that their options do not take, such as a unit that is none."""
    for place in config.places:
        if place[0] == SHELL_TABLE:
            continue
        for key, value in config.table(*place).items():
            trouble = _trouble(place, BY_KEY[key], value)
            if trouble is not None:
                yield Fault(config.line(place, key), place, key, trouble.text, trouble.hint)


def doubts(config: Config, environ: Mapping[str, str]) -> list[Fault]:
    """What is odd, but does no harm: ports that are no profiles any more, variables that nothing reads."""
    from mbuscli.cli.lora_options import variable
    from mbuscli.settings.lora_keys import ROLES

    known = {setting.variable for setting in SETTINGS if setting.variable}
    known |= {_PREFIX + name for name in _OTHER_VARIABLES} | {variable(role) for role in ROLES}
    found = list(_lost_profiles(config))
    for name in sorted(environ):
        if name.startswith(_PREFIX) and name not in known:
            hint = suggestion(name, tuple(sorted(known)))[:1]
            near = hint if hint and hint[0].startswith("did you mean") else ()
            found.append(Fault(None, (), "", f"nothing reads the variable {name}", near))
    return found


def lost_profile(config: Config, port: object) -> bool:
    """True if a port can only be a profile's name, and there is no such profile."""
    import os

    from mbuscli.settings.profiles import may_be_profile

    name = str(port)
    return may_be_profile(name) and name not in config.profiles and not os.path.exists(name)


def _lost_profiles(config: Config) -> Iterator[Fault]:
    for place in config.places:
        for key, port in config.table(*place).items():
            if key in PORTS and place[0] == DEFAULTS and lost_profile(config, port):
                hint = suggestion(str(port), tuple(config.profiles))
                yield Fault(config.line(place, key), place, key, f"there is no profile {port!r}", hint)


def used_by(config: Config, profile: Profile) -> list[str]:
    """The settings that name a profile as the usual port."""
    return [key for key in PORTS if config.table(DEFAULTS).get(key) == profile.name]


def _trouble(place: Place, setting: Setting, value: Value) -> InputError | None:
    """What the option itself finds wrong with a value."""
    from mbuscli.cli.commands import LazyCommands
    from mbuscli.cli.defaults import check_value, for_option

    name = place[1] if place[0] == DEFAULTS and len(place) > 1 else setting.commands[0]
    for command in _commands(LazyCommands()[name]):
        if any(setting.option in param.opts for param in command.params):
            try:
                check_value(click.Context(command, info_name=name), setting, for_option(setting, value))
            except InputError as error:
                return error
            return None
    return None


def _commands(command: click.Command) -> Iterator[click.Command]:
    yield from command.commands.values() if isinstance(command, click.Group) else (command,)

"""`mbuscli profile`: buses, sticks and modems under names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mbuscli.cli.complete import (
    complete_modem,
    complete_modes,
    complete_port,
    complete_profile,
    complete_region,
    complete_stick,
)
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import BAUDS, output_options
from mbuscli.errors import InputError, Reason, UsageError
from mbuscli.render.text import inert

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.settings.config import Config
    from mbuscli.settings.config_kinds import Value
    from mbuscli.settings.profiles import Profile

_ROLES = {"bus": "port", "stick": "stick_port", "modem": "modem_port"}
# What only a stick or only a modem has.
_OF_STICK = frozenset(("stick", "stick_baud", "mode", "gps", "capture_size"))
_OF_MODEM = frozenset(("modem", "region", "sub_band", "join_eui", "class", "dr", "adr", "join_timeout_s"))


@click.group("profile", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Keep buses, sticks and modems under names.

    A profile is a port and how to use it. Its name is given as --port; flags and environment variables win
    over what it says. Profiles stand in the file of settings (mbuscli config path).

    \b
    Examples:
      mbuscli profile add site-7 --port tcp://10.0.0.7:10001 --baud 300
      mbuscli scan --port site-7
      mbuscli profile use site-7

    Exit codes: 0 done, 2 no such value, 10 no such profile, or the file of settings is wrong.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("add")
@click.argument("name")
@click.option(
    "-p",
    "--port",
    required=True,
    metavar="PORT",
    shell_complete=complete_port,
    help="What --port of other commands takes: a path, id:SERIAL, tcp://host:port ...",
)
@click.option("--baud", metavar="RATE", type=click.Choice(BAUDS), help="Rate of the bus, or auto.")
@click.option("--timeout", "timeout_s", metavar="SECONDS", help="How long to wait for an answer to begin.")
@click.option("--retries", metavar="N", help="How often to ask again.")
@click.option("--margin", "margin_s", metavar="SECONDS", help="What the converter adds to each wait.")
@click.option("--stick", metavar="FAMILY", shell_complete=complete_stick, help="What the stick is.")
@click.option("--mode", metavar="T1,C1", shell_complete=complete_modes, help="Link modes to listen to.")
@click.option("--modem", metavar="FAMILY", shell_complete=complete_modem, help="What the modem is.")
@click.option("--region", metavar="NAME", shell_complete=complete_region, help="The modem's region.")
@click.option(
    "--set",
    "others",
    multiple=True,
    metavar="KEY=VALUE",
    help="Anything else that a profile may have: output, unit, key_ring, inventory_file, join_eui ...",
)
@click.option("--use", is_flag=True, help="Make it the usual one, as profile use does.")
@click.option("--replace", is_flag=True, help="Replace a profile that has this name.")
@output_options("profiles")
def add(
    name: str, others: tuple[str, ...], use: bool, replace: bool, output: Output, **given: str | None
) -> ExitCode:
    """Add a profile.

    NAME has letters, digits, _ . and -. Nothing is sent to the port.

    \b
    Examples:
      mbuscli profile add site-7 --port tcp://10.0.0.7:10001 --baud 300
      mbuscli profile add walk --port id:A50285BI --stick im871a --mode T1,C1
      mbuscli profile add lab --port sim: --set unit=MWh --set output=json

    Exit codes: 0 done, 2 no such value, 10 there is one of this name, or the file of settings is wrong.
    """
    from mbuscli.settings.config import default_path
    from mbuscli.settings.config_edit import put_profile
    from mbuscli.settings.profiles import may_be_profile

    if not may_be_profile(name):
        raise UsageError(
            f"{name!r} is no name of a profile",
            reason=Reason.INVALID,
            hint=("letters, digits, _ . and -, and no port's name",),
        )
    texts = {key: text for key, text in given.items() if text is not None}
    values = _values(name, {**texts, **dict(map(_pair, others))})
    path = default_path()
    put_profile(path, name, values, replace=replace)
    profile = _profiles()[name]
    if use:
        _use(profile, _role(profile), output)
    _write([profile], output)
    if not use and not _used_by(_config(), profile):
        output.streams.talk(inert(f"use it: mbuscli {_example(_role(profile))} --port {name}"))
    return ExitCode.DONE


@command.command("list")
@output_options("profiles")
def show_all(output: Output) -> ExitCode:
    """List the profiles.

    \b
    Examples:
      mbuscli profile list
      mbuscli profile list -o json

    Exit codes: 0 done, also if there is none, 10 the file of settings is wrong.
    """
    profiles = _profiles()
    _write(list(profiles.values()), output)
    if not profiles:
        output.streams.talk("there is no profile yet; mbuscli profile add NAME --port PORT makes one")
    return ExitCode.DONE


@command.command("show")
@click.argument("name", shell_complete=complete_profile)
@click.option("--origin", is_flag=True, help="Show the line of each value.")
@output_options("settings")
def show(name: str, origin: bool, output: Output) -> ExitCode:
    """Show all that a profile says.

    \b
    Examples:
      mbuscli profile show site-7
      mbuscli profile show site-7 --origin

    Exit codes: 0 done, 10 there is no such profile, or the file of settings is wrong.
    """
    from mbuscli.render.config_rows import setting_row, write_settings
    from mbuscli.services.effective import profile_rows

    config = _config()
    _one(config, name)
    rows = [{**setting_row(each), "key": each.setting.key} for each in profile_rows(config, name)]
    write_settings(output, rows, origin=origin)
    return ExitCode.DONE


@command.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_profile)
@output_options("profiles")
def remove(names: tuple[str, ...], output: Output) -> ExitCode:
    """Remove profiles; what would add them again is told.

    \b
    Example:
      mbuscli profile remove site-7

    Exit codes: 0 done, 10 there is no such profile, or the file of settings cannot be written.
    """
    from mbuscli.settings.config_edit import remove_profile, unset_value

    config = _config()
    profiles = [_one(config, name) for name in dict.fromkeys(names)]
    for profile in profiles:
        remove_profile(config.path, profile.name)
        output.streams.talk(inert(f"removed: {profile.name}; add it again: {_command(profile)}"))
        for key in _used_by(config, profile):
            unset_value(config.path, ("defaults",), key)
            output.streams.talk(inert(f"unset: {key}, which named it"))
    return ExitCode.DONE


@command.command("use")
@click.argument("name", shell_complete=complete_profile)
@click.option(
    "--as",
    "role",
    type=click.Choice(tuple(_ROLES)),
    help="For which commands. Default: as what the profile says is of a bus, a stick or a modem.",
)
@output_options("profiles")
def use_(name: str, role: str | None, output: Output) -> ExitCode:
    """Make a profile the usual one: commands take it without --port.

    \b
    Examples:
      mbuscli profile use site-7
      mbuscli profile use walk --as stick

    Exit codes: 0 done, 10 there is no such profile, or the file of settings cannot be written.
    """
    profile = _one(_config(), name)
    _use(profile, role or _role(profile), output)
    return ExitCode.DONE


def _config() -> Config:
    from mbuscli.settings.config import load_config

    return load_config()


def _profiles() -> dict[str, Profile]:
    return _config().profiles


def _one(config: Config, name: str) -> Profile:
    """InputError `input.missing` with what may have been meant."""
    if name in config.profiles:
        return config.profiles[name]
    from mbuscli.settings.config import suggestion

    hint = suggestion(name, tuple(config.profiles)) or ("mbuscli profile add NAME --port PORT",)
    raise InputError(f"there is no profile {name!r}", reason=Reason.MISSING, hint=hint)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(
            f"--set {text!r} is no KEY=VALUE", reason=Reason.INVALID, hint=("--set output=json",)
        )
    return key.strip(), value.strip()


def _values(name: str, texts: dict[str, str]) -> dict[str, Value]:
    from mbuscli.cli.config_values import parse_setting, parse_value

    values = {}
    for key, text in texts.items():
        place, setting = parse_setting(f"profile.{name}.{key}")
        values[setting.key] = parse_value(place, setting, text)
    return values


def _write(profiles: list[Profile], output: Output) -> None:
    from mbuscli.render.config_rows import profile_row, write_profiles

    config = _config()
    write_profiles(output, [profile_row(each, _used_by(config, each)) for each in profiles])


def _used_by(config: Config, profile: Profile) -> list[str]:
    from mbuscli.cli.config_values import used_by

    return used_by(config, profile)


def _role(profile: Profile) -> str:
    if _OF_STICK & profile.settings.keys() or profile.port.startswith("sim:stick"):
        return "stick"
    if _OF_MODEM & profile.settings.keys() or profile.port.startswith("sim:modem"):
        return "modem"
    return "bus"


def _example(role: str) -> str:
    return {"bus": "scan", "stick": "sniff", "modem": "lora-join"}[role]


def _use(profile: Profile, role: str, output: Output) -> None:
    from mbuscli.settings.config import default_path
    from mbuscli.settings.config_edit import set_value

    key = _ROLES[role]
    set_value(default_path(), ("defaults",), key, profile.name)
    output.streams.talk(inert(f"{key} = {profile.name}: mbuscli {_example(role)} needs no --port now"))


def _command(profile: Profile) -> str:
    """What adds the profile again."""
    import shlex

    from mbuscli.render.config_rows import settings_text

    words: list[Any] = ["mbuscli", "profile", "add", profile.name, "--port", profile.port]
    for key, value in profile.settings.items():
        text = settings_text({key: value})
        words += ["--set", text]
    return shlex.join(words)

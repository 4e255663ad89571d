"""`mbuscli config`: the file of settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_file, complete_setting
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import no_input_option, output_options
from mbuscli.cli.secrets import DiscreetGroup
from mbuscli.errors import InputError, Reason, UsageError
from mbuscli.render.text import inert

if TYPE_CHECKING:
    from mbuscli.render.report import Output


@click.group("config", cls=DiscreetGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Set options once and for all, and see what holds.

    A flag wins over its environment variable MBUSCLI_<OPTION>, that over the profile which --port names, that
    over the settings of the command, those over the settings of all commands. KEY is `port`, or
    `scan.output` for one command, or `profile.site-7.baud`.

    \b
    Examples:
      mbuscli config set port /dev/ttyUSB0
      mbuscli config set scan.output csv
      mbuscli config list --origin
      mbuscli config list sniff

    Exit codes: 0 done, 2 no such setting or value, 10 it is not set, or the file of settings is wrong.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("list")
@click.argument("name", required=False, metavar="[COMMAND]")
@click.option("--origin", is_flag=True, help="Show where each value comes from.")
@click.option("--all", "everything", is_flag=True, help="Also what is not set, with what holds instead.")
@output_options("settings")
def show_all(name: str | None, origin: bool, everything: bool, output: Output) -> ExitCode:
    """List what is set, or all that holds for COMMAND.

    \b
    Examples:
      mbuscli config list --origin
      mbuscli config list scan -o json
      mbuscli config list --all --fields key,variable,text

    Exit codes: 0 done, 2 there is no such command, 10 the file of settings is wrong.
    """
    from mbuscli.render.config_rows import setting_row, write_settings
    from mbuscli.services.effective import of_all, of_command
    from mbuscli.settings.config import load_config, suggestion
    from mbuscli.settings.config_table import COMMANDS

    if name is not None and name not in COMMANDS:
        raise UsageError(
            f"no command {name!r} has settings", reason=Reason.INVALID, hint=suggestion(name, COMMANDS)
        )
    config = load_config()
    if name is not None:
        found = of_command(config, name, os.environ)
    else:
        found = of_all(config, os.environ, unset=everything)
    write_settings(output, [setting_row(each) for each in found], origin=origin)
    if not found:
        output.streams.talk("nothing is set; mbuscli config list --all shows what can be")
    return ExitCode.DONE


@command.command("get")
@click.argument("key", shell_complete=complete_setting)
@output_options("settings")
def get(key: str, output: Output) -> ExitCode:
    """Print the value of one setting.

    What holds now is printed, environment included; of `profile.NAME.KEY` what the profile says.

    \b
    Examples:
      mbuscli config get port
      mbuscli config get scan.output
      mbuscli config get profile.site-7.baud -o json

    Exit codes: 0 done, 2 there is no such setting, 10 it is not set, or the file of settings is wrong.
    """
    from mbuscli.cli.config_values import parse_setting
    from mbuscli.render.config_rows import setting_row, write_settings
    from mbuscli.services.effective import BUILT_IN, UNSET, effective, in_table
    from mbuscli.settings.config import PROFILE, load_config

    place, setting = parse_setting(key)
    config = load_config()
    if place[0] == PROFILE:
        found = in_table(config, place, setting)
    else:
        found = effective(config, setting, place[1] if len(place) > 1 else None, os.environ)
    if found.source in (UNSET, BUILT_IN):
        instead = f"; without it: {setting.built_in}" if setting.built_in else ""
        raise InputError(
            f"{key} is not set{instead}", reason=Reason.MISSING, hint=(f"mbuscli config set {key} VALUE",)
        )
    row = setting_row(found)
    if output.fields is None and not output.is_json:
        value = row["value"]
        texts = [str(value).lower() if isinstance(value, bool) else str(value)]
        output.streams.data("\n".join(map(inert, value if isinstance(value, list) else texts)))
    else:
        write_settings(output, [row], origin=True)
    return ExitCode.DONE


@command.command("set")
@click.argument("key", shell_complete=complete_setting)
@click.argument("values", nargs=-1, required=True, metavar="VALUE...")
@output_options("settings")
def set_(key: str, values: tuple[str, ...], output: Output) -> ExitCode:
    """Set an option once and for all.

    Comments and order of the file stay as they are. What is set for one command wins over what is set for
    all of them. A file is meant as seen from the present folder.

    \b
    Examples:
      mbuscli config set port site-7
      mbuscli config set read.unit MWh m3
      mbuscli config set profile.site-7.baud 300

    Exit codes: 0 done, 2 no such setting or value, 10 the file of settings is wrong or cannot be written.
    """
    from mbuscli.cli.config_values import PORTS, lost_profile, parse_setting, parse_value
    from mbuscli.render.config_rows import setting_row, write_settings
    from mbuscli.services.effective import in_table
    from mbuscli.settings.config import PROFILE, default_path, read_config, suggestion
    from mbuscli.settings.config_edit import set_value

    place, setting = parse_setting(key)
    value = parse_value(place, setting, " ".join(values))
    path = default_path()
    profiles = read_config(path).profiles
    if place[0] == PROFILE and place[1] not in profiles and setting.key != "port":
        hint = (*suggestion(place[1], tuple(profiles)), f"mbuscli profile add {place[1]} --port PORT")
        raise InputError(f"there is no profile {place[1]!r}", reason=Reason.MISSING, hint=hint)
    set_value(path, place, setting.key, value)
    write_settings(output, [setting_row(in_table(read_config(path), place, setting))], origin=True)
    if setting.key in PORTS and lost_profile(read_config(path), value):
        output.streams.talk(inert(f"note: there is no profile {value} yet, and no such device here"))
    variable = setting.variable
    if variable and place[0] != PROFILE and os.environ.get(variable):
        output.streams.talk(f"note: {variable} is in the environment, and wins over it")
    return ExitCode.DONE


@command.command("unset")
@click.argument("key", shell_complete=complete_setting)
@output_options("settings")
def unset(key: str, output: Output) -> ExitCode:
    """Take a setting out of the file.

    \b
    Examples:
      mbuscli config unset port
      mbuscli config unset scan.output

    Exit codes: 0 done, also if it was not set, 2 there is no such setting, 10 the file of settings cannot be
    read or written.
    """
    from mbuscli.cli.config_values import parse_setting, split_key
    from mbuscli.settings.config import default_path
    from mbuscli.settings.config_edit import unset_value

    place, name = split_key(key)
    path = default_path()
    done = path.exists() and unset_value(path, place, name)
    if not done:
        parse_setting(key)  # a misspelt key is an error; one that stands in the file goes, whatever it is
    output.streams.talk(inert(f"unset: {key}" if done else f"{key} is not set in {path}"))
    return ExitCode.DONE


@command.command("path")
@output_options("settings")
def path_(output: Output) -> ExitCode:
    """Print where the file of settings is.

    The folder is $MBUSCLI_CONFIG_DIR, else $XDG_CONFIG_HOME/mbuscli or ~/.config/mbuscli, on Windows
    %APPDATA%\\mbuscli.

    \b
    Examples:
      mbuscli config path
      cat "$(mbuscli config path)"

    Exit codes: 0 done, also if there is no file yet, 10 there is no folder for it.
    """
    from mbuscli.render.lists import named_columns, write_list
    from mbuscli.settings.config import default_path

    path = default_path()
    if output.is_json:
        columns = named_columns({"path": "the file", "exists": "if it is there"})
        rows = [{"path": str(path), "exists": path.exists()}]
        write_list(output, "paths", (columns, ("path", "exists")), rows)
        return ExitCode.DONE
    output.streams.data(inert(str(path)))
    if not path.exists():
        output.streams.talk("there is no such file yet; mbuscli config set makes one")
    return ExitCode.DONE


@command.command("check")
@click.argument("file", required=False, metavar="[FILE]", shell_complete=complete_file)
@output_options("faults")
def check(file: str | None, output: Output) -> ExitCode:
    """Check the file of settings, or FILE.

    Everything that is wrong with it is shown. Notes are about variables and profiles that do not exist; they
    do no harm.

    \b
    Examples:
      mbuscli config check
      mbuscli config check other.toml -o json

    Exit codes: 0 nothing wrong, 10 something is, or the file cannot be read.
    """
    from pathlib import Path

    from mbuscli.cli.config_values import doubts, unfit
    from mbuscli.protocol.octets import counted
    from mbuscli.render.config_rows import fault_row, write_faults
    from mbuscli.settings.config import read_config

    config = read_config(None if file is None else Path(file))
    if file is not None and not config.exists:
        raise InputError(f"there is no file {file}", reason=Reason.MISSING)
    faults = [*config.faults, *unfit(config)]
    notes = [] if file is not None else doubts(config, os.environ)
    rows = [fault_row(fault) for fault in faults] + [fault_row(note, "note") for note in notes]
    write_faults(output, rows)
    state = "" if config.exists else " (there is no such file)"
    output.streams.talk(
        inert(f"{config.path}{state}: {counted(len(faults), 'error')}, {counted(len(notes), 'note')}")
    )
    return ExitCode.INPUT if faults else ExitCode.DONE


@command.command("edit")
@no_input_option
@output_options("settings")
def edit(output: Output) -> ExitCode:
    """Open the file of settings in an editor.

    The editor is $VISUAL or $EDITOR. What is wrong with the text is told, and it can be edited again; until
    it is right the file stays as it was, and the text is kept beside it.

    \b
    Examples:
      mbuscli config edit
      EDITOR=nano mbuscli config edit

    Exit codes: 0 done, 2 nobody is there to edit it, 10 the text is wrong and was kept beside the file.
    """
    from mbuscli.cli.config_editor import edit_config
    from mbuscli.settings.config import default_path

    return edit_config(default_path(), output)

"""`mbuscli meters`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_driver
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import output_options
from mbuscli.errors import InputError, Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.render.report import Output


@click.group("meters", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show, test and begin meter drivers.

    A meter driver is a TOML file that says which record of a family of meters is which reading. Your own
    drivers lie in the folder `meters` of the configuration (~/.config/mbuscli/meters) and win over those
    that come with the program. What no driver names is shown under a systematic name.

    \b
    Examples:
      mbuscli meters list water
      mbuscli meters show iperl

    Exit codes: 0 done, 4 nothing to list, 8 a test fails, 10 a driver is wrong.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("list")
@click.argument("text", required=False, metavar="[TEXT]", shell_complete=complete_driver)
@output_options("drivers")
def list_drivers(text: str | None, output: Output) -> ExitCode:
    """List the drivers, or those in which TEXT occurs.

    \b
    Examples:
      mbuscli meters list
      mbuscli meters list kamstrup -o json

    Exit codes: 0 done, 4 TEXT occurs in none, 10 a driver of yours is wrong.
    """
    from mbuscli.render.driver_rows import DRIVER_COLUMNS, driver_row
    from mbuscli.render.lists import write_list
    from mbuscli.services.readings import registry

    drivers = registry()
    rows = [driver_row(drivers.by_name(name), own=drivers.is_own(name)) for name in drivers.names()]
    if text is not None:
        wanted = text.casefold()
        rows = [row for row in rows if wanted in " ".join(map(str, row.values())).casefold()]
    write_list(output, "drivers", (DRIVER_COLUMNS, tuple(DRIVER_COLUMNS)), rows)
    output.streams.talk(f"{len(rows)} driver{'s' if len(rows) != 1 else ''}")
    return ExitCode.DONE if rows else ExitCode.NO_ANSWER


@command.command("show")
@click.argument("name", shell_complete=complete_driver)
@output_options("driver_fields")
def show(name: str, output: Output) -> ExitCode:
    """Show what the driver NAME reads and means.

    Each reading stands with the record that it comes from.

    \b
    Example:
      mbuscli meters show iperl

    Exit codes: 0 done, 10 there is no such driver, or it is wrong.
    """
    from mbuscli.render.driver_rows import FIELD_COLUMNS, field_rows
    from mbuscli.render.lists import write_list
    from mbuscli.render.text import inert
    from mbuscli.services.readings import registry

    driver = registry().by_name(name)
    output.streams.talk(inert(f"{driver.name}: {driver.title}, serves {', '.join(driver.serves)}"))
    if driver.decoder:
        output.streams.talk("its telegrams are no list of records: a decoder reads them")
    rows = [*field_rows(driver)]
    write_list(output, "fields", (FIELD_COLUMNS, tuple(FIELD_COLUMNS)), rows)
    return ExitCode.DONE


@command.command("test")
@click.argument("names", nargs=-1, metavar="[NAMES]...", shell_complete=complete_driver)
@output_options("driver_tests")
def run_tests(names: tuple[str, ...], output: Output) -> ExitCode:
    """Run the tests in the drivers NAMES, or in all of them.

    \b
    Example:
      mbuscli meters test iperl kamheat

    Exit codes: 0 all hold, 8 some fail, 10 a driver is wrong.
    """
    from mbuscli.protocol.octets import counted
    from mbuscli.render.driver_rows import TEST_COLUMNS, test_row
    from mbuscli.render.lists import write_list
    from mbuscli.services import meter_drivers
    from mbuscli.services.readings import registry

    drivers = registry()
    rows = [
        test_row(tested)
        for name in names or drivers.names()
        for tested in meter_drivers.run_tests(drivers, name)
    ]
    failed = [row for row in rows if row["wrong"]]
    write_list(output, "tests", (TEST_COLUMNS, tuple(TEST_COLUMNS)), rows)
    output.streams.talk(f"{counted(len(rows), 'test')}, {len(failed)} failed")
    return ExitCode.PARTIAL if failed else ExitCode.DONE


@command.command("new")
@click.argument("name")
@click.argument("digits", nargs=-1, required=True, metavar="HEX...")
@click.option("--force", is_flag=True, help="Replace a driver of yours that has this name.")
@output_options("drivers")
def new(name: str, digits: tuple[str, ...], force: bool, output: Output) -> ExitCode:
    """Begin a driver of your own from a telegram.

    The telegram is hexadecimal, decrypted or not encrypted. The file is written to the folder of your
    drivers, with all records of the telegram under systematic names: rename them, say what they mean, take
    away what is of no use.

    \b
    Example:
      mbuscli meters new mymeter 2E44... && mbuscli meters test mymeter

    Exit codes: 0 done, 2 no hexadecimal, 5 damaged, 10 a driver of yours has this name.
    """
    from mbuscli.services.hex_text import octets_of
    from mbuscli.services.meter_drivers import skeleton
    from mbuscli.settings.files import write_private
    from mbuscli.settings.paths import config_folder
    from mbuscli.telegram import decode

    if not name.isidentifier() or not name.isascii():
        raise UsageError(f"{name!r} is no name for a driver: letters and digits", reason=Reason.INVALID)
    text = skeleton(decode(octets_of(" ".join(digits), "the telegram")), name)
    path = config_folder() / "meters" / f"{name}.toml"
    if path.exists() and not force:
        raise InputError(f"{path} exists", reason=Reason.EXISTS, hint=("--force replaces it",))
    write_private(path, text.encode())
    output.streams.data(str(path))
    return ExitCode.DONE

"""`mbuscli sniff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mbuscli.cli.complete import (
    complete_file,
    complete_gps,
    complete_meter,
    complete_modes,
    complete_stick,
    complete_stick_port,
)
from mbuscli.cli.durations import Duration
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import output_options, strict_option
from mbuscli.cli.secrets import discreet, file_name, key_options, ring_option, warn_of_arguments
from mbuscli.errors import Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.cli.sniff_run import Plan, Wanted
    from mbuscli.protocol.security.keys import KeySource
    from mbuscli.render.report import Output


def _modes(_ctx: click.Context, _param: click.Parameter, text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    from mbuscli.protocol.wireless.modes_table import LINK_MODES
    from mbuscli.settings.redact import redact

    names = {mode.name.upper(): mode.name for mode in LINK_MODES}
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    for part in wanted:
        if part.upper() not in names:
            raise UsageError(
                f"there is no link mode {redact(part)!r}",
                reason=Reason.INVALID,
                hint=(f"known: {', '.join(names.values())}",),
            )
    return frozenset(names[part.upper()] for part in wanted) or None


def _filters(ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> Wanted | None:
    if ctx.resilient_parsing:
        return None  # a shell completes the line
    from mbuscli.cli.sniff_run import Wanted

    return Wanted.parse(texts)


def _size(_ctx: click.Context, _param: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    from mbuscli.cli.durations import octets_of

    size = octets_of(text)
    if size is None:
        raise UsageError(f"{text!r} is no size", reason=Reason.INVALID, hint=("write 500k, 10M or 1G",))
    return size


@click.command("sniff")
@click.option(
    "-p",
    "--port",
    "ports",
    multiple=True,
    is_eager=True,  # it may name a profile, which says what other options are
    default=("auto",),
    envvar="MBUSCLI_STICK_PORT",
    metavar="PORT",
    shell_complete=complete_stick_port,
    help="A stick: /dev/ttyUSB0, COM3, id:..., auto, tcp://host:port, rtl_wmbus, rtl_433, - (a pipe), "
    "replay:FILE?speed=10, sim:stick, a profile. May be given several times. Default: auto.",
)
@click.option(
    "--stick",
    "family",
    metavar="FAMILY",
    envvar="MBUSCLI_STICK",
    shell_complete=complete_stick,
    help="What the stick is, so that it is not asked.",
)
@click.option(
    "--baud",
    type=click.IntRange(300, 1_000_000),
    envvar="MBUSCLI_STICK_BAUD",
    metavar="RATE",
    help="Rate of a line that is not asked.",
)
@click.option("--command", "program", metavar="TEXT", help="What to start for rtl_wmbus or rtl_433.")
@click.option(
    "--mode",
    "modes",
    envvar="MBUSCLI_MODE",
    metavar="T1,C1,S1",
    callback=_modes,
    shell_complete=complete_modes,
    help="Link modes to listen to. Default: as many as the stick hears at once.",
)
@click.option("--for", "for_s", type=Duration(), metavar="10m", help="End after this time.")
@click.option(
    "--count", "limit", type=click.IntRange(1), metavar="N", help="End after N telegrams, without copies."
)
@click.option(
    "--filter",
    "wanted",
    multiple=True,
    metavar="TEXT",
    callback=_filters,
    shell_complete=complete_meter,
    help="Show only meters whose address, name, place, type or manufacturer fits; a meter address may hold "
    "the digit F for any. Several: any of them.",
)
@click.option(
    "--list",
    "route",
    metavar="FILE",
    callback=file_name,
    shell_complete=complete_file,
    help="The meters that should be heard.",
)
@click.option("--until-complete", is_flag=True, help="End when every meter of the list was heard.")
@click.option("--anew", is_flag=True, help="Begin the list anew instead of going on with an earlier walk.")
@click.option(
    "--capture",
    metavar="FILE",
    shell_complete=complete_file,
    help="Append everything that is received to FILE (.ndjson or .ndjson.gz); --port replay:FILE plays it.",
)
@click.option(
    "--capture-size",
    envvar="MBUSCLI_CAPTURE_SIZE",
    metavar="10M",
    callback=_size,
    help="Begin a new capture file when one has this size.",
)
@click.option(
    "--gps",
    envvar="MBUSCLI_GPS",
    metavar="PORT",
    shell_complete=complete_gps,
    help="Add positions: an NMEA port such as /dev/ttyACM0, or gpsd.",
)
@click.option("--no-inventory", is_flag=True, help="Keep nothing of what is heard.")
@click.option(
    "--inventory",
    envvar="MBUSCLI_INVENTORY_FILE",
    metavar="FILE",
    shell_complete=complete_file,
    help="The inventory, if not the usual one.",
)
@strict_option
@ring_option
@key_options
@output_options("sniff")
def command(
    ring: str | None,
    key_texts: tuple[str, ...],
    key_file: str | None,
    output: Output,
    **choices: Any,
) -> ExitCode:
    """Listen to radio meters with a stick: who is heard, how well, what they read.

    On a terminal a live table shows one row a meter; in a pipe each telegram is one line of JSON. With a list
    of the meters that should be heard it tells which are missing; the work goes on another day where it was
    left. Everything is kept in the inventory (mbuscli inventory).

    \b
    Examples:
      mbuscli sniff
      mbuscli sniff --port sim:stick
      mbuscli sniff --list route.csv --until-complete --capture walk.ndjson.gz
      mbuscli sniff --port /dev/ttyUSB0 --mode t1,c1 --for 10m -o ndjson | jq .meter.address

    Exit codes: 0 done, 3 a stick is missing or lost for good, 4 nothing was heard, 8 meters of the list are
    missing, 10 a list, a key ring, the inventory or a capture cannot be used.
    """
    from mbuscli.cli.sniff_run import Plan
    from mbuscli.settings.profiles import port_of

    if choices["until_complete"] and choices["route"] is None:
        raise UsageError("--until-complete needs a list", reason=Reason.INVALID, hint=("add --list FILE",))
    plan = Plan(**{**choices, "ports": tuple(map(port_of, choices["ports"]))})
    with discreet():
        warn_of_arguments(output.streams, key_texts)
        return _sniff(plan, (key_texts, key_file, ring), output)


def _sniff(
    plan: Plan, key_options: tuple[tuple[str, ...], str | None, str | None], output: Output
) -> ExitCode:
    """In a pipe one line of JSON a telegram, unless something else was asked for."""
    from click.core import ParameterSource

    from mbuscli.cli.exit_codes import exit_code_of
    from mbuscli.cli.sniff_run import sniff
    from mbuscli.cli.talk import complain
    from mbuscli.errors import MbuscliError

    chosen = click.get_current_context().get_parameter_source("format_name") is not ParameterSource.DEFAULT
    streams = output.streams
    if chosen or output.fields is not None or streams.out_is_terminal:
        return sniff(plan, _keys(*key_options), output)
    output = output._replace(format="ndjson")
    if streams.err_is_terminal:
        return sniff(plan, _keys(*key_options), output)
    streams.quiet = True
    try:
        return sniff(plan, _keys(*key_options), output)
    except MbuscliError as error:
        # A program that reads JSON finds nothing but JSON on stderr.
        complain(output, error, "")
        return exit_code_of(error)


def _keys(key_texts: tuple[str, ...], key_file: str | None, ring: str | None) -> KeySource:
    """All keys, with the ring open: nobody is asked for anything once the table is on the screen."""
    import os
    from pathlib import Path

    from mbuscli.cli.secrets import ask_passphrase, read_secret_line
    from mbuscli.protocol.address import MeterAddress
    from mbuscli.services.keys import collect_keys
    from mbuscli.settings.paths import default_ring

    chain = collect_keys(
        key_texts,
        key_file,
        Path(ring) if ring else None,
        default_ring=default_ring,
        environ=os.environ,
        read_line=read_secret_line,
        ask_passphrase=ask_passphrase,
        ask_key=None,
    )
    for _ in chain.candidates([MeterAddress("00000000", 0, 0, 0)]):
        pass
    return chain

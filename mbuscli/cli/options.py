"""Options that several commands share, each group as one decorator."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mbuscli.cli.commands import completed_by
from mbuscli.errors import Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.render.columns import Columns
    from mbuscli.render.report import Output

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("table", "plain", "json", "ndjson", "csv", "tsv")
_NO_INPUT = "mbuscli.no_input"
# The default of --output in a pipe.
_IN_PIPE = {"sniff": "ndjson (with --fields plain)"}
BAUDS = ("300", "600", "1200", "2400", "4800", "9600", "19200", "38400", "auto")


def output_options(
    kind: str, *, more_formats: tuple[str, ...] = (), **other_kinds: str
) -> Callable[[F], Callable[..., Any]]:
    """-o, --fields, --quiet, --debug; the command gets them as `output`. `kind`: what it puts out.

    `more_formats`: those that only this command has. `other_kinds`: what it puts out instead with the flag
    of that name, which must be eager.
    """

    def list_fields(ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
        if text in ("?", "'?'"):  # cmd.exe leaves the quotes that other shells need
            from mbuscli.render.columns import listing

            click.echo(listing(*_columns(kind_with(ctx.params))))
            ctx.exit()
        return text

    def kind_with(values: Mapping[str, Any]) -> str:
        return next((other for flag, other in other_kinds.items() if values.get(flag)), kind)

    def decorate(function: F) -> Callable[..., Any]:
        piped = _IN_PIPE.get(kind, "plain (tabs)")

        @click.option(
            "-o",
            "--output",
            "format_name",
            type=click.Choice((*FORMATS, *more_formats)),
            envvar="MBUSCLI_OUTPUT",
            help=f"Format of the output. Default: table on a terminal, {piped} in a pipe.",
        )
        @click.option(
            "--fields",
            metavar="A,B,C",
            is_eager=True,
            callback=list_fields,
            shell_complete=_names_completer(kind_with),
            help="Columns to show; '?' lists them.",
        )
        @_flags
        @functools.wraps(function)
        def command(
            *args: Any,
            format_name: str | None,
            fields: str | None,
            quiet: bool,
            csv_plain: bool,
            **rest: Any,
        ) -> Any:
            names = None if fields is None else _chosen(kind_with(rest), fields)
            output = _output(format_name, names, quiet)._replace(csv_plain=csv_plain)
            if kind == "telegram":
                output = output._replace(verbose=rest.pop("verbose"), units=rest.pop("units"))
            return function(*args, output=output, **rest)

        return _reading_options(command) if kind == "telegram" else command

    return decorate


def _flags(function: F) -> F:
    """--quiet, --csv-plain, --debug."""
    quiet = click.option(
        "-q", "--quiet", is_flag=True, envvar="MBUSCLI_QUIET", help="No progress and no notes on stderr."
    )
    csv_plain = click.option(
        "--csv-plain",
        is_flag=True,
        envvar="MBUSCLI_CSV_PLAIN",
        help="Leave text as it is in csv and tsv, even what a spreadsheet takes for a formula.",
    )
    debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
    return quiet(csv_plain(debug(function)))


def _names_completer(kind_with: Callable[[Mapping[str, Any]], str]) -> Callable[..., Any]:
    """Completes --fields with the columns of what the command puts out."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Any:
        from mbuscli.cli.complete import complete_fields

        return complete_fields(_columns(kind_with(ctx.params))[0], incomplete)

    return complete


def strict_option(function: F) -> F:
    """--strict: the command gets it as `strict`."""
    return click.option(
        "--strict",
        is_flag=True,
        help="Only values that a MAC, a CRC or check bytes prove, and none of telegrams sent again.",
    )(function)


def _reading_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """-v, --unit: what is shown of readings; they go into `output`."""

    def parse_units(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
        if not texts:
            return ()
        from mbuscli.meters.units import parse_unit

        return tuple(map(parse_unit, texts))

    function = click.option(
        "-v",
        "--verbose",
        is_flag=True,
        envvar="MBUSCLI_VERBOSE",
        help="Show the records too, in a table.",
    )(function)
    return click.option(
        "--unit",
        "units",
        multiple=True,
        envvar="MBUSCLI_UNIT",
        metavar="UNIT",
        shell_complete=completed_by("complete_unit"),
        callback=parse_units,
        help="Readings in this unit where it fits: kWh, MWh, GJ, l, m3/h ... May be repeated.",
    )(function)


def _chosen(kind: str, text: str) -> tuple[str, ...]:
    from mbuscli.render.columns import choose

    return choose(_columns(kind)[0], text)


def _columns(kind: str) -> tuple[Columns, tuple[str, ...]]:
    from mbuscli.render import columns

    if kind in ("keys", "findings"):
        from mbuscli.render import key_rows

        return key_rows.COLUMNS[kind]
    if kind in ("settings", "profiles", "faults"):
        from mbuscli.render import config_rows

        return config_rows.COLUMNS[kind]
    if kind == "ports":
        from mbuscli.render import port_rows

        return port_rows.COLUMNS, tuple(port_rows.COLUMNS)
    if kind == "checks":
        from mbuscli.render import doctor_rows

        return doctor_rows.COLUMNS, tuple(doctor_rows.COLUMNS)
    if kind == "sticks":
        from mbuscli.render import stick_rows

        return stick_rows.COLUMNS, tuple(stick_rows.COLUMNS)
    if kind == "plan":
        from mbuscli.render import plan_rows

        return plan_rows.COLUMNS, plan_rows.DEFAULT
    if kind == "meters":
        from mbuscli.render import summary_rows

        return summary_rows.COLUMNS, summary_rows.DEFAULT
    if kind in ("write", "journal"):
        from mbuscli.render import write_rows

        return write_rows.COLUMNS[kind]
    if kind in ("drivers", "driver_fields", "driver_tests"):
        from mbuscli.render import driver_rows

        return driver_rows.COLUMNS[kind]
    if kind == "sniff":
        from mbuscli.render import walk_rows

        return walk_rows.COLUMNS, walk_rows.DEFAULT
    if kind == "lora":
        from mbuscli.render import lora_rows

        return lora_rows.COLUMNS, lora_rows.DEFAULT
    if kind == "inventory":
        from mbuscli.render import inventory_rows

        return inventory_rows.COLUMNS, inventory_rows.DEFAULT
    if kind == "scan":
        return columns.SCAN_COLUMNS, columns.SCAN_DEFAULT
    return columns.TELEGRAM_COLUMNS, columns.TELEGRAM_DEFAULT


def _output(format_name: str | None, fields: tuple[str, ...] | None, quiet: bool) -> Output:
    from mbuscli.render.report import Output
    from mbuscli.render.streams import standard_streams

    streams = standard_streams()
    default = "table" if streams.out_is_terminal else "plain"
    output = Output(format_name or default, fields, streams, format_given=format_name is not None)
    # A program that reads JSON finds nothing but JSON on stderr.
    streams.quiet = quiet or (output.is_json and not streams.err_is_terminal)
    return output


def no_input_option(function: F) -> F:
    """--no-input: what would be asked for is an error at once. `may_ask` knows of it."""

    def note(ctx: click.Context, _param: click.Parameter, given: bool) -> None:
        if given:
            ctx.meta[_NO_INPUT] = True

    return click.option(
        "--no-input",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        envvar="MBUSCLI_NO_INPUT",
        callback=note,
        help="Never ask for anything: what would be asked for is an error.",
    )(function)


def may_ask() -> bool:
    """False with --no-input."""
    ctx = click.get_current_context(silent=True)
    return ctx is None or not ctx.meta.get(_NO_INPUT)


def refuse_to_wait() -> None:
    """UsageError if somebody would have to type what is read from standard input, with --no-input."""
    if not may_ask() and sys.stdin.isatty():
        raise UsageError(
            "standard input is a terminal, and nobody is to be asked",
            reason=Reason.EMPTY,
            hint=("pipe it in, or name a file",),
        )


def is_attended() -> bool:
    """True if somebody can see a question on stderr, and type an answer to it."""
    return may_ask() and sys.stdin.isatty() and sys.stderr.isatty()


def _waits(function: F) -> F:
    """--timeout, --retries, --margin."""
    timeout = click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(0, 60, min_open=True),
        envvar="MBUSCLI_TIMEOUT",
        metavar="SECONDS",
        help="Wait this long for an answer to begin. Default: 330 bit times + 50 ms, plus the margin.",
    )
    retries = click.option(
        "--retries",
        type=click.IntRange(0, 10),
        envvar="MBUSCLI_RETRIES",
        metavar="N",
        help="Ask again this often where the answer is bad or missing. Default: 2; a scan's: 0.",
    )
    margin = click.option(
        "--margin",
        "margin_s",
        type=click.FloatRange(0, 10),
        envvar="MBUSCLI_MARGIN",
        metavar="SECONDS",
        help="What the converter adds to each wait. Default: 0.05; in a network: 0.25.",
    )
    return timeout(retries(margin(function)))


def bus_options(function: F) -> Callable[..., Any]:
    """--port, --baud, --timeout, --retries, --margin, --trace, --capture: a wired bus, given as `bus`."""

    @click.option(
        "-p",
        "--port",
        envvar="MBUSCLI_PORT",
        is_eager=True,  # it may name a profile, which says what other options are
        callback=_require_port,
        metavar="PORT",
        shell_complete=completed_by("complete_port"),
        help="The bus: /dev/ttyUSB0, COM3, auto, tcp://host:port, sim:, a profile ...  [env: MBUSCLI_PORT]",
    )
    @click.option(
        "--baud",
        type=click.Choice(BAUDS),
        envvar="MBUSCLI_BAUD",
        show_default="2400",
        metavar="RATE",
        help="300, 600, 1200 ... 38400, always 8E1; auto tries them.",
    )
    @_waits
    @click.option(
        "--trace", is_flag=True, envvar="MBUSCLI_TRACE", help="Show every frame, both ways, on stderr."
    )
    @click.option(
        "--capture",
        metavar="FILE",
        shell_complete=completed_by("complete_file"),
        help="Append all traffic to FILE; --port replay:FILE plays it to the same command.",
    )
    @functools.wraps(function)
    def command(
        *args: Any,
        port: str,
        baud: str | None,
        timeout_s: float | None,
        retries: int | None,
        margin_s: float | None,
        trace: bool,
        capture: str | None,
        **rest: Any,
    ) -> Any:
        from mbuscli.cli.bus import bus_of

        bus = bus_of(
            port,
            baud=baud,
            timeout_s=timeout_s,
            retries=retries,
            margin_s=margin_s,
            trace=trace,
            capture=capture,
        )
        return function(*args, bus=bus, **rest)

    return command


def _require_port(ctx: click.Context, _param: click.Parameter, text: str | None) -> str:
    # A shell that completes the line asks with what there is of it.
    if text or ctx.resilient_parsing:
        return text or ""
    from mbuscli.ports.opener import FORMS

    raise UsageError(
        "no port is given",
        reason=Reason.EMPTY,
        hint=(
            f"--port with one of: {', '.join(FORMS)}, or auto for the only adapter",
            "or set it once: mbuscli config set port PORT",
            "without hardware: --port sim:",
        ),
    )

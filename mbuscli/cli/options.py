"""Options that several commands share, each group as one decorator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mbuscli.errors import Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.render.columns import Columns
    from mbuscli.render.report import Output

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("table", "plain", "json", "ndjson", "csv", "tsv")
BAUDS = ("300", "600", "1200", "2400", "4800", "9600", "19200", "38400")


def output_options(kind: str) -> Callable[[F], Callable[..., Any]]:
    """-o, --fields, --quiet, --debug; the command gets them as `output`. `kind`: what it puts out."""

    def choose_fields(
        _ctx: click.Context, _param: click.Parameter, text: str | None
    ) -> tuple[str, ...] | None:
        if text is None:
            return None
        from mbuscli.render.columns import choose, listing

        columns, default = _columns(kind)
        if text == "?":
            click.echo(listing(columns, default))
            click.get_current_context().exit()
        return choose(columns, text)

    def decorate(function: F) -> Callable[..., Any]:
        @click.option(
            "-o",
            "--output",
            "format_name",
            type=click.Choice(FORMATS),
            envvar="MBUSCLI_OUTPUT",
            help="Format of the output. Default: table on a terminal, plain (tabs) in a pipe.",
        )
        @click.option(
            "--fields",
            metavar="A,B,C",
            is_eager=True,
            callback=choose_fields,
            help="Columns to show; '?' lists them.",
        )
        @click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on stderr.")
        @click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
        @functools.wraps(function)
        def command(
            *args: Any, format_name: str | None, fields: tuple[str, ...] | None, quiet: bool, **rest: Any
        ) -> Any:
            return function(*args, output=_output(format_name, fields, quiet), **rest)

        return command

    return decorate


def _columns(kind: str) -> tuple[Columns, tuple[str, ...]]:
    from mbuscli.render import columns

    if kind in ("keys", "findings"):
        from mbuscli.render import key_rows

        return key_rows.COLUMNS[kind]
    if kind == "ports":
        from mbuscli.render import port_rows

        return port_rows.COLUMNS, tuple(port_rows.COLUMNS)
    if kind == "scan":
        return columns.SCAN_COLUMNS, columns.SCAN_DEFAULT
    return columns.TELEGRAM_COLUMNS, columns.TELEGRAM_DEFAULT


def _output(format_name: str | None, fields: tuple[str, ...] | None, quiet: bool) -> Output:
    from mbuscli.render.report import Output
    from mbuscli.render.streams import standard_streams

    streams = standard_streams()
    output = Output(format_name or ("table" if streams.out_is_terminal else "plain"), fields, streams)
    # A program that reads JSON finds nothing but JSON on stderr.
    streams.quiet = quiet or (output.is_json and not streams.err_is_terminal)
    return output


def bus_options(function: F) -> Callable[..., Any]:
    """--port, --baud, --timeout, --trace, --capture: a wired bus; the command gets them as `bus`."""

    @click.option(
        "-p",
        "--port",
        envvar="MBUSCLI_PORT",
        callback=_require_port,
        metavar="PORT",
        help="The bus: /dev/ttyUSB0, COM3, auto, tcp://host:port, sim: ...  [env: MBUSCLI_PORT]",
    )
    @click.option(
        "--baud",
        type=click.Choice(BAUDS),
        default="2400",
        show_default=True,
        metavar="RATE",
        help="300, 600, 1200 ... 38400; always 8E1.",
    )
    @click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(0, 60, min_open=True),
        metavar="SECONDS",
        help="Wait this long for an answer to begin. Default: 330 bit times + 50 ms, plus a margin.",
    )
    @click.option("--trace", is_flag=True, help="Show every frame, both ways, on stderr.")
    @click.option(
        "--capture",
        metavar="FILE",
        help="Append all traffic to FILE; --port replay:FILE plays it to the same command.",
    )
    @functools.wraps(function)
    def command(
        *args: Any,
        port: str,
        baud: str,
        timeout_s: float | None,
        trace: bool,
        capture: str | None,
        **rest: Any,
    ) -> Any:
        from mbuscli.cli.bus import Bus

        return function(*args, bus=Bus(port, int(baud), timeout_s, trace, capture), **rest)

    return command


def _require_port(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str:
    if text:
        return text
    from mbuscli.ports.opener import FORMS

    raise UsageError(
        "no port is given",
        reason=Reason.EMPTY,
        hint=(
            f"--port with one of: {', '.join(FORMS)}, or auto for the only adapter",
            "or set MBUSCLI_PORT",
            "without hardware: --port sim:",
        ),
    )

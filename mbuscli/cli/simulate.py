"""`mbuscli simulate`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import click

from mbuscli.cli.complete import complete_file, complete_modem, complete_stick
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.errors import Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.render.streams import Streams
    from mbuscli.simulator.server import Pace
    from mbuscli.simulator.sticks.twin import Twin
    from mbuscli.simulator.wire import Wire

_LOCAL = "127.0.0.1"
_BUS_BAUD = 2400
# Windows does not interrupt an endless wait on Ctrl-C.
_WAIT_S = 0.2


def parse_tcp(text: str) -> tuple[str, int]:
    """`[HOST:]PORT`; UsageError `usage.invalid` for anything else."""
    host, _, number = text.rpartition(":")
    if not (number.isascii() and number.isdigit()) or int(number) > 65535:
        raise UsageError(
            f"{text!r} is no TCP port to serve on",
            reason=Reason.INVALID,
            hint=("for example: --tcp 10001 or --tcp 0.0.0.0:10001; 0 takes a free port",),
        )
    return host.strip("[]") or _LOCAL, int(number)


@click.command("simulate")
@click.argument("scenario", required=False, metavar="[SCENARIO]", shell_complete=complete_file)
@click.option(
    "--scenario", "scenario_file", metavar="FILE", shell_complete=complete_file, help="The same as SCENARIO."
)
@click.option(
    "--stick",
    metavar="NAME",
    shell_complete=complete_stick,
    help="Simulate a radio stick, not a bus: im871a, iu891a, amb8465, rc1180, cul and more.",
)
@click.option(
    "--modem",
    metavar="NAME",
    shell_complete=complete_modem,
    help="Simulate a LoRaWAN modem in a network that knows it: rn2483, rak3172, rak811, lora_e5 and more.",
)
@click.option("--fault", metavar="WORDS", help="What goes wrong with the stick or modem, such as noise,late.")
@click.option(
    "--tcp", metavar="[HOST:]PORT", help="Serve on TCP, as a gateway does. Host: only this computer."
)
@click.option("--pty", is_flag=True, help="Serve on a pseudo-terminal too; the default without --tcp.")
@click.option(
    "--link",
    metavar="PATH",
    shell_complete=complete_file,
    help="Make a symbolic link to the pseudo-terminal; implies --pty.",
)
@click.option(
    "--pace",
    type=click.Choice(("real", "fast")),
    default="real",
    show_default=True,
    help="Answer as fast as the wire does, or at once.",
)
@click.option("-q", "--quiet", is_flag=True, envvar="MBUSCLI_QUIET", help="No notes on stderr.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def command(
    scenario: str | None,
    scenario_file: str | None,
    stick: str | None,
    modem: str | None,
    fault: str | None,
    tcp: str | None,
    pty: bool,
    link: str | None,
    pace: Pace,
    quiet: bool,
) -> ExitCode:
    """Serve a simulated bus, stick or modem for training and tests.

    SCENARIO is a TOML file; without it a small apartment house is simulated, for a stick the meters of a
    stairwell. A modem may have the options of sim:modem behind its name. What to give as --port to another
    command is printed on stdout, one line for each way. Ends with Ctrl-C.

    \b
    Examples:
      mbuscli simulate --link /tmp/bus
      mbuscli simulate faulty.toml --tcp 10001 --pace fast
      mbuscli scan --port /tmp/bus
      mbuscli simulate --stick im871a --link /tmp/stick
      mbuscli simulate --modem 'rn2483?window=2' --link /tmp/modem

    Exit codes: 0 ended with Ctrl-C, 3 cannot serve there, 10 scenario invalid.
    """
    from mbuscli.render.streams import standard_streams

    streams = standard_streams()
    streams.quiet = quiet
    if scenario and scenario_file:
        raise UsageError("two scenarios are given", reason=Reason.INVALID, hint=("name one file",))
    if modem is not None:
        source = _modem_source(scenario or scenario_file, stick, modem, fault)
    else:
        source = _source(scenario or scenario_file, stick, fault, pace)
    servers: list[_Serve] = []
    if tcp is not None:
        servers.append(_tcp_server(source, parse_tcp(tcp), pace, streams))
    if pty or link is not None or tcp is None:
        servers.append(_pty_server(source, link, pace, streams))
    streams.talk(f"simulating {source.what}; Ctrl-C ends it")
    return _serve(servers)


class _Source(NamedTuple):
    """What is simulated: in words, afresh for each server, and at which rate on TCP."""

    what: str
    make: Callable[[], Wire]
    baud: int


def _source(scenario: str | None, stick: str | None, fault: str | None, pace: Pace) -> _Source:
    if stick is not None:
        return _stick_source(scenario, stick, fault, pace)
    if fault is not None:
        raise UsageError(
            "--fault is for sticks and modems",
            reason=Reason.INVALID,
            hint=("the faults of a bus stand in its scenario",),
        )
    from mbuscli.simulator.bus import Bus
    from mbuscli.simulator.scenario import load_scenario

    loaded = load_scenario(scenario)
    return _Source(f"{len(loaded.meters)} meters ({loaded.name})", lambda: Bus(loaded), _BUS_BAUD)


def _stick_source(scenario: str | None, stick: str, fault: str | None, pace: Pace) -> _Source:
    from mbuscli.simulator.sticks.opener import open_twin

    if pace == "fast":
        raise UsageError(
            "a stick cannot hear faster than meters send",
            reason=Reason.INVALID,
            hint=("leave --pace out, or shorten interval_s in the scenario",),
        )

    def make() -> Twin:
        return open_twin(stick, scenario, fault or "", time.monotonic())

    twin = make()
    air = twin.air.scenario
    return _Source(f"{stick} among {len(air.meters)} radio meters ({air.name})", make, twin.baud)


def _modem_source(scenario: str | None, stick: str | None, modem: str, fault: str | None) -> _Source:
    from urllib.parse import parse_qsl

    from mbuscli.simulator.modems.opener import open_twin_by_options

    if scenario is not None or stick is not None:
        raise UsageError(
            "--modem stands alone",
            reason=Reason.INVALID,
            hint=("its network is set with options behind its name: --modem 'rn2483?silent=1'",),
        )
    name, _, query = modem.partition("?")
    options = {"fault": fault or "", **dict(parse_qsl(query, keep_blank_values=True)), "family": name}
    twin = open_twin_by_options(options)
    what = f"{name} in a LoRaWAN network ({twin.network.region.name})"
    return _Source(what, lambda: open_twin_by_options(options, time.monotonic()), twin.baud)


_Serve = Callable[[threading.Event], None]


def _pty_server(source: _Source, link: str | None, pace: Pace, streams: Streams) -> _Serve:
    from mbuscli.simulator.server import serve_pty

    return lambda stop: serve_pty(source.make(), link=link, pace=pace, stop=stop, ready=streams.data)


def _tcp_server(source: _Source, place: tuple[str, int], pace: Pace, streams: Streams) -> _Serve:
    from mbuscli.simulator.server import serve_tcp

    def ready(host: str, port: int) -> None:
        streams.data(f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}")

    return lambda stop: serve_tcp(source.make(), *place, baud=source.baud, pace=pace, stop=stop, ready=ready)


def _serve(servers: list[_Serve]) -> ExitCode:
    """Run the servers, each in a thread, until Ctrl-C or until one of them fails."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def guarded(serve: _Serve) -> None:
        try:
            serve(stop)
        except BaseException as error:  # noqa: BLE001  raised again below, in the main thread
            failures.append(error)
        finally:
            stop.set()

    threads = [threading.Thread(target=guarded, args=(serve,)) for serve in servers]
    try:
        # Ctrl-C may come as soon as the first of them says where it serves.
        for thread in threads:
            thread.start()
        while not stop.wait(_WAIT_S):
            pass
    except KeyboardInterrupt as interrupt:
        if type(interrupt) is not KeyboardInterrupt:
            raise
    finally:
        stop.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
    if failures:
        raise failures[0]
    return ExitCode.DONE

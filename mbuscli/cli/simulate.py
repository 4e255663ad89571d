"""`mbuscli simulate`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.errors import Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.render.streams import Streams
    from mbuscli.simulator.scenario import Scenario
    from mbuscli.simulator.server import Pace

_LOCAL = "127.0.0.1"
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
@click.argument("scenario", required=False, metavar="[SCENARIO]")
@click.option(
    "--tcp", metavar="[HOST:]PORT", help="Serve on TCP, as a gateway does. Host: only this computer."
)
@click.option("--pty", is_flag=True, help="Serve on a pseudo-terminal too; the default without --tcp.")
@click.option("--link", metavar="PATH", help="Make a symbolic link to the pseudo-terminal; implies --pty.")
@click.option(
    "--pace",
    type=click.Choice(("real", "fast")),
    default="real",
    show_default=True,
    help="Answer as fast as the wire does, or at once.",
)
@click.option("-q", "--quiet", is_flag=True, help="No notes on stderr.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def command(
    scenario: str | None, tcp: str | None, pty: bool, link: str | None, pace: Pace, quiet: bool
) -> ExitCode:
    """Serve a simulated bus for training and tests.

    SCENARIO is a TOML file; without it a small apartment house is simulated. What to give as --port to
    another command is printed on stdout, one line for each way. Ends with Ctrl-C.

    \b
    Examples:
      mbuscli simulate --link /tmp/bus
      mbuscli simulate faulty.toml --tcp 10001 --pace fast
      mbuscli scan --port /tmp/bus

    Exit codes: 0 ended with Ctrl-C, 3 cannot serve there, 10 scenario invalid.
    """
    from mbuscli.render.streams import standard_streams
    from mbuscli.simulator.scenario import load_scenario

    streams = standard_streams()
    streams.quiet = quiet
    loaded = load_scenario(scenario)
    servers: list[_Serve] = []
    if tcp is not None:
        servers.append(_tcp_server(loaded, parse_tcp(tcp), pace, streams))
    if pty or link is not None or tcp is None:
        servers.append(_pty_server(loaded, link, pace, streams))
    streams.talk(f"simulating {len(loaded.meters)} meters ({loaded.name}); Ctrl-C ends it")
    return _serve(servers)


_Serve = Callable[[threading.Event], None]


def _pty_server(scenario: Scenario, link: str | None, pace: Pace, streams: Streams) -> _Serve:
    from mbuscli.simulator.bus import Bus
    from mbuscli.simulator.server import serve_pty

    return lambda stop: serve_pty(Bus(scenario), link=link, pace=pace, stop=stop, ready=streams.data)


def _tcp_server(scenario: Scenario, place: tuple[str, int], pace: Pace, streams: Streams) -> _Serve:
    from mbuscli.simulator.bus import Bus
    from mbuscli.simulator.server import serve_tcp

    def ready(host: str, port: int) -> None:
        streams.data(f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}")

    return lambda stop: serve_tcp(Bus(scenario), *place, pace=pace, stop=stop, ready=ready)


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
    for thread in threads:
        thread.start()
    try:
        while not stop.wait(_WAIT_S):
            pass
    except KeyboardInterrupt as interrupt:
        if type(interrupt) is not KeyboardInterrupt:
            raise
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
    return ExitCode.DONE

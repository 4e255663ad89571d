"""`mbuscli read`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.exit_codes import ExitCode, exit_code_of, of_many, of_telegram
from mbuscli.cli.options import bus_options, output_options

if TYPE_CHECKING:
    from mbuscli.cli.bus import Bus
    from mbuscli.render.report import Output, TelegramReport
    from mbuscli.services import read as service
    from mbuscli.services.link import Link


@click.command("read")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option(
    "--retries",
    type=click.IntRange(0, 10),
    metavar="N",
    default=2,
    show_default=True,
    help="Repeat a request this often when it is not answered well.",
)
@bus_options
@output_options("telegram")
def command(addresses: tuple[str, ...], retries: int, bus: Bus, output: Output) -> ExitCode:
    """Read meters by primary address or by meter address.

    ADDRESS is a primary address (0-250; 254 for the only meter on the bus) or a meter's address
    12345678.KAM.1B.16: number, manufacturer, version, device type. Parts may be left out from the right, F
    stands for any digit. A readout of several telegrams is read to its end.

    \b
    Examples:
      mbuscli read 5 --port /dev/ttyUSB0
      mbuscli read 12345678.KAM.1B.16 7 --port tcp://10.0.0.7:10001 -o json
      mbuscli read 1 --port sim: --fields quantity,value,unit

    Exit codes: 0 done, 4 no answer, 5 damaged answer, 7 the meter refused, 8 some of several failed.
    """
    from mbuscli.cli.bus import open_bus
    from mbuscli.services.link import Link, more_follows
    from mbuscli.services.read import parse_address

    wanted = [parse_address(text) for text in addresses]
    with open_bus(bus, output) as opened:
        link = Link(opened, timeout_s=bus.timeout_s, retries=retries, more_follows=more_follows)
        return _read(link, wanted, output)


def _read(link: Link, wanted: list[service.Address], output: Output) -> ExitCode:
    from mbuscli.cli.talk import complain, tell_link
    from mbuscli.errors import MbuscliError
    from mbuscli.render.report import TelegramReport
    from mbuscli.services import read as service

    tell_link(output, link)
    report = TelegramReport(output)
    codes: dict[int, list[ExitCode]] = {}
    try:
        for event in service.read(link, wanted):
            if isinstance(event, service.Asking):
                codes[len(codes)] = []
                output.streams.progress(f"reading {event.address} ({len(codes)} of {len(wanted)})")
            elif isinstance(event, service.Read):
                codes[len(codes) - 1].append(_take(link, report, event))
            else:
                codes[len(codes) - 1].append(exit_code_of(event.error))
                complain(output, event.error, f"{link.name}, address {event.address}")
    except (KeyboardInterrupt, MbuscliError):
        report.finish()
        raise
    finally:
        output.streams.end_progress()
    report.finish()
    return of_many([_of_meter(results) for results in codes.values()])


def _take(link: Link, report: TelegramReport, event: service.Read) -> ExitCode:
    from datetime import datetime

    from mbuscli.cli.talk import tell_problems
    from mbuscli.render.rows import Origin

    time = datetime.now().astimezone().isoformat(timespec="milliseconds")
    report.add(event.telegram, Origin(time, link.name))
    tell_problems(report.output, event.telegram, f"address {event.address}")
    return of_telegram(event.telegram)


def _of_meter(results: list[ExitCode]) -> ExitCode:
    """One meter's code: any failure counts, the first one decides."""
    return next((code for code in results if code is not ExitCode.DONE), ExitCode.DONE)

"""`mbuscli scan`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import click

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import bus_options, output_options
from mbuscli.errors import NoAnswerError, Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.cli.bus import Bus
    from mbuscli.render.report import Output, ScanReport
    from mbuscli.services import scan as service
    from mbuscli.services.link import Link

_LAST = 250


def parse_range(text: str) -> list[int]:
    """Addresses of `1-20,30` in the order given, each once; UsageError `usage.invalid` names the bad part."""
    addresses: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        last = last if dash else first
        if not (_is_number(first) and _is_number(last)) or not int(first) <= int(last) <= _LAST:
            raise UsageError(
                f"{part.strip()!r} in --range is no address or range of addresses from 0 to {_LAST}",
                reason=Reason.INVALID,
                hint=("for example: --range 1-20,30",),
            )
        addresses.update(dict.fromkeys(range(int(first), int(last) + 1)))
    return list(addresses)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


@click.command("scan")
@click.option(
    "--range",
    "range_text",
    metavar="A-B,C",
    default="0-250",
    show_default=True,
    help="Addresses, such as 1-20,30.",
)
@click.option(
    "--retries",
    type=click.IntRange(0, 10),
    metavar="N",
    default=0,
    show_default=True,
    help="Ask again this often where nobody answers.",
)
@click.option("--secondary", is_flag=True, help="Search by secondary address: finds meters that share one.")
@click.option(
    "--expect",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="With --secondary: stop when so many meters are found; exit 8 if fewer.",
)
@bus_options
@output_options("scan")
def command(
    range_text: str, retries: int, secondary: bool, expect: int | None, bus: Bus, output: Output
) -> ExitCode:
    """Find the meters on a wired bus.

    By primary address: each one is asked with a link reset, which changes nothing in a meter; who
    acknowledges is read once to learn who it is. Two meters at one address show as a collision.

    By secondary address (--secondary): groups of meters are selected by parts of their number until each one
    answers alone, whatever their primary addresses; each is read once. Of several meters whose numbers hold
    letters A to E some may be missed: --expect tells.

    \b
    Examples:
      mbuscli scan --port /dev/ttyUSB0
      mbuscli scan --port tcp://10.0.0.7:10001 --baud 300 --range 1-20,30
      mbuscli scan --port sim: -o json
      mbuscli scan --port /dev/ttyUSB0 --secondary --expect 60

    Exit codes: 0 meters found, 4 nobody answered, 8 found, but with collisions or noise, 5 only these.
    """
    from mbuscli.cli.bus import open_bus
    from mbuscli.services.link import Link

    addresses = parse_range(range_text)
    if expect is not None and not secondary:
        raise UsageError("--expect goes with --secondary", reason=Reason.INVALID)
    with open_bus(bus, output) as opened:
        link = Link(opened, timeout_s=bus.timeout_s, retries_silent=retries)
        if secondary:
            from mbuscli.cli.scan_secondary import scan_secondary

            return scan_secondary(link, output, expect)
        return _scan(link, addresses, output)


def _scan(link: Link, addresses: list[int], output: Output) -> ExitCode:
    from mbuscli.cli.talk import tell_link
    from mbuscli.errors import MbuscliError
    from mbuscli.render.report import ScanReport
    from mbuscli.services import scan as service

    tell_link(output, link)
    report = ScanReport(output)
    started = link.clock()
    asked = 0
    try:
        for event in service.scan(link, addresses):
            if isinstance(event, service.Asking):
                asked = event.done
                _tell_progress(output, event)
            elif isinstance(event, service.Found):
                asked += 1
                _take(output, report, event)
            else:
                asked = event.asked
    except (KeyboardInterrupt, MbuscliError):
        _finish(link, output, report, asked, link.clock() - started)
        raise
    finally:
        output.streams.end_progress()
    _finish(link, output, report, asked, link.clock() - started)
    return _verdict(report, link, len(addresses))


def _tell_progress(output: Output, event: service.Asking) -> None:
    from mbuscli.cli.talk import duration

    if not event.done:
        output.streams.talk(
            f"asking {event.total} addresses, {duration(event.seconds_left)} if nobody answers"
        )
    percent = 100 * event.done // event.total
    output.streams.progress(
        f"{percent:3d} %  address {event.address}, found {event.found}, {duration(event.seconds_left)} left"
    )


def _take(output: Output, report: ScanReport, event: service.Found) -> None:
    from mbuscli.render.rows import scan_row

    row = scan_row(event.probe.address, event.probe.state, event.telegram, event.note)
    report.add(row)
    if not output.streams.live:
        output.streams.talk(f"found address {event.probe.address}: {event.probe.state}")


def _finish(link: Link, output: Output, report: ScanReport, asked: int, seconds: float) -> None:
    from mbuscli.cli.talk import duration

    # Times are sums of bit times and may end in half a millisecond: first drop what floats make of that.
    report.finish(link.name, link.baud, asked, Decimal(f"{round(seconds, 6):.3f}"))
    output.streams.talk(f"{asked} addresses asked in {duration(seconds)}, {len(report.found)} found")


def _verdict(report: ScanReport, link: Link, asked: int) -> ExitCode:
    meters = [row for row in report.found if row["state"] == "meter"]
    if not report.found:
        raise NoAnswerError(
            f"none of {asked} addresses answered at {link.baud} baud",
            reason=Reason.NO_ANSWER,
            hint=(
                "another baud rate: --baud 300 or --baud 9600",
                "slow meters: --timeout 1 --retries 1",
                "check wiring, bus voltage and the level converter",
            ),
        )
    if len(meters) == len(report.found):
        return ExitCode.DONE
    return ExitCode.PARTIAL if meters else ExitCode.DAMAGED

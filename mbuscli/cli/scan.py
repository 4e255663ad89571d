"""`mbuscli scan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_file
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
@click.option("--secondary", is_flag=True, help="Search by secondary address: finds meters that share one.")
@click.option(
    "--expect",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="With --secondary: stop when so many meters are found; exit 8 if fewer.",
)
@click.option(
    "--list",
    "list_path",
    metavar="FILE",
    shell_complete=complete_file,
    help="With --secondary: ask the meters of FILE first, and search only if one is missing.",
)
@click.option("--resume", is_flag=True, help="With --secondary: go on with a search that was broken off.")
@bus_options
@output_options("scan")
def command(
    range_text: str,
    secondary: bool,
    expect: int | None,
    list_path: str | None,
    resume: bool,
    bus: Bus,
    output: Output,
) -> ExitCode:
    """Find the meters on a wired bus.

    By primary address: each one is asked with a link reset, which changes nothing in a meter; who
    acknowledges is read once to learn who it is. Two meters at one address show as a collision.

    By secondary address (--secondary): groups of meters are selected by parts of their number until each one
    answers alone, whatever their primary addresses; each is read once, if nothing is in doubt. A list of
    meters (CSV, or what a scan wrote) spares most of the search. Broken off by Ctrl-C or a lost port, it
    goes on with --resume.

    With --baud auto the test address 254, which meters answer with nothing but an acknowledgement, tells at
    which rates somebody listens; these are scanned. Where nobody knows it 2400, 300 and 9600 baud are.

    \b
    Examples:
      mbuscli scan --port /dev/ttyUSB0
      mbuscli scan --port tcp://10.0.0.7:10001 --baud 300 --range 1-20,30
      mbuscli scan --port sim: -o json
      mbuscli scan --port /dev/ttyUSB0 --baud auto --range 0-20
      mbuscli scan --port /dev/ttyUSB0 --secondary --expect 60
      mbuscli scan --port /dev/ttyUSB0 --secondary --list delivery.csv
      mbuscli scan --port /dev/ttyUSB0 --secondary --resume

    Exit codes: 0 meters found, 4 nobody answered, 8 found, but with collisions or noise or
    not all that are expected, 5 only these.
    """
    from mbuscli.cli.bus import open_link
    from mbuscli.cli.scan_secondary import Order, listed, saved_order, scan_secondary
    from mbuscli.cli.sweep import bauds_to_scan
    from mbuscli.cli.talk import tell_link

    addresses = parse_range(range_text)
    _check_search_options(secondary, expect, list_path, resume)
    wanted = () if list_path is None else listed(list_path, output)
    with open_link(bus, output, sweeps=True) as link:
        tell_link(output, link)
        if resume:
            return scan_secondary(link, output, saved_order(link), bus)
        bauds = bauds_to_scan(link, output, 0 if secondary else len(addresses))
        if secondary:
            return scan_secondary(link, output, Order(bauds, expect, wanted), bus)
        return _Scan(link, addresses, output, bauds).run()


def _check_search_options(secondary: bool, expect: int | None, path: str | None, resume: bool) -> None:
    given = {"--expect": expect is not None, "--list": path is not None, "--resume": resume}
    names = [name for name, is_given in given.items() if is_given]
    if names and not secondary:
        raise UsageError(f"{names[0]} goes with --secondary", reason=Reason.INVALID)
    if resume and len(names) > 1:
        raise UsageError(
            f"--resume does not go with {names[0]}: the search goes on as it was begun", reason=Reason.INVALID
        )


class _Scan:
    """One run by primary address, at one baud rate or at several after each other."""

    def __init__(self, link: Link, addresses: list[int], output: Output, bauds: tuple[int, ...]) -> None:
        from mbuscli.render.report import ScanReport

        self._link = link
        self._addresses = addresses
        self._output = output
        self._bauds = bauds
        self._report = ScanReport(output, swept=link.swept)
        self._asked = 0
        self._disturbed = 0

    def run(self) -> ExitCode:
        from mbuscli.cli.scan_run import finished

        started = self._link.clock()
        with finished(self._output, lambda _: self._finish(self._link.clock() - started)):
            for baud in self._bauds:
                self._scan(baud)
        return _verdict(self._report, self._bauds, len(self._addresses))

    def _scan(self, baud: int) -> None:
        from mbuscli.services import scan as service

        if self._link.swept:
            self._link.set_baud(baud)
        before = self._asked
        done = 0
        for event in service.scan(self._link, self._addresses):
            if isinstance(event, service.Asking):
                done = len(self._addresses) if event.again else event.done
                self._asked = before + done
                self._tell_progress(event)
            elif isinstance(event, service.Found):
                self._asked = before + min(done + 1, len(self._addresses))
                self._take(event)
            else:
                self._asked = before + event.asked
                self._disturbed += event.disturbed

    def _tell_progress(self, event: service.Asking) -> None:
        from mbuscli.cli.talk import duration

        streams = self._output.streams
        at = f" at {self._link.baud} baud" if self._link.swept else ""
        if not event.done and event.again:
            left = duration(event.seconds_left)
            streams.talk(f"the line is disturbed: asking {event.total} addresses once more{at}, {left}")
        elif not event.done:
            left = duration(event.seconds_left)
            streams.talk(f"asking {event.total} addresses{at}, {left} if nobody answers")
        percent = 100 * event.done // event.total
        streams.progress(
            f"{percent:3d} %  address {event.address}{at}, found {event.found}, "
            f"{duration(event.seconds_left)} left"
        )

    def _take(self, event: service.Found) -> None:
        from mbuscli.cli.met import note_met
        from mbuscli.render.rows import scan_row

        probe = event.probe
        baud = self._link.baud if self._link.swept else None
        self._report.add(scan_row(probe.address, probe.state, event.telegram, event.note, baud))
        if probe.state == "meter":
            note_met(None if event.telegram is None else event.telegram.meter, probe.address)
        if not self._output.streams.live:
            at = f" at {baud} baud" if baud else ""
            self._output.streams.talk(f"found address {probe.address}{at}: {probe.state}")

    def _finish(self, seconds: float) -> None:
        from decimal import Decimal

        from mbuscli.cli.talk import duration, wire_facts

        baud, more = wire_facts(self._link, self._bauds)
        if self._disturbed:
            more["disturbed"] = self._disturbed
        # Times are sums of bit times and may end in half a millisecond: first drop what floats make of that.
        wire_time_s = Decimal(f"{round(seconds, 6):.3f}")
        self._report.finish(self._link.name, baud, self._asked, wire_time_s, more)
        streams = self._output.streams
        streams.talk(f"{self._asked} addresses asked in {duration(seconds)}, {len(self._report.found)} found")
        if self._disturbed:
            streams.talk(
                f"octets were lost, late or too many at {self._disturbed} of them: a meter may be missing; "
                "--retries 2 asks more often"
            )


def _verdict(report: ScanReport, bauds: tuple[int, ...], asked: int) -> ExitCode:
    from mbuscli.cli.talk import one_of

    meters = [row for row in report.found if row["state"] == "meter"]
    if not report.found:
        raise NoAnswerError(
            f"none of {asked} addresses answered at {one_of(bauds)} baud",
            reason=Reason.NO_ANSWER,
            hint=(
                *(("any baud rate: --baud auto",) if len(bauds) == 1 else ()),
                "slow meters: --timeout 1 --retries 1",
                "check wiring, bus voltage and the level converter",
            ),
        )
    if len(meters) == len(report.found):
        return ExitCode.DONE
    return ExitCode.PARTIAL if meters else ExitCode.DAMAGED

"""`mbuscli scan --secondary`: the search of a bus by secondary address."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.errors import NoAnswerError, Reason

if TYPE_CHECKING:
    from mbuscli.protocol.wired.search import Search
    from mbuscli.render.report import Output, ScanReport
    from mbuscli.services import secondary_scan as service
    from mbuscli.services.link import Link


def scan_secondary(link: Link, output: Output, expect: int | None) -> ExitCode:
    """Search, write what is found as it comes, and say what could not be told apart."""
    from mbuscli.cli.talk import tell_link
    from mbuscli.errors import MbuscliError
    from mbuscli.protocol.wired.search import Search
    from mbuscli.render.report import ScanReport
    from mbuscli.services import secondary_scan as service

    tell_link(output, link)
    report = ScanReport(output)
    search = Search(link.session, expect=expect)
    started = link.clock()
    try:
        for event in service.secondary_scan(link, search):
            if isinstance(event, service.Searching):
                _tell_progress(output, event)
            elif isinstance(event, service.Identified):
                _take(output, report, event)
            else:
                _take_unresolved(report, event)
    except (KeyboardInterrupt, MbuscliError):
        _finish(link, output, report, search, link.clock() - started)
        raise
    finally:
        output.streams.end_progress()
    _finish(link, output, report, search, link.clock() - started)
    return _verdict(search, link, expect)


def _tell_progress(output: Output, event: service.Searching) -> None:
    from mbuscli.cli.talk import duration

    output.streams.progress(
        f"{event.mask}  found {event.found}, {event.masks_left} masks left, "
        f"about {duration(event.seconds_left)}"
    )


def _take(output: Output, report: ScanReport, event: service.Identified) -> None:
    from mbuscli.render.rows import primary_address, scan_row

    address = primary_address(event.telegram) if event.telegram is not None else None
    report.add(scan_row(address, "meter", event.telegram, event.note))
    if not output.streams.live:
        output.streams.talk(f"found meter {event.meter.address}")


def _take_unresolved(report: ScanReport, event: service.Searched) -> None:
    from mbuscli.render.rows import scan_row

    for mask in event.unresolved:
        report.add(scan_row(None, "collision", None, f"meters that {mask} selects cannot be told apart"))


def _finish(link: Link, output: Output, report: ScanReport, search: Search, seconds: float) -> None:
    from mbuscli.cli.talk import duration

    report.finish(link.name, link.baud, search.asked, Decimal(f"{round(seconds, 6):.3f}"))
    output.streams.talk(f"{search.asked} selections in {duration(seconds)}, {len(search.found)} meters found")


def _verdict(search: Search, link: Link, expect: int | None) -> ExitCode:
    if not search.found and not search.unresolved:
        raise NoAnswerError(
            f"no meter answered a selection at {link.baud} baud",
            reason=Reason.NO_ANSWER,
            hint=(
                "another baud rate: --baud 300 or --baud 9600",
                "meters without secondary address: scan without --secondary",
                "check wiring, bus voltage and the level converter",
            ),
        )
    if search.unresolved or (expect is not None and len(search.found) < expect):
        return ExitCode.PARTIAL
    return ExitCode.DONE

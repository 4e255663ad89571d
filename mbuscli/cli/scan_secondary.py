"""`mbuscli scan --secondary`: the search of a bus by secondary address."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.errors import InputError, NoAnswerError, Reason, UsageError
from mbuscli.protocol.address import MeterAddress

if TYPE_CHECKING:
    from mbuscli.cli.bus import Bus
    from mbuscli.protocol.wired.search import Search
    from mbuscli.render.report import Output
    from mbuscli.render.rows import Row
    from mbuscli.services import secondary_scan as service
    from mbuscli.services.link import Link
    from mbuscli.settings.search_store import SavedSearch


class Order(NamedTuple):
    """What is searched for: at which rates, how many meters if that is known, and the meters of a list, each
    with a remark on where it stands; `states`: what is known already of the first of these rates."""

    bauds: tuple[int, ...]
    expect: int | None = None
    wanted: tuple[tuple[MeterAddress, str], ...] = ()
    states: tuple[object, ...] = ()


def listed(path: str, output: Output) -> tuple[tuple[MeterAddress, str], ...]:
    """The meters of a list, each with a remark on where it stands; InputError where it is none."""
    from pathlib import Path

    from mbuscli.cli.talk import tell_list
    from mbuscli.settings.meter_list import read_meter_list

    found = read_meter_list(Path(path))
    tell_list(output, found)
    wanted = []
    for meter in found.meters:
        words = [word for word in (meter.name, meter.place) if word]
        wanted.append((meter.address, ", ".join([*words, f"line {meter.line} of {found.path.name}"])))
    return tuple(wanted)


def saved_order(link: Link) -> Order:
    """The search of this port that was broken off.

    InputError if there is none, UsageError if it was made at another baud rate.
    """
    from mbuscli.settings.search_store import damaged, load_search

    saved = load_search(link.name)
    if link.swept != saved.swept or (not saved.swept and (link.baud,) != saved.bauds):
        rate = "auto" if saved.swept else str(saved.bauds[0])
        raise UsageError(
            f"the search to go on with was made with --baud {rate}",
            reason=Reason.INVALID,
            hint=(f"add --baud {rate}",),
        )
    try:
        wanted = tuple((_address(octets), remark) for octets, remark in saved.wanted)
    except ValueError as error:
        raise damaged(link.name, str(error)) from None
    return Order(saved.bauds, saved.expect, wanted, saved.states)


def _address(octets: str) -> MeterAddress:
    data = bytes.fromhex(octets)
    if len(data) != 8:
        raise ValueError(f"{octets!r} is no meter's address")
    return MeterAddress.from_octets(data)


def scan_secondary(link: Link, output: Output, order: Order, bus: Bus) -> ExitCode:
    """Search, write what is found as it comes, and say what is missing or could not be told apart."""
    from mbuscli.cli.scan_run import finished
    from mbuscli.settings.search_store import is_saved

    if not order.states and is_saved(link.name):
        output.streams.talk("an older search of this port was broken off: --resume would go on with it")
    run = _Run(link, output, order, bus)
    with finished(output, run.finish):
        run.search()
    return run.verdict()


class _Run:
    """One command: the searches at one baud rate or at several after each other."""

    def __init__(self, link: Link, output: Output, order: Order, bus: Bus) -> None:
        from mbuscli.render.report import ScanReport

        self._link = link
        self._output = output
        self._order = order
        self._bus = bus
        self._report = ScanReport(output, swept=link.swept)
        self._searches: list[Search] = []
        self._asked_before = 0
        self._started = link.clock()

    @property
    def _found(self) -> list[MeterAddress]:
        return [address for search in self._searches for address in search.addresses]

    def search(self) -> None:
        """At every rate, until as many meters are found as are expected."""
        for index, baud in enumerate(self._order.bauds):
            found = self._found
            expect = self._order.expect
            if self._order.wanted and expect is None:
                expect = len(self._order.wanted)
            if expect is not None and len(found) >= expect:
                break
            if self._link.swept:
                self._link.set_baud(baud)
            self._searches.append(self._search_at(index, None if expect is None else expect - len(found)))
            self._asked_before += self._searches[-1].asked
            self._carry_out(self._searches[-1])

    def _search_at(self, index: int, expect: int | None) -> Search:
        from mbuscli.protocol.wired.search import Search

        if index < len(self._order.states):
            try:
                return Search.resume(self._link.session, self._order.states[index])
            except ValueError as error:
                from mbuscli.settings.search_store import damaged

                raise damaged(self._link.name, str(error)) from None
        known = [wanted for wanted, _ in self._order.wanted if not self._answered(wanted)]
        return Search(self._link.session, expect=expect, known=known)

    def _answered(self, wanted: MeterAddress) -> bool:
        return any(wanted.matches(address) for address in self._found)

    def _carry_out(self, search: Search) -> None:
        from mbuscli.services import secondary_scan as service

        for event in service.secondary_scan(self._link, search):
            if isinstance(event, service.Searching):
                self._tell_progress(event)
            elif isinstance(event, service.Identified):
                self._take(event)
            else:
                self._take_unresolved(event)

    def _tell_progress(self, event: service.Searching) -> None:
        from mbuscli.cli.talk import duration

        at = f" at {self._link.baud} baud" if self._link.swept else ""
        self._output.streams.progress(
            f"{event.mask}{at}  found {event.found}, {event.masks_left} masks left, "
            f"about {duration(event.seconds_left)}"
        )

    def _take(self, event: service.Identified) -> None:
        from mbuscli.cli.met import note_met
        from mbuscli.render.rows import primary_address, scan_row

        meter = event.meter
        primary = primary_address(event.telegram) if event.telegram is not None else None
        notes = [event.note] if event.note else []
        if meter.fabrication:
            notes.append(f"told from its twin by fabrication number {meter.fabrication}")
        if self._order.wanted and not any(wanted.matches(meter.address) for wanted, _ in self._order.wanted):
            notes.append("not in the list")
        self._report.add(scan_row(primary, "meter", event.telegram, "; ".join(notes), self._baud))
        note_met(meter.address)
        if not self._output.streams.live:
            at = f" at {self._link.baud} baud" if self._link.swept else ""
            self._output.streams.talk(f"found meter {meter.address}{at}")

    @property
    def _baud(self) -> int | None:
        return self._link.baud if self._link.swept else None

    def _take_unresolved(self, event: service.Searched) -> None:
        from mbuscli.render.rows import scan_row

        for mask in event.unresolved:
            note = f"what answers to {mask} cannot be told apart or read"
            self._report.add(scan_row(None, "collision", None, note, self._baud))

    # -- the end -----------------------------------------------------------------------------------------

    def finish(self, complete: bool) -> None:
        """Write what was found, and put away what is left to ask."""
        from mbuscli.settings.search_store import remove_search

        if complete:
            for row in self._missing():
                self._report.add(row)
        self._summarise(complete)
        if complete:
            remove_search(self._link.name)
        else:
            self._put_away()

    def _missing(self) -> list[Row]:
        """A row for every meter of the list that was not found."""
        from mbuscli.render.rows import missing_row

        rows = []
        for wanted, remark in self._order.wanted:
            if self._answered(wanted):
                continue
            others = [str(address) for address in self._found if address.id == wanted.id]
            remarks = [remark, *(f"{other} answers to this number" for other in others)]
            rows.append(missing_row(wanted, "; ".join(remarks)))
        return rows

    def _summarise(self, complete: bool) -> None:
        from mbuscli.cli.talk import duration, wire_facts

        seconds = self._link.clock() - self._started
        asked = sum(search.asked for search in self._searches) - self._asked_before
        disturbed = sum(search.disturbed for search in self._searches)
        baud, more = wire_facts(self._link, self._order.bauds)
        if disturbed:
            more["disturbed"] = disturbed
        if not complete:
            more["complete"] = False
        wire_time_s = Decimal(f"{round(seconds, 6):.3f}")
        self._report.finish(self._link.name, baud, asked, wire_time_s, more)
        streams = self._output.streams
        streams.talk(f"{asked} selections in {duration(seconds)}, {len(self._found)} meters found")
        if disturbed:
            streams.talk(
                f"{disturbed} answers were lost, late or broken: silent masks were asked again, but a meter "
                "may be missing; --retries 1 asks more often"
            )

    def _put_away(self) -> None:
        """Save the searches, and say how to go on. What breaks this off is told in any case."""
        from datetime import datetime

        from mbuscli.settings.search_store import SavedSearch, save_search

        if not self._searches:
            return
        saved = SavedSearch(
            self._link.name,
            self._order.bauds,
            self._link.swept,
            self._order.expect,
            tuple((wanted.octets().hex(), remark) for wanted, remark in self._order.wanted),
            (
                *(search.state() for search in self._searches),
                *self._order.states[len(self._searches) :],
            ),
            datetime.now().astimezone().isoformat(timespec="seconds"),
        )
        try:
            save_search(saved)
        except InputError as error:
            from mbuscli.cli.talk import complain

            complain(self._output, error, "the search is not saved")
            return
        self._output.streams.talk(f"to go on: {_command(saved, self._bus)}")

    def verdict(self) -> ExitCode:
        """The exit code; NoAnswerError if nobody is there."""
        from mbuscli.cli.talk import one_of

        unresolved = any(search.unresolved for search in self._searches)
        found = self._found
        if not found and not unresolved:
            raise NoAnswerError(
                f"no meter answered a selection at {one_of(self._order.bauds)} baud",
                reason=Reason.NO_ANSWER,
                hint=(
                    *(("any baud rate: --baud auto",) if len(self._order.bauds) == 1 else ()),
                    "meters without secondary address: scan without --secondary",
                    "check wiring, bus voltage and the level converter",
                ),
            )
        if not found:
            return ExitCode.DAMAGED
        wanted = self._order.wanted
        expect = len(wanted) if self._order.expect is None and wanted else self._order.expect
        if unresolved or not all(self._answered(each) for each, _ in wanted):
            return ExitCode.PARTIAL
        if expect is not None:
            return ExitCode.PARTIAL if len(found) < expect else ExitCode.DONE
        # Nobody knows how many there are, and answers got lost.
        return ExitCode.PARTIAL if any(search.disturbed for search in self._searches) else ExitCode.DONE


def _command(saved: SavedSearch, bus: Bus) -> str:
    """What to type to go on."""
    import shlex

    from mbuscli.cli.bus import AUTO
    from mbuscli.render.text import inert

    words = ["mbuscli", "scan", "--secondary", "--resume"]
    words += ["--port", saved.port if bus.port == AUTO else bus.port]
    if saved.swept or saved.bauds != (2400,):
        words += ["--baud", "auto" if saved.swept else str(saved.bauds[0])]
    return inert(shlex.join(words))

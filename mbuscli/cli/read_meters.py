"""What `mbuscli read` does with what it reads: writes it, tells how far it is, and counts failures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mbuscli.cli.exit_codes import ExitCode, exit_code_of, of_many, of_telegram
from mbuscli.errors import NoAnswerError, Reason
from mbuscli.render.text import inert
from mbuscli.services import read as service

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.link import Link
    from mbuscli.settings.meter_list import ListedMeter
    from mbuscli.telegram import Telegram


class Reader:
    """The readings of one command. `wanted`: who is to be read, where that is known beforehand."""

    def __init__(
        self,
        link: Link,
        output: Output,
        summary: bool,
        listed: Sequence[ListedMeter] = (),
        wanted: Sequence[service.Address] = (),
    ) -> None:
        from mbuscli.render.report import TelegramReport
        from mbuscli.render.summary_rows import SummaryReport

        self._wanted = wanted
        self._link = link
        self._output = output
        self._listed: dict[service.Address, ListedMeter] = {meter.address: meter for meter in listed}
        self._rows = SummaryReport(output) if summary else None
        self._telegrams = None if summary else TelegramReport(output)
        self._codes: list[list[ExitCode]] = []  # of each meter in turn
        self._done: set[service.Address] = set()
        self._last: service.Progress | None = None
        self._address: service.Address | None = None
        self._read: list[Telegram] = []
        self._errors: list[str] = []
        self._time: str | None = None

    def run(self, events: Iterable[service.ReadEvent]) -> ExitCode:
        """Take all events; the exit code. Interrupted, everything that was read is written before."""
        from mbuscli.cli.talk import tell_link
        from mbuscli.render.streams import OutputClosedError

        tell_link(self._output, self._link)
        started = self._link.clock()
        try:
            for event in events:
                self._take(event)
            self._last = None
        except OutputClosedError:
            self._output.streams.quiet = True  # nobody reads on: nothing is left undone
            self._last = None
            raise
        finally:
            self._end_meter()
            self._finish()
            self._output.streams.end_progress()
            self._tell_end(self._link.clock() - started)
        if not self._codes:
            raise NoAnswerError(
                "no meter answered at " + ("any rate" if self._link.swept else f"{self._link.baud} baud"),
                reason=Reason.NO_ANSWER,
                hint=("look who is there: mbuscli scan", "meters that share an address: --all --secondary"),
            )
        return of_many([_of_meter(codes) for codes in self._codes])

    def _take(self, event: service.ReadEvent) -> None:
        if isinstance(event, service.Progress):
            self._last = event
            self._output.streams.progress(_progress(event, len(self._codes)))
        elif isinstance(event, service.Asking):
            self._end_meter()
            self._address = event.address
            self._codes.append([])
        elif isinstance(event, service.Read):
            self._codes[-1].append(self._take_telegram(event))
        else:
            from mbuscli.cli.talk import complain

            self._codes[-1].append(exit_code_of(event.error))
            self._errors.append(event.error.text)
            complain(self._output, event.error, f"{self._link.name}, address {event.address}")

    def _take_telegram(self, event: service.Read) -> ExitCode:
        from datetime import datetime

        from mbuscli.cli.met import note_met
        from mbuscli.cli.talk import tell_problems
        from mbuscli.render.rows import Origin

        if self._baud is not None and not self._read:
            self._output.streams.talk(f"{event.address} answers at {self._baud} baud")
        self._time = datetime.now().astimezone().isoformat(timespec="milliseconds")
        self._read.append(event.telegram)
        note_met(event.telegram.meter, event.address if isinstance(event.address, int) else None)
        if self._telegrams is not None:
            self._telegrams.add(event.telegram, Origin(self._time, self._link.name, baud=self._baud))
        tell_problems(self._output, event.telegram, f"address {event.address}")
        self._errors += [problem.text for problem in event.telegram.problems if not problem.warning]
        return of_telegram(event.telegram)

    @property
    def _baud(self) -> int | None:
        """The rate of the meter at hand, where it is not given."""
        return self._link.baud if self._link.swept else None

    def _end_meter(self) -> None:
        """The last meter's row; none for a meter that an interruption left unread."""
        address, self._address = self._address, None
        if address is None:
            return
        if not self._codes[-1]:
            del self._codes[-1]
            return
        self._done.add(address)
        if self._rows is not None:
            from mbuscli.render.summary_rows import Reading
            from mbuscli.services.summary import summarise

            listed = self._listed.get(address)
            self._rows.add(
                Reading(
                    address,
                    self._read,
                    self._errors,
                    self._time,
                    listed.name if listed else "",
                    listed.place if listed else "",
                    summarise(self._read) if self._read else None,
                )
            )
        self._read, self._errors, self._time = [], [], None

    def _finish(self) -> None:
        if self._rows is not None:
            self._rows.finish()
        elif self._telegrams is not None:
            self._telegrams.finish()

    def _tell_end(self, seconds: float) -> None:
        """How it went, and who was not read."""
        from mbuscli.cli.talk import duration

        if self._listed or not self._wanted or self._last is not None:
            failed = sum(_of_meter(codes) is not ExitCode.DONE for codes in self._codes)
            told = f", {failed} of them failed" if failed else ""
            self._output.streams.talk(f"{len(self._codes)} meters asked in {duration(seconds)}{told}")
        if self._last is not None:
            self._output.streams.complain(inert(f"not read: {self._unread(self._last)}"))

    def _unread(self, last: service.Progress) -> str:
        if self._wanted:
            return ", ".join(str(each) for each in self._wanted if each not in self._done) or "nothing else"
        if isinstance(last.address, int):
            return f"meters at primary addresses from {last.address} on"
        return "meters that the search had not found yet"


def _progress(event: service.Progress, asked: int) -> str:
    from mbuscli.cli.talk import duration

    left = "" if event.seconds_left is None else f", about {duration(event.seconds_left)} left"
    if event.found is None:
        return f"reading {event.address} ({event.done + 1} of {event.total}){left}"
    place = "" if event.total is None else f" ({event.done + 1} of {event.total})"
    return f"asking {event.address}{place}, {asked} meters found{left}"


def _of_meter(results: list[ExitCode]) -> ExitCode:
    """One meter's code: any failure counts, the first one decides."""
    return next((code for code in results if code is not ExitCode.DONE), ExitCode.DONE)

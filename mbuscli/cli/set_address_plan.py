"""`mbuscli set-address --plan`: many meters, checked as a whole, confirmed once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mbuscli.cli.exit_codes import ExitCode, exit_code_of, of_many
from mbuscli.errors import InputError, MbuscliError, NotConfirmedError, Reason
from mbuscli.render.text import inert

if TYPE_CHECKING:
    from mbuscli.cli.bus import Bus
    from mbuscli.cli.writing import Consent
    from mbuscli.render.report import Output
    from mbuscli.render.rows import Row
    from mbuscli.services.link import Link
    from mbuscli.services.plan import Moved, Moving, Obstacle, Survey
    from mbuscli.settings.meter_list import MeterList

_SHOWN = 12  # moves that are shown one by one before the question; --dry-run shows all
_ALREADY, _NOT_DONE = "already", "not-done"


def run_plan(path: Path, bus: Bus, output: Output, consent: Consent) -> ExitCode:
    """The whole command. Raises what keeps the plan from being carried out, after its table is written."""
    from mbuscli.cli.bus import open_link
    from mbuscli.cli.talk import tell_link, tell_warned
    from mbuscli.settings.meter_list import read_meter_list

    plan = read_meter_list(path)
    if not plan.meters and not plan.refused:
        raise InputError(f"there is no meter in {path}", reason=Reason.EMPTY)
    tell_warned(output, plan)
    with open_link(bus, output) as link:
        tell_link(output, link)
        found = _survey(link, output, plan)
        if found.obstacles:
            _give_up(output, path, found.obstacles)
        if consent.dry_run:
            return _show(output, found)
        if found.steps and not consent.yes:
            _confirm(output, found)
        return _carry_out(link, output, found)


def _survey(link: Link, output: Output, plan: MeterList) -> Survey:
    from mbuscli.cli.talk import duration
    from mbuscli.services.plan import survey

    looking = survey(link, plan)
    try:
        while True:
            try:
                event = next(looking)
            except StopIteration as end:
                found: Survey = end.value
                return found
            left = "" if event.seconds_left is None else f", about {duration(event.seconds_left)} left"
            output.streams.progress(f"checking {event.what} ({event.done + 1} of {event.total}){left}")
    finally:
        output.streams.end_progress()


def _give_up(output: Output, path: Path, obstacles: tuple[Obstacle, ...]) -> None:
    from mbuscli.render.plan_rows import obstacle_row, write_plan

    write_plan(output, [obstacle_row(obstacle) for obstacle in obstacles])
    count = f"{len(obstacles)} problem{'s' if len(obstacles) > 1 else ''}"
    text = f"{path} has {count}: nothing was written"
    if any(obstacle.written for obstacle in obstacles):
        raise InputError(text, reason=Reason.INVALID, hint=("correct the plan, and run it again",))
    raise NotConfirmedError(
        text,
        reason=Reason.UNSAFE,
        hint=(
            "leave out the lines that are not to be done now",
            "see who is on the bus: mbuscli scan --secondary",
        ),
    )


def _show(output: Output, found: Survey) -> ExitCode:
    """The frames in the order in which they would be sent."""
    from mbuscli.render.plan_rows import plan_row, write_plan

    located = list(found.located)
    rows = []
    for step in found.steps:
        here = located[step.row]
        row = plan_row(found.rows[step.row], here, "dry-run", _detour(step.detour), found.frames(step))
        rows.append(row | {"new": step.address})
        if here is not None:
            located[step.row] = here._replace(primary=step.address)
    write_plan(output, rows)
    output.streams.talk(f"dry run: {_words(found)}; the meters were read, nothing was written")
    return ExitCode.DONE


def _detour(detour: bool) -> str:
    return "for the time being, out of another meter's way" if detour else ""


def _words(found: Survey) -> str:
    """`60 meters, 3 there already, 57 to write`."""
    moving = {step.row for step in found.steps}
    parts = [f"{len(found.rows)} meters", f"{len(found.rows) - len(moving)} there already"]
    return ", ".join([*parts, f"{len(moving)} to write"])


def _confirm(output: Output, found: Survey) -> None:
    """Have the number of meters typed; NotConfirmedError for anything else, or where nobody can be asked."""
    from mbuscli.cli.writing import confirm_word

    streams = output.streams
    moving = {step.row: None for step in found.steps}
    for number in list(moving)[:_SHOWN]:
        row, here = found.rows[number], found.located[number]
        old = "?" if here is None or here.primary is None else here.primary
        streams.complain(inert(f"{row.address} {row.name}: {old} -> {row.primary}"))
    if len(moving) > _SHOWN:
        streams.complain(f"... and {len(moving) - _SHOWN} more (--dry-run shows all)")
    streams.complain(_words(found))
    confirm_word(output, "type the number of meters to be written to,", str(len(moving)))


def _carry_out(link: Link, output: Output, found: Survey) -> ExitCode:
    from mbuscli.cli.talk import duration
    from mbuscli.render.plan_rows import write_plan
    from mbuscli.services.plan import Moving, move_all

    started = link.clock()
    results = _Results(found)
    try:
        for event in move_all(link, found):
            if isinstance(event, Moving):
                results.begin(event)
                left = "" if event.seconds_left is None else f", about {duration(event.seconds_left)} left"
                row = found.rows[event.step.row]
                what = f"{row.address} to address {event.step.address}"
                output.streams.progress(inert(f"{what} ({event.done + 1} of {event.total}){left}"))
            else:
                results.take(event)
                if not output.streams.live:
                    output.streams.talk(inert(results.word(event)))
    except (KeyboardInterrupt, MbuscliError):
        output.streams.end_progress()
        results.cut()
        write_plan(output, results.rows())
        output.streams.complain("the plan was cut: run the same command again, it goes on where it stood")
        raise
    output.streams.end_progress()
    write_plan(output, results.rows())
    output.streams.talk(f"{results.words()}, in {duration(link.clock() - started)}")
    return of_many(results.codes())


class _Results:
    """How each meter of the plan came off."""

    def __init__(self, found: Survey) -> None:
        self._found = found
        moving = {step.row for step in found.steps}
        self._outcomes = [_NOT_DONE if n in moving else _ALREADY for n in range(len(found.rows))]
        self._notes = [""] * len(found.rows)
        self._codes = dict.fromkeys(moving, ExitCode.NO_ANSWER)
        self._begun: int | None = None

    def begin(self, event: Moving) -> None:
        """A step that may be cut."""
        self._begun = event.step.row

    def cut(self) -> None:
        """Nothing more comes; whether a step that has begun was carried out nobody knows."""
        if self._begun is not None:
            self._outcomes[self._begun] = "unknown"
            self._notes[self._begun] = "interrupted"

    def take(self, event: Moved) -> None:
        """The end of a step. One that only cleared the way leaves its meter to be done."""
        row, error = event.step.row, event.error
        self._begun = None
        if error is not None:
            self._outcomes[row], self._codes[row] = event.state, exit_code_of(error)
            notes = [self._notes[row], f"{error.text} [{error.name}]"]
            self._notes[row] = "; ".join(filter(None, notes))
        elif event.step.detour:
            self._notes[row] = f"for the time being at address {event.step.address}"
        else:
            self._outcomes[row], self._codes[row] = event.state, ExitCode.DONE
            self._notes[row] = ""

    def word(self, event: Moved) -> str:
        """A line about a step."""
        address = self._found.rows[event.step.row].address
        return f"{address}: address {event.step.address} {event.state}"

    def rows(self) -> list[Row]:
        """All meters in the order of the plan."""
        from mbuscli.render.plan_rows import plan_row

        parts = zip(self._found.rows, self._found.located, self._outcomes, self._notes, strict=True)
        return [plan_row(*part) for part in parts]

    def words(self) -> str:
        """`57 written, 3 already`."""
        kinds = dict.fromkeys(self._outcomes)
        return ", ".join(f"{self._outcomes.count(kind)} {kind}" for kind in kinds)

    def codes(self) -> list[ExitCode]:
        """One code a meter."""
        return [self._codes.get(row, ExitCode.DONE) for row in range(len(self._found.rows))]

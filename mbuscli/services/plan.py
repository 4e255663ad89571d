"""Give many meters their primary addresses by a plan, which is checked as a whole before the first write.

Nothing is remembered from one run to the next: where the meters are is asked on the bus, so a plan that was
cut goes on when it is run again.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple, TypeAlias

from mbuscli.errors import (
    BusError,
    DecodeError,
    MbuscliError,
    NoAnswerError,
    NotConfirmedError,
    PortError,
    Reason,
)
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.commands import Planned, planned_frames, set_primary_address
from mbuscli.protocol.wired.fields import ADDRESS_LAST, ADDRESS_UNCONFIGURED
from mbuscli.protocol.wired.probe import Probe
from mbuscli.services.change_address import SetAddress
from mbuscli.services.commission import OutcomeState, Prepared, attempt
from mbuscli.services.identify import Located, address_text, locate, same_meter
from mbuscli.services.link import Link
from mbuscli.services.plan_order import Move, Step, needs_spare, order_moves
from mbuscli.settings.journal import Journal
from mbuscli.settings.meter_list import ListedMeter, MeterList
from mbuscli.telegram import decode

_ENOUGH = 2
_MOST_QUESTIONS = 5


class Obstacle(NamedTuple):
    """Why a plan is not carried out. `written`: the plan itself is wrong, whatever the bus says.

    `meter` is the plan's word for the meter, "" for a line without one.
    """

    line: int
    meter: str
    target: int | None
    text: str
    reason: Reason
    written: bool = False


class Survey(NamedTuple):
    """A plan against the bus. `located` has one entry a row of the plan, None where no meter was found;
    `steps` are the writes in order, empty if there are obstacles or nothing is to be done."""

    rows: tuple[ListedMeter, ...]
    located: tuple[Located | None, ...]
    obstacles: tuple[Obstacle, ...]
    steps: tuple[Step, ...]

    def frames(self, step: Step) -> tuple[Planned, ...]:
        """What a step sends, before the reading back."""
        located = self.located[step.row]
        assert located is not None
        return planned_frames(located.place, set_primary_address(step.address))


class Looking(NamedTuple):
    """The next question of the survey."""

    what: str
    done: int
    total: int
    seconds_left: float | None


class Moving(NamedTuple):
    """The next write."""

    step: Step
    done: int
    total: int
    seconds_left: float | None


class Moved(NamedTuple):
    """How a write ended."""

    step: Step
    state: OutcomeState
    error: MbuscliError | None


PlanEvent: TypeAlias = Moving | Moved


# -- on paper ----------------------------------------------------------------------------------------------


def check_list(plan: MeterList) -> list[Obstacle]:
    """What is wrong with a plan before anybody is asked."""
    obstacles = [
        Obstacle(line.line, "", None, line.text, Reason.INVALID, written=True)
        for line in plan.refused
        if not line.warning
    ]
    takers: dict[int, ListedMeter] = {}
    numbers: dict[str, list[ListedMeter]] = {}
    for row in plan.meters:
        numbers.setdefault(row.address.id, []).append(row)
        reason, text = _wrong_target(row.primary)
        if reason is None and row.primary is not None:
            first = takers.setdefault(row.primary, row)
            if first is not row:
                reason = Reason.INVALID
                text = f"address {row.primary} is given to {first.address} in line {first.line} already"
        if reason is not None:
            written = reason is not Reason.UNSAFE
            obstacles.append(Obstacle(row.line, str(row.address), row.primary, text, reason, written))
    for rows in numbers.values():
        obstacles += _twice(rows)
    return obstacles


def _wrong_target(target: int | None) -> tuple[Reason | None, str]:
    if target is None:
        return Reason.INVALID, "no new address is given"
    if target > ADDRESS_LAST:
        return Reason.UNSAFE, f"meters have addresses from 1 to {ADDRESS_LAST}"
    if target == ADDRESS_UNCONFIGURED:
        return Reason.UNSAFE, "address 0 is where new meters are: a plan gives each meter one of its own"
    return None, ""


def _twice(rows: Sequence[ListedMeter]) -> Iterator[Obstacle]:
    for first, row in combinations(rows, 2):
        if first.address.matches(row.address) or row.address.matches(first.address):
            text = f"it may be the meter of line {first.line}, {first.address}"
            yield Obstacle(row.line, str(row.address), row.primary, text, Reason.INVALID, written=True)


# -- on the bus --------------------------------------------------------------------------------------------


def survey(link: Link, plan: MeterList) -> Generator[Looking, None, Survey]:
    """Find every meter of the plan, and who is at the addresses that it gives; nothing is written.

    All obstacles are found, not only the first one. PortError if the port is lost.
    """
    return (yield from _Survey(link, plan).run())


class _Survey:
    def __init__(self, link: Link, plan: MeterList) -> None:
        self._link = link
        self._plan = plan
        self._rows = plan.meters
        self._obstacles = check_list(plan)
        self._located: list[Located | None] = [None] * len(self._rows)
        self._started = link.clock()

    def run(self) -> Generator[Looking, None, Survey]:
        total = 2 * len(self._rows)
        doubtful: list[int] = []
        for number, row in enumerate(self._rows):
            yield Looking(f"meter {row.address}", number, total, self._left(number, total))
            if self._locate(number, row) is not None:
                doubtful.append(number)
        for number in doubtful:  # of many meters a few answers are lost on any line
            row = self._rows[number]
            yield Looking(f"meter {row.address} again", len(self._rows) - 1, total, None)
            error = self._locate(number, row)
            if isinstance(error, NoAnswerError):
                self._add(row, "the meter does not answer", Reason.NO_ANSWER)
            elif error is not None:
                self._add(row, error.text, error.reason)
        self._find_twins()
        for number, row in enumerate(self._rows):
            done = len(self._rows) + number
            yield Looking(f"address {row.primary}", done, total, self._left(done, total))
            if _wrong_target(row.primary)[0] is None and row.primary is not None:
                self._look_at(row, row.primary)
        steps = [] if self._obstacles else self._steps()
        obstacles = sorted(self._obstacles, key=lambda obstacle: obstacle.line)
        return Survey(self._rows, tuple(self._located), tuple(obstacles), tuple(steps))

    def _left(self, done: int, total: int) -> float | None:
        return (self._link.clock() - self._started) / done * (total - done) if done else None

    def _add(self, row: ListedMeter, text: str, reason: Reason) -> None:
        self._obstacles.append(Obstacle(row.line, str(row.address), row.primary, text, reason))

    def _locate(self, number: int, row: ListedMeter) -> NoAnswerError | BusError | None:
        """Look for a meter; why it was not found, or not alone."""
        try:
            self._located[number] = locate(self._link, row.address)
        except (NoAnswerError, BusError) as error:
            return error
        return None

    def _find_twins(self) -> None:
        """Two rows may name one meter in ways that only the meter can tell to be the same."""
        known: dict[MeterAddress, ListedMeter] = {}
        for row, located in zip(self._rows, self._located, strict=True):
            if located is not None and located.meter is not None:
                first = known.setdefault(located.meter, row)
                if first is not row:
                    self._add(row, f"it is the meter of line {first.line}", Reason.INVALID)

    def _look_at(self, row: ListedMeter, target: int) -> None:
        """Who has the address: nobody, meters that the plan moves on, or somebody who stays."""
        try:
            probe = self._occupant(target)
        except BusError as error:
            self._add(row, error.text, error.reason)
            return
        if probe is None:
            return
        movers = [n for n, located in enumerate(self._located) if located and located.primary == target]
        if probe.state == "collision":
            if len(movers) < 2:
                self._add(row, f"address {target} is taken by several meters", Reason.TAKEN)
            return
        meter = _meter(probe)
        for number, located in enumerate(self._located):
            if located is not None and same_meter(located.meter, meter):
                self._located[number] = located._replace(primary=target)
                return
        if meter is not None or len(movers) != 1:
            holder = "somebody" if meter is None else address_text(meter)
            self._add(row, f"address {target} is taken by {holder}, who is not in the plan", Reason.TAKEN)

    def _occupant(self, address: int) -> Probe | None:
        """Who answers at a primary address, None after two silences; BusError where noise hides it.

        A collision counts when it comes twice: broken answers of one meter look like it.
        """
        session = self._link.session
        silences = collisions = 0
        for _ in range(_MOST_QUESTIONS):
            probe = self._link.converter.run(session.probe(address))
            silences += probe.state == "silent"
            collisions += probe.state == "collision"
            if silences == _ENOUGH:
                return None
            session.await_stragglers()
            if probe.state == "meter" or collisions == _ENOUGH:
                return probe
        text = f"noise hides whether somebody is at address {address}"
        raise BusError(text, reason=Reason.NOISE)

    def _steps(self) -> list[Step]:
        moves = [
            Move(number, located.primary, row.primary)
            for number, (row, located) in enumerate(zip(self._rows, self._located, strict=True))
            if located is not None and row.primary is not None
        ]
        spare = self._spare(moves) if needs_spare(moves) else None
        return order_moves(moves, spare) or []

    def _spare(self, moves: Sequence[Move]) -> int | None:
        """A free address for meters that change places; an obstacle if there is none."""
        used = {move.present for move in moves} | {move.target for move in moves}
        for address in range(ADDRESS_LAST, ADDRESS_UNCONFIGURED, -1):
            if address not in used:
                try:
                    if self._occupant(address) is None:
                        return address
                except BusError:
                    continue
        row = self._rows[moves[0].row]
        self._add(row, "meters change places, and no address is free for the time between", Reason.TAKEN)
        return None


def _meter(probe: Probe) -> MeterAddress | None:
    try:
        return decode(probe.raw).meter if probe.raw else None
    except DecodeError:
        return None


# -- writing -----------------------------------------------------------------------------------------------


def move_all(link: Link, found: Survey, journal: Journal | None = None) -> Iterator[PlanEvent]:
    """Carry out the steps in order; before each one its address is asked for once more.

    Where a step fails, those that wait for its address fail on their check, and the others go on. PortError
    if the port is lost, after the event of the step that it interrupted; InputError if the journal cannot be
    written.
    """
    located = list(found.located)
    started = link.clock()
    for done, step in enumerate(found.steps):
        left = (link.clock() - started) / done * (len(found.steps) - done) if done else None
        yield Moving(step, done, len(found.steps), left)
        here = located[step.row]
        assert here is not None
        change = SetAddress(step.address)
        try:
            prepared = Prepared(here.place, change, here, change.plan(link, here), link.name, link.baud)
        except (NoAnswerError, BusError, NotConfirmedError) as error:
            yield Moved(step, "failed", error)
            continue
        except PortError as error:
            yield Moved(step, "failed", error)
            raise
        outcome = attempt(link, prepared, journal=journal)
        if outcome.error is None:
            located[step.row] = here._replace(primary=step.address)
        yield Moved(step, outcome.state, outcome.error)
        if isinstance(outcome.error, PortError):
            raise outcome.error

"""Finds all meters of a wired bus by secondary address, sans-IO (EN 13757-3, selection with wildcards).

A mask that selects nobody is silent, one that selects one meter gives a clean readout, and all else is
split by one digit more. Which digit is decided anew at every mask, from the meters found so far and from
the bits that answers in step leave on the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired import search_plan as plan
from mbuscli.protocol.wired.reply import ReplyKind
from mbuscli.protocol.wired.search_ask import Answer, Asker, may_hide_another
from mbuscli.protocol.wired.search_ledger import FoundMeter, Ledger
from mbuscli.protocol.wired.search_plan import EVERYTHING, Stage, Task
from mbuscli.protocol.wired.session import Session
from mbuscli.protocol.wired.steps import Talk
from mbuscli.protocol.wired.timing import octets_s

_SELECT_OCTETS = 17
_REQUEST_OCTETS = 5
_READOUT_OCTETS = 70
_REPLY_S = 0.05
# So many meters in the mask before make it certain enough that this one is no single meter either.
_CROWD = 12
# Expected meters in a mask from which on it is split without asking.
_SURELY_SEVERAL = 2.0
# Doubtful masks are taken up again so often; what is doubtful then is told.
_REPEATS = 2
# No meter has this fabrication number: who acknowledges it does not look at the record.
_IMPOSSIBLE = "EEEEEEEE"
_ANY_FABRICATION = "FFFFFFFF"


class Search:
    """The search of one bus. Drive `step` until `is_over`; between steps the attributes tell the progress.

    `expect`: stop when so many meters are found; `known`: addresses to confirm first, which end the search
    when all of them answer and no other number is expected. `mask`: what was asked last.
    """

    def __init__(
        self, session: Session, *, expect: int | None = None, known: Sequence[MeterAddress] = ()
    ) -> None:
        self.mask = EVERYTHING
        self._session = session
        self._guesses: list[MeterAddress] = []
        self._last_clean: MeterAddress | None = None
        self._crowd = (0, 0)
        self._begin(Ledger(expect, known))

    def _begin(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._asker = Asker(self._session, ledger)

    # -- progress and state ------------------------------------------------------------------------------

    @property
    def found(self) -> list[FoundMeter]:
        """The meters found so far."""
        return self._ledger.found

    @property
    def addresses(self) -> list[MeterAddress]:
        """The addresses of the meters found."""
        return self._ledger.addresses

    @property
    def missing(self) -> list[MeterAddress]:
        """Known addresses that were asked for and have not been found."""
        return self._ledger.missing

    @property
    def unresolved(self) -> list[MeterAddress]:
        """Masks whose meters could not be told apart, or read."""
        return self._ledger.unresolved

    @property
    def disturbed(self) -> int:
        """How often an answer was lost, late or broken; if ever, all silent masks are asked again."""
        return self._ledger.disturbed

    @property
    def asked(self) -> int:
        """How many selections were sent, those before `resume` included."""
        return self._ledger.asked

    @property
    def expect(self) -> int | None:
        """How many meters are expected, None if that is not known."""
        return self._ledger.expect

    @property
    def is_over(self) -> bool:
        """True if nothing is left to ask, or the expected number of meters is found."""
        ledger = self._ledger
        if ledger.expect is not None and len(ledger.found) >= ledger.expect and not ledger.known:
            return True
        if ledger.known or ledger.open or ledger.places - ledger.swept:
            return False
        return not (self._to_repeat() or self._suspects())

    @property
    def masks_left(self) -> int:
        """How many masks are still to be asked, as far as that is known."""
        ledger = self._ledger
        sweeps = len(ledger.places - ledger.swept) * len(plan.LETTERS)
        asks = sum(task.stage is Stage.ASK for task in ledger.open)
        return len(ledger.known) + asks + len(self._to_repeat()) + sweeps

    @property
    def seconds_left(self) -> float:
        """The estimated time on the wire for the rest: the open masks as fruitful as those asked before."""
        timing = self._session.timing
        silent_s = octets_s(_SELECT_OCTETS, timing.baud) + timing.reply_timeout_s
        answer_s = 2 * (_REPLY_S + timing.gap_s) + octets_s(
            _SELECT_OCTETS + _REQUEST_OCTETS + _READOUT_OCTETS + 1, timing.baud
        )
        known = len(self._ledger.known)
        hits = (len(self.found) + 1) / (self.asked + 2)
        return (self.masks_left - known) * (silent_s * (1 - hits) + answer_s * hits) + known * answer_s

    def state(self) -> dict[str, Any]:
        """What a later search needs to go on, in types that JSON holds."""
        return self._ledger.to_state()

    @classmethod
    def resume(cls, session: Session, state: Any) -> Search:
        """Go on from `state`; ValueError if it is damaged."""
        search = cls(session)
        search._begin(Ledger.from_state(state))
        return search

    # -- the search --------------------------------------------------------------------------------------

    def run(self) -> Talk[list[FoundMeter]]:
        """The whole search in one talk."""
        while not self.is_over:
            yield from self.step()
        return self.found

    def step(self) -> Talk[FoundMeter | None]:
        """Ask one mask; the meter if that found one. A lost port leaves the mask open."""
        ledger = self._ledger
        before = len(ledger.found)
        if ledger.known:
            yield from self._confirm(ledger.known[0])
            del ledger.known[0]
        elif self._guesses:
            yield from self._try_guess(self._guesses.pop())
        elif ledger.open:
            yield from self._work_off(ledger.open[-1])
        elif suspects := [] if ledger.places - ledger.swept else self._suspects():
            yield from self._prove(suspects[0])
        else:
            self._open_more()
        return ledger.found[-1] if len(ledger.found) > before else None

    def _open_more(self) -> None:
        """The search proper is done: letters where the splits left them out, then doubtful masks."""
        ledger = self._ledger
        self._crowd = (0, 0)
        places = ledger.places - ledger.swept
        if places:
            ledger.swept |= places
            ledger.open += [
                Task(plan.with_digit(EVERYTHING, place, digit))
                for place in sorted(places)
                for digit in plan.LETTERS
            ]
            return
        masks = self._to_repeat()
        ledger.disturbed += sum(1 for mask in self._unexplained() if plan.free_places(mask))
        ledger.doubtful.clear()
        ledger.repeats += 1
        ledger.found_before = len(ledger.found)
        for mask in masks:
            ledger.forget(mask)
            ledger.open.append(Task(mask))

    def _suspects(self) -> list[MeterAddress]:
        """Masks that one meter answered, and in which another was found since or may hide behind it."""
        ledger = self._ledger
        masks = [mask for mask in ledger.single if mask not in ledger.proved and plan.free_places(mask)]
        return [
            mask
            for mask in masks
            if ledger.count(mask) > 1 or (not ledger.apart and may_hide_another(mask, ledger.found))
        ]

    def _prove(self, mask: MeterAddress) -> Talk[None]:
        """See whether the meter of this mask is alone in it; else split the mask."""
        ledger = self._ledger
        self.mask = mask
        meter, *others = ledger.inside(mask)
        alone = not others and (yield from self._asker.is_alone(mask, meter))
        ledger.proved[mask] = None
        if not alone:
            ledger.forget(mask)
            self._split(Task(mask), Answer("several"))

    def _unexplained(self) -> list[MeterAddress]:
        """The doubtful masks in which nothing was found since that would explain what was heard."""
        return [mask for mask in dict.fromkeys(self._ledger.doubtful) if not self._ledger.explains(mask)]

    def _to_repeat(self) -> list[MeterAddress]:
        """Masks to be asked once more: doubtful ones, and all silent ones on a line that disturbs answers.

        It does if an answer got lost, and if a collision was heard where there is none.
        """
        ledger = self._ledger
        if ledger.repeats == _REPEATS:
            return []
        masks = self._unexplained()
        disturbed = ledger.disturbed or any(map(plan.free_places, masks))
        fruitful = not ledger.repeats or len(ledger.found) > ledger.found_before
        return [*masks, *ledger.silent] if disturbed and fruitful else masks

    def _confirm(self, known: MeterAddress) -> Talk[None]:
        """A listed meter, by its number alone where the list may be wrong about the rest."""
        if self._ledger.count(known):
            return
        answer = yield from self._ask(Task(known))
        if answer.verdict == "silent":
            answer = yield from self._ask(Task(MeterAddress(known.id)))
            self._ledger.forget(known)
        if answer.verdict == "collision":
            self._split(Task(self.mask), answer)

    def _try_guess(self, guess: MeterAddress) -> Talk[None]:
        if not self._ledger.count(guess):
            yield from self._ask(Task(guess))

    def _work_off(self, task: Task) -> Talk[None]:
        if task.stage is Stage.CHECK:
            self._ledger.open.pop()
            self._check(task.mask)
        elif task.stage is Stage.ASK:
            answer = yield from self._look_into(task)
            self._ledger.open.pop()
            if answer.verdict in ("collision", "several"):
                self._split(task, answer)
            self._regroup()
        else:
            useful = task.stage is not Stage.BY_FABRICATION or (yield from self._knows_fabrication(task.mask))
            self._ledger.open.pop()
            self._tell_apart(task, useful)

    def _look_into(self, task: Task) -> Talk[Answer]:
        """Ask, unless the answer is known: what was read once is not read again."""
        mask = task.mask
        if task.fabrication:
            return (yield from self._ask(task))
        if self._ledger.is_clear(mask):
            return Answer("silent")
        inside = self._ledger.count(mask)
        if inside > 1 or (inside == 1 and len(plan.free_places(mask)) == 1) or self._are_several(mask):
            return Answer("several")
        return (yield from self._ask(task, crowded=self._is_crowded(mask)))

    def _are_several(self, mask: MeterAddress) -> bool:
        """True if the expected number of meters makes a single one or none in this mask unlikely."""
        fixed = 8 - len(plan.free_places(mask))
        return self.expect is not None and self.expect / 10**fixed > _SURELY_SEVERAL and not self.found

    def _is_crowded(self, mask: MeterAddress) -> bool:
        """True if the mask worked off last, as wide as this one, held many meters."""
        width, count = self._crowd
        return count >= _CROWD and width == len(plan.free_places(mask))

    def _split(self, task: Task, answer: Answer) -> None:
        ledger, mask = self._ledger, task.mask
        if task.fabrication:
            masks = plan.fabrication_masks(task.fabrication)
            ledger.open += [task._replace(fabrication=each) for each in reversed(masks)]
            return
        if not plan.free_places(mask):
            ledger.open.append(Task(mask, Stage.BY_MAKER))
            return
        bits = answer.bits
        place = plan.choose_place(mask, self.addresses, bits, ledger.places)
        if not plan.has_letter(mask):
            ledger.places.add(place)
        if answer.verdict == "collision" or ledger.count(mask) > 1:
            ledger.open.append(Task(mask, Stage.CHECK))
        ledger.open += map(Task, reversed(plan.children(mask, self.addresses, bits, place)))

    def _check(self, mask: MeterAddress) -> None:
        """A collision in which fewer than two meters were found was noise, or hides one: ask again."""
        ledger = self._ledger
        self._crowd = (len(plan.free_places(mask)), ledger.count(mask))
        if not ledger.explains(mask):
            self._doubt(mask)

    def _doubt(self, mask: MeterAddress) -> None:
        """Ask the mask again at the end; when that is over, say that it was not explained."""
        ledger = self._ledger
        (ledger.doubtful if ledger.repeats < _REPEATS else ledger.unresolved).append(mask)

    # -- meters with the same number ---------------------------------------------------------------------

    def _tell_apart(self, task: Task, useful: bool) -> None:
        """One way more to tell meters with the same number apart, until at least two are found."""
        ledger, (mask, stage, _) = self._ledger, task
        if ledger.explains(mask):
            return
        if stage is Stage.GIVE_UP:
            ledger.unresolved.append(mask)
            ledger.open = [task for task in ledger.open if task.mask.id != mask.id]
            return
        if stage is Stage.BY_TYPE and not ledger.repeats:
            ledger.doubtful.append(mask)  # later more makers are known, and the long way may be spared
            return
        ledger.open.append(Task(mask, Stage(stage + 1)))
        if stage is Stage.BY_FABRICATION:
            ledger.open += [Task(mask, Stage.ASK, _ANY_FABRICATION)] * useful
        else:
            ledger.open += map(Task, reversed(plan.twin_masks(task, self.addresses)))

    def _knows_fabrication(self, mask: MeterAddress) -> Talk[bool]:
        """True if selecting by fabrication number makes sense: nobody takes an impossible one."""
        reply = yield from self._asker.select(mask, _IMPOSSIBLE)
        if reply.kind is not ReplyKind.SILENCE:
            self._session.await_stragglers()
        return reply.kind is ReplyKind.SILENCE

    def _regroup(self) -> None:
        """Begin again when the first meters show a dense run, or that it is longer than was thought."""
        ledger = self._ledger
        places = len(plan.run_order([address.id for address in ledger.addresses]))
        if places > ledger.run_places and not ledger.swept and not ledger.repeats:
            ledger.run_places = places
            ledger.open = [Task(EVERYTHING)]
            ledger.places.clear()

    # -- one mask ----------------------------------------------------------------------------------------

    def _ask(self, task: Task, *, crowded: bool = False) -> Talk[Answer]:
        """Ask, and note what the answer says of this mask."""
        ledger, mask = self._ledger, task.mask
        self.mask = mask
        answer = yield from self._asker.ask(mask, fabrication=task.fabrication, crowded=crowded)
        if answer.late and self._last_clean is not None:
            self._doubt_late(self._last_clean)
        if answer.verdict == "doubtful":
            self._doubt_late(mask)
        if task.fabrication:
            pass  # says nothing of meters that do not know this kind of selection
        elif answer.verdict == "silent":
            ledger.silent[mask] = None
            self._last_clean = mask
        elif answer.verdict == "meter":
            ledger.single[mask] = None
            self._last_clean = mask
        if answer.meter is not None and ledger.add(answer.meter):
            self._guess_from(answer.meter.address)
        return answer

    def _doubt_late(self, mask: MeterAddress) -> None:
        """An E5 that nobody stands behind may be the late answer to the mask before."""
        self._ledger.disturbed += 1
        if self._ledger.repeats < _REPEATS:
            self._ledger.doubtful.append(mask)

    def _guess_from(self, address: MeterAddress) -> None:
        """With a number of meters to reach, the numbers next to a found one are worth a try; without it
        where a long run goes on in the next ten: that one then need not be asked whether it holds several."""
        long_run = self._ledger.run_places == len(address.id)
        near = any(plan.neighbour(address, step) in self.addresses for step in (-1, 1))
        for step in (-1, 1):
            guess = plan.neighbour(address, step)
            if guess is None or self._ledger.is_clear(guess):
                continue
            crosses = guess.id[:-1] != address.id[:-1]
            if self.expect is not None and (near or len(self.found) < 2):
                self._guesses.append(guess)  # complete: nobody else can answer, so nobody is waited for
            elif self.expect is None and long_run and near and crosses:
                self._guesses.append(MeterAddress(guess.id))

"""Finds all meters of a wired bus by secondary address, sans-IO (EN 13757-3, selection with wildcards).

A mask that selects nobody is silent, one that selects one meter gives a clean readout, and all else is
split by one digit more. Which digit is decided anew at every mask, from the meters found so far and from
the bits that answers in step leave on the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.octets import bcd_digits
from mbuscli.protocol.wired import search_plan as plan
from mbuscli.protocol.wired.fields import ADDRESS_SELECTED
from mbuscli.protocol.wired.frames import Frame
from mbuscli.protocol.wired.reply import Reply, ReplyKind
from mbuscli.protocol.wired.search_plan import EVERYTHING, Stage, Task
from mbuscli.protocol.wired.session import Session
from mbuscli.protocol.wired.steps import Talk
from mbuscli.protocol.wired.timing import octets_s

_ADDRESS_SIZE = 8
_NUMBER_SIZE = 4
_CI_VARIABLE = 0x72
_CI_FIXED = 0x73
_SELECT_OCTETS = 17
_REQUEST_OCTETS = 5
_READOUT_OCTETS = 70
_REPLY_S = 0.05
# So many meters in the mask before make it certain enough that this one is no single meter either.
_CROWD = 8
# Expected meters in a mask from which on it is split without asking.
_SURELY_SEVERAL = 2.0

Verdict: TypeAlias = Literal["silent", "meter", "collision", "doubtful"]


class FoundMeter(NamedTuple):
    """A meter, verified by a selection with its complete address, and the readout that identified it."""

    address: MeterAddress
    raw: bytes


class Search:
    """The search of one bus. Drive `step` until `is_over`; between steps the attributes tell the progress.

    `expect`: stop when so many meters are found; `known`: addresses to confirm first, which end the search
    when all of them answer and no other number is expected. `found`: the meters; `unresolved`: masks whose
    meters could not be told apart; `missing`: known addresses without an answer; `asked`: selections so far.
    """

    def __init__(
        self, session: Session, *, expect: int | None = None, known: Sequence[MeterAddress] = ()
    ) -> None:
        self.found: list[FoundMeter] = []
        self.unresolved: list[MeterAddress] = []
        self.asked = 0
        self.mask = EVERYTHING
        self._session = session
        self._expect = len(set(known)) if expect is None and known else expect
        self._wanted = list(dict.fromkeys(known))
        self._known = self._wanted.copy()
        self._open = [Task(EVERYTHING)]
        self._guesses: list[MeterAddress] = []
        self._cleared: set[MeterAddress] = set()
        self._doubtful: list[MeterAddress] = []
        self._split_places: set[int] = set()
        self._swept: set[int] = set()
        self._last_silent: MeterAddress | None = None
        self._repeating = False
        self._regrouped = False
        self._crowd = (0, 0)
        # Meters answer with delays of their own: an E5 may hide behind the readout that follows another E5.
        self._apart = False

    # -- progress and state ------------------------------------------------------------------------------

    @property
    def addresses(self) -> list[MeterAddress]:
        """The addresses of the meters found."""
        return [meter.address for meter in self.found]

    @property
    def missing(self) -> list[MeterAddress]:
        """Known addresses that were asked for and have not been found."""
        asked = [address for address in self._wanted if address not in self._known]
        return [address for address in asked if not self._has(address)]

    @property
    def is_over(self) -> bool:
        """True if nothing is left to ask, or the expected number of meters is found."""
        if self._expect is not None and len(self.found) >= self._expect and not self._known:
            return True
        return not (self._known or self._open or self._doubtful or self._split_places - self._swept)

    @property
    def masks_left(self) -> int:
        """How many masks are still to be asked, as far as that is known."""
        sweeps = len(self._split_places - self._swept) * len(plan.HEXADECIMAL)
        asks = sum(task.stage is Stage.ASK for task in self._open)
        return len(self._known) + asks + len(self._doubtful) + sweeps

    @property
    def seconds_left(self) -> float:
        """The estimated time on the wire for the rest: the open masks as fruitful as those asked before."""
        timing = self._session.timing
        silent_s = octets_s(_SELECT_OCTETS, timing.baud) + timing.reply_timeout_s
        answer_s = 2 * (_REPLY_S + timing.gap_s) + octets_s(
            _SELECT_OCTETS + _REQUEST_OCTETS + _READOUT_OCTETS + 1, timing.baud
        )
        hits = (len(self.found) + 1) / (self.asked + 2)
        return self.masks_left * (silent_s * (1 - hits) + answer_s * hits) + len(self._known) * answer_s

    def state(self) -> dict[str, Any]:
        """What a later search needs to go on, in types that JSON holds."""
        return {
            "found": [meter.raw.hex() for meter in self.found],
            "addresses": [str(address) for address in self.addresses],
            "open": [task.to_state() for task in self._open],
            "known": [str(address) for address in self._known],
            "wanted": [str(address) for address in self._wanted],
            "cleared": sorted(map(str, self._cleared)),
            "doubtful": [str(mask) for mask in self._doubtful],
            "unresolved": [str(mask) for mask in self.unresolved],
            "places": [sorted(self._split_places), sorted(self._swept)],
            "expect": self._expect,
            "flags": [self._repeating, self._regrouped],
        }

    @classmethod
    def resume(cls, session: Session, state: dict[str, Any]) -> Search:
        """Go on from `state`; DecodeError, KeyError, ValueError or UsageError if it is damaged."""
        search = cls(session, expect=state["expect"])
        parse = MeterAddress.parse
        pairs = zip(state["addresses"], state["found"], strict=True)
        search.found = [FoundMeter(parse(text), bytes.fromhex(raw)) for text, raw in pairs]
        search._open = [Task.from_state(each) for each in state["open"]]
        search._known = [parse(text) for text in state["known"]]
        search._wanted = [parse(text) for text in state["wanted"]]
        search._cleared = {parse(text) for text in state["cleared"]}
        search._doubtful = [parse(text) for text in state["doubtful"]]
        search.unresolved = [parse(text) for text in state["unresolved"]]
        search._split_places, search._swept = (set(places) for places in state["places"])
        search._repeating, search._regrouped = state["flags"]
        return search

    # -- the search --------------------------------------------------------------------------------------

    def run(self) -> Talk[list[FoundMeter]]:
        """The whole search in one talk."""
        while not self.is_over:
            yield from self.step()
        return self.found

    def step(self) -> Talk[FoundMeter | None]:
        """Ask one mask; the meter if that found one. A lost port leaves the mask open."""
        before = len(self.found)
        if self._known:
            if not self._has(self._known[0]):
                yield from self._ask(self._known[0])
            del self._known[0]
        elif self._expect is not None and self._guesses:
            guess = self._guesses.pop()
            if not self._has(guess):
                yield from self._ask(guess)
        elif self._open:
            yield from self._work_off(self._open[-1])
        else:
            self._open_more()
        return self.found[-1] if len(self.found) > before else None

    def _has(self, mask: MeterAddress) -> bool:
        return any(plan.covers(mask, address) for address in self.addresses)

    def _open_more(self) -> None:
        """The search proper is done: hexadecimal digits where a split left them out, then doubtful masks."""
        places = self._split_places - self._swept
        if places:
            self._swept |= places
            self._open += [
                Task(plan.with_digit(EVERYTHING, place, digit))
                for place in sorted(places)
                for digit in plan.HEXADECIMAL
            ]
            return
        self._repeating = True
        for mask in dict.fromkeys(self._doubtful):
            self._cleared = {each for each in self._cleared if not plan.covers(mask, each)}
            self._open.append(Task(mask))
        self._doubtful.clear()

    def _work_off(self, task: Task) -> Talk[None]:
        if task.stage is not Stage.ASK:
            self._open.pop()
            if task.stage is Stage.CHECK:
                self._check(task.mask)
            else:
                self._tell_apart(task)
            return
        mask = task.mask
        inside = [meter for meter in self.addresses if plan.covers(mask, meter)]
        verdict: Verdict = "silent"
        bits = None
        if any(plan.covers(clear, mask) for clear in self._cleared):
            pass
        elif len(inside) > 1 or (len(inside) == 1 and len(plan.free_places(mask)) == 1):
            verdict = "collision"  # known to collide; and what was read once is not read again
        elif self._are_several(mask):
            verdict = "collision"
        else:
            verdict, bits = yield from self._ask(mask, crowded=self._is_crowded(mask))
        self._open.pop()
        if verdict == "collision":
            self._split(mask, bits)
        self._regroup()

    def _are_several(self, mask: MeterAddress) -> bool:
        """True if the expected number of meters makes a single one or none in this mask unlikely."""
        fixed = 8 - len(plan.free_places(mask))
        return self._expect is not None and self._expect / 10**fixed > _SURELY_SEVERAL and not self.found

    def _is_crowded(self, mask: MeterAddress) -> bool:
        """True if the mask worked off last, as wide as this one, held many meters."""
        width, count = self._crowd
        return count >= _CROWD and width == len(plan.free_places(mask))

    def _split(self, mask: MeterAddress, bits: str | None) -> None:
        places = plan.free_places(mask)
        if not places:
            self._open.append(Task(mask, Stage.BY_MAKER))
            return
        place = plan.choose_place(mask, self.addresses, bits)
        self._split_places.add(place)
        self._open.append(Task(mask, Stage.CHECK))
        self._open += map(Task, reversed(plan.children(mask, self.addresses, bits, place)))

    def _check(self, mask: MeterAddress) -> None:
        """A collision in which fewer than two meters were found was noise, or hides one: ask again."""
        count = sum(plan.covers(mask, meter) for meter in self.addresses)
        self._crowd = (len(plan.free_places(mask)), count)
        if count < 2 and not self._repeating:
            self._doubtful.append(mask)

    def _tell_apart(self, task: Task) -> None:
        """Meters with the same number: by maker, device type and version, until at least two are found."""
        mask, stage = task
        if sum(plan.covers(mask, meter) for meter in self.addresses) > 1:
            return
        if stage is Stage.GIVE_UP:
            self.unresolved.append(mask)
            return
        if stage is Stage.BY_TYPE and not self._repeating:
            self._doubtful.append(mask)  # later more makers are known, and the long way may be spared
            return
        self._open.append(Task(mask, Stage(stage + 1)))
        self._open += map(Task, reversed(plan.twin_masks(task, self.addresses)))

    def _regroup(self) -> None:
        """Begin again, once, when the first meters show a dense run: its constant digits are proved first."""
        if self._regrouped or len(self.found) < 3:
            return
        self._regrouped = True
        if plan.is_run([meter.id for meter in self.addresses]):
            self._open = [Task(EVERYTHING)]
            self._split_places.clear()

    # -- one mask ----------------------------------------------------------------------------------------

    def _ask(self, mask: MeterAddress, *, crowded: bool = False) -> Talk[tuple[Verdict, str | None]]:
        """Select, and read the one that answers; in a crowd nobody is asked to talk over the others."""
        self.mask = mask
        reply = yield from self._select(mask)
        if reply.kind is ReplyKind.SILENCE:
            self._cleared.add(mask)
            self._last_silent = mask
            return "silent", None
        if reply.kind is not ReplyKind.ACK or crowded:
            self._session.await_stragglers()
            return "collision", None
        if self._apart and "F" in mask.id:
            late = yield from self._session.exchange(b"")
            if late.kind is not ReplyKind.SILENCE:
                return "collision", None
        reply = yield from self._read(mask)
        if reply.kind is ReplyKind.SILENCE:
            self._session.await_stragglers()
            self._doubt(mask)
            return "doubtful", None
        if (yield from self._accept(mask, reply)):
            return "meter", None
        bits = plan.common_bits(reply.raw)
        if bits is None:
            self._session.await_stragglers()
        return "collision", bits

    def _select(self, mask: MeterAddress) -> Talk[Reply]:
        self.asked += 1
        reply = yield from self._session.select(mask)
        if reply.kind not in (ReplyKind.ACK, ReplyKind.SILENCE) and len(reply.raw) == 1:
            self._session.await_stragglers()
            reply = yield from self._session.select(mask)  # one octet may be noise
        self._apart |= reply.kind not in (ReplyKind.ACK, ReplyKind.SILENCE)
        return reply

    def _read(self, mask: MeterAddress) -> Talk[Reply]:
        """The readout of who is selected; repeated if lost, or if broken with no digit left to split."""
        repeats = self._session.retries if "F" not in mask.id else 0
        while True:
            reply = yield from self._session.request_once(ADDRESS_SELECTED)
            silent = reply.kind is ReplyKind.SILENCE
            if not (silent or reply.is_garbled) or repeats < 0 or (reply.is_garbled and not repeats):
                return reply
            repeats = repeats - 1 if repeats else -1

    def _accept(self, mask: MeterAddress, reply: Reply) -> Talk[bool]:
        """True if the readout is that of one meter, which is then found."""
        if reply.frame is None or reply.is_garbled:
            return False
        address = address_of(reply.frame)
        if address is None or not plan.covers(mask, address):
            return False
        if not self._is_predicted(mask, address):
            verify = yield from self._session.select(address, retries=1)
            if verify.kind is not ReplyKind.ACK:
                return False
        self._cleared.add(mask)
        if address not in self.addresses:
            self.found.append(FoundMeter(address, reply.raw))
            self._guess_from(address)
        return True

    def _is_predicted(self, mask: MeterAddress, address: MeterAddress) -> bool:
        """True if the selection was one with the complete address already: by all its parts, or by the
        complete number where the rest of the answer is that of a verified meter."""
        if mask.is_complete:
            return True
        return "F" not in mask.id and any(meter[1:] == address[1:] for meter in self.addresses)

    def _guess_from(self, address: MeterAddress) -> None:
        """With a number of meters to reach, the numbers next to a found one are worth a try."""
        steps = (-1, 1) if len(self.found) < 2 or self._near(address) else ()
        for step in steps:
            guess = plan.neighbour(address, step)
            if guess is not None and guess not in self._cleared:
                self._guesses.append(guess)

    def _near(self, address: MeterAddress) -> bool:
        return any(plan.neighbour(address, step) in self.addresses for step in (-1, 1))

    def _doubt(self, mask: MeterAddress) -> None:
        """An E5 that nobody stands behind may be the late answer to the mask before."""
        if self._repeating:
            return
        self._doubtful.append(mask)
        if self._last_silent is not None:
            self._doubtful.append(self._last_silent)


def address_of(frame: Frame) -> MeterAddress | None:
    """The meter's address in a readout, of a fixed structure the number only; None if there is none in it."""
    if frame.ci_field == _CI_VARIABLE and len(frame.data) >= _ADDRESS_SIZE:
        return MeterAddress.from_octets(frame.data)
    if frame.ci_field == _CI_FIXED and len(frame.data) >= _NUMBER_SIZE:
        return MeterAddress(bcd_digits(frame.data[:_NUMBER_SIZE]))
    return None

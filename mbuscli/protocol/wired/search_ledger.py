"""What a secondary search knows of a bus and what it still has to ask, in a form that can be put away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.search_plan import EVERYTHING, Stage, Task, covers

_FORM = 1  # of the state; another form is refused
_ADDRESS_SIZE = 8


class FoundMeter(NamedTuple):
    """A meter, verified by a selection with its complete address, and the readout that identified it.

    `fabrication`: the mask of the enhanced selection (eight digits, F for any) that was needed to tell it
    from a twin with the same address; else empty.
    """

    address: MeterAddress
    raw: bytes
    fabrication: str = ""


class Ledger:
    """All attributes are plain lists and sets that the search changes.

    `found`: the meters; `open`: the stack of tasks; `known`: addresses still to be confirmed, of `wanted`;
    `silent`, `single`: masks that nobody, or one meter, answered; `proved`: those of them that hide no
    other for certain; `doubtful`: masks to be asked again;
    `unresolved`: masks whose meters could not be told apart or read; `places`, `swept`: digit places that
    decimal digits alone were tried at, and those tried with letters since; `asked`: selections so far;
    `repeats`: how often doubtful masks were taken up again; `run_places`: how many digit
    places the order of search has for the run of numbers that was seen;
    `found_before`: how many meters were found then; `disturbed`: how often an answer
    was lost, late or broken; `apart`: meters answer with delays of their own, None before that is known.
    """

    def __init__(self, expect: int | None = None, known: Sequence[MeterAddress] = ()) -> None:
        self.wanted = list(dict.fromkeys(known))
        self.known = self.wanted.copy()
        self.expect = len(self.wanted) if expect is None and known else expect
        self.found: list[FoundMeter] = []
        self.open = [Task(EVERYTHING)]
        self.silent: dict[MeterAddress, None] = {}
        self.single: dict[MeterAddress, None] = {}
        self.proved: dict[MeterAddress, None] = {}
        self.doubtful: list[MeterAddress] = []
        self.unresolved: list[MeterAddress] = []
        self.places: set[int] = set()
        self.swept: set[int] = set()
        self.asked = 0
        self.repeats = 0
        self.found_before = 0
        self.run_places = 0
        self.disturbed = 0
        self.apart: bool | None = None

    @property
    def addresses(self) -> list[MeterAddress]:
        """The addresses of the meters found."""
        return [meter.address for meter in self.found]

    @property
    def missing(self) -> list[MeterAddress]:
        """Wanted addresses that were asked for and have not been found."""
        return [each for each in self.wanted if each not in self.known and not self.count(each)]

    def inside(self, mask: MeterAddress) -> list[MeterAddress]:
        """The found meters that the mask selects."""
        return [meter.address for meter in self.found if covers(mask, meter.address)]

    def count(self, mask: MeterAddress) -> int:
        """How many found meters the mask selects."""
        return sum(covers(mask, meter.address) for meter in self.found)

    def explains(self, mask: MeterAddress) -> bool:
        """True if what was found in this mask, or given up in it, is reason enough for its collision."""
        return self.count(mask) > 1 or any(covers(mask, each) for each in self.unresolved)

    def is_clear(self, mask: MeterAddress) -> bool:
        """True if all that this mask selects is known."""
        return any(covers(clear, mask) for masks in (self.silent, self.single) for clear in masks)

    def add(self, meter: FoundMeter) -> bool:
        """Add a meter unless it is known already; True if it is new."""
        known = {(each.address, each.fabrication) for each in self.found}
        if (meter.address, meter.fabrication) in known:
            return False
        self.found.append(meter)
        return True

    def forget(self, mask: MeterAddress) -> None:
        """Let the mask, and all inside it, be asked once more."""
        for masks in (self.silent, self.single):
            for clear in [each for each in masks if covers(mask, each)]:
                del masks[clear]

    def to_state(self) -> dict[str, Any]:
        """All of it, in types that JSON holds."""
        return {
            "form": _FORM,
            "found": [[_text(each.address), each.raw.hex(), each.fabrication] for each in self.found],
            "open": [[_text(task.mask), int(task.stage), task.fabrication] for task in self.open],
            **{name: list(map(_text, getattr(self, name))) for name in _MASKS},
            "places": [sorted(self.places), sorted(self.swept)],
            "counts": [self.expect, self.asked, self.repeats, self.found_before, self.run_places],
            "line": [self.disturbed, self.apart],
        }

    @classmethod
    def from_state(cls, state: Any) -> Ledger:
        """The opposite of `to_state`; ValueError if the state is damaged or of another form."""
        try:
            return cls._restored(state)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"damaged at {error}") from None

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Ledger:
        if state["form"] != _FORM:
            raise ValueError(f"form {state['form']!r} is not known here")
        ledger = cls()
        found = state["found"]
        ledger.found = [FoundMeter(_address(text), bytes.fromhex(raw), fab) for text, raw, fab in found]
        ledger.open = [Task(_address(text), Stage(stage), fab) for text, stage, fab in state["open"]]
        for name in _MASKS:
            masks = list(map(_address, state[name]))
            setattr(ledger, name, dict.fromkeys(masks) if name in _SETS else masks)
        ledger.places, ledger.swept = (set(places) for places in state["places"])
        ledger.expect, ledger.asked, ledger.repeats, ledger.found_before, ledger.run_places = state["counts"]
        ledger.disturbed, ledger.apart = state["line"]
        return ledger


_SETS = ("silent", "single", "proved")
_MASKS = ("known", "wanted", *_SETS, "doubtful", "unresolved")


def _text(mask: MeterAddress) -> str:
    # Not as people read it: a manufacturer's name leaves out bit 15.
    return mask.octets().hex()


def _address(text: str) -> MeterAddress:
    octets = bytes.fromhex(text)
    if len(octets) != _ADDRESS_SIZE:
        raise ValueError(f"{text!r} is no address of eight octets")
    return MeterAddress.from_octets(octets)


def tails(found: Iterable[FoundMeter]) -> set[tuple[int, int, int]]:
    """Manufacturer, version and device type of the meters found."""
    return {meter.address[1:] for meter in found}

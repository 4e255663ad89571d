"""Where a secondary search looks next: masks, what a collision gives away, and what is left open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.octets import bcd_digits
from mbuscli.protocol.wired.fields import ACD, DFC, RSP_UD, START_LONG, STOP

EVERYTHING: Final = MeterAddress("FFFFFFFF")
_ANY: Final = EVERYTHING[1:]
DECIMAL: Final = "0123456789"
LETTERS: Final = "ABCDE"
# So many found meters or more, which agree in so many digits, make a run.
_RUN_EVIDENCE = 3
_RUN_PREFIX = 3
_SHORT_RUN = 0x100
_LAST_TWO: Final = (6, 7)
_FROM_THE_FIRST: Final = (0, 1, 2, 3, 4, 5, 6, 7)
# How often two meters share their first 0, 1 ... 7 digits, before any is found.
_PREFIX_PRIOR = (2.0, 0.1, 0.1, 0.2, 0.3, 0.5, 0.7, 0.3)
# So many meters found last, and their pairs with so much weight against that, show how often they really do.
_SAMPLE = 24
_SAMPLE_WEIGHT = 40.0
# In how many ways two decimal digits leave these bits in common.
_PAIRS = [max(1, sum(one & other == bits for one in range(10) for other in range(10))) for bits in range(16)]
_CI_VARIABLE = 0x72
_ID_AT = 7
# What one select more costs, and what a split that separates nobody costs, in silent selects.
_FRUITLESS = 3.0
# What a place that was not split before costs later, when letters are swept there, as one of several uses.
_NEW_PLACE = 3.0
# Device types that a search tries one by one: those that EN 13757-3 gives a meaning.
_DEVICE_TYPES = range(0x40)


class Stage(IntEnum):
    """What an open mask waits for: a select; the check that its collision was explained; or one more way
    to tell meters with the same identification number apart, the cheap ones first."""

    ASK = 0
    CHECK = 1
    BY_MAKER = 2
    BY_FABRICATION = 3
    BY_TYPE = 4
    BY_VERSION = 5
    GIVE_UP = 6


class Task(NamedTuple):
    """One entry of the stack of open masks; `fabrication`, eight digits with F for any, goes with it."""

    mask: MeterAddress
    stage: Stage = Stage.ASK
    fabrication: str = ""


def covers(wide: MeterAddress, narrow: MeterAddress) -> bool:
    """True if every meter that `narrow` selects is selected by `wide` too."""
    for want, have in zip(wide.id, narrow.id, strict=True):
        if want not in ("F", have):
            return False
    return wide[1:] == _ANY or all(
        want in (free, have) for want, free, have in zip(wide[1:], _ANY, narrow[1:], strict=True)
    )


def with_digit(mask: MeterAddress, place: int, digit: str) -> MeterAddress:
    """The mask with one digit of the identification number fixed; place 0 is the most significant."""
    return mask._replace(id=mask.id[:place] + digit + mask.id[place + 1 :])


def free_places(mask: MeterAddress) -> list[int]:
    """The places of the identification number that match any digit."""
    return [place for place, digit in enumerate(mask.id) if digit == "F"]


def common_bits(raw: bytes) -> str | None:
    """The identification number that several answers in step leave on the line, or None if they were not.

    Answers in step are ANDed bit by bit: a bit that arrives as 1 is 1 in every one of them. Only an answer
    whose frame is intact in its shape shows that nobody spoke out of step.
    """
    if len(raw) < _ID_AT + 4 or raw[0] != START_LONG or raw[3] != START_LONG or raw[-1] != STOP:
        return None
    if raw[1] != raw[2] or len(raw) != raw[1] + 6 or raw[6] != _CI_VARIABLE:
        return None
    return bcd_digits(raw[_ID_AT : _ID_AT + 4]) if raw[4] & ~(ACD | DFC) == RSP_UD else None


def has_letter(mask: MeterAddress) -> bool:
    """True if a digit from A to E is fixed."""
    return any(digit in LETTERS for digit in mask.id)


def digits_for(mask: MeterAddress) -> str:
    """The digits that a split of this mask must try.

    Letters are rare: they are tried by one sweep at the end, each at every place that was split without
    them. So a number with letters is met first in a mask that fixes one of them, and inside of that one
    nothing may be left out.
    """
    return DECIMAL + LETTERS if has_letter(mask) else DECIMAL


def possible_digits(bits: str | None, place: int, digits: str = DECIMAL) -> str:
    """Those of `digits` that this place can have in the meters that collided."""
    if bits is None:
        return digits
    common = int(bits[place], 16)
    return "".join(digit for digit in digits if int(digit, 16) & common == common)


def choose_place(
    mask: MeterAddress, found: Sequence[MeterAddress], bits: str | None, used: Collection[int] = ()
) -> int:
    """The place of the identification number to split next; `used` are those that were split elsewhere.

    A run of numbers that two digits tell apart: these two, the higher one first. A longer run: its constant
    digits first, as each is proved once for all then, and no meter needs a second selection to verify it.
    Else the place that collided bits narrow down most; else the least significant, whose digits spread over
    any numbering.
    """
    places = free_places(mask)
    inside = [meter.id for meter in found if covers(mask, meter)]
    in_prefix_order = places[0] == 8 - len(places)
    for numbers in (inside, [meter.id for meter in found]):
        order = run_order(numbers)
        varying = [place for place in order if place in places]
        if varying and (order is _LAST_TWO or numbers is inside or in_prefix_order):
            return varying[0]
    if bits is None:
        return places[-1]
    same = _equal_digits(mask, [meter.id for meter in found], bits)
    digits = digits_for(mask)

    def cost(place: int) -> float:
        new = _NEW_PLACE if digits is DECIMAL and place not in used else 0.0
        return _split_cost(bits, place, same[place], digits) + new

    return min(reversed(places), key=cost)


def run_order(numbers: Sequence[str]) -> Sequence[int]:
    """The places at which to split a dense run that these identification numbers are from, in order; none
    if they do not look like one."""
    if len(numbers) < _RUN_EVIDENCE or len({number[:_RUN_PREFIX] for number in numbers}) > 1:
        return ()
    span = int(max(numbers), 16) - int(min(numbers), 16)
    return _LAST_TWO if span < _SHORT_RUN else _FROM_THE_FIRST


def _equal_digits(mask: MeterAddress, numbers: Sequence[str], bits: str) -> list[float]:
    """How likely two meters that left these bits in common have the same digit, for each place.

    Two numbers share so many first digits (the same lot: many; strangers: none), as often as the found ones
    do, and are independent behind. Bits in common tell the one from the other: strangers leave few.
    """
    weights = _shared_prefixes(numbers)
    equal = [1 / _PAIRS[int(bit, 16)] for bit in bits]
    for shared in range(8):
        for place in range(8):
            if mask.id[place] == "F":
                weights[shared] *= 10 if place < shared else _PAIRS[int(bits[place], 16)]
    total = sum(weights)
    lot = [sum(weights[place + 1 :]) / total for place in range(8)]
    return [lot[place] + (1 - lot[place]) * equal[place] for place in range(8)]


def _shared_prefixes(numbers: Sequence[str]) -> list[float]:
    """How often two of these numbers share their first 0, 1 ... 7 digits: a weight for each."""
    weights = list(_PREFIX_PRIOR)
    sample = numbers[-_SAMPLE:]
    pairs = len(sample) * (len(sample) - 1) / 2
    for index, one in enumerate(sample):
        for other in sample[:index]:
            shared = next((place for place in range(8) if one[place] != other[place]), 7)
            weights[shared] += min(1.0, _SAMPLE_WEIGHT / pairs)
    return weights


def _split_cost(bits: str, place: int, same: float, digits: str) -> float:
    """The expected cost of a split here for two meters, in silent selects."""
    count = len(possible_digits(bits, place, digits))
    if count == 1:
        return 100.0
    return count + same / (1 - same + 1e-9) * (_FRUITLESS + count)


def children(
    mask: MeterAddress, found: Sequence[MeterAddress], bits: str | None, place: int
) -> list[MeterAddress]:
    """The masks that a split at `place` leads to, those of found meters first."""
    inside = [meter.id[place] for meter in found if covers(mask, meter)]
    digits = possible_digits(bits, place, digits_for(mask))
    return [with_digit(mask, place, digit) for digit in sorted(digits, key=lambda d: (d not in inside, d))]


def twin_masks(task: Task, found: Iterable[MeterAddress]) -> list[MeterAddress]:
    """Masks that tell meters with the same complete identification number apart.

    Makers are tried as far as they are known on this bus: there are too many for all.
    """
    mask, stage, _ = task
    if stage is Stage.BY_MAKER and mask.manufacturer == 0xFFFF:
        return [mask._replace(manufacturer=maker) for maker in _first(meter.manufacturer for meter in found)]
    if stage is Stage.BY_TYPE and mask.device_type == 0xFF:
        known = _first((meter.device_type for meter in found), _DEVICE_TYPES)
        return [mask._replace(device_type=kind) for kind in known]
    if stage is Stage.BY_VERSION and mask.version == 0xFF:
        known = _first((meter.version for meter in found), range(0xFF))
        return [mask._replace(version=version) for version in known]
    return []


def _first(*groups: Iterable[int]) -> list[int]:
    """The values of all groups, each once, in order."""
    return list(dict.fromkeys(value for group in groups for value in group))


def fabrication_masks(fabrication: str) -> list[str]:
    """The masks that fix one more digit of a fabrication number, the least significant first; none if all
    are fixed."""
    place = fabrication.rfind("F")
    if place < 0:
        return []
    return [fabrication[:place] + digit + fabrication[place + 1 :] for digit in DECIMAL]


def neighbour(meter: MeterAddress, step: int) -> MeterAddress | None:
    """The same meter with the next or the last number; None behind the ends or with hexadecimal digits."""
    if not meter.id.isdecimal() or not 0 <= int(meter.id) + step <= 99_999_999:
        return None
    return meter._replace(id=f"{int(meter.id) + step:08d}")

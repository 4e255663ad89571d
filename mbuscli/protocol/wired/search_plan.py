"""Where a secondary search looks next: masks, what a collision gives away, and what is left open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.octets import bcd_digits
from mbuscli.protocol.wired.fields import ACD, DFC, RSP_UD, START_LONG, STOP

EVERYTHING: Final = MeterAddress("FFFFFFFF")
_ANY: Final = EVERYTHING[1:]
DECIMAL: Final = "0123456789"
HEXADECIMAL: Final = "ABCDE"
# Found meters that agree in a digit, so many or more, make it worth to prove the other digits empty first.
_RUN_EVIDENCE = 3
_RUN_PREFIX = 3
_RUN_SPAN = 0x20  # a delivery of a dozen is no run
# How likely two meters have the same digit, most significant first, before any is found.
_SAME_DIGIT = (0.5, 0.5, 0.5, 0.5, 0.4, 0.3, 0.15, 0.1)
_CI_VARIABLE = 0x72
_ID_AT = 7
# What one select more costs, and what a split that separates nobody costs, in silent selects.
_FRUITLESS = 3.0
# Device types that a search tries one by one: those that EN 13757-3 gives a meaning.
_DEVICE_TYPES = range(0x40)


class Stage(IntEnum):
    """What an open mask waits for: a select; the check that its collision was explained; or one more way
    to tell meters with the same identification number apart."""

    ASK = 0
    CHECK = 1
    BY_MAKER = 2
    BY_TYPE = 3
    BY_VERSION = 4
    GIVE_UP = 5


class Task(NamedTuple):
    """One entry of the stack of open masks."""

    mask: MeterAddress
    stage: Stage = Stage.ASK

    def to_state(self) -> list[Any]:
        """As JSON can hold it."""
        return [str(self.mask), int(self.stage)]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> Task:
        """The opposite of `to_state`."""
        return cls(MeterAddress.parse(state[0]), Stage(state[1]))


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


def possible_digits(bits: str | None, place: int) -> str:
    """The decimal digits that this place can have in the meters that collided."""
    if bits is None:
        return DECIMAL
    common = int(bits[place], 16)
    return "".join(digit for digit in DECIMAL if int(digit) & common == common)


def choose_place(mask: MeterAddress, found: Sequence[MeterAddress], bits: str | None) -> int:
    """The place of the identification number to split next.

    A run of numbers: its constant digits first, as each is proved once for all then. Else the place that
    collided bits narrow down most; else the least significant, whose digits spread over any numbering.
    """
    places = free_places(mask)
    inside = [meter.id for meter in found if covers(mask, meter)]
    if is_run(inside):
        return places[0]
    in_prefix_order = places[0] == 8 - len(places) and len(places) < 8
    if in_prefix_order and is_run([meter.id for meter in found]):
        return places[0]
    if bits is None:
        return places[-1]
    same = [_share_of_equals(inside, place) for place in range(8)]
    return min(reversed(places), key=lambda place: _split_cost(bits, place, same[place]))


def is_run(numbers: Sequence[str]) -> bool:
    """True if these identification numbers look like one dense run: several with the same first digits."""
    if len(numbers) < _RUN_EVIDENCE or len({number[:_RUN_PREFIX] for number in numbers}) > 1:
        return False
    return not numbers[0].isdecimal() or int(max(numbers), 16) - int(min(numbers), 16) > _RUN_SPAN


def _share_of_equals(numbers: Sequence[str], place: int) -> float:
    """How likely two meters have the same digit here, from those found."""
    counts = [sum(number[place] == digit for number in numbers) for digit in DECIMAL]
    pairs = len(numbers) * (len(numbers) - 1)
    equal = sum(count * (count - 1) for count in counts)
    return (equal + 4 * _SAME_DIGIT[place]) / (pairs + 4)


def _split_cost(bits: str, place: int, same: float) -> float:
    """The expected cost of a split here for two meters, in silent selects."""
    common = int(bits[place], 16)
    digits = [int(digit) for digit in possible_digits(bits, place)]
    ways = sum(one & other == common for one in digits for other in digits if one != other)
    equal = same / 10 * (common in digits)
    different = (1 - same) * ways / 90
    if not different:
        return 100.0
    fruitless = equal / (equal + different)
    return len(digits) + fruitless / (1 - fruitless + 1e-9) * (_FRUITLESS + len(digits))


def children(
    mask: MeterAddress, found: Sequence[MeterAddress], bits: str | None, place: int
) -> list[MeterAddress]:
    """The masks that a split at `place` leads to, those of found meters first."""
    inside = [meter.id[place] for meter in found if covers(mask, meter)]
    digits = possible_digits(bits, place)
    return [with_digit(mask, place, digit) for digit in sorted(digits, key=lambda d: (d not in inside, d))]


def twin_masks(task: Task, found: Iterable[MeterAddress]) -> list[MeterAddress]:
    """Masks that tell meters with the same complete identification number apart.

    Makers are tried as far as they are known on this bus: there are too many for all.
    """
    mask, stage = task
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


def neighbour(meter: MeterAddress, step: int) -> MeterAddress | None:
    """The same meter with the next or the last number; None behind the ends or with hexadecimal digits."""
    if not meter.id.isdecimal() or not 0 <= int(meter.id) + step <= 99_999_999:
        return None
    return meter._replace(id=f"{int(meter.id) + step:08d}")

"""The order of moves in which no two meters ever share an address. Pure: nothing here talks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Move(NamedTuple):
    """A meter, known by its place in the plan, that goes from one primary address to another.

    `present` is None where the meter does not say it: then it stands in nobody's way that is known.
    """

    row: int
    present: int | None
    target: int


class Step(NamedTuple):
    """One write. `detour`: only to get out of the way, the meter's own address comes in a later step."""

    row: int
    address: int
    detour: bool = False


def order_moves(moves: Sequence[Move], spare: int | None) -> list[Step] | None:
    """The writes in order; None if the moves form a ring and there is no `spare` address to break it.

    No two moves have the same target, and `spare` is nobody's present address or target.
    """
    waiting = {move.row: move for move in moves if move.present != move.target}
    steps: list[Step] = []
    while waiting:
        free = [move for move in waiting.values() if not _in_the_way(waiting, move)]
        if free:
            for move in free:
                steps.append(Step(move.row, move.target))
                del waiting[move.row]
            continue
        if spare is None:
            return None
        move = _on_a_ring(waiting)
        steps.append(Step(move.row, spare, detour=True))
        waiting[move.row] = move._replace(present=spare)
    return steps


def needs_spare(moves: Sequence[Move]) -> bool:
    """True if some moves form a ring, such as two meters that change places."""
    return order_moves(moves, None) is None


def _in_the_way(waiting: Mapping[int, Move], move: Move) -> list[Move]:
    return [other for other in waiting.values() if other.present == move.target and other.row != move.row]


def _on_a_ring(waiting: Mapping[int, Move]) -> Move:
    """A move that waits, by way of others, for itself."""
    move = next(iter(waiting.values()))
    seen: set[int] = set()
    while move.row not in seen:
        seen.add(move.row)
        move = _in_the_way(waiting, move)[0]
    return move

"""The order of moves: every order is replayed, and no two meters may ever meet at an address."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mbuscli.services.plan_order import Move, Step, needs_spare, order_moves

SPARE = 99


def replay(moves: list[Move], steps: list[Step]) -> dict[int, int | None]:
    """Where the meters are in the end; whoever arrives finds the address empty."""
    where = {move.row: move.present for move in moves}
    for step in steps:
        assert step.address not in [address for row, address in where.items() if row != step.row]
        where[step.row] = step.address
    return where


@given(
    present=st.lists(st.integers(0, 12), min_size=1, max_size=10),
    targets=st.permutations(range(1, 13)),
)
def test_all_arrive_and_nobody_meets(present: list[int], targets: list[int]) -> None:
    moves = [Move(row, at, targets[row]) for row, at in enumerate(present)]
    steps = order_moves(moves, SPARE)
    assert steps is not None
    assert replay(moves, steps) == {move.row: move.target for move in moves}
    rows = [step.row for step in steps if not step.detour]
    assert sorted(rows) == [move.row for move in moves if move.present != move.target]
    assert needs_spare(moves) == any(step.detour for step in steps)


@given(present=st.permutations(range(1, 9)), targets=st.permutations(range(1, 9)), cut=st.integers(0, 20))
def test_after_a_cut_the_rest_is_ordered_anew(present: list[int], targets: list[int], cut: int) -> None:
    moves = [Move(row, at, to) for row, (at, to) in enumerate(zip(present, targets, strict=True))]
    steps = order_moves(moves, SPARE) or []
    where = replay(moves, steps[:cut])
    rest = [Move(row, at, targets[row]) for row, at in where.items()]
    spare = next(address for address in range(250, 0, -1) if address not in where.values())
    again = order_moves(rest, spare)
    assert again is not None
    assert replay(rest, again) == {move.row: move.target for move in moves}


def test_a_chain_begins_at_its_free_end() -> None:
    chain = [Move(0, 1, 2), Move(1, 2, 3), Move(2, 3, 4)]
    assert order_moves(chain, None) == [Step(2, 4), Step(1, 3), Step(0, 2)]


def test_two_that_change_places() -> None:
    pair = [Move(0, 1, 2), Move(1, 2, 1)]
    assert order_moves(pair, None) is None
    assert order_moves(pair, SPARE) == [Step(0, SPARE, detour=True), Step(1, 1), Step(0, 2)]


def test_who_is_there_already_is_not_moved() -> None:
    assert order_moves([Move(0, 5, 5), Move(1, 0, 6)], None) == [Step(1, 6)]


def test_a_meter_that_does_not_say_where_it_is() -> None:
    assert order_moves([Move(0, None, 5)], None) == [Step(0, 5)]

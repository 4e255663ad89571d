"""Runs cases against a target and keeps what should not have happened."""

from __future__ import annotations

import itertools
import time
import traceback
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mbuscli.errors import MbuscliError
from tests.fuzz.mutate import cases
from tests.fuzz.shown import WAYS, HarmError, show, show_error

# Of processor time, for one input. A case above it is run again, and its best time counts.
LIMIT_S = 0.005
_AGAIN = 5
# Noise of the machine is below this, as a rule.
_SURE_S = 0.003
# Of so many cases one is shown, in one of the ways; what differs by chunks is looked for in as many.
_SHOWN = 20
_MOST_FAILURES = 10
_LONGEST_TEXT = 1000
Way = tuple[str, bool]


class Target(NamedTuple):
    """What is fed with damaged inputs.

    seeds   good inputs
    repair  the input with lengths and check sums that fit
    act     what a user does with an input; gives the telegrams that came out. Any MbuscliError is fine
    split   all at once and octet by octet: both results, which must be equal; None where nothing streams
    slow    times the limit: an input that holds several telegrams, or a whole conversation
    """

    seeds: Callable[[], Sequence[bytes]]
    repair: Callable[[bytes], bytes]
    act: Callable[[bytes], Sequence[Any]]
    split: Callable[[bytes], tuple[object, object]] | None = None
    slow: float = 1.0


class Failure(NamedTuple):
    """A case that did what it should not."""

    target: str
    case: bytes
    what: str

    def __str__(self) -> str:
        return f"{self.what}\n  python -m tests.fuzz --target {self.target} --case {self.case.hex() or '-'}"


class Report(NamedTuple):
    """What a campaign found: `taken` and `refused` cases, how many were shown, the slowest one in seconds."""

    target: str
    taken: int
    refused: int
    shown: int
    worst_s: float
    took_s: float
    failures: tuple[Failure, ...]

    @property
    def cases(self) -> int:
        """How many cases went well or failed in a way of their own."""
        return self.taken + self.refused + len(self.failures)

    def __str__(self) -> str:
        return (
            f"{self.target:20} {self.cases:9} cases {self.taken:9} taken {self.refused:9} refused"
            f" {self.shown:7} shown {len(self.failures):3} failures, worst {1000 * self.worst_s:5.2f} ms,"
            f" {self.cases / max(self.took_s, 1e-9):7.0f}/s"
        )


def run(name: str, target: Target, count: int, seed: int = 1) -> Report:
    """`count` cases; ends early where nearly everything fails."""
    taken = refused = shown = 0
    worst_s = 0.0
    failures: dict[str, Failure] = {}
    began = time.perf_counter()
    for case in itertools.islice(cases(target.seeds(), target.repair, f"{name} {seed}"), count):
        lot = zlib.crc32(case)
        try:
            took_s, results, error = _timed(target, case)
            worst_s = max(worst_s, took_s / target.slow)
            if lot % _SHOWN == 0:
                shown += 1
                _show(results, error, (WAYS[lot // _SHOWN % len(WAYS)],))
            if target.split is not None and lot % _SHOWN == 1:
                _compare(target.split, case)
        except Exception as fault:  # noqa: BLE001  that is what is looked for
            # One of each kind is enough to be mended.
            failures.setdefault(_place(fault), Failure(name, case, _words(fault)))
            if len(failures) == _MOST_FAILURES:
                break
            continue
        taken, refused = taken + (error is None), refused + (error is not None)
    return Report(name, taken, refused, shown, worst_s, time.perf_counter() - began, tuple(failures.values()))


def run_case(name: str, target: Target, case: bytes, *, sparing: bool = False) -> Report:
    """One case, shown in every way, or as in a campaign; exceptions are raised."""
    took_s, results, error = (0.0, *_acted(target, case)) if sparing else _timed(target, case)
    lot = zlib.crc32(case)
    if not sparing or lot % _SHOWN == 0:
        _show(results, error, WAYS[lot // _SHOWN % len(WAYS) :][:1] if sparing else WAYS)
    if target.split is not None and (not sparing or lot % _SHOWN == 1):
        _compare(target.split, case)
    return Report(name, error is None, error is not None, 1, took_s / target.slow, took_s, ())


def _timed(target: Target, case: bytes) -> tuple[float, Sequence[Any], MbuscliError | None]:
    """Processor time, what came out, or the error."""
    began = time.thread_time()
    results, error = _acted(target, case)
    took_s = time.thread_time() - began
    if took_s > _SURE_S * target.slow:
        for _ in range(_AGAIN):
            began = time.thread_time()
            _acted(target, case)
            took_s = min(took_s, time.thread_time() - began)
        if took_s > LIMIT_S * target.slow:
            raise HarmError(f"takes {1000 * took_s:.1f} ms")
    return took_s, results, error


def _acted(target: Target, case: bytes) -> tuple[Sequence[Any], MbuscliError | None]:
    try:
        return target.act(case), None
    except MbuscliError as error:
        return (), error


def _show(results: Sequence[Any], error: MbuscliError | None, ways: Sequence[Way]) -> None:
    if results:
        show(results, ways)
    if error is not None:
        show_error(error)


def _compare(split: Callable[[bytes], tuple[object, object]], case: bytes) -> None:
    whole, octets = split(case)
    if whole != octets:
        raise HarmError(f"octet by octet it is something else:\n  {whole!r}\n  {octets!r}")


def _place(fault: Exception) -> str:
    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__} at {last.filename}:{last.lineno}"


def _words(fault: Exception) -> str:
    ours = [frame for frame in traceback.extract_tb(fault.__traceback__) if "mbuscli" in frame.filename]
    where = f", from {ours[-1].filename}:{ours[-1].lineno}" if ours else ""
    return f"{_place(fault)}{where}: {str(fault)[:_LONGEST_TEXT]}"

"""Work on chunks in several processes, the results in the order of the chunks.

Processes are spawned, the only way that every platform has: what goes to them is pickled, and they are told
what they need once, at their start. A chunk is taken from its source only when there is room, so that
memory does not grow with the input.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import Any, TypeVar

from mbuscli.errors import MbuscliError, Reason

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")

# Chunks per process that are under way: one that is worked on, and one that waits.
_AHEAD = 2


def in_order(
    work: Callable[[Chunk], Result],
    chunks: Iterable[Chunk],
    jobs: int,
    prepare: Callable[..., None],
    told: tuple[Any, ...],
) -> Iterator[tuple[Chunk, Result]]:
    """Each chunk with its `work(chunk)`, done in one of `jobs` processes.

    Each of these first calls `prepare(*told)`. Both functions are importable by name. What `work` raises is
    raised here. MbuscliError if a process ended by itself (out of memory, killed).
    """
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (prepare, told))
    under_way: deque[tuple[Chunk, Future[Result]]] = deque()

    def oldest() -> tuple[Chunk, Result]:
        chunk, future = under_way.popleft()
        return chunk, future.result()

    try:
        for chunk in chunks:
            with _interrupts_held():
                under_way.append((chunk, pool.submit(work, chunk)))
            if len(under_way) >= _AHEAD * jobs:
                yield oldest()
        while under_way:
            yield oldest()
    except BrokenProcessPool:
        raise MbuscliError(
            "a process that decodes has ended by itself",
            reason=Reason.FAILED,
            hint=("it may have run out of memory, or was killed; with --jobs 1 there is only one",),
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C goes to all processes of a terminal, but only the first one decides what becomes of it.

    A process that begins inside inherits that it hears none of it; here it is heard at the end.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(prepare: Callable[..., None], told: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    prepare(*told)


def _end_with_parent() -> None:
    """Nobody shall be left behind by a parent that was killed."""
    import os

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

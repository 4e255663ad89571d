"""Which stick is on a port? No question upsets the stick that the next one is meant for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from mbuscli.devices.sticks.base import Identity
from mbuscli.devices.sticks.registry import FAMILIES, PROBED, driver_of, probe
from mbuscli.errors import MbuscliError
from mbuscli.ports.base import Port
from mbuscli.ports.opener import open_port

# An Amber module answers only this long after octets at another rate than its own.
AMBER_SILENCE_S = 1.0
_AMBER = "amber"
# A stick that hands over one telegram after the other is never quiet.
_QUIET_S, _MOST_S = 0.1, 0.5
_WAIT_S = 0.2


class Answer(NamedTuple):
    """What became of a port: who is there, nobody (None), or why it could not be asked.

    `hears` are the sets of link modes that the stick hears at once.
    """

    port: str
    identity: Identity | None
    hears: tuple[frozenset[str], ...] = ()
    error: MbuscliError | None = None


def order_of_questions(first: str | None = None) -> tuple[str, ...]:
    """The families in the order of asking; `first` is what the USB texts of the port say."""
    if first not in PROBED:
        return PROBED
    return (first, *(family for family in PROBED if family != first))


def identify(port: Port, first: str | None = None) -> Identity | None:
    """Ask an open port who is there; None if no family answers.

    The rate is left at that of the family that answered, or as it was found. Raises PortError.
    """
    baud_before = port.baud
    spoken_at: float | None = None
    for family in order_of_questions(first):
        port.set_baud(FAMILIES[family].baud)
        if family == _AMBER and spoken_at is not None:
            _drain(port, spoken_at + AMBER_SILENCE_S)
        _await_quiet(port)
        identity = probe(family, port)
        spoken_at = port.now()
        if identity is not None:
            return identity
    port.set_baud(baud_before)
    return None


def identify_all(
    names: Sequence[str],
    first: Mapping[str, str] | None = None,
    *,
    opener: Callable[[str, int], Port] | None = None,
) -> Iterator[Answer]:
    """Ask all these ports at the same time; an answer for each, as they come in.

    `first`: for some ports, the family that their USB texts name. Errors are part of the answers.
    """
    hints = first or {}
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def ask(name: str) -> None:
        answers.put(_ask(name, hints.get(name), opener or open_line))

    # Daemons: a driver of the system that hangs must not keep the program from ending.
    for name in names:
        threading.Thread(target=ask, args=(name,), daemon=True).start()
    for _ in names:
        yield _take(answers)


def _take(answers: queue.SimpleQueue[Answer]) -> Answer:
    while True:
        # Windows does not interrupt an endless wait on Ctrl-C.
        with suppress(queue.Empty):
            return answers.get(timeout=_WAIT_S)


def open_line(name: str, baud: int, *, keep: bool = False) -> Port:
    """A port as sticks need it; `keep` as `open_port`."""
    return open_port(name, baud=baud, parity="none", keep=keep)


def _ask(name: str, first: str | None, opener: Callable[[str, int], Port]) -> Answer:
    try:
        with opener(name, FAMILIES[order_of_questions(first)[0]].baud) as port:
            identity = identify(port, first)
            return Answer(name, identity, _hears(port, identity))
    except MbuscliError as error:
        return Answer(name, None, error=error)


def _hears(port: Port, identity: Identity | None) -> tuple[frozenset[str], ...]:
    """What the stick can hear: its firmware, which its driver asks for, may matter."""
    if identity is None:
        return ()
    stick = driver_of(identity.family, port)
    stick.identify()
    return stick.hears


def _drain(port: Port, until: float) -> None:
    while port.now() < until:
        port.read(until)


def _await_quiet(port: Port) -> None:
    limit = port.now() + _MOST_S
    while port.now() < limit:
        if not port.read(port.now() + _QUIET_S).data:
            return

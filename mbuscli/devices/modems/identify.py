"""Which modem is on a port? One question after the other on each port, several ports at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from mbuscli.devices.modems.base import Identity
from mbuscli.devices.modems.registry import FAMILIES, probe
from mbuscli.errors import MbuscliError
from mbuscli.ports.base import Port
from mbuscli.ports.opener import open_port

# Answers to the question before are let pass; a modem that traces what it does is never quiet for long.
_QUIET_S, _MOST_S = 0.05, 0.5


class Answer(NamedTuple):
    """What became of a port: who is there, nobody (None), or why it could not be asked."""

    port: str
    identity: Identity | None
    error: MbuscliError | None = None


def identify(port: Port) -> Identity | None:
    """Ask an open port who is there; None if no family answers. `step` tells which question was answered.

    The rate is left at that of the family that answered, or as it was found. Raises PortError.
    """
    baud_before = port.baud
    for family, entry in FAMILIES.items():
        if port.baud != entry.baud:
            port.set_baud(entry.baud)
        _await_quiet(port)
        identity = probe(family, port)
        if identity is not None:
            return identity
    port.set_baud(baud_before)
    return None


def identify_all(
    names: Sequence[str], *, opener: Callable[[str, int], Port] | None = None
) -> Iterator[Answer]:
    """Ask all these ports at the same time; an answer for each, as they come in. Errors are part of them."""
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def ask(name: str) -> None:
        try:
            with (opener or open_line)(name, next(iter(FAMILIES.values())).baud) as port:
                answers.put(Answer(name, identify(port)))
        except MbuscliError as error:
            answers.put(Answer(name, None, error))

    # Daemons: a driver of the system that hangs must not keep the program from ending.
    for name in names:
        threading.Thread(target=ask, args=(name,), daemon=True).start()
    for _ in names:
        yield answers.get()


def open_line(name: str, baud: int, *, keep: bool = False) -> Port:
    """A port as modems need it; `keep` as `open_port`."""
    return open_port(name, baud=baud, parity="none", keep=keep)


def _await_quiet(port: Port) -> None:
    limit = port.now() + _MOST_S
    while port.now() < limit:
        if not port.read(port.now() + _QUIET_S).data:
            return

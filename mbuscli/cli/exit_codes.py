"""What the exit codes mean, and which error ends with which."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from mbuscli.errors import (
    BusError,
    DecodeError,
    InputError,
    KeyProblemError,
    MbuscliError,
    NoAnswerError,
    NotConfirmedError,
    PortError,
    RefusedError,
    UsageError,
)

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    PORT = 3
    NO_ANSWER = 4
    DAMAGED = 5
    KEY = 6
    REFUSED = 7
    PARTIAL = 8
    NOT_CONFIRMED = 9
    INPUT = 10
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.UNEXPECTED: "unexpected error (a bug)",
    ExitCode.USAGE: "usage error",
    ExitCode.PORT: "port or device: missing, busy, no permission, unplugged",
    ExitCode.NO_ANSWER: "nobody answered in time",
    ExitCode.DAMAGED: "damaged, colliding or not conforming",
    ExitCode.KEY: "key missing, wrong or not authentic",
    ExitCode.REFUSED: "refused by the meter",
    ExitCode.PARTIAL: "partial: some of many failed",
    ExitCode.NOT_CONFIRMED: "not confirmed, or unsafe and refused",
    ExitCode.INPUT: "configuration or input file invalid",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C)",
    ExitCode.TERMINATED: "terminated (SIGTERM)",
}

_BY_ERROR: dict[type[MbuscliError], ExitCode] = {
    UsageError: ExitCode.USAGE,
    PortError: ExitCode.PORT,
    NoAnswerError: ExitCode.NO_ANSWER,
    DecodeError: ExitCode.DAMAGED,
    BusError: ExitCode.DAMAGED,
    KeyProblemError: ExitCode.KEY,
    RefusedError: ExitCode.REFUSED,
    NotConfirmedError: ExitCode.NOT_CONFIRMED,
    InputError: ExitCode.INPUT,
}


def exit_code_of(error: MbuscliError) -> ExitCode:
    """The exit code of an error that ends a command."""
    if error.layer == "security":
        return ExitCode.KEY
    for kind in type(error).__mro__:
        if kind in _BY_ERROR:
            return _BY_ERROR[kind]
    return ExitCode.UNEXPECTED


class Verdict:
    """One code for any number of results: PARTIAL if some are done and some failed, else the first one's."""

    def __init__(self) -> None:
        self._first = ExitCode.DONE
        self._empty = True
        self._mixed = False

    def add(self, code: ExitCode) -> None:
        """Count one result."""
        if self._empty:
            self._first, self._empty = code, False
        elif (code is ExitCode.DONE) != (self._first is ExitCode.DONE):
            self._mixed = True

    @property
    def code(self) -> ExitCode:
        """DONE if nothing was counted."""
        return ExitCode.PARTIAL if self._mixed else self._first


def of_many(codes: Iterable[ExitCode]) -> ExitCode:
    """One code for several results, as `Verdict` gives it."""
    verdict = Verdict()
    for code in codes:
        verdict.add(code)
    return verdict.code


def of_telegram(telegram: Telegram) -> ExitCode:
    """DAMAGED if some of it could not be read, KEY if only for want of a key."""
    layers = {problem.layer for problem in telegram.problems if not problem.warning}
    if not layers:
        return ExitCode.DONE
    return ExitCode.KEY if layers == {"security"} else ExitCode.DAMAGED

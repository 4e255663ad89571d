"""What can be changed in a meter: each change plans itself, and judges what the meter shows afterwards."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mbuscli.errors import NoAnswerError, Reason
from mbuscli.protocol.wired.commands import Command
from mbuscli.services.identify import Answer, Located, address_text, ask_twice
from mbuscli.services.link import Link

if TYPE_CHECKING:
    from mbuscli.protocol.wired.reply import Reply
    from mbuscli.services.read import Address
    from mbuscli.telegram import Telegram


class Plan(NamedTuple):
    """What a change means for one meter. `undo`: command and arguments, without port and baud rate.

    `undo_baud`: the rate at which the meter listens after the change, None for the present one; `raw`: the
    frame as it is to be sent, instead of one that is built from the command.
    """

    command: Command
    old: str
    new: str
    already: bool = False
    undo: tuple[str, ...] = ()
    undo_baud: int | None = None
    warnings: tuple[str, ...] = ()
    raw: bytes | None = None


class State(Enum):
    """What reading back shows."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    UNVERIFIED = "unverified"  # the meter answers, and nothing in its answer could show the change
    LOST = "lost"


class Verdict(NamedTuple):
    """The result of reading back; `application_error` is what the meter complained of since the write."""

    state: State
    application_error: int | None = None
    shows: str = ""
    warnings: tuple[str, ...] = ()
    telegram: Telegram | None = None
    error: NoAnswerError | None = None


class Sent(NamedTuple):
    """A command that went out, `at` on the port's clock; `reply` is None if there was no clean one."""

    command: Command
    at: float
    reply: Reply | None


class Change(Protocol):
    """A change of one register of a meter."""

    @property
    def name(self) -> str:
        """The command that makes it, such as `set-address`."""
        ...

    def check(self) -> None:
        """UsageError or NotConfirmedError for what can be refused without asking anybody."""
        ...

    def plan(self, link: Link, located: Located) -> Plan:
        """Old and new value, and the command; reads the meter, and checks what needs the bus."""
        ...

    def command(self, plan: Plan) -> Command:
        """What is to be sent now: the planned command, with the present time where it holds a time."""
        ...

    def verify(self, link: Link, located: Located, plan: Plan, sent: Sent) -> Verdict:
        """Read back and compare. NoAnswerError or BusError if nothing can be said."""
        ...


def target_words(located: Located, primary: int | None) -> str:
    """How the meter is named in the command that undoes a change: by what does not change with it."""
    if located.selectable and located.meter is not None:
        return address_text(located.meter)
    return str(located.place if primary is None else primary)


def lost(link: Link, where: str, *hint: str) -> NoAnswerError:
    """The error for a meter that is no longer found."""
    return NoAnswerError(
        f"the meter no longer answers {where}: whether it took the change is not known",
        reason=Reason.UNKNOWN,
        hint=(*hint, "look for it: mbuscli scan, mbuscli scan --secondary"),
    )


def ask_again(link: Link, place: Address) -> Answer:
    """The answer at `place` after a write; NoAnswerError if there is none any more."""
    answer = ask_twice(link, place, until_heard=True)
    if answer is None:
        raise lost(link, "where it was")
    return answer

"""Write into meters so that nothing is left to hope: who is it, is it safe, send, read back, note it.

`prepare` makes every check that needs no write, `carry_out` writes and reads back. So a plan of many meters
can be checked as a whole before its first write.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from mbuscli.errors import (
    BusError,
    DecodeError,
    MbuscliError,
    NoAnswerError,
    PortError,
    Reason,
    RefusedError,
)
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.control import describe_application_error
from mbuscli.protocol.octets import hex_text
from mbuscli.protocol.wired.commands import Planned, planned_frames
from mbuscli.protocol.wired.fields import ADDRESS_BROADCAST, ADDRESS_SELECTED
from mbuscli.protocol.wired.reply import Reply, ReplyKind
from mbuscli.services.change_address import SetAddress, SetIdentification
from mbuscli.services.change_baud import SetBaud
from mbuscli.services.change_clock import SetClock
from mbuscli.services.change_state import ApplicationReset, SendCommand, SendFrame
from mbuscli.services.changes import Change, Plan, Sent, State, Verdict
from mbuscli.services.identify import Located, address_text, locate, unanswered
from mbuscli.services.link import Link
from mbuscli.services.read import Address
from mbuscli.settings.journal import Entry, Journal, Writing
from mbuscli.settings.redact import redact
from mbuscli.telegram import Telegram

__all__ = [
    "ApplicationReset",
    "Change",
    "Outcome",
    "Prepared",
    "SendCommand",
    "SendFrame",
    "SetAddress",
    "SetBaud",
    "SetClock",
    "SetIdentification",
    "attempt",
    "carry_out",
    "prepare",
]

PROGRAM = "mbuscli"
# Application errors that may mean that the meter is not open for changes: unspecified, access denied.
_CLOSED = (0x00, 0x10)
_A_FIELD = 5
OutcomeState: TypeAlias = Literal["written", "already", "dry-run", "refused", "failed", "unknown"]

_REFUSED_HINTS = (
    "many meters take a change only while their service button is pressed, or with the seal open",
    "some want a password record in front (FD 16): see the meter's manual, and mbuscli send",
    "settings may be protected for good after installation",
)


class Prepared(NamedTuple):
    """A change that can be carried out. `baud`: the rate at which the meter is talked to now."""

    target: Address
    change: Change
    located: Located
    plan: Plan
    port: str
    baud: int

    @property
    def command(self) -> str:
        """The command's name, such as `set-address`."""
        return self.change.name

    @property
    def target_text(self) -> str:
        """The target as it is typed."""
        return address_text(self.target) if isinstance(self.target, MeterAddress) else str(self.target)

    @property
    def meter(self) -> MeterAddress | None:
        """Who it is, as far as the meter says."""
        return self.located.meter

    @property
    def primary(self) -> int | None:
        """The meter's primary address before the change."""
        return self.located.primary

    @property
    def old(self) -> str:
        """The value that the meter has."""
        return self.plan.old

    @property
    def new(self) -> str:
        """The value that it is to have."""
        return self.plan.new

    @property
    def already(self) -> bool:
        """True if the meter has that value: there is nothing to write."""
        return self.plan.already

    @property
    def frames(self) -> tuple[Planned, ...]:
        """What is to be sent, in this order; the reading back comes after it."""
        if self.already:
            return ()
        opening, write = planned_frames(self.located.place, self.plan.command)
        return (opening, write if self.plan.raw is None else write._replace(raw=self.plan.raw))

    @property
    def undo(self) -> tuple[str, ...]:
        """The words of the command that takes the change back; none if there is no such command."""
        if not self.plan.undo:
            return ()
        baud = self.plan.undo_baud or self.baud
        return (PROGRAM, *self.plan.undo, "--port", self.port, "--baud", str(baud))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should make one think before going on."""
        return self.located.warnings + self.plan.warnings


class Outcome(NamedTuple):
    """How it ended.

    written   acknowledged or not, the meter shows the new value; `verified` is False where nothing shows it
    already   nothing was to be done
    dry-run   nothing was written, as nothing was to be
    refused   the meter acknowledged, and did not change, or said that it will not
    failed    not acknowledged, and not changed
    unknown   whether the meter has changed could not be found out
    `error` belongs to the last three states. `telegram`: the meter's answer, for a command that wants one.
    """

    state: OutcomeState
    prepared: Prepared
    acknowledged: bool = False
    verified: bool = False
    error: MbuscliError | None = None
    warnings: tuple[str, ...] = ()
    telegram: Telegram | None = None


def prepare(link: Link, target: Address, change: Change) -> Prepared:
    """Find the meter, read the old value, and make every check that needs no write.

    Raises UsageError; NoAnswerError; BusError where several meters answer or one does not answer cleanly;
    NotConfirmedError for what is unsafe: a reserved or taken address; PortError.
    """
    change.check()
    located = locate(link, target)
    baud = link.baud
    return Prepared(target, change, located, change.plan(link, located), link.name, baud)


def carry_out(link: Link, prepared: Prepared, *, journal: Journal | None = None) -> Outcome:
    """As `attempt`, but raises the error of an outcome that has one: RefusedError, NoAnswerError, ..."""
    outcome = attempt(link, prepared, journal=journal)
    if outcome.error is not None:
        raise outcome.error
    return outcome


def attempt(link: Link, prepared: Prepared, *, journal: Journal | None = None) -> Outcome:
    """Write, read back, compare; one line in the journal before the first frame and one after the last.

    Whatever the bus does becomes an outcome. InputError `input.unwritable` before anything is sent, if the
    journal cannot be written; whoever interrupts it leaves a line that says so.
    """
    if prepared.already:
        return Outcome("already", prepared, verified=True)
    with (journal or Journal()).begin(_entry(prepared)) as writing:
        outcome = _attempt(link, prepared)
        _note(writing, outcome)
    return outcome


def _attempt(link: Link, prepared: Prepared) -> Outcome:
    place = prepared.located.place
    try:
        _open(link, place)
    except (NoAnswerError, BusError, PortError) as error:
        return Outcome("failed", prepared, error=error)
    command = prepared.change.command(prepared.plan)
    prepared = prepared._replace(plan=prepared.plan._replace(command=command))
    not_acknowledged: MbuscliError | None = None
    reply: Reply | None = None
    try:
        try:
            reply = _send(link, place, prepared.plan)
        except (NoAnswerError, BusError) as error:
            # The meter may have done it all the same, and its answer was lost: reading back decides.
            not_acknowledged = error
        sent = Sent(command, link.clock(), reply)
        verdict = prepared.change.verify(link, prepared.located, prepared.plan, sent)
    except (NoAnswerError, BusError, PortError, DecodeError) as error:
        return Outcome("unknown", prepared, not_acknowledged is None, error=_unknown(error))
    return _judged(prepared, verdict, not_acknowledged)


def _open(link: Link, place: Address) -> None:
    """Link reset or selection: the write's frame count bit is then new to the meter."""
    session, run = link.session, link.converter.run
    if isinstance(place, MeterAddress):
        reply, address = run(session.select(place, retries=session.retries)), ADDRESS_SELECTED
    else:
        reply, address = run(session.reset(place, retries=session.retries)), place
    if reply.kind is not ReplyKind.ACK:
        raise unanswered(link, address, reply)


def _send(link: Link, place: Address, plan: Plan) -> Reply:
    address = ADDRESS_SELECTED if isinstance(place, MeterAddress) else place
    session, run = link.session, link.converter.run
    if plan.raw is None:
        return run(session.send_data(address, plan.command.ci_field, plan.command.data))
    reply = run(session.exchange(plan.raw))
    if plan.raw[_A_FIELD] != ADDRESS_BROADCAST and reply.kind not in (ReplyKind.ACK, ReplyKind.FRAME):
        raise unanswered(link, address, reply)
    return reply


def _judged(prepared: Prepared, verdict: Verdict, not_acknowledged: MbuscliError | None) -> Outcome:
    acknowledged = not_acknowledged is None
    outcome = Outcome("written", prepared, acknowledged, warnings=verdict.warnings, telegram=verdict.telegram)
    if verdict.state is State.CHANGED:
        return outcome._replace(verified=True)
    if verdict.application_error is not None:
        return outcome._replace(state="refused", error=_complained(verdict))
    if verdict.state is State.UNVERIFIED:
        if acknowledged:
            return outcome
        return outcome._replace(state="unknown", error=not_acknowledged)
    if acknowledged:
        return outcome._replace(state="refused", error=_ignored(prepared, verdict))
    return outcome._replace(state="failed", error=not_acknowledged)


def _complained(verdict: Verdict) -> RefusedError:
    code = verdict.application_error or 0
    return RefusedError(
        f"the meter refuses with application error {code}: {describe_application_error(code)}",
        reason=Reason.APPLICATION_ERROR,
        hint=_REFUSED_HINTS if code in _CLOSED else (),
    )


def _ignored(prepared: Prepared, verdict: Verdict) -> RefusedError:
    return RefusedError(
        f"the meter acknowledged, but did not change: it still has {verdict.shows or prepared.old}",
        reason=Reason.UNCHANGED,
        hint=_REFUSED_HINTS,
    )


def _unknown(error: MbuscliError) -> MbuscliError:
    """The error that kept us from reading back, with the word that nothing is known."""
    note = "whether the meter has changed is not known"
    if "not known" not in error.text:
        error.text = f"{error.text}: {note}"
    return error


def _entry(prepared: Prepared) -> Entry:
    frames = tuple(hex_text(frame.raw) for frame in prepared.frames)
    if isinstance(prepared.change, SendCommand | SendFrame):
        frames = tuple(map(redact, frames))
    return Entry(
        command=prepared.command,
        port=prepared.port,
        baud=prepared.baud,
        meter=None if prepared.meter is None else address_text(prepared.meter),
        target=prepared.target_text,
        old=prepared.old,
        new=prepared.new,
        frames=frames,
        undo=prepared.undo,
    )


def _note(writing: Writing, outcome: Outcome) -> None:
    error = outcome.error
    note = "; ".join(outcome.warnings) if error is None else f"{error.name}: {error.text}"
    writing.end(outcome.state, note, _entry(outcome.prepared))

"""Change the rate at which a meter talks; a wrong one makes it look dead, so it is looked for at both."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import BusError, NotConfirmedError, Reason
from mbuscli.protocol.wired.commands import Command, set_baud
from mbuscli.services.changes import Plan, Sent, State, Verdict, lost, target_words
from mbuscli.services.identify import Answer, Located, address_text, ask_twice, same_meter
from mbuscli.services.link import Link

COMMAND = "set-baud"


class SetBaud(NamedTuple):
    """A new baud rate. After a success the link is at that rate, else at the one that it had."""

    baud: int

    @property
    def name(self) -> str:
        """The command that makes it."""
        return COMMAND

    def check(self) -> None:
        """UsageError for a rate that no meter has."""
        set_baud(self.baud)

    def plan(self, link: Link, located: Located) -> Plan:
        """Makes sure that the port can do the new rate, and that nobody is in the meter's place there.

        Raises PortError for a port whose rate is fixed: the meter would be lost to it.
        """
        command, old = set_baud(self.baud), link.baud
        if self.baud == old:
            return Plan(command, str(old), str(old), already=True)
        with _At(link, self.baud):
            there = ask_twice(link, located.place)
        if there is not None:
            _check_holder(there, located, self.baud)
            warning = f"the meter answers at {old} and at {self.baud} baud: it finds the rate by itself"
            return Plan(command, str(old), str(self.baud), already=True, warnings=(warning,))
        undo = (COMMAND, target_words(located, located.primary), str(old))
        return Plan(command, str(old), str(self.baud), undo=undo, undo_baud=self.baud)

    def command(self, plan: Plan) -> Command:
        """As planned."""
        return plan.command

    def verify(self, link: Link, located: Located, plan: Plan, sent: Sent) -> Verdict:
        """Ask at the new rate at once, then at the old one, then once more at the new one."""
        old = int(plan.old)
        for baud in (self.baud, old, self.baud):
            answer = _asked_at(link, baud, located)
            if answer is None:
                continue
            if baud == old:
                return Verdict(State.UNCHANGED, answer.application_error, f"{old} baud")
            if located.meter is not None and not same_meter(located.meter, answer.meter):
                raise BusError(
                    f"at {baud} baud somebody else answers than before", reason=Reason.WRONG_ADDRESS
                )
            return Verdict(State.CHANGED, answer.application_error)
        link.set_baud(old)
        raise lost(
            link,
            f"at {self.baud} baud, nor at {old}",
            f"a meter that hears nothing at a new rate goes back by itself: wait ten minutes, then use {old}",
            "ask at every rate: mbuscli scan --baud auto",
        )


class _At:
    """A link at another rate for a while."""

    def __init__(self, link: Link, baud: int) -> None:
        self._link = link
        self._baud = baud
        self._before = link.baud

    def __enter__(self) -> None:
        self._link.set_baud(self._baud)

    def __exit__(self, *_: object) -> None:
        self._link.set_baud(self._before)


def _asked_at(link: Link, baud: int, located: Located) -> Answer | None:
    link.set_baud(baud)
    return ask_twice(link, located.place, until_heard=True)


def _check_holder(there: Answer, located: Located, baud: int) -> None:
    """Whoever answers in the meter's place at the new rate must be the meter itself."""
    if located.meter is None or not same_meter(located.meter, there.meter):
        holder = "somebody" if there.meter is None else address_text(there.meter)
        raise NotConfirmedError(
            f"at {baud} baud this address is taken by {holder}: the meter would collide with it",
            reason=Reason.TAKEN,
            layer="bus",
            hint=("give one of them another address first: mbuscli set-address",),
        )

"""Change a meter's primary address, or the address that is printed on it."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import BusError, NotConfirmedError, Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.commands import Command, set_identification, set_primary_address
from mbuscli.protocol.wired.fields import ADDRESS_UNCONFIGURED
from mbuscli.services.changes import Plan, Sent, State, Verdict, ask_again, lost, target_words
from mbuscli.services.identify import (
    Answer,
    Located,
    address_text,
    ask_twice,
    require_free,
    require_unused,
    same_meter,
)
from mbuscli.services.link import Link

COMMAND = "set-address"
_SHARED_ZERO = "address 0 is in use too: new meters have it, so the meter is found by its own address only"


class SetAddress(NamedTuple):
    """A new primary address."""

    address: int

    @property
    def name(self) -> str:
        """The command that makes it."""
        return COMMAND

    def check(self) -> None:
        """UsageError for what is no address; NotConfirmedError `usage.unsafe` for 251-255."""
        set_primary_address(self.address)

    def plan(self, link: Link, located: Located) -> Plan:
        """Makes sure that the new address is free; 0, where all new meters are, may be shared."""
        command = set_primary_address(self.address)
        old = "unknown" if located.primary is None else str(located.primary)
        if located.primary == self.address:
            self._check_alone(link, located)
            return Plan(command, old, str(self.address), already=True)
        return Plan(
            command,
            old,
            str(self.address),
            undo=self._undo(located),
            warnings=self._check_free(link, located),
        )

    def command(self, plan: Plan) -> Command:
        """As planned."""
        return plan.command

    def verify(self, link: Link, located: Located, plan: Plan, sent: Sent) -> Verdict:
        """Ask at the new address and compare who answers; where nobody does, ask where the meter was."""
        if located.selectable and located.meter is not None and self._may_be_shared:
            return self._judge(ask_again(link, located.meter))
        answer = ask_twice(link, self.address, until_heard=True)
        if answer is None:
            answer = ask_twice(link, located.place, until_heard=True)
            if answer is None:
                raise lost(link, f"at address {plan.old}, nor at {self.address}")
            return self._judge(answer)
        if located.meter is None or answer.meter is None:
            warning = f"somebody answers at address {self.address} now, but does not say who it is"
            return Verdict(State.CHANGED, answer.application_error, warnings=(warning,))
        if not same_meter(located.meter, answer.meter):
            raise BusError(
                f"address {self.address} is now answered by {address_text(answer.meter)}, not by "
                f"{address_text(located.meter)}",
                reason=Reason.WRONG_ADDRESS,
                hint=("find the meters: mbuscli scan --secondary",),
            )
        return Verdict(State.CHANGED, answer.application_error)

    @property
    def _may_be_shared(self) -> bool:
        return self.address == ADDRESS_UNCONFIGURED

    def _judge(self, answer: Answer) -> Verdict:
        """By the address that the meter itself gives when it was asked elsewhere."""
        if answer.primary == self.address:
            return Verdict(State.CHANGED, answer.application_error)
        shows = "its old address" if answer.primary is None else f"address {answer.primary}"
        return Verdict(State.UNCHANGED, answer.application_error, shows)

    def _check_free(self, link: Link, located: Located) -> tuple[str, ...]:
        whose = "the meter" if located.meter is None else address_text(located.meter)
        try:
            require_free(link, self.address, whose)
        except NotConfirmedError:
            if self._may_be_shared and located.selectable:
                return (_SHARED_ZERO,)
            raise
        return ()

    def _check_alone(self, link: Link, located: Located) -> None:
        """A meter that has the address already is of no use if another one has it too."""
        if isinstance(located.place, MeterAddress) and not self._may_be_shared:
            ask_twice(link, self.address)

    def _undo(self, located: Located) -> tuple[str, ...]:
        if located.primary is None:
            return ()
        return (COMMAND, target_words(located, self.address), str(located.primary))


class SetIdentification(NamedTuple):
    """A new identification number, and what else of the meter's own address is to be new."""

    id: str
    manufacturer: int | None = None
    version: int | None = None
    device_type: int | None = None

    @property
    def name(self) -> str:
        """The command that makes it."""
        return COMMAND

    @property
    def is_complete(self) -> bool:
        """True if all eight octets of the address are to be written."""
        return (self.manufacturer, self.version, self.device_type) != (None, None, None)

    def check(self) -> None:
        """UsageError for wildcards."""
        set_identification(MeterAddress(self.id), complete=False)

    def plan(self, link: Link, located: Located) -> Plan:
        """Makes sure that nobody has the new address; parts that are not given stay as they are."""
        wanted = self._wanted(located)
        command = set_identification(wanted, complete=self.is_complete)
        old = "unknown" if located.meter is None else address_text(located.meter)
        if located.meter == wanted:
            return Plan(command, old, old, already=True)
        require_unused(link, wanted)
        return Plan(command, old, address_text(wanted), undo=self._undo(located, wanted))

    def command(self, plan: Plan) -> Command:
        """As planned."""
        return plan.command

    def verify(self, link: Link, located: Located, plan: Plan, sent: Sent) -> Verdict:
        """Ask for the meter by its new address; where nobody answers, by the number alone, and by the old."""
        wanted = self._wanted(located)
        places = [located.place]
        if isinstance(located.place, MeterAddress):
            places = [wanted, MeterAddress(wanted.id), located.place]
        for place in places:
            answer = ask_twice(link, place, until_heard=True)
            if answer is None:
                continue
            if answer.meter is None:
                return Verdict(State.UNVERIFIED, answer.application_error)
            if same_meter(wanted, answer.meter):
                return Verdict(State.CHANGED, answer.application_error)
            return Verdict(State.UNCHANGED, answer.application_error, f"address {address_text(answer.meter)}")
        raise lost(link, "by its old address, nor by the new one")

    def _wanted(self, located: Located) -> MeterAddress:
        meter = located.meter
        if meter is None or not meter.is_complete:
            meter = MeterAddress(self.id)
        changes = {name: value for name, value in self._asdict().items() if value is not None}
        return meter._replace(**changes)

    def _undo(self, located: Located, wanted: MeterAddress) -> tuple[str, ...]:
        old = located.meter
        if old is None:
            return ()
        after = located._replace(meter=wanted) if located.selectable else located
        text = address_text(old) if self.is_complete else old.id
        return (COMMAND, target_words(after, located.primary), "--id", text)

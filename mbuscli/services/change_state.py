"""Commands that leave nothing behind that could be read back: application reset, and any other command."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import Reason, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired import commands
from mbuscli.protocol.wired.commands import Command
from mbuscli.protocol.wired.fields import (
    ADDRESS_BROADCAST,
    ADDRESS_SELECTED,
    ADDRESS_TEST,
    describe_a_field,
)
from mbuscli.protocol.wired.frames import Frame
from mbuscli.services.changes import Plan, Sent, State, Verdict, ask_again, target_words
from mbuscli.services.identify import Located
from mbuscli.services.link import Link
from mbuscli.services.read import Address
from mbuscli.telegram import Telegram, decode


class ApplicationReset(NamedTuple):
    """Back to the default readout, or with a sub-code to another one."""

    sub_code: int | None

    @property
    def name(self) -> str:
        """The command that makes it."""
        return "reset"

    def check(self) -> None:
        """Nothing can be wrong."""

    def plan(self, link: Link, located: Located) -> Plan:
        """A selection is undone by a reset without sub-code; which one was in force cannot be read."""
        command = commands.application_reset(self.sub_code)
        undo = () if self.sub_code is None else (self.name, target_words(located, located.primary))
        return Plan(command, "", command.meaning, undo=undo)

    def command(self, plan: Plan) -> Command:
        """As planned."""
        return plan.command

    def verify(self, link: Link, located: Located, plan: Plan, sent: Sent) -> Verdict:
        """The meter must still answer, and not with an error."""
        answer = ask_again(link, located.place)
        return Verdict(State.UNVERIFIED, answer.application_error, telegram=answer.telegram)


class SendCommand(NamedTuple):
    """Any command. With `read` the meter is asked once for what it has to say to it."""

    wanted: Command
    read: bool = True

    @property
    def name(self) -> str:
        """The command that makes it."""
        return "send"

    def check(self) -> None:
        """NotConfirmedError `usage.unsafe` for an address that no meter may have."""
        commands.refuse_unsafe(self.wanted)

    def plan(self, link: Link, located: Located) -> Plan:
        """As given."""
        return Plan(self.wanted, "", self.wanted.meaning, warnings=_unguarded(self.wanted))

    def command(self, plan: Plan) -> Command:
        """As given."""
        return plan.command

    def verify(self, link: Link, located: Located, plan: Plan, sent: Sent) -> Verdict:
        """One request without link reset, which could take the meter away from the page it was set to."""
        if not self.read:
            return Verdict(State.UNVERIFIED)
        address = ADDRESS_SELECTED if isinstance(located.place, MeterAddress) else located.place
        reply = link.converter.run(link.session.request(address))
        if reply.frame is None:
            return Verdict(State.UNVERIFIED)
        telegram: Telegram = decode(reply.raw)
        return Verdict(State.UNVERIFIED, telegram.application_error, telegram=telegram)


class SendFrame(NamedTuple):
    """A whole frame, sent once as it is; what it does is the user's affair, whom it reaches is checked."""

    raw: bytes
    frame: Frame
    target: Address

    @property
    def name(self) -> str:
        """The command that sends it."""
        return "send"

    def check(self) -> None:
        """NotConfirmedError `usage.unsafe` for an address that no meter may have."""
        commands.refuse_unsafe(self._command)

    def plan(self, link: Link, located: Located) -> Plan:
        """UsageError if the frame's address is not the one that the target stands for."""
        frame = self.frame
        selected = isinstance(located.place, MeterAddress)
        allowed = {ADDRESS_SELECTED if selected else located.place}
        if self.target in (ADDRESS_TEST, ADDRESS_BROADCAST):
            allowed |= {ADDRESS_TEST, ADDRESS_BROADCAST}
        if frame.a_field not in allowed:
            raise UsageError(
                f"the frame goes to address {describe_a_field(frame.a_field or 0)}, not to {self.target}",
                reason=Reason.INVALID,
                hint=("address a meter that is selected by its own address with 253 (FD)",),
            )
        command = self._command
        return Plan(command, "", command.meaning, warnings=_unguarded(command), raw=self.raw)

    def command(self, plan: Plan) -> Command:
        """As given."""
        return plan.command

    def verify(self, link: Link, located: Located, plan: Plan, sent: Sent) -> Verdict:
        """The answer is all there is."""
        if sent.reply is None or sent.reply.frame is None:
            return Verdict(State.UNVERIFIED)
        telegram = decode(sent.reply.raw)
        return Verdict(State.UNVERIFIED, telegram.application_error, telegram=telegram)

    @property
    def _command(self) -> Command:
        return commands.send_command(self.frame.ci_field or 0, self.frame.data)


def _unguarded(command: Command) -> tuple[str, ...]:
    """What is better done by a command that checks and reads back."""
    better = commands.guarded_by(command)
    return (f"nothing is checked or read back here: mbuscli {better} does that",) if better else ()

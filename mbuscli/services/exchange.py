"""One question to a meter that changes nothing: a request, a link reset, or a frame of the user's."""

from __future__ import annotations

from typing import Literal, TypeAlias

from mbuscli.errors import Reason, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.fields import ADDRESS_BROADCAST, ADDRESS_SELECTED, describe_a_field
from mbuscli.protocol.wired.frames import decode_frame
from mbuscli.protocol.wired.reply import Reply, ReplyKind
from mbuscli.services.identify import address_text, silent, unanswered
from mbuscli.services.link import Link
from mbuscli.services.read import Address

Question: TypeAlias = Literal["request", "nke"] | bytes


def exchange(link: Link, target: Address, question: Question) -> Reply:
    """The answer, an acknowledgement or a frame. `question`: what to ask, or the octets of a whole frame,
    which is sent once.

    Raises UsageError where nobody could answer; NoAnswerError, BusError.
    """
    session, run = link.session, link.converter.run
    address = ADDRESS_SELECTED if isinstance(target, MeterAddress) else target
    a_field = decode_frame(question).a_field if isinstance(question, bytes) else address
    if a_field != address or a_field == ADDRESS_BROADCAST:
        raise UsageError(
            f"nobody can answer a request to {describe_a_field(a_field or 0)} as {target}",
            reason=Reason.INVALID,
            hint=("the frame's address must be the target's; 253 (FD) for a meter's own address",),
        )
    if isinstance(target, MeterAddress):
        reply = run(session.select(target, retries=session.retries))
        if reply.kind is ReplyKind.SILENCE:
            raise silent(link, f"meter {address_text(target)}")
        if reply.kind is not ReplyKind.ACK:
            raise unanswered(link, address, reply)
    if question == "request":
        return run(session.request(address))
    if isinstance(question, bytes):
        reply = run(session.exchange(question))
        session.forget(address)
    else:
        reply = run(session.reset(address, retries=session.retries))
    if reply.kind not in (ReplyKind.ACK, ReplyKind.FRAME):
        raise unanswered(link, address, reply)
    return reply

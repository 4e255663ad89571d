"""The question of a primary scan: who is at this address (sans-IO)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from mbuscli.errors import BusError
from mbuscli.protocol.wired.fields import SND_NKE
from mbuscli.protocol.wired.frames import Frame, encode_short
from mbuscli.protocol.wired.reply import Reply, ReplyKind
from mbuscli.protocol.wired.steps import Talk
from mbuscli.protocol.wired.timing import LATE_S

if TYPE_CHECKING:
    from mbuscli.protocol.wired.session import Session

ProbeState: TypeAlias = Literal["silent", "meter", "collision", "noise"]


class Probe(NamedTuple):
    """What is at a primary address; `heard` is the evidence, all reply windows in order.

    A state "meter" without frame is a meter that acknowledges but sends no data; `note` says so. `strays`:
    octets that came in nobody's reply window.
    """

    address: int
    state: ProbeState
    note: str
    heard: tuple[Reply, ...]
    strays: int = 0

    @property
    def frame(self) -> Frame | None:
        """The meter's RSP_UD, to be shown instead of a second readout."""
        return self.heard[-1].frame if self.state == "meter" else None

    @property
    def raw(self) -> bytes:
        """The octets of `frame`; none if there is no frame."""
        return self.heard[-1].raw if self.frame else b""

    @property
    def is_disturbed(self) -> bool:
        """True if the line lost, delayed or added octets: then a silent address may hide a meter.

        What several meters at one address do to each other says nothing about the line.
        """
        if self.state == "collision":
            return False
        if self.state == "meter" and not all(_is_clean(reply, self.address) for reply in self.heard):
            return True
        return self.state == "noise" or self.strays > 0 or any(reply.note for reply in self.heard)


def probe(session: Session, address: int) -> Talk[Probe]:
    """Ask SND_NKE, and for an ACK REQ_UD2, whose answer is kept.

    Garbled twice is a collision; heard once and not confirmed is noise. Never raises NoAnswerError.
    """
    heard: list[Reply] = []
    strays = session.strays
    session.forget(address)
    try:
        state, note = yield from _ask_who(session, address, heard)
        if state == "collision":
            # What the others still have to say shall not disturb the next address.
            session.await_stragglers()
            yield from session.settle()
    except BusError as error:
        state, note = "noise", error.text
    if state != "meter":
        session.forget(address)
    return Probe(address, state, note, tuple(heard), session.strays - strays)


def _ask_who(session: Session, address: int, heard: list[Reply]) -> Talk[tuple[ProbeState, str]]:
    link_reset = encode_short(SND_NKE, address)
    heard += yield from session.attempt(link_reset, _is_heard, session.retries_silent)
    first = heard[-1]
    if first.kind is ReplyKind.SILENCE:
        return "silent", ""
    if not is_ack(first):
        second = yield from _hear(session, link_reset, heard)
        if second.kind is ReplyKind.SILENCE:
            return "noise", f"heard once, silent when asked again: {_remark(first)}"
        if not is_ack(second):
            return "collision", _remark(second)
    return (yield from _identify(session, address, heard))


def _identify(session: Session, address: int, heard: list[Reply]) -> Talk[tuple[ProbeState, str]]:
    """After an ACK: two meters that answer in step look like one E5, and noise makes an E5 easily."""
    silent = garbled = 0
    asked_at: float | None = None
    while silent < 2:
        reply = yield from session.request_once(address)
        heard.append(reply)
        asked_at = session.sent_at if asked_at is None else asked_at
        if reply.comes_from(address) and not reply.is_garbled:
            if silent:
                session.expect_late(asked_at)
            return "meter", ""
        if is_ack(reply):
            return (yield from _confirm(session, address, heard, "it has nothing to send"))
        if reply.kind is ReplyKind.SILENCE:
            silent += 1
        elif garbled:
            return "collision", _remark(reply)
        else:
            garbled += 1
    return (yield from _confirm(session, address, heard, "it acknowledges, but sends no data"))


def _confirm(session: Session, address: int, heard: list[Reply], note: str) -> Talk[tuple[ProbeState, str]]:
    """A meter that shows nothing but E5: they may be late ones of the addresses asked before this, or those
    of two meters that answer at different times."""
    strays = session.strays
    session.await_stragglers(LATE_S)
    session.forget(address)
    reply = yield from _hear(session, encode_short(SND_NKE, address), heard)
    if reply.kind is ReplyKind.SILENCE:
        return "noise", "one E5 was heard, and nothing when asked again"
    if not is_ack(reply):
        return "collision", _remark(reply)
    session.await_stragglers()
    yield from session.settle()
    return ("collision", "answers came at different times") if session.strays > strays else ("meter", note)


def _hear(session: Session, request: bytes, heard: list[Reply]) -> Talk[Reply]:
    reply = yield from session.exchange(request)
    heard.append(reply)
    return reply


def is_ack(reply: Reply) -> bool:
    """True for a clean acknowledgement."""
    return reply.kind is ReplyKind.ACK


def _is_heard(reply: Reply) -> bool:
    return reply.kind is not ReplyKind.SILENCE


def _is_clean(reply: Reply, address: int) -> bool:
    return is_ack(reply) or (reply.comes_from(address) and not reply.is_garbled)


def _remark(reply: Reply) -> str:
    """Why a reply is no clean answer to a probe."""
    if reply.note or reply.frame is None:
        return reply.note
    if reply.stray:
        return f"{len(reply.stray)} stray octets came with the answer"
    return f"an answer of address {reply.frame.a_field} came that was not asked for"

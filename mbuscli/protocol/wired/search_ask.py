"""One question of a secondary search: select a mask, and read the one meter that answers alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.octets import bcd_digits
from mbuscli.protocol.wired.fields import ADDRESS_SELECTED
from mbuscli.protocol.wired.frames import Frame
from mbuscli.protocol.wired.reply import Reply, ReplyKind
from mbuscli.protocol.wired.search_ledger import FoundMeter, Ledger, tails
from mbuscli.protocol.wired.search_plan import EVERYTHING, common_bits, covers
from mbuscli.protocol.wired.session import Session
from mbuscli.protocol.wired.steps import Talk

_ADDRESS_SIZE = 8
_NUMBER_SIZE = 4
_CI_VARIABLE = 0x72
_CI_FIXED = 0x73
# Where the identification number ends, and the access number stands, in a long frame with CI 72.
_ID_END = 11
_ACCESS = 15

Verdict: TypeAlias = Literal["silent", "meter", "collision", "several", "doubtful"]


class Answer(NamedTuple):
    """What came of a question: `meter` if one answered alone; of a collision perhaps the `bits` of the
    identification number that all answers have in common (see `common_bits`).

    "several" is a collision that is assumed, not heard. A "doubtful" E5 is one that nobody stands behind;
    `late` says that somebody may have answered the mask before this one late.
    """

    verdict: Verdict
    meter: FoundMeter | None = None
    bits: str | None = None
    late: bool = False


class Asker:
    """Asks over `session` and counts in `ledger`, whose found meters it looks at to spare selections."""

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session = session
        self._ledger = ledger
        # Octets that come after a clean answer, or none, are somebody's who is late.
        self._was_clean = self._late = False

    def ask(self, mask: MeterAddress, *, fabrication: str = "", crowded: bool = False) -> Talk[Answer]:
        """Select, and read the one that answers; in a crowd nobody is asked to talk over the others."""
        reply = yield from self.select(mask, fabrication)
        late, self._was_clean = self._late, reply.kind is ReplyKind.SILENCE
        if reply.kind is ReplyKind.SILENCE:
            return Answer("silent", late=late)
        if reply.kind is not ReplyKind.ACK or crowded:
            self._session.await_stragglers()
            return Answer("several" if reply.kind is ReplyKind.ACK else "collision", late=late)
        if not mask.is_complete and (yield from self._others_follow(mask)):
            self._session.await_stragglers()  # there may be a third one
            return Answer("collision", late=late)
        reply = yield from self._read(mask)
        if reply.kind is ReplyKind.SILENCE:
            self._session.await_stragglers()
            return Answer("doubtful", late=True)
        meter = yield from self._identify(mask, reply, fabrication)
        if meter is not None:
            self._was_clean = self._ledger.apart is False
            return Answer("meter", meter, late=late)
        # A clean frame that was not verified is perhaps one meter's own: another may be late.
        bits = common_bits(reply.raw) if reply.is_garbled else None
        if bits is None:
            self._session.await_stragglers()
        elif self._ledger.apart is None:
            self._ledger.apart = False
        return Answer("collision", bits=bits, late=late)

    def select(self, mask: MeterAddress, fabrication: str = "") -> Talk[Reply]:
        """One selection; asked again if a single octet was heard that is no E5: that may be noise.

        Silence is taken for an answer unless the session is told to ask again where nobody answers.
        """
        self._ledger.asked += 1
        strays = self._session.strays
        reply = yield from self._session.select(mask, fabrication=fabrication)
        surprising = self._ledger.apart is False and reply.kind not in (ReplyKind.ACK, ReplyKind.SILENCE)
        self._late = self._was_clean and (surprising or self._session.strays > strays)
        for _ in range(self._session.retries_silent):
            if reply.kind is ReplyKind.SILENCE:
                reply = yield from self._session.select(mask, fabrication=fabrication)
        if reply.kind not in (ReplyKind.ACK, ReplyKind.SILENCE) and len(reply.raw) == 1:
            self._session.await_stragglers()
            reply = yield from self._session.select(mask, fabrication=fabrication)
        if reply.kind not in (ReplyKind.ACK, ReplyKind.SILENCE):
            self._ledger.apart = True
        return reply

    def _others_follow(self, mask: MeterAddress) -> Talk[bool]:
        """True if another E5 comes behind the first one.

        Meters with delays of their own would answer into the readout, and an E5 in the middle of a frame may
        leave all its bits as they are. Where all meters answer a mask with one E5, they are in step.
        """
        if self._ledger.apart is False:
            return False
        second = yield from self._session.exchange(b"")
        if second.kind is not ReplyKind.SILENCE:
            self._ledger.apart = True
            return True
        if mask == EVERYTHING:
            self._ledger.apart = False
        return False

    def _read(self, mask: MeterAddress) -> Talk[Reply]:
        """The readout of who is selected; repeated if lost, or if broken with no digit left to split.

        On a line that loses octets a broken readout is no sign of a collision: it is always repeated.
        """
        repeats = self._session.retries if "F" not in mask.id or self._ledger.disturbed else 0
        broken = False
        while True:
            reply = yield from self._session.request_once(ADDRESS_SELECTED)
            silent = reply.kind is ReplyKind.SILENCE
            if not (silent or reply.is_garbled):
                self._ledger.disturbed += broken
                return reply
            broken = True
            if repeats < 0 or (reply.is_garbled and not repeats):
                return reply
            repeats = repeats - 1 if repeats else -1

    def _identify(self, mask: MeterAddress, reply: Reply, fabrication: str) -> Talk[FoundMeter | None]:
        """The meter, if the readout is that of one alone."""
        if reply.frame is None or reply.is_garbled:
            return None
        address = address_of(reply.frame)
        if address is None and "F" not in mask.id:
            address = mask  # it has nothing but a complaint to send, or no room for its address
        if address is None or not covers(mask, address):
            return None
        if not self._is_predicted(mask, address):
            verify = yield from self._session.select(address, fabrication=fabrication)
            if verify.kind is ReplyKind.SILENCE:
                verify = yield from self._session.select(address, fabrication=fabrication)
                self._ledger.disturbed += verify.kind is ReplyKind.ACK
            if verify.kind is not ReplyKind.ACK:
                self._session.await_stragglers()
                return None
        return FoundMeter(address, reply.raw, fabrication)

    def _is_predicted(self, mask: MeterAddress, address: MeterAddress) -> bool:
        """True if the selection was one with the complete address already: by all its parts, or by the
        complete number where the rest of the answer is that of a verified meter."""
        if mask.is_complete:
            return True
        return "F" not in mask.id and address[1:] in tails(self._ledger.found)

    def is_alone(self, mask: MeterAddress, meter: MeterAddress) -> Talk[bool]:
        """False if another meter answers this mask too, hidden behind `meter` by an answer just like its own.

        Answers in step are ANDed, so that one may cover another bit by bit. A readout of `meter` alone puts
        its access number one ahead of anybody else's, which shows in the next readout of the mask.
        """
        alone = yield from self._read_again(meter)
        together = yield from self._read_again(mask)
        if alone is None or together is None:
            return alone is None
        return together == alone or together == alone + 1 & 0xFF

    def _read_again(self, mask: MeterAddress) -> Talk[int | None]:
        """The access number of whom this mask selects; None if nobody, or more than one, answers well."""
        reply = yield from self.select(mask)
        if reply.kind is not ReplyKind.ACK:
            return None
        reply = yield from self._session.request_once(ADDRESS_SELECTED)
        if reply.frame is None or reply.is_garbled:
            return None
        return access_number(reply.frame)


def may_hide_another(mask: MeterAddress, found: Sequence[FoundMeter]) -> bool:
    """True if the one meter found by this mask may cover another of its kind: the answer of one that is found
    has all its bits too, but for the number; or no other of its kind is found to compare with."""
    hides = [meter for meter in found if covers(mask, meter.address)]
    if len(hides) != 1 or hides[0].fabrication:
        return False
    mine = _content(hides[0].raw)
    others = [_content(meter.raw) for meter in found if meter is not hides[0]]
    kin = [other for other in others if other[:2] == mine[:2]]
    return not kin or any(mine[2] & other[2] == mine[2] for other in kin)


def _content(raw: bytes) -> tuple[int, bytes, int]:
    """Length, kind of meter and the data of a readout, without identification and access number."""
    return len(raw), raw[_ID_END:_ACCESS], int.from_bytes(raw[_ACCESS + 1 : -2], "big")


def access_number(frame: Frame) -> int | None:
    """The number that a meter counts on with every readout; None if it sends none."""
    index = {_CI_VARIABLE: _ADDRESS_SIZE, _CI_FIXED: _NUMBER_SIZE}.get(frame.ci_field or 0)
    return frame.data[index] if index is not None and len(frame.data) > index else None


def address_of(frame: Frame) -> MeterAddress | None:
    """The meter's address in a readout, of a fixed structure the number only; None if there is none in it."""
    if frame.ci_field == _CI_VARIABLE and len(frame.data) >= _ADDRESS_SIZE:
        return MeterAddress.from_octets(frame.data)
    if frame.ci_field == _CI_FIXED and len(frame.data) >= _NUMBER_SIZE:
        return MeterAddress(bcd_digits(frame.data[:_NUMBER_SIZE]))
    return None

"""Conversations with the meters on a wired bus, sans-IO (EN 13757-2: frame count bit, retries, waiting).

Each method that talks is a generator of steps (see `steps`); a level converter, or a test, carries the
steps out and sends back what was heard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias

from mbuscli.errors import BusError, MbuscliError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.failures import endless, failure, never_idle
from mbuscli.protocol.wired.fields import (
    ADDRESS_BROADCAST,
    ADDRESS_SELECTED,
    ADDRESS_TEST,
    FCB,
    REQ_UD2,
    SND_NKE,
    SND_UD,
    START_LONG,
)
from mbuscli.protocol.wired.frames import MAX_FRAME, Frame, encode_long, encode_short
from mbuscli.protocol.wired.reply import Reply, ReplyKind, echo_length, judge
from mbuscli.protocol.wired.steps import Listen, Send, Talk
from mbuscli.protocol.wired.timing import Timing, octets_s

CI_SELECT: Final = 0x52
MAX_TELEGRAMS: Final = 64

# FT1.2 knows no pauses inside a frame, meters do: a frame may take half as long again as its octets need.
_PAUSE_ALLOWANCE = 1.5
_ALL = frozenset((ADDRESS_TEST, ADDRESS_BROADCAST))
# More than this in one reply window is noise, however long it goes on.
_WINDOW_LIMIT = 2 * MAX_FRAME
# Where the access number stands, which counts on even if a meter repeats itself: CI field -> index.
_ACCESS_NUMBER = {0x72: 8, 0x76: 8, 0x7A: 0}


ProbeState: TypeAlias = Literal["silent", "meter", "collision", "noise"]


class Probe(NamedTuple):
    """What is at a primary address; `heard` is the evidence, all reply windows in order.

    A state "meter" without frame is a meter that acknowledges but sends no data; `note` says so.
    """

    address: int
    state: ProbeState
    note: str
    heard: tuple[Reply, ...]

    @property
    def frame(self) -> Frame | None:
        """The meter's RSP_UD, to be shown instead of a second readout."""
        return self.heard[-1].frame if self.state == "meter" else None

    @property
    def raw(self) -> bytes:
        """The octets of `frame`; none if there is no frame."""
        return self.heard[-1].raw if self.frame else b""


def single_telegram(frame: Frame) -> bool:
    """The `more_follows` for who wants the first telegram only."""
    return False


class Session:
    """The master's memory of one bus: the next frame count bit per address, and the line's last octet.

    `retries`: repeats of a request that was not answered well; `retries_silent`: repeats of a probe's first
    question when nobody answers it; `more_follows` says of a RSP_UD whether another telegram follows it
    (its last DIF is 1F). `timing` may be replaced after a change of baud rate.
    Errors: NoAnswerError when all tries met silence, else BusError; `replies` of either holds the telegrams
    read before it.
    """

    def __init__(
        self,
        timing: Timing,
        *,
        retries: int = 2,
        retries_silent: int = 0,
        more_follows: Callable[[Frame], bool] = single_telegram,
    ) -> None:
        self.timing = timing
        self.retries = retries
        self.retries_silent = retries_silent
        self._more_follows = more_follows
        self._next_fcb: dict[int, int] = {}
        self._now = self._sent_at = 0.0
        self._last_octet = 0.0
        self._late_until = 0.0

    # -- one exchange ------------------------------------------------------------------------------------

    def exchange(self, request: bytes) -> Talk[Reply]:
        """Send once when the line is idle, and judge what comes back; BusError if it never is idle."""
        yield from self._settle()
        sent = yield Send(request)
        self._now = self._sent_at = sent.now
        heard, bad = yield from self._listen(request)
        return judge(request, heard, bad)

    def await_stragglers(self) -> None:
        """Let the last request's reply window end before the next request: others may answer yet."""
        self._late_until = self._sent_at + self.timing.reply_timeout_s

    def reset(self, address: int, *, retries: int = 0) -> Talk[Reply]:
        """SND_NKE. Returns what was heard, silence too: for a scan that is an answer."""
        replies = yield from self._reset(address, retries)
        return replies[-1]

    def select(self, meter: MeterAddress, *, retries: int = 0) -> Talk[Reply]:
        """Select meters by secondary address (wildcards allowed). Returns what was heard, silence too."""
        replies = yield from self._try(_selection(meter), _is_ack, retries)
        self._start_fcb(ADDRESS_SELECTED)
        return replies[-1]

    def request(self, address: int) -> Talk[Reply]:
        """REQ_UD2, after SND_NKE where the state of the frame count bit is unknown.

        Returns a FRAME, or an ACK when the meter has nothing to send.
        """

        def is_answer(reply: Reply) -> bool:
            return _is_ack(reply) or reply.comes_from(address)

        yield from self._open_link(address)
        request = encode_short(self._with_fcb(REQ_UD2, address), address)
        replies = yield from self._try(request, is_answer, self.retries)
        if not is_answer(replies[-1]):
            raise self._failure(address, replies)
        self._toggle_fcb(address)
        return replies[-1]

    def request_once(self, address: int) -> Talk[Reply]:
        """One REQ_UD2 without repeats. Returns what was heard, whatever it is: a scan's answer."""
        reply = yield from self.exchange(encode_short(self._with_fcb(REQ_UD2, address), address))
        if _is_ack(reply) or (reply.comes_from(address) and not reply.is_garbled):
            self._toggle_fcb(address)
        return reply

    def send_data(
        self, address: int, ci_field: int, data: bytes = b"", *, retries: int | None = None
    ) -> Talk[Reply]:
        """SND_UD, after SND_NKE where the state of the frame count bit is unknown.

        Returns the ACK; from the broadcast address, which nobody answers, whatever was heard.
        """
        yield from self._open_link(address)
        request = encode_long(self._with_fcb(SND_UD, address), address, ci_field, data)
        if address == ADDRESS_BROADCAST:
            reply = yield from self.exchange(request)
            self._toggle_fcb(address)
            return reply
        replies = yield from self._try(request, _is_ack, self.retries if retries is None else retries)
        if not _is_ack(replies[-1]):
            raise self._failure(address, replies)
        self._toggle_fcb(address)
        return replies[-1]

    # -- whole readouts ----------------------------------------------------------------------------------

    def read(self, address: int) -> Talk[list[Reply]]:
        """All telegrams of a meter from the first one; no telegram when it has nothing to send."""
        self._next_fcb.pop(address, None)
        yield from self._open_link(address)
        return (yield from self._read_all(address))

    def read_selected(self, meter: MeterAddress) -> Talk[list[Reply]]:
        """As `read`, for the one meter that this secondary address selects."""
        # A meter that is still selected would go on where its last readout stopped.
        yield from self.reset(ADDRESS_SELECTED)
        replies = yield from self._try(_selection(meter), _is_ack, self.retries)
        self._start_fcb(ADDRESS_SELECTED)
        if not _is_ack(replies[-1]):
            raise failure(ADDRESS_SELECTED, replies, self.timing, meter=f"meter {meter}")
        return (yield from self._read_all(ADDRESS_SELECTED))

    def _read_all(self, address: int) -> Talk[list[Reply]]:
        replies: list[Reply] = []
        seen: set[bytes] = set()
        try:
            while True:
                reply = yield from self.request(address)
                if reply.frame is None:
                    return replies
                content = _content(reply.frame)
                if content in seen:
                    raise endless(address, "a telegram came twice")
                seen.add(content)
                replies.append(reply)
                if not self._more_follows(reply.frame):
                    return replies
                if len(replies) == MAX_TELEGRAMS:
                    raise endless(address, f"more than {MAX_TELEGRAMS} telegrams")
        except MbuscliError as error:
            error.replies = tuple(replies)
            raise

    # -- the question of a primary scan ------------------------------------------------------------------

    def probe(self, address: int) -> Talk[Probe]:
        """Who is at this primary address: SND_NKE, and for an ACK REQ_UD2, whose answer is kept.

        Garbled twice is a collision; heard once and not confirmed is noise. Never raises NoAnswerError.
        """
        heard: list[Reply] = []
        try:
            state, note = yield from self._ask_who(address, heard)
        except BusError as error:
            state, note = "noise", error.text
        if state != "meter":
            self._next_fcb.pop(address, None)
        return Probe(address, state, note, tuple(heard))

    def _ask_who(self, address: int, heard: list[Reply]) -> Talk[tuple[ProbeState, str]]:
        link_reset = encode_short(SND_NKE, address)
        heard += yield from self._try(link_reset, _is_heard, self.retries_silent)
        first = heard[-1]
        if first.kind is ReplyKind.SILENCE:
            return "silent", ""
        if not _is_ack(first):
            second = yield from self._hear(link_reset, heard)
            if second.kind is ReplyKind.SILENCE:
                return "noise", f"heard once, silent when asked again: {_remark(first)}"
            if not _is_ack(second):
                return "collision", _remark(second)
        self._start_fcb(address)
        return (yield from self._identify(address, heard))

    def _identify(self, address: int, heard: list[Reply]) -> Talk[tuple[ProbeState, str]]:
        """After an ACK: two meters that answer in step look like one E5, and noise makes an E5 easily."""
        request = encode_short(self._with_fcb(REQ_UD2, address), address)
        silent = garbled = 0
        while silent < 2:
            reply = yield from self._hear(request, heard)
            if _is_ack(reply) or (reply.comes_from(address) and not reply.is_garbled):
                self._toggle_fcb(address)
                self._expect_late_answer(heard)
                return "meter", "" if reply.frame else "it has nothing to send"
            if reply.kind is ReplyKind.SILENCE:
                silent += 1
            elif garbled:
                return "collision", _remark(reply)
            else:
                garbled += 1
        reply = yield from self._hear(encode_short(SND_NKE, address), heard)
        if _is_ack(reply):
            return "meter", "it acknowledges, but sends no data"
        if reply.kind is ReplyKind.SILENCE:
            return "noise", "one E5 was heard, and nothing when asked again"
        return "collision", _remark(reply)

    def _hear(self, request: bytes, heard: list[Reply]) -> Talk[Reply]:
        reply = yield from self.exchange(request)
        heard.append(reply)
        return reply

    # -- frame count bit ---------------------------------------------------------------------------------

    def _reset(self, address: int, retries: int) -> Talk[list[Reply]]:
        if address == ADDRESS_BROADCAST:
            retries = 0
        replies = yield from self._try(encode_short(SND_NKE, address), _is_ack, retries)
        self._next_fcb.pop(address, None)
        if _is_ack(replies[-1]) or address == ADDRESS_BROADCAST:
            self._start_fcb(address)
        return replies

    def _open_link(self, address: int) -> Talk[None]:
        """Make sure that the next frame count bit is new to the meter.

        Else a meter whose last request, perhaps of another program, had the same bit would take the request
        for a repeat: it would acknowledge a command without carrying it out. (253 begins with a selection.)
        """
        if address in self._next_fcb or address == ADDRESS_SELECTED:
            return
        replies = yield from self._reset(address, self.retries)
        if address not in self._next_fcb:
            raise failure(address, replies, self.timing)

    def _failure(self, address: int, replies: list[Reply]) -> MbuscliError:
        """The error; whether the meter has taken the request, and so its bit, is unknown then."""
        self._next_fcb.pop(address, None)
        return failure(address, replies, self.timing)

    def _with_fcb(self, c_field: int, address: int) -> int:
        return c_field | self._next_fcb.get(address, FCB)

    def _start_fcb(self, address: int) -> None:
        """After a link reset or a selection the next request carries FCB=1."""
        self._next_fcb[address] = FCB

    def _toggle_fcb(self, address: int) -> None:
        self._next_fcb[address] = self._next_fcb.get(address, FCB) ^ FCB
        # A meter has one memory for its own address and those of all meters, and another one for 253.
        for other in [*self._next_fcb]:
            if other != address and ADDRESS_SELECTED not in (other, address) and _ALL & {other, address}:
                del self._next_fcb[other]

    # -- line --------------------------------------------------------------------------------------------

    def _try(self, request: bytes, is_answer: Callable[[Reply], bool], retries: int) -> Talk[list[Reply]]:
        """Repeat the same frame until a reply will do; all replies, of which the last one decides."""
        replies: list[Reply] = []
        for _ in range(retries + 1):
            replies.append((yield from self.exchange(request)))
            if is_answer(replies[-1]):
                break
        self._expect_late_answer(replies)
        return replies

    def _expect_late_answer(self, replies: list[Reply]) -> None:
        """What was heard after a silent try may be that try's late answer; the last try's is then to come."""
        silences = [reply.kind is ReplyKind.SILENCE for reply in replies]
        if any(silences) and not silences[-1]:
            self._late_until = self._now + self.timing.reply_timeout_s

    def _settle(self) -> Talk[None]:
        """Wait until the line has been idle for 33 bit times; drop what comes late."""
        heard = yield Listen(max(self._last_octet + self.timing.idle_s, self._late_until))
        limit = heard.now + octets_s(MAX_FRAME, self.timing.baud) + self.timing.reply_timeout_s
        while heard.data:
            if heard.now > limit:
                raise never_idle(heard.data)
            heard = yield Listen(max(heard.now + self.timing.gap_s, self._late_until))

    def _listen(self, request: bytes) -> Talk[tuple[bytes, frozenset[int]]]:
        """All octets of the reply window and the indices of the bad ones.

        Silence ends the window; once an answer has begun, also the time that its announced length takes.
        """
        window = bytearray()
        bad: set[int] = set()
        silent_at = until = self._now + self.timing.reply_timeout_s
        began: float | None = None
        while len(window) < _WINDOW_LIMIT:
            heard = yield Listen(until)
            self._now = heard.now
            if not heard.data:
                break
            self._last_octet = heard.now
            bad.update(len(window) + index for index in heard.bad)
            window += heard.data
            until = heard.now + self.timing.gap_s
            answer = window[echo_length(request, window) :]
            if not answer:
                until = max(until, silent_at)
                continue
            began = heard.now if began is None else began
            limit = began + self._longest_s(answer)
            if heard.now >= limit:
                break
            until = min(until, limit)
        return bytes(window), frozenset(bad)

    def _longest_s(self, answer: bytearray) -> float:
        """How long the answer that begins like this may take, from its first octet."""
        size = MAX_FRAME
        if answer[0] != START_LONG:
            size = min(len(answer), MAX_FRAME)
        elif len(answer) > 1:
            size = answer[1] + 6
        return octets_s(size, self.timing.baud) * _PAUSE_ALLOWANCE + self.timing.gap_s


def _is_ack(reply: Reply) -> bool:
    return reply.kind is ReplyKind.ACK


def _remark(reply: Reply) -> str:
    """Why a reply is no clean answer to a probe."""
    if reply.note or reply.frame is None:
        return reply.note
    if reply.stray:
        return f"{len(reply.stray)} stray octets came with the answer"
    return f"an answer of address {reply.frame.a_field} came that was not asked for"


def _is_heard(reply: Reply) -> bool:
    return reply.kind is not ReplyKind.SILENCE


def _selection(meter: MeterAddress) -> bytes:
    # FCB=0 here: the selected meter's next request, with FCB=1, is then new to it in any case.
    return encode_long(SND_UD, ADDRESS_SELECTED, CI_SELECT, meter.octets())


def _content(frame: Frame) -> bytes:
    """What tells one telegram of a readout from the next: CI field and data without the access number."""
    index = _ACCESS_NUMBER.get(frame.ci_field or 0)
    data = frame.data if index is None else frame.data[:index] + frame.data[index + 1 :]
    return bytes((frame.ci_field or 0,)) + data

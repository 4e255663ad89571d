"""Conversations with the meters on a wired bus, sans-IO (EN 13757-2: frame count bit, retries, waiting).

Each method that talks is a generator of steps (see `steps`); a level converter, or a test, carries the
steps out and sends back what was heard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mbuscli.errors import MbuscliError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.octets import encode_bcd
from mbuscli.protocol.wired.failures import broken_off, endless, failure, never_idle
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
from mbuscli.protocol.wired.probe import Probe, is_ack, probe
from mbuscli.protocol.wired.reply import Reply, ReplyKind, echo_length, is_lost_echo, judge
from mbuscli.protocol.wired.steps import Listen, Send, Talk
from mbuscli.protocol.wired.timing import LATE_S, Timing, octets_s

CI_SELECT: Final = 0x52
_FABRICATION = b"\x0c\x78"
MAX_TELEGRAMS: Final = 64

# FT1.2 knows no pauses inside a frame, meters do: a frame may take half as long again as its octets need.
_PAUSE_ALLOWANCE = 1.5
_ALL = frozenset((ADDRESS_TEST, ADDRESS_BROADCAST))
# More than this in one reply window is noise, however long it goes on.
_WINDOW_LIMIT = 2 * MAX_FRAME
# Where the access number stands, which counts on even if a meter repeats itself: CI field -> index.
_ACCESS_NUMBER = {0x72: 8, 0x76: 8, 0x7A: 0}


def single_telegram(frame: Frame) -> bool:
    """The `more_follows` for who wants the first telegram only."""
    return False


class Session:
    """The master's memory of one bus: the next frame count bit per address, and the line's last octet.

    `retries`: repeats of a request that was not answered well; `retries_silent`: repeats of a probe's first
    question when nobody answers it; `more_follows` says of a RSP_UD whether another telegram follows it
    (its last DIF is 1F). `timing` may be replaced; `change_rate` does so for another baud rate.
    Errors: NoAnswerError when all tries met silence, else BusError; `replies` of either holds the telegrams
    read before it. After one the next request waits for answers that come late, so that none is taken for
    another meter's. `sent_at`: when the last request had left, by the port's clock; `strays`: octets so far
    that came in nobody's reply window.
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
        self._now = self.sent_at = 0.0
        self.strays = 0
        self._last_octet = 0.0
        self._late_until = 0.0

    # -- one exchange ------------------------------------------------------------------------------------

    def exchange(self, request: bytes) -> Talk[Reply]:
        """Send once when the line is idle, and judge what comes back; BusError if it never is idle."""
        yield from self.settle()
        sent = yield Send(request)
        self._now = self.sent_at = sent.now
        heard, bad = yield from self._listen(request)
        return judge(request, heard, bad)

    def await_stragglers(self, late_s: float = 0.0) -> None:
        """Let the last request's reply window end, and so much more, before the next request."""
        self._late_until = self.sent_at + self.timing.reply_timeout_s + late_s

    def reset(self, address: int, *, retries: int = 0) -> Talk[Reply]:
        """SND_NKE. Returns what was heard, silence too: for a scan that is an answer."""
        replies = yield from self._reset(address, retries)
        return replies[-1]

    def select(self, meter: MeterAddress, *, fabrication: str = "", retries: int = 0) -> Talk[Reply]:
        """Select meters by secondary address (wildcards allowed). Returns what was heard, silence too.

        `fabrication`: eight digits, F for any; then only meters that know this kind of selection answer.
        """
        replies = yield from self.attempt(_selection(meter, fabrication), is_ack, retries)
        self._start_fcb(ADDRESS_SELECTED)
        return replies[-1]

    def request(self, address: int) -> Talk[Reply]:
        """REQ_UD2, after SND_NKE where the state of the frame count bit is unknown.

        Returns a FRAME, or an ACK when the meter has nothing to send: then it is asked twice, as a late ACK
        of another request looks the same.
        """

        def is_answer(reply: Reply) -> bool:
            return is_ack(reply) or reply.comes_from(address)

        yield from self._open_link(address)
        request = encode_short(self._with_fcb(REQ_UD2, address), address)
        replies = yield from self.attempt(request, is_answer, self.retries)
        if is_ack(replies[-1]):
            self.await_stragglers(LATE_S)
            replies = yield from self.attempt(request, is_answer, self.retries)
        if not is_answer(replies[-1]):
            raise self._failure(address, replies)
        self._toggle_fcb(address)
        return replies[-1]

    def request_once(self, address: int) -> Talk[Reply]:
        """One REQ_UD2 without repeats. Returns what was heard, whatever it is: a scan's answer."""
        reply = yield from self.exchange(encode_short(self._with_fcb(REQ_UD2, address), address))
        if is_ack(reply) or (reply.comes_from(address) and not reply.is_garbled):
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
        replies = yield from self.attempt(request, is_ack, self.retries if retries is None else retries)
        if not is_ack(replies[-1]):
            raise self._failure(address, replies)
        self._toggle_fcb(address)
        return replies[-1]

    # -- whole readouts ----------------------------------------------------------------------------------

    def read(self, address: int) -> Talk[list[Reply]]:
        """All telegrams of a meter from the first one; no telegram when it has nothing to send."""
        self.forget(address)
        yield from self._open_link(address)
        return (yield from self._read_all(address))

    def read_selected(self, meter: MeterAddress) -> Talk[list[Reply]]:
        """As `read`, for the one meter that this secondary address selects."""
        # A meter that is still selected would go on where its last readout stopped.
        yield from self.reset(ADDRESS_SELECTED)
        replies = yield from self.attempt(_selection(meter), is_ack, self.retries)
        self._start_fcb(ADDRESS_SELECTED)
        if not is_ack(replies[-1]):
            self.await_stragglers(LATE_S)
            raise failure(ADDRESS_SELECTED, replies, self.timing, meter=f"meter {meter}")
        return (yield from self._read_all(ADDRESS_SELECTED))

    def read_on(self, address: int, first: Reply) -> Talk[list[Reply]]:
        """All telegrams of a readout whose first one has just come, that one included and not asked again."""
        return (yield from self._read_all(address, first))

    def _read_all(self, address: int, first: Reply | None = None) -> Talk[list[Reply]]:
        replies: list[Reply] = []
        seen: set[bytes] = set()
        try:
            while True:
                reply, first = first or (yield from self.request(address)), None
                if reply.frame is None:
                    if replies:
                        raise broken_off(address, len(replies))
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

    def probe(self, address: int) -> Talk[Probe]:
        """Who is at this primary address, as a scan asks. Never raises NoAnswerError."""
        return probe(self, address)

    # -- frame count bit ---------------------------------------------------------------------------------

    def _reset(self, address: int, retries: int) -> Talk[list[Reply]]:
        if address == ADDRESS_BROADCAST:
            retries = 0
        replies = yield from self.attempt(encode_short(SND_NKE, address), is_ack, retries)
        self.forget(address)
        if is_ack(replies[-1]) or address == ADDRESS_BROADCAST:
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
            raise self._failure(address, replies)

    def _failure(self, address: int, replies: list[Reply]) -> MbuscliError:
        """The error; whether the meter has taken the request, and so its bit, is unknown then."""
        self.forget(address)
        self.await_stragglers(LATE_S)
        return failure(address, replies, self.timing)

    def forget(self, address: int) -> None:
        """The next request to this address begins with a link reset."""
        self._next_fcb.pop(address, None)

    def change_rate(self, timing: Timing) -> None:
        """Go on at another baud rate, where other meters listen."""
        self.timing = timing
        self._next_fcb.clear()

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

    def attempt(self, request: bytes, is_answer: Callable[[Reply], bool], retries: int) -> Talk[list[Reply]]:
        """Repeat the same frame until a reply will do; all replies, of which the last one decides."""
        replies: list[Reply] = []
        first_sent_at = None
        for _ in range(retries + 1):
            replies.append((yield from self.exchange(request)))
            first_sent_at = self.sent_at if first_sent_at is None else first_sent_at
            if is_answer(replies[-1]):
                break
        silences = [reply.kind is ReplyKind.SILENCE for reply in replies]
        if first_sent_at is not None and any(silences) and not silences[-1]:
            self.expect_late(first_sent_at)
        return replies

    def expect_late(self, first_sent_at: float) -> None:
        """What was just heard may be the answer to a try before the last one, first sent at this time.

        Then the answers to the other tries come as late as it did: let them pass before the next request.
        """
        late_s = max(self._now - first_sent_at, self.timing.reply_timeout_s)
        self._late_until = self.sent_at + late_s + self.timing.gap_s

    def settle(self) -> Talk[None]:
        """Wait until the line has been idle for 33 bit times; drop what comes late."""
        heard = yield Listen(max(self._last_octet + self.timing.idle_s, self._late_until))
        limit = (
            max(heard.now, self._late_until)
            + octets_s(MAX_FRAME, self.timing.baud)
            + self.timing.reply_timeout_s
        )
        while heard.data:
            self.strays += len(heard.data)
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
            if not answer or is_lost_echo(request, window):
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


def _selection(meter: MeterAddress, fabrication: str = "") -> bytes:
    """The selection; an enhanced one has a record with the fabrication number behind the address."""
    record = _FABRICATION + encode_bcd(fabrication) if fabrication else b""
    # FCB=0 here: the selected meter's next request, with FCB=1, is then new to it in any case.
    return encode_long(SND_UD, ADDRESS_SELECTED, CI_SELECT, meter.octets() + record)


def _content(frame: Frame) -> bytes:
    """What tells one telegram of a readout from the next: CI field and data without the access number."""
    index = _ACCESS_NUMBER.get(frame.ci_field or 0)
    data = frame.data if index is None else frame.data[:index] + frame.data[index + 1 :]
    return bytes((frame.ci_field or 0,)) + data

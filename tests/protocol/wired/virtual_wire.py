"""The other side of a conversation: meters that keep the FCB rules, on a wire with a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.fields import FCB, FCV
from mbuscli.protocol.wired.frames import Frame, FrameKind, decode_frame, encode_long
from mbuscli.protocol.wired.steps import Heard, Listen, Send, Talk
from mbuscli.protocol.wired.timing import octets_s

T = TypeVar("T")
MORE = b"\x1f"


def rsp_ud(address: int, payload: bytes, *, acc: int = 0, c_field: int = 0x08) -> bytes:
    """A RSP_UD with a long header."""
    header = bytes.fromhex("78563412 2D2C 1B 16") + bytes((acc, 0, 0, 0))
    return encode_long(c_field, address, 0x72, header + payload)


def more_follows(frame: Frame) -> bool:
    return frame.data[-1:] == MORE


class Burst(NamedTuple):
    """Octets on the wire, `delay_s` after the request or the burst before; None as delay: at once behind."""

    delay_s: float | None
    data: bytes
    bad: frozenset[int] = frozenset()


Fate = Callable[[bytes], Sequence[Burst]]


class Slave:
    """A meter: frame count bits per address kind, telegrams in turn, selection."""

    def __init__(
        self,
        address: int,
        payloads: Sequence[bytes] = (b"\x01\x13\x05",),
        *,
        meter: str = "12345678.KAM.1B.16",
        delay_s: float = 0.03,
    ) -> None:
        self.address = address
        self.payloads = payloads
        self.meter = MeterAddress.parse(meter)
        self.delay_s = delay_s
        self.selected = False
        self.commands: list[tuple[int, bytes]] = []
        self.readouts = 0
        self._last_fcb: dict[str, int | None] = {"own": None, "selected": None}
        self._turn = 0
        self._answer = b""

    def answer(self, request: bytes) -> bytes:
        """The answer; no octets for silence."""
        frame = decode_frame(request)
        assert frame.c_field is not None
        if frame.ci_field == 0x52 and frame.a_field == 253:
            return self._select(frame)
        if frame.a_field not in (self.address, 254, 255) and not (frame.a_field == 253 and self.selected):
            return b""
        answer = self._serve(frame, "selected" if frame.a_field == 253 else "own")
        return b"" if frame.a_field == 255 else answer

    def _select(self, frame: Frame) -> bytes:
        self.selected = MeterAddress.from_octets(frame.data).matches(self.meter)
        if self.selected:
            self._last_fcb["selected"] = None
        return b"\xe5" if self.selected else b""

    def _serve(self, frame: Frame, kind: str) -> bytes:
        assert frame.c_field is not None
        if frame.c_field == 0x40:
            self._last_fcb[kind] = None
            self._turn = 0
            if kind == "selected":
                self.selected = False
            return b"\xe5"
        assert frame.c_field & FCV
        repeated = self._last_fcb[kind] == frame.c_field & FCB
        self._last_fcb[kind] = frame.c_field & FCB
        if not repeated:
            self._answer = self._do(frame)
        return self._answer

    def _do(self, frame: Frame) -> bytes:
        if frame.kind is not FrameKind.SHORT:
            self.commands.append((frame.ci_field or 0, frame.data))
            return b"\xe5"
        self.readouts += 1
        if not self.payloads:
            return b"\xe5"
        payload = self.payloads[self._turn % len(self.payloads)]
        self._turn += 1
        return rsp_ud(self.address, payload, acc=self.readouts & 0xFF)


class Wire:
    """Drives talks against slaves. `fates` change what happens to the next answers, one by one."""

    def __init__(
        self, *slaves: Slave, baud: int = 2400, echo: bool = False, fates: Iterable[Fate | None] = ()
    ) -> None:
        self.slaves = slaves
        self.baud = baud
        self.echo = echo
        self.fates = list(fates)
        self.now = 0.0
        self.sent: list[bytes] = []
        self.sent_at: list[float] = []
        self.chunk = 1
        self._coming: list[tuple[float, int, bool]] = []

    def put(self, at: float, data: bytes, bad: frozenset[int] = frozenset()) -> None:
        """Octets that begin at this time and come at the wire's pace."""
        for index, octet in enumerate(data):
            self._coming.append((at + octets_s(index + 1, self.baud), octet, index in bad))
        self._coming.sort(key=lambda item: item[0])

    def run(self, talk: Talk[T]) -> T:
        try:
            step = next(talk)
            while True:
                if isinstance(step, Send):
                    step = talk.send(self._send(step.data))
                else:
                    assert isinstance(step, Listen)
                    step = talk.send(self._listen(step.until))
        except StopIteration as done:
            result: T = done.value
            return result

    def _send(self, data: bytes) -> Heard:
        self.sent.append(data)
        self.sent_at.append(self.now)
        if self.echo:
            self.put(self.now, data)
        self.now += octets_s(len(data), self.baud)
        fate = self.fates.pop(0) if self.fates else None
        for slave in self.slaves:
            answer = slave.answer(data) if fate is not lost_request else b""
            bursts = fate(answer) if fate else [Burst(None, answer)]
            at = self.now
            for burst in bursts:
                at += slave.delay_s if burst.delay_s is None else burst.delay_s
                self.put(at, burst.data, burst.bad)
                at += octets_s(len(burst.data), self.baud)
        return Heard(self.now)

    def _listen(self, until: float) -> Heard:
        until = max(self.now, until)
        if not self._coming or self._coming[0][0] > until:
            self.now = until
            return Heard(self.now)
        ready = min(self.chunk, len(self._coming))
        self.now = max(self.now, min(until, self._coming[ready - 1][0]))
        count = sum(item[0] <= self.now for item in self._coming)
        taken, self._coming = self._coming[:count], self._coming[count:]
        bad = frozenset(index for index, item in enumerate(taken) if item[2])
        return Heard(self.now, bytes(item[1] for item in taken), bad)


# -- fates: what can happen to an answer -----------------------------------------------------------------


def lost_request(answer: bytes) -> list[Burst]:
    """The meter never heard the request."""
    return []


def lost_answer(answer: bytes) -> list[Burst]:
    """The meter heard the request, nobody heard its answer."""
    return []


def damaged(answer: bytes) -> list[Burst]:
    """One octet in the middle is wrong."""
    middle = len(answer) // 2
    return [
        Burst(
            None, answer[:middle] + bytes((answer[middle] ^ 0x04,)) + answer[middle + 1 :] if answer else b""
        )
    ]


def cut_off(answer: bytes) -> list[Burst]:
    """The second half is missing."""
    return [Burst(None, answer[: len(answer) // 2])]


def with_parity_error(answer: bytes) -> list[Burst]:
    """The octets are right, one of them came with a parity error."""
    return [Burst(None, answer, frozenset((len(answer) // 2,)))]


def late(answer: bytes) -> list[Burst]:
    """The answer comes after the reply window."""
    return [Burst(0.32, answer)]


def twice(answer: bytes) -> list[Burst]:
    """Two meters, one behind the other."""
    return [Burst(None, answer), Burst(0.01, answer)]


def noise_before(answer: bytes) -> list[Burst]:
    return [Burst(0.012, b"\x00\xff"), Burst(0.005, answer)]


def noise_after(answer: bytes) -> list[Burst]:
    return [Burst(None, answer), Burst(0.005, b"\x00\xff\x80")]


def burst_of(data: bytes) -> Fate:
    """These octets instead of the answer."""
    return lambda answer: [Burst(None, data)]


def dripping(data: bytes, pause_s: float) -> Fate:
    """One octet at a time with pauses between them."""
    return lambda answer: [Burst(pause_s, data[index : index + 1]) for index in range(len(data))]


HARMS: list[Fate] = [lost_request, lost_answer, damaged, cut_off, with_parity_error, late, twice]

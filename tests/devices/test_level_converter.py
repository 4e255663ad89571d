from __future__ import annotations

from types import TracebackType
from typing import Self

import pytest

from mbuscli.devices.converters.level_converter import LevelConverter
from mbuscli.errors import NoAnswerError, PortError, Reason
from mbuscli.ports.base import NOTHING, Received
from mbuscli.protocol.wired.frames import encode_long, encode_short
from mbuscli.protocol.wired.reply import ReplyKind
from mbuscli.protocol.wired.session import Session
from mbuscli.protocol.wired.steps import Heard, Listen, Send, SwitchBaud, Talk
from mbuscli.protocol.wired.timing import timing_for

RSP = encode_long(0x08, 5, 0x72, bytes(12) + b"\x01\x13\x05\x1f")


class ScriptedPort:
    """Answers each write with the next script line, in pieces of `piece` octets; its clock stands for time."""

    def __init__(self, *answers: bytes, echo: bool = False, piece: int = 999) -> None:
        self.name = "scripted"
        self.baud = 2400
        self.answers = list(answers)
        self.echo = echo
        self.piece = piece
        self.lost = False
        self.written: list[bytes] = []
        self._clock = 0.0
        self._coming = b""

    def now(self) -> float:
        return self._clock

    def write(self, data: bytes) -> None:
        self._check()
        self.written.append(data)
        answer = self.answers.pop(0) if self.answers else b""
        self.lost = answer == b"unplug"
        self._coming += (data if self.echo else b"") + (b"" if self.lost else answer)

    def read(self, until: float) -> Received:
        if not self._coming:
            self._check()
            self._clock = max(self._clock, until)
            return NOTHING
        piece, self._coming = self._coming[: self.piece], self._coming[self.piece :]
        return Received(piece)

    def set_baud(self, baud: int) -> None:
        self.baud = baud

    def close(self) -> None:
        self.lost = True

    def _check(self) -> None:
        if self.lost:
            raise PortError("the port is gone", reason=Reason.UNPLUGGED)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def session() -> Session:
    return Session(timing_for(2400), more_follows=lambda frame: True)


@pytest.mark.parametrize("piece", [1, 4, 999])
@pytest.mark.parametrize("echo", [False, True])
def test_echo_is_noticed_and_dropped(echo: bool, piece: int) -> None:
    converter = LevelConverter(ScriptedPort(b"\xe5", RSP, echo=echo, piece=piece))
    bus = session()
    assert converter.run(bus.reset(5)).kind is ReplyKind.ACK
    assert converter.echo is echo
    reply = converter.run(bus.request(5))
    assert (reply.raw, reply.echo) == (RSP, echo)


def test_echo_is_noticed_when_nobody_answers_and_then_remembered() -> None:
    port = ScriptedPort(echo=True)
    converter = LevelConverter(port)
    with pytest.raises(NoAnswerError):
        converter.run(session().request(5))
    assert converter.echo
    port.echo = False
    port.answers = [b"\xe5", RSP]
    converter.run(session().request(5))
    assert converter.echo


def test_an_answer_is_no_echo() -> None:
    converter = LevelConverter(ScriptedPort(b"\xe5", RSP))
    converter.run(session().request(5))
    assert not converter.echo


def test_baud_and_clock() -> None:
    def talk() -> Talk[list[Heard]]:
        return [(yield SwitchBaud(9600)), (yield Send(b"\x10")), (yield Listen(1.5)), (yield Listen(2.0))]

    port = ScriptedPort(b"\xe5")
    heard = LevelConverter(port).run(talk())
    assert port.baud == 9600
    assert heard == [Heard(0.0), Heard(0.0), Heard(0.0, b"\xe5"), Heard(2.0)]


def test_what_was_read_before_the_port_was_lost() -> None:
    port = ScriptedPort(b"\xe5", RSP, b"unplug")
    with pytest.raises(PortError) as caught:
        LevelConverter(port).run(session().read(5))
    assert caught.value.name == "port.unplugged"
    assert [reply.raw for reply in caught.value.replies] == [RSP]
    assert port.written[-1] == encode_short(0x5B, 5)


def test_a_talk_is_closed_when_interrupted() -> None:
    closed = []

    def talk() -> Talk[None]:
        try:
            while True:
                yield Listen(1.0)
        finally:
            closed.append(True)

    class Interrupted(ScriptedPort):
        def read(self, until: float) -> Received:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LevelConverter(Interrupted()).run(talk())
    assert closed

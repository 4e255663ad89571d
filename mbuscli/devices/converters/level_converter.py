"""A level converter: the plain M-Bus master hardware behind a serial port or a gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mbuscli.errors import PortError
from mbuscli.ports.base import Port
from mbuscli.protocol.wired.steps import Heard, Listen, Send, Step, SwitchBaud, Talk

T = TypeVar("T")


class LevelConverter:
    """Carries out conversations over a port.

    `echo` becomes true, and `on_echo` is called, once everything that was sent came back first: many
    converters pass on what they hear of the master itself. The octets stay in what is heard; judging a reply
    drops them.
    """

    def __init__(self, port: Port) -> None:
        self.port = port
        self.echo = False
        self.on_echo: Callable[[], None] | None = None
        self._sent = b""
        self._heard = bytearray()

    def run(self, talk: Talk[T]) -> T:
        """The conversation's result; raises what it raises, and PortError when the port is lost."""
        try:
            step = next(talk)
            while True:
                try:
                    heard = self._carry_out(step)
                except PortError as error:
                    step = talk.throw(error)  # so that the talk can attach what it has read so far
                else:
                    step = talk.send(heard)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            talk.close()

    def _carry_out(self, step: Step) -> Heard:
        port = self.port
        if isinstance(step, Send):
            port.write(step.data)
            self._sent = step.data
            self._heard.clear()
            return Heard(port.now())
        if isinstance(step, Listen):
            data, bad = port.read(step.until)
            self._look_for_echo(data)
            return Heard(port.now(), data, bad)
        assert isinstance(step, SwitchBaud)
        port.set_baud(step.baud)
        return Heard(port.now())

    def _look_for_echo(self, data: bytes) -> None:
        """Compare the first octets after a frame with it, however they are cut into pieces."""
        if not self._sent or not data:
            return
        self._heard += data
        if len(self._heard) >= len(self._sent):
            if not self.echo and self._heard.startswith(self._sent):
                self.echo = True
                if self.on_echo is not None:
                    self.on_echo()
            self._sent = b""

"""Amber (Würth) sticks: AMB8465 and its kin (868 MHz), AMB3665 (169 MHz)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from mbuscli.devices.sticks.base import Identity, Reception, Stick
from mbuscli.devices.sticks.serial_stick import HALF_BARE_TELEGRAM_S, Line, SerialStick
from mbuscli.ports.base import Port
from mbuscli.protocol.octets import bcd_digits
from mbuscli.protocol.receivers import amber
from mbuscli.protocol.receivers.amber import BAUD as BAUD
from mbuscli.protocol.receivers.amber import Frame
from mbuscli.protocol.receivers.bare_stream import BareStream
from mbuscli.protocol.receivers.framer import Damage
from mbuscli.protocol.receivers.stream import StreamTelegram, rssi_dbm, split_rssi

FAMILY = "amber"
_STEP = "read memory at 9600 baud, answered"
# Behind octets at another rate the module needs a second of silence before it hears again.
_ANSWER_S = 1.3

_Message: TypeAlias = Frame | StreamTelegram


class _AmberLine:
    """Answers and telegrams. How telegrams are handed over is a setting: until it is known they wait."""

    def __init__(self) -> None:
        self._answers = amber.Answers()
        self._telegrams: Line[StreamTelegram] | None = None
        self._waiting = b""

    @property
    def held(self) -> int:
        """Octets that are not known to be anything yet."""
        return self._answers.held + (0 if self._telegrams is None else self._telegrams.held)

    def set_output(self, telegrams: Line[StreamTelegram]) -> list[_Message | Damage]:
        """Cut telegrams like this from the start; gives what came before it was known."""
        waiting, self._waiting = self._waiting, b""
        self._telegrams = self._telegrams or telegrams
        return self._cut(waiting)

    def feed(self, data: bytes) -> list[_Message | Damage]:
        """As Framer."""
        found: list[_Message | Damage] = []
        for item in self._answers.feed(data):
            if isinstance(item, Frame):
                found.append(item)
            else:
                found += self._cut(item)
        return found

    def pause(self) -> list[_Message | Damage]:
        """As Framer."""
        return self._each(lambda line: line.pause()) if not self._answers.held else []

    def flush(self) -> list[_Message | Damage]:
        """As Framer."""
        return [*self._cut(self._answers.flush()), *self._each(lambda line: line.flush())]

    def _cut(self, data: bytes) -> list[_Message | Damage]:
        if self._telegrams is None:
            self._waiting += data
        return self._each(lambda line: line.feed(data)) if data else []

    def _each(
        self, take: Callable[[Line[StreamTelegram]], list[StreamTelegram | Damage]]
    ) -> list[_Message | Damage]:
        return [] if self._telegrams is None else list(take(self._telegrams))


class Amber(SerialStick[_Message]):
    """An AMB8465 or AMB3665. Its link mode is set until it loses power; its memory is only read.

    Whether it appends the signal strength, and whether it wraps telegrams in frames, its memory tells.
    """

    family = FAMILY
    half_message_s = HALF_BARE_TELEGRAM_S
    answer_s = _ANSWER_S
    hears: tuple[frozenset[str], ...] = tuple(amber.LINK_MODES[amber.SIZE_868].values())

    def __init__(self, port: Port) -> None:
        self._amber_line = _AmberLine()
        super().__init__(port, self._amber_line)
        self._memory = b""
        self._is_tuned = False

    def is_alive(self) -> bool:
        """As Stick says."""
        return self._request(amber.SERIAL_NUMBER) is not None

    def _identify(self) -> Identity | None:
        answer = self._request(amber.GET_PARAMETERS, amber.READ_MEMORY)
        memory = None if answer is None else amber.decode_memory(answer)
        if memory is None:
            return None
        self._memory = memory
        self.hears = tuple(amber.LINK_MODES[len(memory)].values())
        wrapped = memory[amber.COMMAND_OUTPUT] == 1
        self._keep(self._amber_line.set_output(amber.telegram_framer() if wrapped else BareStream()))
        number = self._request(amber.SERIAL_NUMBER)
        address = bcd_digits(memory[amber.IDENTIFICATION : amber.IDENTIFICATION + 4])
        serial = address if number is None else number.hex().upper()
        return Identity(FAMILY, amber.MODELS[len(memory)], serial=serial, step=_STEP)

    def _tune(self, modes: frozenset[str]) -> bool:
        numbers = amber.LINK_MODES[len(self._memory)]
        self._is_tuned = True
        return self._set(next(number for number, heard in numbers.items() if heard == modes))

    def _undo(self) -> None:
        """Back to the mode that the module takes up when it gets power."""
        was_tuned, self._is_tuned = self._is_tuned, False
        if was_tuned:
            self._set(self._memory[amber.PRESELECTED_MODE])

    def _set(self, number: int) -> bool:
        status = self._request(amber.SET_LINK_MODE, bytes((number,)))
        if status is None:
            raise self._silent()
        return status[0] == amber.STATUS_OK

    def _request(self, command: int, payload: bytes = b"") -> bytes | None:
        """The payload of the answer."""
        return self._ask(
            amber.encode_frame(command, payload),
            lambda message: (
                message.payload if isinstance(message, Frame) and message.answers == command else None
            ),
        )

    def _reception(self, message: _Message, time: float) -> Reception | None:
        if isinstance(message, Frame):
            return None
        telegram, strength = message.telegram, None
        if self._memory and self._memory[amber.RSSI_APPENDED] == 1:
            telegram, octet = split_rssi(telegram)
            strength = rssi_dbm(octet)
        return Reception(telegram, time, strength, frame_format="none", raw=message.raw)


def probe(port: Port) -> Identity | None:
    """Who answers there, at the usual rate of these sticks; None if nobody does."""
    return Amber(port).probe()


def driver(port: Port) -> Stick:
    """The driver on an open port."""
    return Amber(port)

"""Receivers that only hand over what they hear: telegrams as octets, L first, or in hexadecimal digits.

They are not asked anything, so nothing can be said of the stick behind the line. The rate is the user's.
"""

from __future__ import annotations

import re

from mbuscli.devices.sticks.base import Identity, Reception, Stick
from mbuscli.devices.sticks.serial_stick import HALF_BARE_TELEGRAM_S, Line, SerialStick
from mbuscli.errors import DecodeError, Reason
from mbuscli.ports.base import Port
from mbuscli.protocol.octets import counted
from mbuscli.protocol.receivers.bare_stream import BareStream, Found
from mbuscli.protocol.receivers.framer import Damage
from mbuscli.protocol.receivers.lines import LineSplitter
from mbuscli.protocol.receivers.stream import StreamTelegram

RAW_FAMILY, HEX_FAMILY, ANY_FAMILY = "rawtty", "hextty", "tty"
BAUD = 9600
# Shorter runs of digits are words and numbers.
_RUN = re.compile(r"(?:[0-9A-Fa-f]{2}[ \t_|:-]?){11,}[0-9A-Fa-f]?")
_VISUAL = str.maketrans("", "", " \t_|:-")
_TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\r\n")
# Which link modes the receiver is set to is not known; these are what meters use.
_ANY = frozenset(("C1", "S1", "T1"))


class HexLine:
    """Telegrams in hexadecimal digits, among words or not; as a rule one on a line of text."""

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._stream = BareStream()

    @property
    def held(self) -> int:
        """Octets that are not known to be anything yet."""
        return self._lines.held + self._stream.held

    def feed(self, data: bytes, /) -> list[Found]:
        """What the lines that are whole now bring."""
        return [found for line in self._lines.feed(data) for found in self._take(line)]

    def pause(self) -> list[Found]:
        """A line may go on behind a pause."""
        return []

    def flush(self) -> list[Found]:
        """All that is held, as nothing follows it."""
        found = [found for line in self._lines.flush() for found in self._take(line)]
        return [*found, *self._stream.flush()]

    def _take(self, line: bytes) -> list[Found]:
        found: list[Found] = []
        for run in _RUN.findall(line.decode("ascii", "replace")):
            digits = run.translate(_VISUAL)
            if len(digits) % 2:
                found += [*self._stream.flush(), _odd(digits)]
                continue
            found += self._stream.feed(bytes.fromhex(digits))
            found += self._stream.end_unit()
        return found


class AnyLine:
    """Octets or hexadecimal digits: the first octets tell which."""

    def __init__(self) -> None:
        self._line: HexLine | BareStream | None = None

    @property
    def held(self) -> int:
        """Octets that are not known to be anything yet."""
        return 0 if self._line is None else self._line.held

    def feed(self, data: bytes, /) -> list[Found]:
        """What is certain now."""
        if self._line is None:
            self._line = HexLine() if _TEXT.issuperset(data) else BareStream()
        return self._line.feed(data)

    def pause(self) -> list[Found]:
        """The line is silent for a moment."""
        return [] if self._line is None else self._line.pause()

    def flush(self) -> list[Found]:
        """All that is held, as nothing follows it."""
        return [] if self._line is None else self._line.flush()


class TextTty(SerialStick[StreamTelegram]):
    """A line that is only read. `listen` sets nothing, and promises what was asked for."""

    half_message_s = HALF_BARE_TELEGRAM_S

    def __init__(self, port: Port, family: str, line: Line[StreamTelegram]) -> None:
        super().__init__(port, line)
        self.family = family
        self.hears = (_ANY,)

    def listen(self, modes: frozenset[str]) -> frozenset[str]:
        """Whatever the receiver is set to comes; that cannot be told from here."""
        return modes

    def is_alive(self) -> bool:
        """True: only a failing port tells of the end of such a line."""
        return True

    def _identify(self) -> Identity | None:
        return Identity(self.family, "a line of telegrams", step="named by the user; the line is not asked")

    def _tune(self, modes: frozenset[str]) -> bool:
        return True

    def _undo(self) -> None:
        """Nothing was changed."""

    def _reception(self, message: StreamTelegram, time: float) -> Reception | None:
        return Reception(message.telegram, time, frame_format="none", raw=message.raw)


def driver(port: Port) -> Stick:
    """The driver for telegrams as octets."""
    return TextTty(port, RAW_FAMILY, BareStream())


def hex_driver(port: Port) -> Stick:
    """The driver for telegrams in hexadecimal."""
    return TextTty(port, HEX_FAMILY, HexLine())


def any_driver(port: Port) -> Stick:
    """The driver for a line of which it is not known which of both it is."""
    return TextTty(port, ANY_FAMILY, AnyLine())


def _odd(digits: str) -> Damage:
    text = f"the line is cut: an odd number of hexadecimal digits ({counted(len(digits), 'digit')})"
    return Damage(digits.encode(), DecodeError(text, reason=Reason.ODD_HEX))

"""The serial line of Amber (Würth) modules: AMB8465 and its kin at 868 MHz, AMB3665 at 169 MHz.

A command is FF, command, length, payload, exclusive or of all; its answer has bit 7 of the command set. In
command output mode a received telegram is command 03, without its L field; in transparent mode telegrams
stand bare between the answers. If the module is set to it, one octet of signal strength stands behind a
telegram, and its length counts it.
"""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.checksum import xor8
from mbuscli.protocol.receivers.framer import MORE, Cut, Framer, Verdict
from mbuscli.protocol.receivers.stream import StreamTelegram

BAUD = 9600
START = 0xFF
RECEIVED = 0x03
SET_LINK_MODE = 0x04
GET_PARAMETERS = 0x0A
SERIAL_NUMBER = 0x0B

# What is heard in a link mode, by its number, by the size of the module's memory.
SIZE_868, SIZE_169 = 0x78, 0x80
LINK_MODES: dict[int, dict[int, frozenset[str]]] = {
    SIZE_868: {
        0x09: frozenset(("C1", "T1")),
        0x08: frozenset(("T1",)),
        0x0E: frozenset(("C1",)),
        0x03: frozenset(("S1", "S1-m")),
        0x07: frozenset(("T2",)),
        0x0D: frozenset(("C2",)),
    },
    SIZE_169: {
        0x02: frozenset(("N1a",)),
        0x04: frozenset(("N1b",)),
        0x06: frozenset(("N1c",)),
        0x08: frozenset(("N1d",)),
        0x0A: frozenset(("N1e",)),
        0x0C: frozenset(("N1f",)),
    },
}
LINK_MODE_CT = 0x09
MODELS = {SIZE_868: "AMB8465", SIZE_169: "AMB3665"}
STATUS_OK = 0

# Places in the module's memory.
COMMAND_OUTPUT, MANUFACTURER, IDENTIFICATION, VERSION, DEVICE_TYPE = 0x05, 0x32, 0x34, 0x38, 0x39
RSSI_APPENDED, PRESELECTED_MODE = 0x45, 0x46

# All of the memory, as much as a module has of the 128 octets.
READ_MEMORY = bytes((0, 0x80))

_ANSWER = 0x80
# The lengths that an answer can have, by its command.
_ANSWERS = {
    _ANSWER | SET_LINK_MODE: (1,),
    _ANSWER | GET_PARAMETERS: (SIZE_868 + 2, SIZE_169 + 2),
    _ANSWER | SERIAL_NUMBER: (4,),
}
_HEADER = 3


class Frame(NamedTuple):
    """A command or an answer."""

    command: int
    payload: bytes
    raw: bytes = b""

    @property
    def answers(self) -> int | None:
        """The command that this answers, None if it is no answer."""
        return self.command & ~_ANSWER if self.command & _ANSWER else None


def encode_frame(command: int, payload: bytes = b"") -> bytes:
    """A command with its check octet."""
    frame = bytes((START, command, len(payload))) + payload
    return frame + bytes((xor8(frame),))


def encode_answer(command: int, payload: bytes) -> bytes:
    """The answer to `command`."""
    return encode_frame(command | _ANSWER, payload)


def frame_size(data: bytes, at: int) -> int | None:
    """Octets of the frame that begins at `at`, None if its length is not there yet."""
    return data[at + 2] + _HEADER + 1 if len(data) - at >= _HEADER else None


def decode_frame(raw: bytes) -> Frame:
    """A whole frame; DecodeError `link.checksum` if it is damaged."""
    if xor8(raw):
        text = "the check sum of the stick's frame is wrong: the serial line damaged it"
        raise DecodeError(text, reason=Reason.CHECKSUM)
    return Frame(raw[1], raw[_HEADER:-1], raw)


def telegram_of(frame: Frame) -> StreamTelegram:
    """The telegram that a frame of command output mode carries: its length is the L field."""
    return StreamTelegram(frame.raw[2:-1], frame.raw)


def decode_memory(answer: bytes) -> bytes | None:
    """The memory in the answer to READ_MEMORY, None if it is not all of one of the known modules."""
    if len(answer) < 2 or answer[0] != 0 or answer[1] not in LINK_MODES or len(answer) != answer[1] + 2:
        return None
    return answer[2:]


class Answers:
    """Picks the answers of the module out of the stream; in transparent mode telegrams stand between them.

    An answer is told by its start, the length that belongs to its command, and its check octet: a telegram
    holds one by chance once in many millions of telegrams.
    """

    def __init__(self) -> None:
        self._held = b""

    @property
    def held(self) -> int:
        """Octets that may be the start of an answer."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Frame | bytes]:
        """Answers, and the octets between them, in order; the same answers however the octets are cut."""
        data = self._held + data
        items: list[Frame | bytes] = []
        begin = at = 0
        while (at := data.find(START, at)) >= 0:
            size = _answer_size(data, at)
            if size is None:
                break
            raw = data[at : at + size]
            if size == 0 or xor8(raw):
                at += 1
                continue
            items += [data[begin:at], decode_frame(raw)]
            begin = at = at + size
        end = len(data) if at < 0 else at
        self._held = data[end:]
        return [item for item in [*items, data[begin:end]] if item]

    def flush(self) -> bytes:
        """All that is held, as nothing follows it."""
        held, self._held = self._held, b""
        return held


def command_framer() -> Framer[Frame]:
    """Cuts what is sent to the module."""
    return Framer(_cut_frame)


def telegram_framer() -> Framer[StreamTelegram]:
    """Cuts the telegrams of command output mode."""
    return Framer(_cut_telegram)


def _answer_size(data: bytes, at: int) -> int | None:
    """Octets of the answer at `at`, None if it is not whole yet, 0 if there is none."""
    head = data[at : at + _HEADER]
    if len(head) > 1 and head[1] not in _ANSWERS:
        return 0
    if len(head) < _HEADER:
        return None
    if head[2] not in _ANSWERS[head[1]]:
        return 0
    size = head[2] + _HEADER + 1
    return size if at + size <= len(data) else None


def _cut_telegram(data: bytes, at: int) -> Cut[StreamTelegram] | DecodeError | Verdict:
    if len(data) - at > 1 and data[at + 1] != RECEIVED:
        return Verdict.NO_MESSAGE
    cut = _cut_frame(data, at)
    if isinstance(cut, Cut) and isinstance(cut.message, Frame):
        return Cut(cut.size, telegram_of(cut.message))
    return cut if not isinstance(cut, Cut) else Verdict.NO_MESSAGE


def _cut_frame(data: bytes, at: int) -> Cut[Frame] | DecodeError | Verdict:
    if data[at] != START:
        return Verdict.NO_MESSAGE
    size = frame_size(data, at)
    if size is None or at + size > len(data):
        return MORE
    try:
        return Cut(size, decode_frame(data[at : at + size]))
    except DecodeError as error:
        return error

"""Targets that are serial lines of radio sticks, and the lines that receivers in software write."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from mbuscli.devices.sticks import registry
from mbuscli.devices.sticks.base import Reception
from mbuscli.devices.sticks.text_tty import AnyLine, HexLine
from mbuscli.errors import DecodeError, MbuscliError
from mbuscli.protocol.receivers import amber, cul, im871a, iu891a, rtl_433, rtl_wmbus, wimod_lorawan
from mbuscli.protocol.receivers.bare_stream import BareStream
from mbuscli.protocol.receivers.framer import Damage
from mbuscli.protocol.receivers.lines import LineSplitter
from mbuscli.protocol.wireless.frame_format import encode_format_a
from mbuscli.services.input import Piece
from mbuscli.telegram import Telegram
from tests.fuzz.campaign import Target
from tests.fuzz.conversation import Talker
from tests.fuzz.telegrams import decode_all, telegrams

TIME = "2026-01-31 10:00:00.123456"
_LISTEN_S = 5.0
_DECODED = 20


class Line(NamedTuple):
    """How a family writes a telegram, what cuts its line, what a message ends with where its driver reads it."""

    write: Callable[[bytes], bytes]
    cut: Callable[[], Any]
    ends: bytes = b""
    family: str = ""
    answers: tuple[bytes, ...] = ()


def _im871a(telegram: bytes) -> bytes:
    return im871a.encode_frame(im871a.RADIO_LINK, im871a.RECEIVED, telegram[1:], rssi=76, crc=True)


def _iu891a(telegram: bytes) -> bytes:
    return iu891a.encode_frame(iu891a.RADIO_LINK, iu891a.RECEIVED, iu891a.encode_received(telegram, -70, 1))


def _wimod(telegram: bytes) -> bytes:
    heard = bytes((wimod_lorawan.EXTENDED,)) + telegram[:40] + b"\x00\x05\xb4\x07\x01"
    return wimod_lorawan.encode_request(wimod_lorawan.LORAWAN, wimod_lorawan.RECEIVED, heard)


def _text(line: str) -> bytes:
    return line.encode() + b"\r\n"


def _row(telegram: bytes) -> bytes:
    return _text(f"{TIME},,a\\,b,Wireless-MBus,T,33225544,{len(telegram)},{telegram.hex()},CRC,-3.1")


LINES = {
    "im871a": Line(_im871a, im871a.framer, b"", "im871a", (bytes.fromhex("A50110083300151778563412"),)),
    "iu891a": Line(_iu891a, iu891a.framer, b"\xc0", "iu891a", (iu891a.encode_frame(1, 2, bytes(12)),)),
    "amber": Line(
        lambda telegram: amber.encode_frame(amber.RECEIVED, telegram[1:]),
        amber.telegram_framer,
        b"",
        "amber",
        (
            amber.encode_answer(amber.SET_LINK_MODE, b"\0"),
            amber.encode_answer(amber.SERIAL_NUMBER, b"\x12\x34\x56\x78"),
        ),
    ),
    "amber_commands": Line(lambda telegram: amber.encode_frame(0x0A, telegram[:3]), amber.command_framer),
    "amber_answers": Line(lambda telegram: amber.encode_answer(4, telegram[:1]) + telegram, amber.Answers),
    "wimod": Line(_wimod, wimod_lorawan.framer, b"\xc0"),
    "rc1180": Line(lambda telegram: telegram, BareStream, b">", "rc1180"),
    "rawtty": Line(lambda telegram: telegram, BareStream, b"", "rawtty"),
    "hextty": Line(lambda telegram: _text(telegram.hex()), HexLine, b"\n", "hextty"),
    "tty": Line(lambda telegram: _text(telegram.hex(" ")), AnyLine),
    "cul": Line(
        lambda telegram: _text(cul.encode_received(encode_format_a(telegram), "A", -71)),
        LineSplitter,
        b"\n",
        "cul",
        (b"V 1.67 nanoCUL868\r\n", b"TMODE\r\n", b"CMODE\r\n"),
    ),
    "rtl_wmbus": Line(
        lambda telegram: _text(rtl_wmbus.encode_line(telegram, "T1", TIME, -71)),
        LineSplitter,
        b"\n",
        "rtl_wmbus",
    ),
    "rtl_433": Line(
        lambda telegram: _text(rtl_433.encode_json_line(telegram, "T1", TIME)), LineSplitter, b"\n", "rtl_433"
    ),
    "rtl_433_rows": Line(_row, LineSplitter),
}
# What text becomes before a codec has it.
_PARSERS: dict[str, tuple[Callable[[str], object], ...]] = {
    "cul": (cul.parse_received, cul.parse_merged),
    "rtl_wmbus": (rtl_wmbus.parse_line,),
    "rtl_433": (rtl_433.parse_json_line,),
    "rtl_433_rows": (rtl_433.parse_header, lambda line: rtl_433.parse_row(line, ("time", "model", "data"))),
}


@cache
def _seeds(name: str) -> tuple[bytes, ...]:
    line = LINES[name]
    written = [line.write(telegram) for telegram in telegrams()[:200]]
    pairs = [first + second for first, second in zip(written[::7], written[1::9], strict=False)]
    return (*written, *pairs, *line.answers, *(b"".join(line.answers) + one for one in written[::10]))


def _repair(name: str, data: bytes) -> bytes:
    """The octets as the content of a message whose length and check sum fit."""
    content = (data + bytes(12))[: max(12, min(len(data), 240))]
    return LINES[name].write(bytes((len(content) - 1,)) + content[1:])


def _act(name: str, case: bytes) -> Sequence[Telegram]:
    """Octets of the line into messages; with a driver, through it to telegrams."""
    line = LINES[name]
    cutter = line.cut()
    found = [*cutter.feed(case), *_ended(cutter)]
    for item in found:
        if isinstance(item, bytes):
            for parse in _PARSERS.get(name, ()):
                parse(item.decode("utf-8", "replace"))
    if not line.family:
        return ()
    return list(_decoded(_received(line, case), zlib.crc32(case)))


def _received(line: Line, case: bytes) -> list[Reception]:
    port = Talker(case, line.ends)
    stick = registry.driver_of(line.family, port)
    if zlib.crc32(case) & 2:
        with suppress(MbuscliError):
            stick.identify()
        with suppress(MbuscliError):
            stick.listen(stick.hears[0])
    heard = stick.receive(port.now() + _LISTEN_S)
    while not port.is_done:
        heard += stick.receive(port.now() + _LISTEN_S)
    heard += stick.receive(port.now() + _LISTEN_S)
    stick.restore()
    return heard


def _decoded(heard: Iterable[Reception], lot: int) -> Iterator[Telegram]:
    """Of some cases, as other targets are there for telegrams."""
    for reception in heard:
        if reception.error is None and lot % _DECODED == 0:
            piece = Piece(reception.data, frame_format=reception.frame_format, layer="wireless")
            with suppress(MbuscliError):
                yield from decode_all([piece], keyed=False)


def _split(name: str, case: bytes) -> tuple[object, object]:
    whole, octets = LINES[name].cut(), LINES[name].cut()
    first = [*whole.feed(case), *_ended(whole)]
    second = [item for index in range(len(case)) for item in octets.feed(case[index : index + 1])]
    return _told(name, first), _told(name, [*second, *_ended(octets)])


def _ended(cutter: Any) -> list[Any]:
    last = cutter.flush()
    return [last] if isinstance(last, bytes) else list(last)


def _told(name: str, found: Iterable[Any]) -> list[object]:
    """What can be compared: errors are not equal to each other, and octets that are no answer come in pieces."""
    told: list[object] = []
    for item in found:
        if isinstance(item, Damage):
            told.append((item.raw, _name(item.error)))
        elif name == "amber_answers" and isinstance(item, bytes) and told and isinstance(told[-1], bytes):
            told[-1] += item
        elif item != b"":
            told.append(item)
    return told


def _name(error: DecodeError) -> str:
    return f"{error.name}: {error.text}"


def _target(name: str) -> Target:
    split = None if name == "tty" else lambda case: _split(name, case)
    return Target(
        lambda: _seeds(name), lambda data: _repair(name, data), lambda case: _act(name, case), split, 2
    )


TARGETS = {f"sticks.{name}": _target(name) for name in LINES}

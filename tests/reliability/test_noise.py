"""Noise without end: constant memory, a rate that no line reaches, and the message behind it is found.

Some megabytes by default; MBUSCLI_FULL_SIZE=1 takes 100 MB for each.
"""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from mbuscli.devices.modems.line_cutter import LineCutter
from mbuscli.devices.sticks.text_tty import HexLine
from mbuscli.protocol.receivers import amber, im871a, iu891a, wimod_lorawan
from mbuscli.protocol.receivers.bare_stream import BareStream
from mbuscli.protocol.receivers.lines import LineSplitter
from mbuscli.protocol.wired.framer import Framer
from mbuscli.protocol.wired.frames import encode_long
from tests.fuzz.sticks import LINES
from tests.fuzz.telegrams import telegrams
from tests.reliability.size import sized

CHUNK = 4096
# What the messages and errors of one piece may take.
MOST_MEMORY = 32 << 20
# Far above 115200 baud; and a load of the machine must not fail the test.
LEAST_RATE = 50_000


class Cutter(NamedTuple):
    """How it is made, what is fed by default, and a message that it must find behind the noise."""

    make: Callable[[], Any]
    share: int
    message: bytes


class _Lines:
    """A LineCutter with the verbs of the others."""

    def __init__(self) -> None:
        self._cutter = LineCutter()

    def feed(self, data: bytes) -> list[bytes]:
        self._cutter.feed(data)
        return list(iter(self._cutter.next, None))

    def flush(self) -> list[bytes]:
        return [self._cutter.flush()]


TELEGRAM = next(octets for octets in telegrams() if len(octets) > 40)
CUTTERS = {
    "wired": Cutter(Framer, 4 << 20, encode_long(8, 5, 0x72, bytes(range(20, 60)))),
    "im871a": Cutter(im871a.framer, 1 << 20, LINES["im871a"].write(TELEGRAM)),
    "amber": Cutter(amber.telegram_framer, 1 << 20, LINES["amber"].write(TELEGRAM)),
    "amber answers": Cutter(amber.Answers, 32 << 20, amber.encode_answer(amber.SET_LINK_MODE, b"\0")),
    "iu891a": Cutter(iu891a.framer, 8 << 20, LINES["iu891a"].write(TELEGRAM)),
    "wimod": Cutter(wimod_lorawan.framer, 8 << 20, LINES["wimod"].write(TELEGRAM)),
    "bare": Cutter(BareStream, 1 << 19, b""),
    "hex": Cutter(HexLine, 4 << 20, b"\n" + LINES["hextty"].write(TELEGRAM)),
    "lines": Cutter(LineSplitter, 32 << 20, b"\nV 1.67 nanoCUL868\n"),
    "modem lines": Cutter(_Lines, 16 << 20, b"\r\naccepted\r\n"),
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", CUTTERS)
def test_noise(name: str) -> None:
    make, share, message = CUTTERS[name]
    size = sized(100 << 20, share)
    cutter, rng = make(), random.Random(name)
    block = rng.randbytes(64 * CHUNK)
    cutter.feed(block[:CHUNK])
    began, fed = time.thread_time(), 0
    while fed < size:
        # From another place each time, so that the noise does not repeat itself.
        at = rng.randrange(len(block) - CHUNK)
        cutter.feed(block[at : at + CHUNK])
        fed += CHUNK
    rate = fed / (time.thread_time() - began)
    assert rate > LEAST_RATE, f"{rate / 1e6:.2f} MB/s"
    if message:
        # A length in the noise may reach over the message: there is room for the longest.
        found = [*cutter.feed(bytes(300) + message + bytes(300)), *cutter.flush()]
        assert any(_holds(item, message) for item in found), found


def _holds(item: Any, message: bytes) -> bool:
    if isinstance(item, bytes):
        return item == message.strip()
    error = getattr(item, "error", None)
    return (error is None and bool(getattr(item, "raw", b"")) and item.raw in message) or _is_telegram(item)


def _is_telegram(item: Any) -> bool:
    return getattr(item, "error", None) is None and TELEGRAM in (
        getattr(item, "telegram", None),
        getattr(item, "data", None),
    )


NASTY = {
    "wired": [b"\x68", b"\x68\xff\xff\x68", b"\x10", b"\xe5", b"\x68\x03\x03\x68"],
    "im871a": [b"\xa5", b"\xa5\x02\x03\xff"],
    "amber": [b"\xff", b"\xff\x03", b"\xff\x03\xff"],
    "amber answers": [b"\xff", b"\xff\x84\x01", b"\xff\x8a\x80"],
    "iu891a": [b"\xc0", b"\xc0\x10", b"\xdb\xdc", b"\x10\x04"],
    "wimod": [b"\xc0", b"\xc0\x10", b"\xdb"],
    "bare": [b"\x44", b"\xff\x44", b"\x0a\x44\x2d\x2c", b"\x00"],
    "hex": [b"4", b"44 ", b"44\n", b"0\n"],
    "lines": [b"x", b"\n", b"\r\n", b"b"],
    "modem lines": [b"x", b"\r", b"\n", b"+RECV=\r\n"],
}


@pytest.mark.parametrize(
    ("name", "octets"), [(name, octets) for name, each in NASTY.items() for octets in each]
)
def test_memory_under_what_looks_like_a_beginning(name: str, octets: bytes) -> None:
    cutter = CUTTERS[name].make()
    piece = octets * (CHUNK // len(octets))
    pieces = sized(250, 3)
    cutter.feed(piece)
    tracemalloc.start()
    try:
        for _ in range(pieces):
            cutter.feed(piece)
        gc.collect()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1 << 17, f"{held} octets are held"
    assert peak < MOST_MEMORY, f"{peak} octets at once"

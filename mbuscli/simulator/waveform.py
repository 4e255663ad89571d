"""The bus as a line level over time: overlapping answers are ANDed and read by a UART.

A sending slave draws current for a space (0) and none for a mark (1), so a 0 of any slave wins. Times are
ticks of 1.8432 MHz, the classic UART clock, of which every standard baud rate is a whole divisor: edges
of answers in step meet exactly.
"""

from __future__ import annotations

from typing import NamedTuple

TICKS_PER_S = 1_843_200
OCTET_BITS = 11  # start, eight data bits, even parity, stop (EN 13757-2)


class Octet(NamedTuple):
    """One received octet: the time when its stop bit ends, and whether its parity or stop bit was wrong."""

    time_s: float
    value: int
    bad: bool


def ticks(seconds: float) -> int:
    """The nearest tick."""
    return round(seconds * TICKS_PER_S)


def bit_ticks(baud: int) -> int:
    """Ticks of one bit; ValueError for a rate that no UART clock divides into."""
    if baud <= 0 or TICKS_PER_S % baud:
        raise ValueError(f"{baud} is no standard baud rate")
    return TICKS_PER_S // baud


def octet_ticks(count: int, baud: int) -> int:
    """Ticks that `count` octets take."""
    return count * OCTET_BITS * bit_ticks(baud)


def line_bits(data: bytes) -> list[int]:
    """The levels on the line, 11 an octet: start 0, data least significant bit first, even parity, stop 1."""
    bits = []
    for octet in data:
        ones = [octet >> place & 1 for place in range(8)]
        bits += [0, *ones, sum(ones) & 1, 1]
    return bits


class Burst:
    """Octets that one sender puts on the line without a pause, from tick `start` to tick `end`."""

    __slots__ = ("_bits", "baud", "bit", "data", "end", "start")

    def __init__(self, start: int, baud: int, data: bytes) -> None:
        self.start = start
        self.baud = baud
        self.bit = bit_ticks(baud)
        self.data = data
        self.end = start + octet_ticks(len(data), baud)
        self._bits: list[int] = []

    def first(self, level: int, tick: int) -> int | None:
        """The first tick from `tick` on at which this sender shows `level`; None for never. Mark is idle."""
        if tick < self.start or tick >= self.end:
            if level:
                return tick
            return self.start if tick < self.start else None
        bits = self._levels()
        index = (tick - self.start) // self.bit
        if bits[index] == level:
            return tick
        for later in range(index + 1, len(bits)):
            if bits[later] == level:
                return self.start + later * self.bit
        return self.end if level else None

    def level(self, tick: int) -> int:
        """What this sender shows at `tick`."""
        if self.start <= tick < self.end:
            return self._levels()[(tick - self.start) // self.bit]
        return 1

    def _levels(self) -> list[int]:
        if not self._bits:
            self._bits = line_bits(self.data)
        return self._bits


class Line:
    """All bursts on the bus, and the master's UART that reads them from left to right."""

    def __init__(self, *, shortcut: bool = True) -> None:
        """`shortcut`: take octets that nothing disturbs as they are, without building the waveform."""
        self._shortcut = shortcut
        self._bursts: list[Burst] = []
        self._position = 0

    def add(self, burst: Burst) -> None:
        """Put a burst on the line; it must not start before what was read already."""
        self._bursts.append(burst)
        self._bursts.sort(key=lambda each: each.start)

    def peek(self, baud: int) -> Octet | None:
        """The next octet that a UART at `baud` will deliver, None if the line stays idle."""
        found = self._next(bit_ticks(baud), baud)
        return found[0] if found else None

    def take(self, baud: int) -> Octet | None:
        """As `peek`, and go on behind it."""
        found = self._next(bit_ticks(baud), baud)
        if not found:
            return None
        octet, self._position = found
        self._bursts = [burst for burst in self._bursts if burst.end - burst.bit > self._position]
        return octet

    def _next(self, bit: int, baud: int) -> tuple[Octet, int] | None:
        if not self._bursts:
            return None
        return (self._undisturbed(baud) if self._shortcut else None) or self._sampled(bit)

    def _undisturbed(self, baud: int) -> tuple[Octet, int] | None:
        """The next octet of the first burst, if the UART is in step with it and nobody else talks."""
        burst = self._bursts[0]
        size = OCTET_BITS * burst.bit
        index = max(0, -((burst.start - self._position) // size))
        start = burst.start + index * size
        in_step = index == 0 or self._position > start - burst.bit
        alone = len(self._bursts) == 1 or self._bursts[1].start >= start + size
        if burst.baud != baud or index >= len(burst.data) or not in_step or not alone:
            return None
        octet = Octet((start + size) / TICKS_PER_S, burst.data[index], False)
        return octet, start + size - burst.bit // 2

    def _sampled(self, bit: int) -> tuple[Octet, int] | None:
        """Find the next start bit and sample the eleven bits in their middles, as a UART does."""
        position = self._position
        while (edge := self._fall(position)) is not None:
            middle = edge + bit // 2
            levels = [self._level(middle + place * bit) for place in range(OCTET_BITS)]
            if levels[0]:  # a glitch shorter than half a bit is no start bit
                position = middle
                continue
            value = sum(level << place for place, level in enumerate(levels[1:9]))
            bad = sum(levels[1:10]) & 1 == 1 or not levels[10]
            octet = Octet((edge + OCTET_BITS * bit) / TICKS_PER_S, value, bad)
            return octet, self._mark(middle + (OCTET_BITS - 1) * bit)
        return None

    def _level(self, tick: int) -> int:
        return int(all(burst.level(tick) for burst in self._bursts))

    def _fall(self, tick: int) -> int | None:
        """The first space from `tick` on; the line is at mark there, so it is a falling edge."""
        return min((at for burst in self._bursts if (at := burst.first(0, tick)) is not None), default=None)

    def _mark(self, tick: int) -> int:
        """The first tick from `tick` on at which every sender is at mark: no start bit before that."""
        while True:
            latest = max(at for burst in self._bursts if (at := burst.first(1, tick)) is not None)
            if latest == tick:
                return tick
            tick = latest

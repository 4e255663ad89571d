"""Link modes as data (EN 13757-4, physical layer). A value of None is not known for sure."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.protocol.wireless.c_fields import Direction

MANCHESTER = "manchester"
THREE_OF_SIX = "3-of-6"
NRZ = "nrz"

_M2O = (Direction.FROM_METER,)
_O2M = (Direction.TO_METER,)
_BOTH = (Direction.FROM_METER, Direction.TO_METER)


class LinkMode(NamedTuple):
    """One mode in one or both directions.

    chip_rate     channel symbols a second
    bit_rate      data bits a second
    deviation_hz  of the frequency modulation, one side
    preamble      least number of 01 pairs (0111 groups for N2g) before the sync word
    sync          chips of the sync word, with what tells the frame format behind it, as text of 0 and 1, and
                  that format, None where the word does not tell
    """

    name: str
    directions: tuple[Direction, ...]
    frequency_hz: int
    chip_rate: int
    bit_rate: int
    deviation_hz: int | None
    coding: str
    preamble: int | None
    sync: tuple[tuple[str, str | None], ...]


def _chips(*words: int) -> str:
    return "".join(f"{word:016b}" for word in words)


_SYNC_S = (("000111011010010110", "A"),)
_SYNC_T = (("0000111101", "A"),)
# Mode C repeats the tail of T's sync word and then names the frame format.
_SYNC_C = ((_chips(0x543D, 0x54CD), "A"), (_chips(0x543D, 0x543D), "B"))
_SYNC_N = ((_chips(0xF68D), "A"), (_chips(0xF672), "B"))
_SYNC_N2G = ((_chips(0xFF7D, 0xD5F7), None),)

R2_DEFAULT_CHANNEL = 5


def _r2(channel: int) -> LinkMode:
    frequency_hz = 868_030_000 + channel * 60_000
    return LinkMode("R2", _BOTH, frequency_hz, 4800, 2400, None, MANCHESTER, 39, _SYNC_S)


def _n(letter: str, frequency_hz: int, rate: int) -> tuple[LinkMode, LinkMode]:
    one_way, two_way = (
        LinkMode(f"N{number}{letter}", directions, frequency_hz, rate, rate, 2400, NRZ, 8, _SYNC_N)
        for number, directions in ((1, _M2O), (2, _BOTH))
    )
    return one_way, two_way


R2_CHANNELS = tuple(_r2(channel) for channel in range(10))

LINK_MODES = (
    LinkMode("S1", _M2O, 868_300_000, 32_768, 16_384, 50_000, MANCHESTER, 279, _SYNC_S),
    LinkMode("S1-m", _M2O, 868_300_000, 32_768, 16_384, 50_000, MANCHESTER, 15, _SYNC_S),
    LinkMode("S2", _BOTH, 868_300_000, 32_768, 16_384, 50_000, MANCHESTER, 15, _SYNC_S),
    LinkMode("T1", _M2O, 868_950_000, 100_000, 66_667, 50_000, THREE_OF_SIX, 19, _SYNC_T),
    LinkMode("T2", _M2O, 868_950_000, 100_000, 66_667, 50_000, THREE_OF_SIX, 19, _SYNC_T),
    LinkMode("T2", _O2M, 868_300_000, 32_768, 16_384, 50_000, MANCHESTER, 15, _SYNC_S),
    LinkMode("C1", _M2O, 868_950_000, 100_000, 100_000, 45_000, NRZ, 16, _SYNC_C),
    LinkMode("C2", _M2O, 868_950_000, 100_000, 100_000, 45_000, NRZ, 16, _SYNC_C),
    LinkMode("C2", _O2M, 869_525_000, 50_000, 50_000, 25_000, NRZ, 16, _SYNC_C),
    R2_CHANNELS[R2_DEFAULT_CHANNEL],
    *_n("a", 169_406_250, 4800),
    *_n("b", 169_418_750, 4800),
    *_n("c", 169_431_250, 2400),
    *_n("d", 169_443_750, 2400),
    *_n("e", 169_456_250, 4800),
    *_n("f", 169_468_750, 4800),
    LinkMode("N2g", _BOTH, 169_437_500, 9600, 19_200, 7200, NRZ, 8, _SYNC_N2G),
    LinkMode("F2", _BOTH, 433_820_000, 2400, 2400, 5500, NRZ, None, _SYNC_N),
    LinkMode("F2-m", _BOTH, 433_820_000, 2400, 2400, 5500, NRZ, None, _SYNC_N),
)

# Earliest and latest answer after the end of the other side's telegram, by the mode's letter, in seconds.
RESPONSE_DELAY_S = {
    "S": (0.003, 0.050),
    "T": (0.002, 0.003),
    "C": (0.0995, 0.1005),
    "N": (0.0995, 0.1005),
}
# A meter repeats an unanswered telegram of the frequent access cycle after one of these delays.
ACCESS_REPEAT_S = (2, 3, 5)
ACCESS_REPEAT_SLOW_N_S = (5, 7, 13)


def find_link_modes(name: str) -> tuple[LinkMode, ...]:
    """The rows of one mode, both directions, whatever the case of its name; none where it is unknown."""
    wanted = name.upper()
    return tuple(mode for mode in LINK_MODES if mode.name.upper() == wanted)

"""How long things take on the wire (EN 13757-2: 11 bits an octet, reply within 330 bit times + 50 ms)."""

from __future__ import annotations

from typing import NamedTuple

BITS_PER_OCTET = 11
REPLY_BITS = 330
REPLY_EXTRA_S = 0.05
IDLE_BITS = 33

# A USB level converter hands octets over in bursts and some ten milliseconds late; gateways need more.
DEFAULT_MARGIN_S = 0.05
# So much later than the standard allows some meters in the field answer.
LATE_S = 1.0


class Timing(NamedTuple):
    """The waiting times of one baud rate, in seconds.

    `reply_timeout_s`: from the end of a request to the first octet of its answer; `gap_s`: silence that
    ends an answer; `idle_s`: how long the line rests before the next request.
    """

    baud: int
    reply_timeout_s: float
    gap_s: float
    idle_s: float


def octets_s(count: int, baud: int) -> float:
    """The time that `count` octets take on the wire, in seconds."""
    return count * BITS_PER_OCTET / baud


def timing_for(baud: int, *, margin_s: float = DEFAULT_MARGIN_S, timeout_s: float | None = None) -> Timing:
    """The standard's times plus `margin_s` for the converter; `timeout_s` replaces the reply timeout."""
    idle_s = IDLE_BITS / baud
    reply_s = REPLY_BITS / baud + REPLY_EXTRA_S + margin_s
    return Timing(baud, reply_s if timeout_s is None else timeout_s, idle_s + margin_s, idle_s)

"""Is a radio telegram new? Copies (two sticks, repeaters), and old telegrams that are sent again.

Counters of a meter only go forward. The message counter of the authentication layer and the session number of
the extended link layer never come again; an access number has eight bits and wraps, so it tells something
only where the meter cannot have sent so many telegrams in the time between.
"""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import DecodeError
from mbuscli.protocol.application.ci_table import CI_AFL, FROM_SLAVE, NONE
from mbuscli.protocol.security.sealed import read_extension
from mbuscli.protocol.transport.afl import decode_afl
from mbuscli.protocol.wireless.ell import ENC_NONE
from mbuscli.protocol.wireless.frame_format import CI_OFFSET
from mbuscli.telegram import Telegram

DUPLICATE = "duplicate"
REPEATER = "repeater"

# The same octets again within this time were heard twice; later they may be a meter that counts nothing.
_DUPLICATE_S = 5.0
# How long the relayed copy of a telegram may be on its way.
_RELAY_S = 60.0
_KEPT_COPIES = 8
# Configuration field of security modes 0 and 5: bit 1 repeated access, bit 0 hop. Both are set by repeaters.
_MODES_WITH_HOP = (0, 5)
_HOP = 0x01
_SET_BY_REPEATERS = 0x03

_WRAP = 0x100
# A receiver misses this many telegrams in a row without wondering.
_SMALL_STEP = 16
# So many small steps in a row show that the meter counts; some send whatever they like.
_STEADY = 4
# Telegrams that follow from an odd one, until the meter is believed to count from there.
_BELIEVED = 8
# Meters send faster than usual at times (installation, alarm).
_HASTE = 0.5
_LATE_COPIES = 8


class Freshness(NamedTuple):
    """What was found about one telegram.

    copy        "", duplicate, or repeater: the same telegram was heard before
    relayed     a repeater has sent it
    suspicion   why it may be an old telegram sent again; "" if nothing speaks for it
    replayed    a counter that the key proves says so
    """

    copy: str = ""
    relayed: bool = False
    suspicion: str = ""
    replayed: bool = False


class Content(NamedTuple):
    """A telegram without what repeaters change: a number that tells contents apart, and the hop bit."""

    digest: int
    relayed: bool


def content_of(telegram: Telegram) -> Content:
    """What the meter has sent, from behind the extended link layer on.

    The address in the link layer is left out: adapters and repeaters put their own there. The access number
    of the extended link layer and the meter count instead.
    """
    raw, ell = telegram.raw, telegram.ell
    start = CI_OFFSET
    relayed = False
    acc = None
    if ell is not None:
        start += ell.size
        acc, relayed = ell.acc, ell.hop
    body = raw[start:]
    if telegram.configuration is not None and telegram.configuration >> 8 & 0x1F in _MODES_WITH_HOP:
        ci = FROM_SLAVE.get(body[0]) if body else None
        if ci is not None and ci.header != NONE:
            at = ci.header - 1  # the low octet of the configuration field, counted from the CI field
            relayed = relayed or bool(body[at] & _HOP)
            body = body[:at] + bytes((body[at] & ~_SET_BY_REPEATERS,)) + body[at + 1 :]
    return Content(hash((acc, body)), relayed)


def message_counter(telegram: Telegram) -> int | None:
    """The counter that a key has proved and that must rise; None without one."""
    if telegram.security.state != "decrypted":
        return None
    raw, ell = telegram.raw, telegram.ell
    if ell is not None and ell.sn is not None and ell.encryption != ENC_NONE:
        return ell.sn & 0x1FFFFFFF
    start = CI_OFFSET + (ell.size if ell is not None else 0)
    octets: bytes | None = None
    try:
        if raw[start] == CI_AFL:
            afl = decode_afl(raw, start)
            octets, start = afl.mcr, start + afl.size
        ci = FROM_SLAVE.get(raw[start])
        if octets is None and ci is not None and ci.header != NONE and telegram.configuration is not None:
            mode = telegram.configuration >> 8 & 0x1F
            octets = read_extension(mode, telegram.configuration, raw[start + 1 + ci.header :]).counter
    except (DecodeError, IndexError):
        return None
    return None if octets is None else int.from_bytes(octets, "little")


def sent_again(counter: int, highest: int) -> str:
    """What a proved counter says that went back."""
    return f"message counter {counter} after {highest}: an old telegram sent again"


class AccessNumbers:
    """The access numbers of one meter."""

    __slots__ = ("last", "odd", "odd_hits", "pace_s", "steady", "time")

    def __init__(self, number: int, time: float) -> None:
        self.last = number
        self.time = time
        self.pace_s = float("inf")
        self.steady = 0
        self.odd = 0
        self.odd_hits = 0

    def judge(self, number: int, time: float, *, relayed: bool) -> str:
        """Take the next number; why it cannot be the meter's next one, or ""."""
        step = (number - self.last) % _WRAP
        elapsed_s = time - self.time
        if step == 0:
            return ""
        if relayed and step >= _WRAP - _LATE_COPIES:
            return ""  # the repeater took its time
        if step > _SMALL_STEP and self.steady >= _STEADY and elapsed_s < step * self.pace_s * _HASTE:
            return self._doubt(number, time, elapsed_s)
        self._accept(number, time, step, elapsed_s)
        return ""

    def _accept(self, number: int, time: float, step: int, elapsed_s: float) -> None:
        if step <= _SMALL_STEP:
            self.steady += 1
            if elapsed_s > 0:
                self.pace_s = min(self.pace_s, elapsed_s / step)
        elif step >= _WRAP // 2:
            self.steady = 0
        self.last, self.time, self.odd_hits = number, time, 0

    def _doubt(self, number: int, time: float, elapsed_s: float) -> str:
        follows = self.odd_hits and (number - self.odd) % _WRAP <= _SMALL_STEP
        self.odd_hits = self.odd_hits + 1 if follows else 1
        self.odd = number
        text = (
            f"access number {number} {elapsed_s:.0f} s after {self.last}: an old telegram sent again, or the "
            "meter was restarted"
        )
        if self.odd_hits >= _BELIEVED:
            self.last, self.time, self.steady, self.odd_hits = number, time, 0, 0
        return text


class History:
    """What one meter has sent lately. `counter`: its message counter, as far as known from earlier days."""

    __slots__ = ("_accesses", "_copies", "counter")

    def __init__(self, counter: int | None = None) -> None:
        self.counter = counter
        self._copies: list[tuple[int, float]] = []
        self._accesses: dict[str, AccessNumbers] = {}

    def judge(self, telegram: Telegram, time: float) -> Freshness:
        """Take the next telegram; `time` in seconds of a clock that all sticks share."""
        digest, relayed = content_of(telegram)
        for known, heard in self._copies:
            if known == digest and relayed and time - heard <= _RELAY_S:
                return Freshness(REPEATER, relayed)
            if known == digest and time - heard <= _DUPLICATE_S:
                return Freshness(DUPLICATE, relayed)
        self._copies.append((digest, time))
        del self._copies[:-_KEPT_COPIES]
        counter = message_counter(telegram)
        if counter is not None and self.counter is not None and counter < self.counter and not relayed:
            return Freshness("", relayed, sent_again(counter, self.counter), replayed=True)
        if counter is not None:
            self.counter = max(counter, self.counter or 0)
        return Freshness("", relayed, self._suspicion(telegram, time, relayed))

    def _suspicion(self, telegram: Telegram, time: float, relayed: bool) -> str:
        found = ""
        ell_acc = telegram.ell.acc if telegram.ell is not None else None
        for name, number in (("tpl", telegram.acc), ("ell", ell_acc)):
            if number is None:
                continue
            known = self._accesses.get(name)
            if known is None:
                self._accesses[name] = AccessNumbers(number, time)
            else:
                found = known.judge(number, time, relayed=relayed) or found
        return found

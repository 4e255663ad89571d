"""Scan a wired bus by primary address: who is there, address by address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from mbuscli.errors import DecodeError
from mbuscli.protocol.wired.session import Probe
from mbuscli.protocol.wired.timing import octets_s
from mbuscli.services.link import Link
from mbuscli.telegram import Telegram, decode

_SHORT_FRAME = 5
# Meters sit at the low addresses: so many silent ones are assumed on top of those already asked.
_CAUTION = 50


class Asking(NamedTuple):
    """The next address is being asked; `seconds_left` is how long the rest takes on the wire."""

    address: int
    done: int
    total: int
    found: int
    seconds_left: float


class Found(NamedTuple):
    """Something is at an address: `probe.state` is meter, collision or noise."""

    probe: Probe
    telegram: Telegram | None
    note: str


class Finished(NamedTuple):
    """The scan is over; `wire_time_s` by the port's clock."""

    asked: int
    found: int
    wire_time_s: float


ScanEvent: TypeAlias = Asking | Found | Finished


def scan(link: Link, addresses: Sequence[int]) -> Iterator[ScanEvent]:
    """Ask each address; yields events as they happen. PortError if the port is lost."""
    started = link.clock()
    silent_s = _silent_address_s(link)
    found = 0
    spent_on_hits = 0.0
    for done, address in enumerate(addresses):
        # Hits take longer than silence: expect as many among the rest, but not after the first few.
        left = (len(addresses) - done) * (silent_s + spent_on_hits / (done + _CAUTION))
        yield Asking(address, done, len(addresses), found, left)
        asked_at = link.clock()
        probe = link.converter.run(link.session.probe(address))
        if probe.state == "silent":
            continue
        found += 1
        spent_on_hits += max(0.0, link.clock() - asked_at - silent_s)
        yield _found(probe)
    yield Finished(len(addresses), found, link.clock() - started)


def _silent_address_s(link: Link) -> float:
    """How long an address takes at which nobody answers."""
    timing = link.session.timing
    once = octets_s(_SHORT_FRAME, link.baud) + timing.reply_timeout_s
    return once * (1 + link.session.retries_silent)


def _found(probe: Probe) -> Found:
    if not probe.raw:
        return Found(probe, None, probe.note)
    try:
        return Found(probe, decode(probe.raw), probe.note)
    except DecodeError as error:
        return Found(probe, None, error.text)

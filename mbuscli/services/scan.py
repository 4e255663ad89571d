"""Scan a wired bus by primary address: who is there, address by address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from mbuscli.errors import DecodeError, PortError
from mbuscli.protocol.wired.probe import Probe
from mbuscli.protocol.wired.timing import LATE_S, octets_s
from mbuscli.services.link import Link
from mbuscli.telegram import Telegram, decode

_SHORT_FRAME = 5
# Meters sit at the low addresses: so many silent ones are assumed on top of those already asked.
_CAUTION = 50
LATE_NOTE = "silent at first, then waited for: --timeout 1.5 if it is always late"
LOST_NOTE = "silent at first, answered when asked again"


class Asking(NamedTuple):
    """The next address is being asked; `seconds_left` is how long the rest takes on the wire.

    `again`: the line was disturbed, and this goes over the addresses that were silent.
    """

    address: int
    done: int
    total: int
    found: int
    seconds_left: float
    again: bool = False


class Found(NamedTuple):
    """Something is at an address: `probe.state` is meter, collision or noise."""

    probe: Probe
    telegram: Telegram | None
    note: str


class Finished(NamedTuple):
    """The scan is over; `wire_time_s` by the port's clock.

    `disturbed`: at so many addresses the line lost, delayed or added octets. Then a meter may be missing,
    although the silent addresses were asked twice.
    """

    asked: int
    found: int
    wire_time_s: float
    disturbed: int


ScanEvent: TypeAlias = Asking | Found | Finished


def scan(link: Link, addresses: Sequence[int]) -> Iterator[ScanEvent]:
    """Ask each address; yields events as they happen. PortError if the port is lost.

    Where the line is disturbed an answer may have come too late, or been lost: the addresses just before are
    asked again at once, with patience, and at the end the other silent ones and those with noise, which is
    reported then.
    """
    return _Scan(link, addresses).run()


class _Scan:
    """One scan: what it has seen so far."""

    def __init__(self, link: Link, addresses: Sequence[int]) -> None:
        self._link = link
        self._addresses = addresses
        self._silent_s = silent_address_s(link, link.baud)
        self._silent: dict[int, float] = {}  # when each was asked; without those asked again with patience
        self._noisy: dict[int, Probe] = {}
        self._found = 0
        self._disturbed = 0
        self._spent_on_hits = 0.0

    def run(self) -> Iterator[ScanEvent]:
        started = self._link.clock()
        total = len(self._addresses)
        try:
            for done, address in enumerate(self._addresses):
                # Hits take longer than silence: expect as many among the rest, but not after the first few.
                left = (total - done) * (self._silent_s + self._spent_on_hits / (done + _CAUTION))
                yield Asking(address, done, total, self._found, left)
                yield from self._ask(address)
            yield from self._ask_late_ones()
            if self._disturbed:
                yield from self._ask_again()
        except (PortError, KeyboardInterrupt):
            yield from self._noise()
            raise
        yield from self._noise()
        yield Finished(total, self._found, self._link.clock() - started, self._disturbed)

    def _ask(self, address: int) -> Iterator[Found]:
        asked_at = self._link.clock()
        probe = self._probe(address)
        self._disturbed += probe.is_disturbed
        found = self._found
        if probe.state == "silent":
            self._silent[address] = asked_at
            if probe.strays:
                yield from self._ask_with_patience(asked_at)
            return
        self._spent_on_hits += max(0.0, self._link.clock() - asked_at - self._silent_s)
        if probe.state == "noise":
            self._silent[address] = asked_at  # so that it is asked again, with the others
            yield from self._ask_with_patience(asked_at)
            if self._found == found:  # no late answer explains it
                self._noisy.setdefault(address, probe)
            return
        yield self._take(probe)
        if probe.is_disturbed:
            yield from self._ask_with_patience(asked_at)

    def _ask_late_ones(self) -> Iterator[Found]:
        """The last addresses have no others behind them whose windows show that an answer is late."""
        now = self._link.clock()
        session = self._link.session
        if any(asked_at >= now - LATE_S - self._silent_s for asked_at in self._silent.values()):
            strays = session.strays
            session.await_stragglers(LATE_S)
            self._link.converter.run(session.settle())
            if session.strays > strays:
                self._disturbed += 1
                yield from self._ask_with_patience(now)

    def _ask_with_patience(self, disturbed_at: float) -> Iterator[Found]:
        """Ask again who may have answered late, into the windows of the addresses behind."""
        since = disturbed_at - LATE_S - self._silent_s
        self._link.session.await_stragglers(LATE_S)
        with self._link.patiently():
            for address in [address for address, asked_at in self._silent.items() if asked_at >= since]:
                del self._silent[address]
                probe = self._probe(address)
                if probe.state == "noise":
                    self._noisy[address] = probe
                elif probe.state != "silent":
                    yield self._take(probe, LATE_NOTE)

    def _ask_again(self) -> Iterator[ScanEvent]:
        """Go over the silent addresses, and those with noise, once more."""
        addresses = sorted({*self._silent, *self._noisy})
        for done, address in enumerate(addresses):
            left = (len(addresses) - done) * self._silent_s
            yield Asking(address, done, len(addresses), self._found, left, again=True)
            probe = self._probe(address)
            if probe.state in ("meter", "collision"):
                self._noisy.pop(address, None)
                yield self._take(probe, LOST_NOTE)
            elif probe.state == "noise":
                self._noisy[address] = probe

    def _noise(self) -> Iterator[Found]:
        while self._noisy:
            yield self._take(self._noisy.pop(min(self._noisy)))

    def _probe(self, address: int) -> Probe:
        """Several meters at one address collide each time; late answers of others, and noise, do not."""
        talk, session = self._link.converter.run, self._link.session
        probe = talk(session.probe(address))
        if probe.state != "collision":
            return probe
        session.await_stragglers(LATE_S)
        again = talk(session.probe(address))
        if again.state == "collision":
            return probe
        if again.state == "meter":
            note = again.note or f"clean when asked again; at first: {probe.note}"
            return again._replace(note=note, heard=probe.heard + again.heard)
        return probe._replace(state="noise")

    def _take(self, probe: Probe, remark: str = "") -> Found:
        self._found += 1
        note = probe.note or remark
        if not probe.raw:
            return Found(probe, None, note)
        try:
            return Found(probe, decode(probe.raw), note)
        except DecodeError as error:
            return Found(probe, None, error.text)


def silent_address_s(link: Link, baud: int) -> float:
    """How long an address takes, in seconds, at which nobody answers."""
    once = octets_s(_SHORT_FRAME, baud) + link.timing_at(baud).reply_timeout_s
    return once * (1 + link.session.retries_silent)

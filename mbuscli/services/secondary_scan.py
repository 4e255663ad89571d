"""Scan a wired bus by secondary address: find every meter, and keep the readout that identified it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from mbuscli.errors import DecodeError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.search import Search
from mbuscli.protocol.wired.search_ledger import FoundMeter
from mbuscli.services.link import Link
from mbuscli.telegram import Telegram, decode


class Searching(NamedTuple):
    """The search goes on; `seconds_left` is how long the rest takes on the wire, as far as is known now."""

    mask: MeterAddress
    asked: int
    found: int
    masks_left: int
    seconds_left: float


class Identified(NamedTuple):
    """A meter was found; `telegram` is its reading, None with the reason in `note` if it makes no sense."""

    meter: FoundMeter
    telegram: Telegram | None
    note: str


class Searched(NamedTuple):
    """The search is over: known addresses that did not answer, masks whose meters could not be told apart."""

    found: int
    asked: int
    missing: tuple[MeterAddress, ...]
    unresolved: tuple[MeterAddress, ...]
    wire_time_s: float


SearchEvent: TypeAlias = Searching | Identified | Searched


def secondary_scan(link: Link, search: Search) -> Iterator[SearchEvent]:
    """Drive `search` over `link`; yields events as they happen. PortError if the port is lost.

    The meters that a search found before it was broken off come first, without being read again. Whenever
    the iteration stops, `search.state()` is what another search can go on from.
    """
    started = link.clock()
    for meter in [*search.found]:
        yield _identified(meter)
    while not search.is_over:
        yield Searching(search.mask, search.asked, len(search.found), search.masks_left, search.seconds_left)
        new = link.converter.run(search.step())
        if new is not None:
            yield _identified(new)
    yield Searched(
        len(search.found),
        search.asked,
        tuple(search.missing),
        tuple(search.unresolved),
        link.clock() - started,
    )


def _identified(meter: FoundMeter) -> Identified:
    try:
        return Identified(meter, decode(meter.raw), "")
    except DecodeError as error:
        return Identified(meter, None, error.text)

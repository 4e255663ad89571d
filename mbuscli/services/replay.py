"""Telegrams of a log that were sent again: their proved counter is behind one that came before them.

The octets of an old telegram are as good as new to every other check. Only a counter that a key has proved
tells; the same counter again is a copy (two receivers, a repeater), which says nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from mbuscli.errors import Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.services.freshness import message_counter, sent_again
from mbuscli.telegram import Telegram

# Meters whose counters are remembered; the one heard longest ago is forgotten first.
_MOST_METERS = 100_000


class Range(NamedTuple):
    """The lowest and the highest counter of one meter."""

    lowest: int
    highest: int


class Counters:
    """The counters of all meters of a log."""

    def __init__(self) -> None:
        self.ranges: OrderedDict[MeterAddress, Range] = OrderedDict()

    def take(self, telegram: Telegram) -> None:
        """Mark the telegram if it was sent again; else count on from it."""
        sender = telegram.sender or telegram.meter
        if sender is None or telegram.security.key is None:
            return
        counter = message_counter(telegram)
        if counter is None:
            return
        known = self.ranges.get(sender)
        if known is not None and counter < known.highest:
            telegram.security = telegram.security._replace(replayed=True)
            text = sent_again(counter, known.highest)
            telegram.add_problem("security", 0, Reason.REPLAYED, text, warning=True)
        self.add(sender, Range(counter, counter))

    def add(self, sender: MeterAddress, seen: Range) -> None:
        """Counters that were seen."""
        known = self.ranges.pop(sender, seen)
        self.ranges[sender] = Range(min(known.lowest, seen.lowest), max(known.highest, seen.highest))
        if len(self.ranges) > _MOST_METERS:
            self.ranges.popitem(last=False)

    def contradict(self, ranges: Mapping[MeterAddress, Range]) -> bool:
        """True if a part of the log, judged by itself, may hold telegrams that are behind these."""
        return any(
            sender in self.ranges and seen.lowest < self.ranges[sender].highest
            for sender, seen in ranges.items()
        )

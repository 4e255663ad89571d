"""GWF water meters: the block behind the records tells battery, power mode and alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mbuscli.meters.decoders.octets import FILLERS, own_block, tenths, undecoded, words
from mbuscli.meters.reading import Reading

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram

_KNOWN_BLOCK = 0x01
_ALARMS = ((0x02, "CONTINUOUS_FLOW"), (0x08, "BROKEN_PIPE"), (0x20, "BATTERY_LOW"), (0x40, "BACKFLOW"))
_SAVING = 0x01


def decode(telegram: Telegram) -> Iterator[Reading]:
    """Readings of the block, if it is of the kind that is known."""
    block = own_block(telegram)
    if block is None or len(block.raw) < 3 or block.raw[0] != _KNOWN_BLOCK:
        return
    alarms, battery = block.raw[1:3]
    yield Reading("status", words(alarms, _ALARMS), offset=block.offset)
    yield Reading("power_mode", "SAVING" if battery & _SAVING else "NORMAL", offset=block.offset)
    yield Reading("battery_y", tenths((battery >> 3) * 5), offset=block.offset)
    if block.raw[3:].strip(FILLERS):
        yield undecoded(block.raw[3:], block.offset)

"""What goes wrong with a simulated modem, in words."""

from __future__ import annotations

from typing import NamedTuple, Self

from mbuscli.simulator.fault_words import fault_words, parse_faults


class ModemFaults(NamedTuple):
    """What goes wrong, on purpose and the same way each time.

    busy           every join and uplink is refused: the stack is busy
    duty           every join and uplink is refused: the duty cycle is used up
    between        a line that comes by itself stands between each command and its answer
    receive_first  a downlink is told before its uplink is confirmed
    noise          stray octets before some messages
    split          a pause inside every message
    late           answers come `LATE_S` later
    echo           the modem repeats slowly what it hears
    mute           it says nothing
    wrong_baud     set to a rate at which nobody looks for it
    unplug_join    the port vanishes in the middle of a join
    unplug_s       the port vanishes after so many seconds
    """

    busy: bool = False
    duty: bool = False
    between: bool = False
    receive_first: bool = False
    noise: bool = False
    split: bool = False
    late: bool = False
    echo: bool = False
    mute: bool = False
    wrong_baud: bool = False
    unplug_join: bool = False
    unplug_s: float | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The faults in words, such as `between,noise,unplug=30`. Raises UsageError `usage.invalid`."""
        return cls(**parse_faults(text, cls._fields, "modem"))  # type: ignore[arg-type]


FAULT_WORDS = fault_words(ModemFaults._fields)
NO_FAULTS = ModemFaults()

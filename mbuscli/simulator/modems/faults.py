"""What goes wrong with a simulated modem, in words."""

from __future__ import annotations

from typing import NamedTuple, Self

from mbuscli.errors import Reason, UsageError


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
        values: dict[str, bool | float] = {}
        for word in filter(None, text.split(",")):
            name, _, seconds = word.replace("-", "_").partition("=")
            if name == "unplug" and seconds.isdecimal():
                values["unplug_s"] = float(seconds)
            elif name in cls._fields and name != "unplug_s" and not seconds:
                values[name] = True
            else:
                raise UsageError(
                    f"{word!r} is no fault of a simulated modem",
                    reason=Reason.INVALID,
                    hint=(f"known: {', '.join(FAULT_WORDS)}; several with commas",),
                )
        return cls(**values)  # type: ignore[arg-type]


FAULT_WORDS = (
    *(name.replace("_", "-") for name in ModemFaults._fields if name != "unplug_s"),
    "unplug=SECONDS",
)
NO_FAULTS = ModemFaults()

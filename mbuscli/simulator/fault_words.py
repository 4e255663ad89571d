"""Faults of simulated devices in words, as they stand behind `fault=`."""

from __future__ import annotations

from collections.abc import Sequence

from mbuscli.errors import Reason, UsageError

_UNPLUG = "unplug_s"


def fault_words(fields: Sequence[str]) -> tuple[str, ...]:
    """How the faults that are switched on by these fields are written."""
    return (*(name.replace("_", "-") for name in fields if name != _UNPLUG), "unplug=SECONDS")


def parse_faults(text: str, fields: Sequence[str], device: str) -> dict[str, bool | float]:
    """The fields that `between,noise,unplug=30` sets. UsageError `usage.invalid` names the wrong word."""
    values: dict[str, bool | float] = {}
    for word in filter(None, text.split(",")):
        name, _, seconds = word.replace("-", "_").partition("=")
        if name == "unplug" and seconds.isdecimal():
            values[_UNPLUG] = float(seconds)
        elif name in fields and name != _UNPLUG and not seconds:
            values[name] = True
        else:
            raise UsageError(
                f"{word!r} is no fault of a simulated {device}",
                reason=Reason.INVALID,
                hint=(f"known: {', '.join(fault_words(fields))}; several with commas",),
            )
    return values

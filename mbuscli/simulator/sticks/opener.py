"""From the name of a stick to its twin."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module

from mbuscli.errors import Reason, UsageError
from mbuscli.simulator.sticks.air import Air
from mbuscli.simulator.sticks.radio_scenario import load_radio_scenario
from mbuscli.simulator.sticks.twin import StickFaults, Twin

DEFAULT_STICK = "im871a"
# Module and class; twins are loaded when they are asked for.
STICKS = {
    "im871a": ("im871a", "Im871aTwin"),
    "im170a": ("im871a", "Im170aTwin"),
    "iu891a": ("iu891a", "Iu891aTwin"),
    "amb8465": ("amber", "Amb8465Twin"),
    "amb8465-frames": ("amber", "Amb8465FramesTwin"),
    "amb3665": ("amber", "Amb3665Twin"),
    "rc1180": ("rc1180", "Rc1180Twin"),
    "cul": ("cul", "CulTwin"),
    "rawtty": ("text_tty", "RawTtyTwin"),
    "hextty": ("text_tty", "HexTtyTwin"),
}
# Under these names families of sticks are known elsewhere.
_FAMILIES = {"amber": "amb8465"}
_OPTIONS = ("family", "scenario", "fault")


def open_twin(
    stick: str = DEFAULT_STICK, scenario: str | None = None, faults: str = "", start_s: float = 0.0
) -> Twin:
    """The twin of a stick in the air of a scenario file, None for the built-in one.

    Raises UsageError `usage.invalid` for an unknown stick or fault, InputError for an unusable scenario.
    """
    name = stick.lower()
    place = STICKS.get(_FAMILIES.get(name, name))
    if place is None:
        near = difflib.get_close_matches(name, STICKS, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(STICKS)}"
        raise UsageError(f"there is no simulated stick {stick!r}", reason=Reason.INVALID, hint=(hint,))
    module, kind = place
    twin: type[Twin] = getattr(import_module(f"mbuscli.simulator.sticks.{module}"), kind)
    air = Air(load_radio_scenario(scenario), start_s)
    return twin(air, StickFaults.parse(faults), start_s)


def open_twin_by_options(options: Mapping[str, str]) -> Twin:
    """The twin that the options behind `sim:stick?` name. Raises UsageError for unknown ones."""
    unknown = options.keys() - set(_OPTIONS)
    if unknown:
        raise UsageError(
            f"sim:stick has no option {min(unknown)!r}",
            reason=Reason.INVALID,
            hint=(f"known are: {', '.join((*_OPTIONS, 'pace'))}",),
        )
    stick = options.get("family", DEFAULT_STICK)
    return open_twin(stick, options.get("scenario"), options.get("fault", ""))

"""Which link modes a stick is set to, of those that are wanted."""

from __future__ import annotations

from collections.abc import Sequence

from mbuscli.errors import DeviceError, Reason


def choose_modes(stick: str, hears: Sequence[frozenset[str]], wanted: frozenset[str]) -> frozenset[str]:
    """The set of `hears` that covers most of `wanted`; of equal ones the first, and so the widest.

    Raises DeviceError `device.unsupported` if the stick hears none of `wanted`.
    """
    best = max(hears, key=lambda modes: len(modes & wanted))
    if best & wanted:
        return best
    raise unheard(stick, hears, wanted)


def unheard(stick: str, hears: Sequence[frozenset[str]], wanted: frozenset[str]) -> DeviceError:
    """The error of a stick that hears none of `wanted`."""
    choices = " or ".join(" and ".join(sorted(modes)) for modes in hears)
    return DeviceError(
        f"{stick} does not hear {' or '.join(sorted(wanted))}",
        reason=Reason.UNSUPPORTED,
        hint=(f"it hears {choices}",) if choices else (),
    )

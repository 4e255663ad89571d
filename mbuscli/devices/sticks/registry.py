"""The families of sticks, in the order in which an unknown one is asked who it is."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from mbuscli.devices.sticks.base import Identity, Stick
from mbuscli.errors import Reason, UsageError
from mbuscli.ports.base import Port

SERIAL, PROGRAM = "serial", "program"


class Family(NamedTuple):
    """What is known of a family without loading it.

    module      file in this folder; loaded when it is needed
    baud        of its serial line, always 8N1; 0 of a program
    sticks      their names, as people and USB texts have them
    usb         vendor and product of its USB adapter, which others use too: it tells whom to ask for first
    is_probed   True if it answers a question that does no harm to others
    driver      name of the function that gives the driver
    """

    module: str
    baud: int
    sticks: tuple[str, ...]
    usb: tuple[tuple[int, int], ...] = ()
    is_probed: bool = True
    driver: str = "driver"
    kind: str = SERIAL


# The order is that of the questions. Amber comes first: after octets at another rate it needs a second of
# silence before it answers.
FAMILIES = {
    "amber": Family(
        "amber", 9600, ("AMB8465", "AMB8665", "AMB8626", "AMB3665", "Metis-II"), ((0x0403, 0x6001),)
    ),
    "im871a": Family("im871a", 57600, ("iM871A", "iM170A"), ((0x10C4, 0xEA60),)),
    "rc1180": Family("rc1180", 19200, ("RC1180",)),
    "cul": Family("cul", 38400, ("nanoCUL", "CUL868", "CUL")),
    "iu891a": Family("iu891a", 115200, ("iU891A", "iU893A", "iM891A", "iM881A")),
    "rawtty": Family("text_tty", 9600, (), is_probed=False),
    "hextty": Family("text_tty", 9600, (), is_probed=False, driver="hex_driver"),
    "rtl_wmbus": Family("children", 0, (), is_probed=False, kind=PROGRAM),
    "rtl_433": Family("children", 0, (), is_probed=False, driver="rtl_433_driver", kind=PROGRAM),
}
PROBED = tuple(name for name, family in FAMILIES.items() if family.is_probed)


def find_family(name: str) -> str:
    """The family that `name` names: itself, or one of its sticks. Raises UsageError `usage.invalid`."""
    wanted = name.casefold()
    if wanted in FAMILIES:
        return wanted
    for family, entry in FAMILIES.items():
        if wanted in (stick.casefold() for stick in entry.sticks):
            return family
    known = (*FAMILIES, *(stick for entry in FAMILIES.values() for stick in entry.sticks))
    near = difflib.get_close_matches(name, known, 1)
    raise UsageError(
        f"there is no kind of stick {name!r}",
        reason=Reason.INVALID,
        hint=(f"did you mean {near[0]}?" if near else f"known are: {', '.join(FAMILIES)}",),
    )


def family_of_text(text: str) -> str | None:
    """The family whose name stands in what a USB device says of itself, None if there is none."""
    text = text.casefold()
    for name, family in FAMILIES.items():
        if any(stick.casefold() in text for stick in family.sticks):
            return name
    return None


def family_of_usb(vendor: int | None, product: int | None) -> str | None:
    """The family to ask for first behind an adapter with these USB numbers, None if there is none."""
    for name, family in FAMILIES.items():
        if (vendor, product) in family.usb:
            return name
    return None


def driver_of(family: str, port: Port) -> Stick:
    """The driver of a family on an open port."""
    entry = FAMILIES[family]
    driver: Callable[[Port], Stick] = getattr(_module(entry), entry.driver)
    return driver(port)


def probe(family: str, port: Port) -> Identity | None:
    """Ask whether a stick of this family is there; the port is at its rate. None if nobody answers so."""
    ask: Callable[[Port], Identity | None] = getattr(_module(FAMILIES[family]), "probe")  # noqa: B009
    return ask(port)


def _module(family: Family) -> object:
    return import_module(f"mbuscli.devices.sticks.{family.module}")

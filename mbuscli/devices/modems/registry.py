"""The families of modems, in the order in which an unknown one is asked who it is."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from typing import Final, NamedTuple

from mbuscli.devices.modems.base import Identity, Modem
from mbuscli.errors import Reason, UsageError
from mbuscli.ports.base import Port


class Family(NamedTuple):
    """What is known of a family without loading it: the rate of its line (8N1), and its modems' names."""

    baud: int
    modems: tuple[str, ...]


# The order is that of the questions; none upsets a modem that it is not meant for. What a question in lines
# is at a wrong rate or to a modem that talks in frames is noise, which the next question's line end clears.
FAMILIES: Final = {
    "rn2483": Family(57600, ("RN2483", "RN2483A", "RN2903", "RN2903A", "LoStik")),
    "rak3172": Family(115200, ("RAK3172", "RAK3272", "RUI3")),
    "rak811": Family(115200, ("RAK811",)),
    "lora_e5": Family(9600, ("LoRa-E5", "Wio-E5", "LoRa-E5-mini")),
    "la66": Family(9600, ("LA66", "LA66-USB")),
    "st_at_slave": Family(9600, ("STM32WL", "AT_Slave", "ST")),
    "murata_abz": Family(19200, ("Murata-ABZ", "CMWX1ZZABZ", "ABZ", "MKRWAN")),
    "imst": Family(115200, ("iU880B", "iM880B", "iU880A", "iM880A")),
}


def find_family(name: str) -> str:
    """The family that `name` names: itself, or one of its modems. Raises UsageError `usage.invalid`."""
    wanted = _plain(name)
    for family, entry in FAMILIES.items():
        if wanted in map(_plain, (family, *entry.modems)):
            return family
    known = {_plain(each): each for family, entry in FAMILIES.items() for each in (family, *entry.modems)}
    near = difflib.get_close_matches(wanted, known, 1)
    raise UsageError(
        f"there is no kind of modem {name!r}",
        reason=Reason.INVALID,
        hint=(f"did you mean {known[near[0]]}?" if near else f"known are: {', '.join(FAMILIES)}",),
    )


def driver_of(family: str, port: Port) -> Modem:
    """The driver of a family on an open port."""
    driver: Callable[[Port], Modem] = getattr(_module(family), "driver")  # noqa: B009
    return driver(port)


def probe(family: str, port: Port) -> Identity | None:
    """Ask whether a modem of this family is there; the port is at its rate. None if nobody answers so."""
    ask: Callable[[Port], Identity | None] = getattr(_module(family), "probe")  # noqa: B009
    return ask(port)


def _module(family: str) -> object:
    return import_module(f"mbuscli.devices.modems.{family}")


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()

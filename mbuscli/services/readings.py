"""Readings of telegrams, with the drivers that come with the program and the user's own."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from mbuscli.errors import InputError
from mbuscli.meters.evaluate import evaluate
from mbuscli.meters.reading import Readings
from mbuscli.meters.registry import Registry
from mbuscli.settings.paths import config_path
from mbuscli.telegram.model import LORAWAN

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram

_FOLDER = "meters"


@lru_cache(maxsize=1)
def registry() -> Registry:
    """All drivers. InputError if one of the user's own is wrong."""
    return Registry(user_folder())


def user_folder() -> str | None:
    """Where the user's own drivers lie, None if there is no such folder."""
    try:
        folder = config_path(_FOLDER)
    except InputError:
        return None  # no home: then nobody put a driver there either
    return folder if os.path.isdir(folder) else None


def _of_payload(telegram: Telegram) -> Readings | None:
    """Of a LoRaWAN payload in a maker's own layout."""
    if telegram.link.layer != LORAWAN:
        return None
    from mbuscli.services.lorawan_readings import payload_readings

    return payload_readings(telegram)


def readings_of(telegram: Telegram, units: tuple[str, ...] = ()) -> Readings:
    """What the telegram says, under the names of its driver; in `units` where they fit."""
    readings = _of_payload(telegram) or evaluate(telegram, registry().driver_for(telegram.meter))
    if not units:
        return readings
    from mbuscli.meters.units import in_units

    return readings._replace(values=tuple(in_units(reading, units) for reading in readings.values))


def has_decoder(telegram: Telegram) -> bool:
    """True if the payload, or a part of it, is the maker's own and there is a decoder for it."""
    driver = registry().driver_for(telegram.meter)
    return driver is not None and driver.decoder is not None

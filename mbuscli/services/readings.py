"""Readings of telegrams, with the drivers that come with the program and the user's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from mbuscli.errors import InputError
from mbuscli.meters.evaluate import evaluate
from mbuscli.meters.reading import NOTHING, Readings
from mbuscli.meters.registry import Registry
from mbuscli.settings.paths import config_path
from mbuscli.telegram.model import LORAWAN

if TYPE_CHECKING:
    from mbuscli.meters.driver import Driver
    from mbuscli.protocol.application.layout import Laid
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


@cache
def _planner() -> Callable[[Telegram, Laid, Driver | None], Readings | None]:
    """Loaded with the first telegram under a layout: who decodes one telegram needs none."""
    from mbuscli.meters.plan import evaluate_laid

    return evaluate_laid


def _evaluate(telegram: Telegram) -> Readings:
    driver = registry().driver_for(telegram.meter)
    planned = None if telegram.laid is None else _planner()(telegram, telegram.laid, driver)
    return planned or evaluate(telegram, driver)


def readings_of(telegram: Telegram, units: tuple[str, ...] = ()) -> Readings:
    """What the telegram says, under the names of its driver; in `units` where they fit."""
    if telegram.is_withheld:
        return NOTHING
    readings = _of_payload(telegram) or _evaluate(telegram)
    if not units:
        return readings
    from mbuscli.meters.units import in_units

    return readings._replace(values=tuple(in_units(reading, units) for reading in readings.values))


def has_decoder(telegram: Telegram) -> bool:
    """True if the payload, or a part of it, is the maker's own and there is a decoder for it."""
    driver = registry().driver_for(telegram.meter)
    return driver is not None and driver.decoder is not None

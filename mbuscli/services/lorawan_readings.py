"""Readings of LoRaWAN payloads that are no M-Bus records."""

from __future__ import annotations

from mbuscli.meters.reading import Reading, Readings
from mbuscli.protocol.lorawan.payloads import TEXT
from mbuscli.telegram import Telegram
from mbuscli.telegram.lorawan import LorawanTelegram

_MAIN = "total_m3"


def payload_readings(telegram: Telegram) -> Readings | None:
    """The values of a maker's layout, None where there are none."""
    if not isinstance(telegram, LorawanTelegram):
        return None
    found = telegram.meter_payload
    if not found.values:
        return None
    return Readings(
        None if found.name == TEXT else found.name,
        tuple(
            Reading(value.name, value.value, value.unit, main=value.name == _MAIN) for value in found.values
        ),
    )

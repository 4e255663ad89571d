"""Scenarios of the air for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mbuscli.simulator.sticks.radio_scenario import RadioScenario, radio_scenario

TELEGRAM = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")
KEY = "000102030405060708090A0B0C0D0E0F"


def sending(telegrams: Sequence[bytes], *, mode: str = "T1", **options: Any) -> RadioScenario:
    """One meter that sends these telegrams in turn, once, from second 5 on."""
    meter = {
        "mode": mode,
        "telegrams": [telegram.hex() for telegram in telegrams],
        "limit": len(telegrams),
        "phase_s": 5.0,
        "interval_s": 1.0,
        "rssi_dbm": -84.0,
        **options,
    }
    return radio_scenario({"meter": [meter]})

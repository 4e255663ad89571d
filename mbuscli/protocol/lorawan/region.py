"""What follows from the tables of a region: sub-bands, receive windows, time on air, waiting times."""

from __future__ import annotations

import math
from typing import Final

from mbuscli.errors import Reason, UsageError
from mbuscli.protocol.lorawan.region_table import REGIONS, Rate, Region

JOIN_ACCEPT_DELAY_S = (5, 6)
_PREAMBLE_SYMBOLS: Final = 8
_FSK_OVERHEAD: Final = 5 + 3 + 1 + 2  # preamble, sync word, length, CRC
# Longer symbols need the low data rate optimisation.
_SLOW_SYMBOL_S: Final = 0.016


def parse_region(text: str) -> Region:
    """The region by its name, whatever case and dashes; UsageError names those that are known."""
    wanted = "".join(filter(str.isalnum, text)).upper()
    by_name = {name.replace("-", ""): region for name, region in REGIONS.items()}
    region = by_name.get("AS9231" if wanted == "AS923" else wanted)
    if region is None:
        import difflib

        near = difflib.get_close_matches(text.upper(), REGIONS, 1)
        hint = [f"did you mean {near[0]}?"] if near else []
        raise UsageError(
            f"region {text!r} is not known",
            reason=Reason.INVALID,
            hint=[*hint, f"known: {', '.join(REGIONS)}"],
        )
    return region


def sub_band_channels(region: Region, sub_band: int) -> tuple[int, ...]:
    """Channel numbers of a sub-band, 1 to 8: eight of 125 kHz and the one of 500 kHz. UsageError else."""
    if not region.has_sub_bands:
        raise UsageError(f"{region.name} has no sub-bands", reason=Reason.INVALID)
    if not 1 <= sub_band <= 8:
        raise UsageError(
            f"{sub_band} is no sub-band: they go from 1 to 8",
            reason=Reason.INVALID,
            hint=("The Things Network uses sub-band 2",),
        )
    first = 8 * (sub_band - 1)
    return (*range(first, first + 8), 63 + sub_band)


def rx1_hz(region: Region, channel: int) -> int:
    """The frequency of RX1 after an uplink on this channel, without DlChannelReq."""
    if region.rx1_channels_hz:
        return region.rx1_channels_hz[channel % len(region.rx1_channels_hz)]
    return region.channels_hz[channel]


def max_payload(region: Region, data_rate: int, *, f_opts: int = 0, dwell: bool = False) -> int | None:
    """Octets of FRMPayload that fit beside `f_opts` octets of FOpts; None if there is no such data rate."""
    table = region.max_payload_dwell if dwell and region.max_payload_dwell else region.max_payload
    limit = table[data_rate] if 0 <= data_rate < len(table) else None
    return None if limit is None else max(0, limit - f_opts)


def duty_cycle(region: Region, frequency_hz: int) -> float:
    """The share of time that a device may be on air at this frequency; 1.0: no limit."""
    for band in region.bands:
        if band.first_hz <= frequency_hz < band.last_hz:
            return band.duty_cycle
    return region.duty_cycle


def airtime_s(rate: Rate, octets: int, *, crc: bool = True) -> float:
    """Time on air of a PHYPayload: explicit header, coding rate 4/5, preamble of eight symbols."""
    if not rate.spreading:
        return 8 * (octets + _FSK_OVERHEAD) / rate.bit_rate
    symbol_s = (1 << rate.spreading) / (rate.bandwidth_khz * 1000)
    slow = 2 if symbol_s > _SLOW_SYMBOL_S else 0
    bits = 8 * octets - 4 * rate.spreading + 28 + (16 if crc else 0)
    payload = 8 + max(0, math.ceil(bits / (4 * (rate.spreading - slow)))) * 5
    return (_PREAMBLE_SYMBOLS + 4.25 + payload) * symbol_s


def wait_s(region: Region, frequency_hz: int, on_air_s: float) -> float:
    """How long the band is closed after so much time on air, counted from the end of it."""
    return on_air_s / duty_cycle(region, frequency_hz) - on_air_s

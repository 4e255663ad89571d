"""Regions as data: channels, data rates, payloads, receive windows, bands (LoRaWAN regional parameters)."""

from __future__ import annotations

from typing import NamedTuple


class Rate(NamedTuple):
    """One data rate: spreading factor and bandwidth of LoRa, or FSK in bit/s (`spreading` 0)."""

    spreading: int
    bandwidth_khz: int
    bit_rate: int = 0

    def __str__(self) -> str:
        return (
            f"SF{self.spreading}/{self.bandwidth_khz}" if self.spreading else f"FSK {self.bit_rate // 1000}k"
        )


class Band(NamedTuple):
    """Frequencies from `first_hz` up to `last_hz` with a limit on the share of time on air."""

    first_hz: int
    last_hz: int
    duty_cycle: float


class Region(NamedTuple):
    """One region. Tables of data rates go by their number; None: no such data rate.

    max_payload    octets of FRMPayload without FOpts; `max_payload_dwell` with dwell time limited to 400 ms
    rx1_rates      data rate of RX1 by data rate of the uplink and RX1DROffset, with the limit if there is one
    join_rates     of the join-requests
    duty_cycle     of frequencies in no band; 1.0: no limit
    """

    name: str
    channels_hz: tuple[int, ...]
    rates: tuple[Rate | None, ...]
    max_payload: tuple[int | None, ...]
    max_payload_dwell: tuple[int | None, ...] | None
    rx1_rates: tuple[tuple[int, ...], ...]
    rx2_hz: int
    rx2_rate: int
    join_rates: tuple[int, ...]
    eirp_dbm: int
    power_steps: int
    duty_cycle: float = 1.0
    bands: tuple[Band, ...] = ()
    rx1_channels_hz: tuple[int, ...] = ()
    listens_before_talk: bool = False

    @property
    def has_sub_bands(self) -> bool:
        """True where a network uses eight of 64 channels, so that a modem must know which."""
        return len(self.channels_hz) > 16


_SF12_TO_7 = tuple(Rate(spreading, 125) for spreading in range(12, 6, -1))
_SF12_TO_7_500 = tuple(Rate(spreading, 500) for spreading in range(12, 6, -1))
_FAST = (Rate(7, 250), Rate(0, 0, 50_000))
_NONE = (None,)


def _minus_offset(rates: int, offsets: int, floor: int = 0) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(max(floor, rate - offset) for offset in range(offsets)) for rate in range(rates))


def _with_steps_up(rates: int, last: int, floor: int = 0) -> tuple[tuple[int, ...], ...]:
    """Offsets 0 to 5 go down, 6 and 7 are one and two data rates up."""
    return tuple(
        (*row, min(last, rate + 1), min(last, rate + 2))
        for rate, row in enumerate(_minus_offset(rates, 6, floor))
    )


EU868 = Region(
    "EU868",
    channels_hz=(868_100_000, 868_300_000, 868_500_000),
    rates=_SF12_TO_7 + _FAST,
    max_payload=(51, 51, 51, 115, 242, 242, 242, 242),
    max_payload_dwell=None,
    rx1_rates=_minus_offset(8, 6),
    rx2_hz=869_525_000,
    rx2_rate=0,
    join_rates=(0, 1, 2, 3, 4, 5),
    eirp_dbm=16,
    power_steps=8,
    duty_cycle=0.01,
    bands=(
        Band(863_000_000, 865_000_000, 0.001),
        Band(865_000_000, 868_000_000, 0.01),
        Band(868_000_000, 868_600_000, 0.01),
        Band(868_700_000, 869_200_000, 0.001),
        Band(869_400_000, 869_650_000, 0.1),
        Band(869_700_000, 870_000_000, 0.01),
    ),
)

_US_DOWN = tuple(923_300_000 + 600_000 * n for n in range(8))

US915 = Region(
    "US915",
    channels_hz=(
        *(902_300_000 + 200_000 * n for n in range(64)),
        *(903_000_000 + 1_600_000 * n for n in range(8)),
    ),
    rates=(*_SF12_TO_7[2:], Rate(8, 500), *_NONE * 3, *_SF12_TO_7_500),
    max_payload=(11, 53, 125, 242, 242, *_NONE * 3, 53, 129, 242, 242, 242, 242),
    max_payload_dwell=None,
    rx1_rates=((10, 9, 8, 8), (11, 10, 9, 8), (12, 11, 10, 9), (13, 12, 11, 10), (13, 13, 12, 11)),
    rx2_hz=923_300_000,
    rx2_rate=8,
    join_rates=(0, 4),
    eirp_dbm=30,
    power_steps=15,
    rx1_channels_hz=_US_DOWN,
)

AU915 = Region(
    "AU915",
    channels_hz=(
        *(915_200_000 + 200_000 * n for n in range(64)),
        *(915_900_000 + 1_600_000 * n for n in range(8)),
    ),
    rates=(*_SF12_TO_7, Rate(8, 500), *_NONE, *_SF12_TO_7_500),
    max_payload=(51, 51, 51, 115, 242, 242, 242, *_NONE, 53, 129, 242, 242, 242, 242),
    max_payload_dwell=(0, 0, 11, 53, 125, 242, 242, *_NONE, 53, 129, 242, 242, 242, 242),
    rx1_rates=(
        (8, 8, 8, 8, 8, 8),
        (9, 8, 8, 8, 8, 8),
        (10, 9, 8, 8, 8, 8),
        (11, 10, 9, 8, 8, 8),
        (12, 11, 10, 9, 8, 8),
        (13, 12, 11, 10, 9, 8),
        (13, 13, 12, 11, 10, 9),
    ),
    rx2_hz=923_300_000,
    rx2_rate=8,
    join_rates=(2, 6),
    eirp_dbm=30,
    power_steps=15,
    rx1_channels_hz=_US_DOWN,
)


def _as923(name: str, offset_hz: int) -> Region:
    return Region(
        name,
        channels_hz=(923_200_000 + offset_hz, 923_400_000 + offset_hz),
        rates=_SF12_TO_7 + _FAST,
        max_payload=(51, 51, 115, 115, 242, 242, 242, 242),
        max_payload_dwell=(0, 0, 11, 53, 125, 242, 242, 242),
        rx1_rates=_with_steps_up(8, 7),
        rx2_hz=923_200_000 + offset_hz,
        rx2_rate=2,
        join_rates=(2,),
        eirp_dbm=16,
        power_steps=8,
        duty_cycle=0.01,
    )


IN865 = Region(
    "IN865",
    channels_hz=(865_062_500, 865_402_500, 865_985_000),
    rates=(*_SF12_TO_7, *_NONE, _FAST[1]),
    max_payload=(51, 51, 51, 115, 242, 242, None, 242),
    max_payload_dwell=None,
    rx1_rates=_with_steps_up(6, 5),
    rx2_hz=866_550_000,
    rx2_rate=2,
    join_rates=(0, 1, 2, 3, 4, 5),
    eirp_dbm=30,
    power_steps=11,
)

KR920 = Region(
    "KR920",
    channels_hz=(922_100_000, 922_300_000, 922_500_000),
    rates=_SF12_TO_7,
    max_payload=(51, 51, 51, 115, 242, 242),
    max_payload_dwell=None,
    rx1_rates=_minus_offset(6, 6),
    rx2_hz=921_900_000,
    rx2_rate=0,
    join_rates=(0, 1, 2, 3, 4, 5),
    eirp_dbm=14,
    power_steps=8,
    listens_before_talk=True,
)

REGIONS = {
    region.name: region
    for region in (
        EU868,
        US915,
        AU915,
        _as923("AS923-1", 0),
        _as923("AS923-2", -1_800_000),
        _as923("AS923-3", -6_600_000),
        _as923("AS923-4", -5_900_000),
        IN865,
        KR920,
    )
}

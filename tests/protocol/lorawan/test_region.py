"""Regions: sub-bands, windows, payloads, time on air."""

from __future__ import annotations

import pytest

from mbuscli.errors import UsageError
from mbuscli.protocol.lorawan import region
from mbuscli.protocol.lorawan.region_table import AU915, EU868, IN865, KR920, REGIONS, US915, Rate, Region


@pytest.mark.parametrize(
    ("spreading", "bandwidth", "octets", "milliseconds"),
    [
        (12, 125, 23, 1482.752),
        (10, 125, 23, 370.688),
        (7, 125, 23, 61.696),
        (7, 125, 13, 46.336),
        (12, 125, 64, 2793.472),
        (9, 125, 51, 328.704),
        (8, 500, 23, 28.288),
    ],
)
def test_airtime(spreading: int, bandwidth: int, octets: int, milliseconds: float) -> None:
    assert region.airtime_s(Rate(spreading, bandwidth), octets) == pytest.approx(milliseconds / 1000)


def test_a_slow_join_closes_the_band_for_minutes() -> None:
    on_air = region.airtime_s(Rate(12, 125), 23)
    assert region.wait_s(EU868, 868_100_000, on_air) == pytest.approx(99 * on_air)
    assert region.wait_s(EU868, 869_525_000, on_air) == pytest.approx(9 * on_air)
    assert region.wait_s(US915, 903_000_000, on_air) == 0


def test_sub_bands() -> None:
    assert region.sub_band_channels(US915, 2) == (*range(8, 16), 65)
    assert region.sub_band_channels(AU915, 8) == (*range(56, 64), 71)
    assert [US915.channels_hz[n] for n in (0, 8, 63, 64, 71)] == [
        902_300_000,
        903_900_000,
        914_900_000,
        903_000_000,
        914_200_000,
    ]
    for wrong, place in ((0, US915), (9, US915), (1, EU868)):
        with pytest.raises(UsageError):
            region.sub_band_channels(place, wrong)


def test_rx1() -> None:
    assert region.rx1_hz(EU868, 2) == 868_500_000
    assert region.rx1_hz(US915, 9) == 923_900_000
    assert region.rx1_hz(US915, 65) == 923_900_000
    assert EU868.rx1_rates[5] == (5, 4, 3, 2, 1, 0)
    assert EU868.rx1_rates[1] == (1, 0, 0, 0, 0, 0)
    assert IN865.rx1_rates[5] == (5, 4, 3, 2, 1, 0, 5, 5)


def test_payloads() -> None:
    assert region.max_payload(US915, 0) == 11
    assert region.max_payload(EU868, 0, f_opts=5) == 46
    assert region.max_payload(AU915, 2, dwell=True) == 11
    assert region.max_payload(US915, 5) is None
    assert region.max_payload(KR920, 7) is None


@pytest.mark.parametrize("place", REGIONS.values(), ids=lambda place: place.name)
def test_tables_are_whole(place: Region) -> None:
    assert len(place.rates) == len(place.max_payload)
    assert all((rate is None) == (limit is None) for rate, limit in zip(place.rates, place.max_payload))  # noqa: B905
    assert place.max_payload_dwell is None or len(place.max_payload_dwell) == len(place.rates)
    assert place.rates[place.rx2_rate] is not None
    assert all(place.rates[rate] is not None for rate in place.join_rates)
    for row in place.rx1_rates:
        assert all(place.rates[rate] is not None for rate in row)


@pytest.mark.parametrize(("text", "name"), [("eu868", "EU868"), ("as923", "AS923-1"), ("AS923_3", "AS923-3")])
def test_names(text: str, name: str) -> None:
    assert region.parse_region(text).name == name


def test_an_unknown_region_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        region.parse_region("mars")
    assert "EU868" in caught.value.hint[0]

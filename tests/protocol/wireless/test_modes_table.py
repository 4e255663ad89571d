from __future__ import annotations

import pytest

from mbuscli.protocol.wireless.c_fields import Direction, find_service
from mbuscli.protocol.wireless.frame_format import START_OCTETS
from mbuscli.protocol.wireless.modes_table import (
    LINK_MODES,
    MANCHESTER,
    NRZ,
    R2_CHANNELS,
    R2_DEFAULT_CHANNEL,
    THREE_OF_SIX,
    find_link_modes,
)

# Data bits for each channel symbol; N2g sends two bits in each of its four-level symbols.
BITS = {MANCHESTER: 1 / 2, THREE_OF_SIX: 2 / 3, NRZ: 1}


@pytest.mark.parametrize("mode", LINK_MODES, ids=lambda mode: mode.name)
def test_rates_follow_from_the_coding(mode: object) -> None:
    assert mode in LINK_MODES
    for row in find_link_modes(mode.name):  # type: ignore[attr-defined]
        factor = 2 if row.name == "N2g" else BITS[row.coding]
        assert row.bit_rate == round(row.chip_rate * factor)


def test_sync_words() -> None:
    (s2,) = find_link_modes("s2")
    assert s2.sync == (("000111011010010110", "A"),)
    (c1,) = find_link_modes("C1")
    assert {frame_format: f"{int(chips, 2):08X}" for chips, frame_format in c1.sync} == {
        "A": "543D54CD",
        "B": "543D543D",
    }
    # T and C share the last chips, so that one receiver hears both.
    (t1,) = find_link_modes("T1")
    assert all(chips[6:16] == t1.sync[0][0] for chips, _ in c1.sync)


def test_two_way_modes_have_both_directions() -> None:
    for name in ("S2", "T2", "C2", "R2", "N2c", "F2"):
        directions = {direction for mode in find_link_modes(name) for direction in mode.directions}
        assert directions == set(Direction)
    assert find_link_modes("T1")[0].directions == (Direction.FROM_METER,)
    assert find_link_modes("Z9") == ()


def test_r2_default_channel() -> None:
    assert R2_CHANNELS[R2_DEFAULT_CHANNEL].frequency_hz == 868_330_000
    assert len({mode.frequency_hz for mode in R2_CHANNELS}) == 10


def test_start_octets_are_no_l_and_c_field() -> None:
    assert all(find_service(octets[1]) is None for octets in START_OCTETS)

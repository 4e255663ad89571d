"""Plans of readings: what they give is what `evaluate` gives, and where there is none, `evaluate` is asked."""

from __future__ import annotations

import pytest

from mbuscli.meters.driver import Driver, parse_driver
from mbuscli.meters.evaluate import evaluate
from mbuscli.meters.plan import evaluate_laid
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.telegram import Telegram, decode
from mbuscli.telegram.plans import Plans

METER = MeterAddress.parse("12345678.KAM.1B.16").octets()
RECORDS = "0C1367452301 046D0A0B3F3C 426C1F3C 02FD171200 0406E8030000 0259B005"


def telegram(records: str, plans: Plans, status: int = 0) -> Telegram:
    data = METER + bytes((7, status, 0, 0)) + bytes.fromhex(records)
    frame = encode_long(8, 5, 0x72, data)
    for _ in range(2):
        decode(frame, plans=plans)
    laid = decode(frame, plans=plans)
    assert laid.laid is not None
    return laid


def driver(*fields: dict[str, object], **more: object) -> Driver:
    return parse_driver({"name": "test", "main": "total_m3", "field": list(fields), **more}, "test")


def planned(records: str, by: Driver | None, plans: Plans, status: int = 0) -> bool:
    """True if there is a plan; its readings are those of `evaluate`."""
    found = telegram(records, plans, status)
    assert found.laid is not None
    readings = evaluate_laid(found, found.laid, by)
    if readings is None:
        return False
    expected = evaluate(found, by)
    assert readings == expected
    assert [str(reading.value) for reading in readings.values] == [str(r.value) for r in expected.values]
    return True


VOLUME = {"name": "total_m3", "quantity": "volume", "about": "The total volume."}
ENERGY = {"name": "energy_kwh", "quantity": "energy"}
FLAGS = {"name": "status", "quantity": "error_flags", "bits": {"0x02": "DRY", "0x10": "LEAK"}}


@pytest.mark.parametrize("records", [RECORDS, RECORDS.replace("1F3C", "FFFF"), RECORDS.replace("67", "6A")])
@pytest.mark.parametrize("status", [0, 0x04, 0xE1])
@pytest.mark.parametrize("by", [None, driver(), driver(VOLUME), driver(ENERGY, FLAGS, VOLUME)])
def test_a_plan_reads_as_evaluate_does(records: str, status: int, by: Driver | None) -> None:
    plans = Plans()
    assert planned(records, by, plans, status)
    # The plan that is there now serves other values, errors and states.
    assert planned(records.replace("E803", "1027"), by, plans, 0)
    assert planned(records.replace("3F3C", "0000"), by, plans, 0x18)


@pytest.mark.parametrize(
    "field",
    [
        {"name": "total_l", "quantity": "volume"},
        {"name": "total_m3", "quantity": "volume", "scale": "0.01"},
        {"name": "total", "quantity": "volume", "as": "digits"},
        {"name": "total", "quantity": "volume", "as": "hex-reversed"},
        {"name": "total_kwh", "quantity": "volume"},
        {"name": "day", "quantity": "datetime", "as": "date"},
        {"name": "state", "quantity": "error_flags", "mask": "0x10", "words": {"1": "open"}},
        {"name": "state", "quantity": "error_flags", "mask": "0xF0"},
        {"name": "energy_gj", "quantity": "energy"},
        {"name": "energy_mj", "quantity": "energy", "dated": "never"},
        {"name": "own_status", "from": "status", "bits": {"0x20": "TAMPERED"}},
        {"name": "flow_{count}_c", "quantity": "flow_temperature"},
    ],
)
def test_fields_of_every_form(field: dict[str, object]) -> None:
    assert planned(RECORDS, driver(field), Plans(), 0x20)


def test_a_number_that_is_none_is_left_to_evaluate() -> None:
    none = driver({"name": "flow_c", "quantity": "flow_temperature", "none": 19})
    plans = Plans()
    assert planned(RECORDS.replace("0259B005", "025B1400"), none, plans)
    assert not planned(RECORDS.replace("0259B005", "025B1300"), none, plans)


@pytest.mark.parametrize(
    "fields",
    [
        ({"name": "same", "quantity": "volume"}, {"name": "same", "quantity": "energy"}),
        ({"name": "month_{n}_m3", "quantity": "volume", "dated": "month_{n}_date", "since": 1},),
        ({"name": "status", "quantity": "volume"},),
    ],
)
def test_what_hangs_on_values_has_no_plan(fields: tuple[dict[str, object], ...]) -> None:
    assert not planned(RECORDS, driver(*fields), Plans())


def test_a_decoder_has_no_plan() -> None:
    assert not planned(RECORDS, driver(VOLUME, decoder="qundis"), Plans())


def test_plans_of_a_layout_are_bounded() -> None:
    plans = Plans()
    found = telegram("0C1300000000" * 8, plans)
    assert found.laid is not None
    for pattern in range(256):
        records = "".join("0C1300000000" if pattern >> n & 1 else "0C13AAAAAAAA" for n in range(8))
        planned(records, None, plans)
    assert len(found.laid.layout.plans) <= 24

"""Scan and read against the simulated bus."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbuscli.errors import NoAnswerError, PortError, UsageError
from mbuscli.ports.opener import open_port
from mbuscli.protocol.address import MeterAddress
from mbuscli.services import read as reading
from mbuscli.services import scan as scanning
from mbuscli.services.link import Link, more_follows

SCENARIO = """
[[meter]]
address = 1
id = "12345678"
manufacturer = "KAM"
version = 27
device_type = 22
records = ["0C13 = 1234.567"]

[[meter]]
address = 2
id = "87654321"
manufacturer = "LUG"
version = 4
device_type = 4
telegrams = [["0C06 = 5000"], ["0C14 = 1.5"], ["025A = 21.5"]]
"""


def link(tmp_path: Path, faults: str = "", retries_silent: int = 0) -> Link:
    file = tmp_path / "bus.toml"
    file.write_text(SCENARIO + faults, encoding="utf-8")
    return Link(open_port(f"sim:{file}"), more_follows=more_follows, retries_silent=retries_silent)


def test_a_scan_tells_what_it_finds_and_what_is_left(tmp_path: Path) -> None:
    bus = link(tmp_path)
    events = list(scanning.scan(bus, range(6)))
    asking = [event for event in events if isinstance(event, scanning.Asking)]
    found = [event for event in events if isinstance(event, scanning.Found)]
    assert [event.address for event in asking] == [0, 1, 2, 3, 4, 5]
    assert [event.found for event in asking] == [0, 0, 1, 2, 2, 2]
    assert all(event.seconds_left > 0 for event in asking)
    assert [str(event.telegram and event.telegram.meter) for event in found] == [
        "12345678.KAM.1B.16",
        "87654321.LUG.04.04",
    ]
    end = events[-1]
    assert isinstance(end, scanning.Finished)
    assert (end.asked, end.found) == (6, 2)
    assert end.wire_time_s == pytest.approx(bus.clock())


def test_the_estimate_for_an_empty_bus_is_what_it_takes(tmp_path: Path) -> None:
    for retries in (0, 2):
        bus = link(tmp_path, retries_silent=retries)
        events = list(scanning.scan(bus, range(100, 200)))
        first, last = events[0], events[-1]
        assert isinstance(first, scanning.Asking)
        assert isinstance(last, scanning.Finished)
        assert first.seconds_left == pytest.approx(last.wire_time_s, rel=0.05)


def test_all_telegrams_of_a_readout(tmp_path: Path) -> None:
    events = list(reading.read(link(tmp_path), [2]))
    quantities = [
        event.telegram.records[0].header.quantity for event in events if isinstance(event, reading.Read)
    ]
    assert quantities == ["energy", "volume", "flow_temperature"]


@pytest.mark.parametrize("text", ["12345678.KAM.1B.16", "12345678", "1234567F.KAM", "1"])
def test_every_form_of_address_reads_the_same_meter(tmp_path: Path, text: str) -> None:
    events = list(reading.read(link(tmp_path), [reading.parse_address(text)]))
    (read,) = (event for event in events if isinstance(event, reading.Read))
    assert str(read.telegram.meter) == "12345678.KAM.1B.16"


def test_who_is_absent_does_not_stop_the_others(tmp_path: Path) -> None:
    told = list(reading.read(link(tmp_path), [9, MeterAddress.parse("00000000"), 1]))
    assert [event.done for event in told if isinstance(event, reading.Progress)] == [0, 1, 2]
    events = [event for event in told if not isinstance(event, reading.Progress)]
    kinds = [type(event) for event in events]
    assert kinds == [reading.Asking, reading.Failed] * 2 + [reading.Asking, reading.Read]
    assert isinstance(events[1], reading.Failed)
    assert isinstance(events[1].error, NoAnswerError)


def test_a_lost_port_ends_the_readout(tmp_path: Path) -> None:
    faults = "[faults]\nunplug_after_requests = 2\n"
    with pytest.raises(PortError):
        list(reading.read(link(tmp_path, faults), [2]))


@pytest.mark.parametrize("text", ["251", "252", "255", "999", "12.34", "abc", "-1", ""])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        reading.parse_address(text)

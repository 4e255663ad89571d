"""`scan --secondary` on the simulated bus, against the meters that the simulator really has."""

from __future__ import annotations

import json

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.search import Search
from mbuscli.services.link import Link
from mbuscli.services.secondary_scan import Identified, Searched, secondary_scan
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.scenario import load_scenario
from tests.cli.program import run


def reachable() -> set[str]:
    """Identification numbers of the meters that listen at 2400 baud."""
    return {MeterAddress.from_octets(m.meter).id for m in load_scenario(None).meters if m.baud == 2400}


def test_every_meter_is_found_also_two_at_one_address() -> None:
    result = run("scan", "--port", "sim:", "--secondary", "-o", "json")
    assert result.code == ExitCode.DONE
    found = json.loads(result.out)["found"]
    assert {row["meter"]["id"] for row in found} == reachable()
    assert len(found) == len(reachable())
    assert sum(row["address"] == 20 for row in found) == 2
    assert all(row["state"] == "meter" for row in found)


def test_fewer_than_expected_is_a_partial_result() -> None:
    count = len(reachable())
    assert run("scan", "--port", "sim:", "--secondary", "--expect", str(count)).code == ExitCode.DONE
    assert run("scan", "--port", "sim:", "--secondary", "--expect", str(count + 1)).code == ExitCode.PARTIAL


def test_nobody_there() -> None:
    result = run("scan", "--port", "sim:", "--secondary", "--baud", "600")
    assert result.code == ExitCode.NO_ANSWER
    assert "bus.no-answer" in result.err


def test_expect_needs_secondary() -> None:
    assert run("scan", "--port", "sim:", "--expect", "3").code == ExitCode.USAGE


def test_the_readout_that_identifies_a_meter_is_its_reading() -> None:
    link = Link(SimPort(Bus(load_scenario(None))))
    search = Search(link.session)
    events = list(secondary_scan(link, search))
    meters = [event for event in events if isinstance(event, Identified)]
    assert {event.meter.address.id for event in meters} == reachable()
    assert all(event.telegram is not None and event.telegram.records for event in meters)
    (end,) = (event for event in events if isinstance(event, Searched))
    assert (end.found, end.unresolved) == (len(meters), ())
    assert search.is_over

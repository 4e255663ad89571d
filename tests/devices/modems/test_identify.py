"""Who is on a port? Every modem is found behind the questions that are meant for others."""

from __future__ import annotations

import threading

import pytest

from mbuscli.devices.modems.base import Joined
from mbuscli.devices.modems.identify import identify, identify_all
from mbuscli.devices.modems.registry import FAMILIES, driver_of, find_family
from mbuscli.errors import PortError, Reason, UsageError
from mbuscli.ports.base import Port
from mbuscli.simulator.modems import opener
from mbuscli.simulator.port import SimPort
from tests.devices.modems.bench import OTAA, SIMULATED, Bench, simulated

FIRST = 57600


@pytest.mark.parametrize("faults", ["", "noise", "split", "late"])
@pytest.mark.parametrize("name", SIMULATED)
def test_every_modem_is_found_and_works(name: str, faults: str) -> None:
    family, _ = SIMULATED[name]
    bench = simulated(name, faults)
    bench.port.set_baud(FIRST)
    identity = identify(bench.port)
    assert identity is not None
    assert identity.family == family
    assert identity.step
    assert bench.port.baud == FAMILIES[family].baud
    found = Bench(driver_of(family, bench.port), bench.port, bench.settings, OTAA, bench.twin)
    found.wait(Joined, found.join())


def test_the_dev_eui_is_told_where_the_modem_has_one() -> None:
    told = {}
    for name in SIMULATED:
        bench = simulated(name)
        told[name] = bench.modem.identify().dev_eui
    for name in ("st_at_slave", "murata_abz", "la66", "imst"):
        assert told[name] == opener.DEV_EUI


@pytest.mark.parametrize("fault", ["mute", "wrong-baud"])
def test_nobody(fault: str) -> None:
    bench = simulated("murata_abz", fault)
    bench.port.set_baud(FIRST)
    assert identify(bench.port) is None
    assert bench.port.baud == FIRST
    assert bench.port.now() < 20


def test_a_radio_stick_of_the_same_maker_is_no_modem() -> None:
    from mbuscli.simulator.sticks.opener import open_twin

    port = SimPort(open_twin("iu891a"), "stick", 115200)
    assert identify(port) is None


def test_several_ports_at_the_same_time_and_one_that_cannot_be_opened() -> None:
    """All are open before the first is asked: the barrier would break otherwise."""
    barrier = threading.Barrier(3, timeout=10)

    def open_it(name: str, baud: int) -> Port:
        barrier.wait()
        if name == "missing":
            raise PortError("it is not there", reason=Reason.MISSING)
        return SimPort(opener.open_twin(name, start_s=0.0), name, baud)

    answers = {each.port: each for each in identify_all(["imst", "missing", "la66"], opener=open_it)}
    assert len(answers) == 3
    for name in ("imst", "la66"):
        identity = answers[name].identity
        assert identity is not None
        assert identity.family == name
    assert answers["missing"].error is not None
    assert answers["missing"].error.name == "port.missing"


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("RN2483", "rn2483"),
        ("iu880b", "imst"),
        ("Wio-E5", "lora_e5"),
        ("lora-e5", "lora_e5"),
        ("ABZ", "murata_abz"),
    ],
)
def test_names(name: str, family: str) -> None:
    assert find_family(name) == family


def test_an_unknown_name() -> None:
    with pytest.raises(UsageError) as caught:
        find_family("rn2484")
    assert caught.value.hint == ("did you mean RN2483?",)


def test_the_rates_of_the_registry_are_those_of_the_drivers() -> None:
    from importlib import import_module

    for family, entry in FAMILIES.items():
        assert entry.baud == import_module(f"mbuscli.devices.modems.{family}").BAUD

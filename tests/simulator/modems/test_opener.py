"""`sim:modem`: names, options, and a network that knows the default device."""

from __future__ import annotations

import pytest

from mbuscli.errors import UsageError
from mbuscli.ports.opener import open_port
from mbuscli.simulator.modems.faults import FAULT_WORDS, ModemFaults
from mbuscli.simulator.modems.opener import MODEMS, open_twin, open_twin_by_options
from mbuscli.simulator.port import SimPort


@pytest.mark.parametrize("name", MODEMS)
def test_every_modem_opens(name: str) -> None:
    with open_port(f"sim:modem?family={name}", baud=9600) as port:
        assert isinstance(port, SimPort)
        assert port.name == f"sim:modem?family={name}"


def test_the_default() -> None:
    with open_port("sim:modem", baud=57600) as port:
        port.write(b"sys get ver\r\n")
        assert port.read(1.0).data.startswith(b"RN2483 ")


def test_names_are_written_as_people_do() -> None:
    assert type(open_twin("LoRa-E5")) is type(open_twin("lora_e5"))


def test_the_region_of_the_hardware() -> None:
    assert open_twin("rn2903").network.region.name == "US915"
    assert open_twin_by_options({"family": "rn2903"}).network.region.name == "US915"
    assert open_twin_by_options({"family": "rak3172", "region": "au915"}).network.region.name == "AU915"


def test_the_network_as_told() -> None:
    twin = open_twin_by_options(
        {"silent": "1", "bad-mic": "", "window": "2", "loss": "0.5", "nonces": "4", "refuse": "busy"}
    )
    behaviour = twin.network.behaviour
    assert (behaviour.silent, behaviour.bad_mic, behaviour.window, behaviour.loss) == (True, True, 2, 0.5)
    assert open_twin_by_options({"silent": "0"}).network.behaviour.silent is False
    assert len(twin.network.log) == 4
    assert twin.refuse == "busy"


@pytest.mark.parametrize("word", FAULT_WORDS)
def test_faults_by_their_words(word: str) -> None:
    faults = ModemFaults.parse(word.replace("SECONDS", "3"))
    assert faults != ModemFaults()
    assert sum(map(bool, faults)) == 1


@pytest.mark.parametrize(
    "spec",
    [
        "sim:modem?family=rn9999",
        "sim:modem?colour=red",
        "sim:modem?fault=unplug=x",
        "sim:modem?fault=fire",
        "sim:modem?window=3",
        "sim:modem?loss=2",
        "sim:modem?loss=much",
        "sim:modem?nonces=-1",
        "sim:modem?region=MARS",
        "sim:modem?pace=slow",
        "sim:modem?nwk-key=12",
    ],
)
def test_what_cannot_be(spec: str) -> None:
    with pytest.raises(UsageError):
        open_port(spec)

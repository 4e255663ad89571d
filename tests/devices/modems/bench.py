"""The modems that are tested: simulated ones, and a real one where the environment names it.

MBUSCLI_TEST_MODEM=/dev/ttyUSB0:rn2483 runs the same tests against that modem, in reach of a network that
knows it: MBUSCLI_TEST_MODEM_KEYS=REGION:DEVEUI:JOINEUI:APPKEY.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import NamedTuple, TypeVar

from mbuscli.devices.modems.base import Abp, Activation, Event, Modem, Otaa, Settings
from mbuscli.ports.base import Port
from mbuscli.ports.opener import open_port
from mbuscli.protocol.lorawan.region import parse_region
from mbuscli.protocol.lorawan.session import SessionKeys
from mbuscli.protocol.security.keys import parse_key
from mbuscli.simulator.lora.network import Behaviour
from mbuscli.simulator.modems import opener
from mbuscli.simulator.modems.twin import Twin
from mbuscli.simulator.port import SimPort

E = TypeVar("E", bound=Event)

# Name of the twin: the driver's module, and the region of its hardware.
SIMULATED = {
    "rn2483": ("rn2483", "EU868"),
    "rn2903": ("rn2483", "US915"),
    "rak3172": ("rak3172", "EU868"),
    "rak811": ("rak811", "EU868"),
    "rak811-rui": ("rak811", "EU868"),
    "lora_e5": ("lora_e5", "EU868"),
    "st_at_slave": ("st_at_slave", "EU868"),
    "murata_abz": ("murata_abz", "EU868"),
    "la66": ("la66", "EU868"),
    "imst": ("imst", "EU868"),
}
REAL = os.environ.get("MBUSCLI_TEST_MODEM", "")
REAL_KEYS = os.environ.get("MBUSCLI_TEST_MODEM_KEYS", "")
OTAA = Otaa(opener.DEV_EUI, opener.JOIN_EUI, opener.APP_KEY)
ABP = Abp(opener.DEV_ADDR, SessionKeys.v1_0(opener.NWK_S_KEY, opener.APP_S_KEY))
# Longer than any join: RX2 of a join, at the slowest rate.
PATIENCE_S = 20.0


class Bench(NamedTuple):
    """A modem on its port, how it is to be set, and its twin if it is simulated."""

    modem: Modem
    port: Port
    settings: Settings
    otaa: Activation = OTAA
    twin: Twin | None = None

    def wait(self, kind: type[E], events: list[Event], seconds: float = PATIENCE_S) -> E:
        """The first event of a kind among `events` and those that follow; all of them are in `events`."""
        end = self.port.now() + seconds
        while not (found := [each for each in events if isinstance(each, kind)]):
            assert self.port.now() < end, f"no {kind.__name__} in {events}"
            events += self.modem.events(end)
        return found[0]

    def join(self, activation: Activation | None = None) -> list[Event]:
        self.modem.identify()
        self.modem.configure(self.settings, activation or self.otaa)
        return self.modem.start_join()

    def listen(self, seconds: float) -> list[Event]:
        """All that happens in this time of the port's clock."""
        end = self.port.now() + seconds
        events: list[Event] = []
        while self.port.now() < end:
            events += self.modem.events(end)
        return events


def module(family: str) -> tuple[int, object]:
    loaded = import_module(f"mbuscli.devices.modems.{family}")
    return int(loaded.BAUD), loaded


def driver(family: str, port: Port) -> Modem:
    modem: Modem = import_module(f"mbuscli.devices.modems.{family}").driver(port)
    return modem


def simulated(name: str, faults: str = "", behaviour: Behaviour = Behaviour()) -> Bench:  # noqa: B008
    family, region = SIMULATED[name]
    twin = opener.open_twin(name, opener.default_network(behaviour, region), faults)
    port = SimPort(twin, name, module(family)[0])
    return Bench(driver(family, port), port, Settings(parse_region(region)), OTAA, twin)


def real() -> Bench:
    place, _, family = REAL.rpartition(":")
    region, dev_eui, join_eui, app_key = REAL_KEYS.split(":")
    port = open_port(place, baud=module(family)[0], parity="none")
    otaa = Otaa(bytes.fromhex(dev_eui), bytes.fromhex(join_eui), parse_key(app_key))
    return Bench(driver(family, port), port, Settings(parse_region(region)), otaa)


def modem_bench(name: str) -> Bench:
    return real() if name == REAL else simulated(name)


EVERY = [*SIMULATED, *([REAL] if REAL else [])]

"""The sticks that are tested: simulated ones, and a real one where the environment names it.

MBUSCLI_TEST_STICK=/dev/ttyUSB0:im871a runs the same tests against that stick, with real meters around it.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import NamedTuple

from mbuscli.devices.sticks.base import Reception, Stick
from mbuscli.ports.base import Port
from mbuscli.ports.opener import open_port
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.sticks.air import Air
from mbuscli.simulator.sticks.opener import STICKS
from mbuscli.simulator.sticks.radio_scenario import RadioScenario
from mbuscli.simulator.sticks.twin import NO_FAULTS, StickFaults, Twin

# Name of the twin: family, and what its stick shall hear.
MODES_868 = frozenset(("C1", "T1"))
SIMULATED = {
    "im871a": ("im871a", MODES_868),
    "im170a": ("im871a", frozenset(("N1a",))),
    "iu891a": ("iu891a", MODES_868),
    "amb8465": ("amber", MODES_868),
    "amb8465-frames": ("amber", MODES_868),
    "amb3665": ("amber", frozenset(("N1a",))),
    "rc1180": ("rc1180", frozenset(("T1",))),
}
# Those that leave the CRCs of the radio in place, so that what they hand over may be damaged.
EVERY = {**SIMULATED, "cul": ("cul", MODES_868)}
REAL = os.environ.get("MBUSCLI_TEST_STICK", "")


class Bench(NamedTuple):
    """A stick on its port; `wanted` are modes that it hears, `patience_s` how long a meter may be silent."""

    stick: Stick
    port: Port
    family: str
    wanted: frozenset[str]
    patience_s: float = 60.0

    def hear(self, seconds: float) -> list[Reception]:
        """All that comes within this time of the port's clock."""
        end = self.port.now() + seconds
        heard = []
        while self.port.now() < end:
            heard += self.stick.receive(end)
        return heard


def driver(family: str, port: Port) -> Stick:
    stick: Stick = import_module(f"mbuscli.devices.sticks.{family}").driver(port)
    return stick


def baud_of(family: str) -> int:
    return int(import_module(f"mbuscli.devices.sticks.{family}").BAUD)


def make_twin(name: str, scenario: RadioScenario, faults: StickFaults = NO_FAULTS) -> Twin:
    module, kind = STICKS[name]
    twin: Twin = getattr(import_module(f"mbuscli.simulator.sticks.{module}"), kind)(Air(scenario), faults)
    return twin


def on_twin(name: str, twin: Twin) -> Bench:
    family, wanted = SIMULATED[name]
    port = SimPort(twin, name, baud_of(family))
    return Bench(driver(family, port), port, family, wanted)


def simulated(name: str, faults: str = "") -> Bench:
    """In the built-in scenario, opened as a user does."""
    family, wanted = EVERY[name]
    port = open_port(f"sim:stick?family={name}&fault={faults}", baud=baud_of(family), parity="none")
    return Bench(driver(family, port), port, family, wanted)


def real() -> Bench:
    name, _, family = REAL.rpartition(":")
    port = open_port(name, baud=baud_of(family), parity="none")
    stick = driver(family, port)
    return Bench(stick, port, family, stick.hears[0])

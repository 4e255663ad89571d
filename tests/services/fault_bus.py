"""Seeded buses with faults, and what a scan or a readout made of them, beside the truth."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from mbuscli.errors import BusError, DecodeError, NoAnswerError, PortError
from mbuscli.ports.base import Port
from mbuscli.protocol.address import MeterAddress
from mbuscli.services import read as reading
from mbuscli.services import scan as scanning
from mbuscli.services.link import Link, more_follows
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.faults import Faults
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.scenario import Scenario
from mbuscli.simulator.slave import MeterSpec

LAST = 40
KINDS = ("clean", "noise", "drop", "late", "echo", "unplug", "all")


def faults(kind: str, rng: random.Random) -> Faults:
    """1 % noise and lost octets, answers up to 1 s behind the window, echo, unplugged in the middle."""
    seed = rng.randrange(2**32)
    late_ms = rng.uniform(100, 1040)  # so that an answer starts at most 1 s behind the window
    return {
        "clean": Faults(seed=seed),
        "noise": Faults(noise=0.01, seed=seed),
        "drop": Faults(drop=0.01, seed=seed),
        "late": Faults(late=rng.choice([0.1, 0.5, 1.0]), late_ms=late_ms, seed=seed),
        "echo": Faults(echo=True, seed=seed),
        "unplug": Faults(unplug_after_octets=rng.randrange(200), echo=rng.random() < 0.5, seed=seed),
        "all": Faults(noise=0.01, drop=0.01, late=0.1, late_ms=late_ms, echo=True, seed=seed),
    }[kind]


class Population(NamedTuple):
    """A bus and the meters at each address."""

    bus: Bus
    meters: dict[int, list[MeterSpec]]

    @property
    def single(self) -> dict[int, MeterSpec]:
        """The meters that have their address for themselves."""
        return {address: specs[0] for address, specs in self.meters.items() if len(specs) == 1}


def population(kind: str, seed: int, *, shared: bool = False) -> Population:
    """Up to eight meters with one to three telegrams each; with `shared` some have the same address."""
    rng = random.Random(f"{kind} {seed}")
    count = rng.randint(1, 8)
    addresses = rng.choices(range(LAST), k=count) if shared else rng.sample(range(LAST), count)
    specs = tuple(
        MeterSpec(
            MeterAddress(f"{rng.randrange(10**8):08d}", 0x2C2D, 0x1B, 0x16).octets(),
            address,
            tuple(
                (b"\x0c\x13" + bytes.fromhex(f"{rng.randrange(10**8):08d}"),)
                for _ in range(rng.randint(1, 3))
            ),
        )
        for address in addresses
    )
    meters: dict[int, list[MeterSpec]] = {}
    for spec in specs:
        meters.setdefault(spec.address, []).append(spec)
    return Population(Bus(Scenario(specs), faults=faults(kind, rng)), meters)


class Outcome(NamedTuple):
    """How one run ended: meters with their own readings, those reported as damaged, silent or doubtful, those
    that were passed over without a word, and what was said that is not so.
    """

    right: int
    doubtful: int
    lost: int
    wrong: list[str]
    ended: str
    wire_s: float


def a_scan(people: Population, port: Port) -> Outcome:
    """A primary scan of all addresses."""
    link = Link(port)
    found: list[scanning.Found] = []
    disturbed = asked = 0
    ended = "done"
    try:
        for event in scanning.scan(link, range(LAST)):
            if isinstance(event, scanning.Found):
                found.append(event)
            elif isinstance(event, scanning.Finished):
                disturbed = event.disturbed
            elif not event.again:
                asked = event.address
    except PortError:
        ended = "port lost"
    wrong = [text for each in found for text in _lies(people, each, disturbed=bool(disturbed))]
    wrong += [f"{n} rows for {a}" for a, n in Counter(each.probe.address for each in found).items() if n > 1]
    right = {each.probe.address for each in found if each.telegram}
    seen = {each.probe.address for each in found}
    missing = [address for address in people.meters if address not in seen]
    if ended != "done":
        missing = [address for address in missing if address < asked]
    doubtful = len([address for address in people.single if address in seen - right])
    marked = bool(disturbed) or ended != "done"
    return Outcome(
        len(right),
        doubtful + (len(missing) if marked else 0),
        0 if marked else len(missing),
        wrong,
        ended,
        port.now(),
    )


def _lies(people: Population, found: scanning.Found, *, disturbed: bool) -> Iterator[str]:
    address, state = found.probe.address, found.probe.state
    specs = people.meters.get(address, [])
    if state == "meter" and len(specs) > 1 and found.telegram and disturbed:
        return  # the other one answers later than anybody waits; the scan says that it was disturbed
    if state == "meter" and len(specs) != 1:
        yield f"one meter at {address}, where {len(specs)} are ({found.note})"
    elif state == "meter" and found.telegram and payload(found.telegram.raw) != expected(specs[0])[0]:
        yield f"the reading of {address} is not its own"
    elif state == "collision" and not specs:
        yield f"a collision at {address}, where nobody is ({found.note})"


def a_readout(people: Population, port: Port, *, by_selection: bool = False) -> Outcome:
    """A readout of every meter that has its address for itself, and of one that is not there."""
    link = Link(port, more_follows=more_follows)
    wanted: dict[reading.Address, MeterSpec | None] = {}
    for address in range(LAST):
        spec = people.single.get(address)
        if spec or (address and address - 1 in people.single):
            wanted[MeterAddress.from_octets(spec.meter) if by_selection and spec else address] = spec
    got: dict[reading.Address, list[bytes]] = {address: [] for address in wanted}
    failed: dict[reading.Address, str] = {}
    ended = "done"
    try:
        for event in reading.read(link, list(wanted)):
            if isinstance(event, reading.Read):
                got[event.address].append(payload(event.telegram.raw))
            elif isinstance(event, reading.Failed):
                assert isinstance(event.error, BusError | NoAnswerError | DecodeError)
                failed[event.address] = event.error.name
    except PortError:
        ended = "port lost"
    right = doubtful = lost = 0
    wrong = []
    for address, spec in wanted.items():
        truth = expected(spec) if spec else []
        if got[address] != truth[: len(got[address])]:
            wrong.append(f"{address}: {got[address]} is not {truth}")
        elif spec and got[address] == truth and address not in failed:
            right += 1
        elif address in failed or ended != "done":
            doubtful += spec is not None
        else:
            lost += 1
    return Outcome(right, doubtful, lost, wrong, ended, port.now())


def a_selected_readout(people: Population, port: Port) -> Outcome:
    """As `a_readout`, each meter by its secondary address."""
    return a_readout(people, port, by_selection=True)


def payload(raw: bytes) -> bytes:
    """Who answered and its records: a frame without link layer, access number and status."""
    return raw[7:15] + raw[19:-2]


def expected(spec: MeterSpec) -> list[bytes]:
    """The payloads of a whole readout."""
    more = [b"\x1f"] * (len(spec.telegrams) - 1) + [b""]
    return [spec.meter + b"".join(records) + end for records, end in zip(spec.telegrams, more, strict=True)]


def sim_port(people: Population) -> SimPort:
    """The bus as a port."""
    return SimPort(people.bus)

"""The drivers on a real pseudo-terminal in real time, the radio fifty times faster; and `simulate --modem`."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue

import pytest

from mbuscli.devices.modems.base import Downlink, Joined, Sent, Settings
from mbuscli.errors import PortError
from mbuscli.ports.opener import open_port
from mbuscli.protocol.lorawan.region import parse_region
from mbuscli.simulator.lora.network import Behaviour
from mbuscli.simulator.modems.opener import default_network, open_twin
from mbuscli.simulator.modems.twin import Twin
from mbuscli.simulator.server import serve_pty
from tests.cli.program import COMMAND, environment, run
from tests.devices.modems.bench import ABP, OTAA, SIMULATED, Bench, driver, module

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")
FASTER = 0.02


@contextmanager
def on_terminal(name: str, faults: str = "") -> Iterator[tuple[Bench, Twin]]:
    family, region = SIMULATED[name]
    network = default_network(Behaviour(), region)
    twin = open_twin(name, network, faults, time.monotonic(), scale=FASTER)
    places: Queue[str] = Queue()
    stop = threading.Event()

    def serve() -> None:
        with suppress(PortError):  # unplugged, as the fault says
            serve_pty(twin, stop=stop, ready=places.put)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with open_port(places.get(timeout=10), baud=module(family)[0], parity="none") as port:
            yield Bench(driver(family, port), port, Settings(parse_region(region)), OTAA, twin), twin
    finally:
        stop.set()
        thread.join(10)


@pytest.mark.parametrize("name", SIMULATED)
def test_join_and_talk(name: str) -> None:
    with on_terminal(name, "split") as (bench, twin):
        bench.wait(Joined, bench.join(), 10)
        assert twin.device.session is not None
        twin.network.queue(twin.device.session.dev_addr, 7, b"\xca\xfe")
        events = bench.modem.start_send(5, b"\1\2", confirmed=True)
        assert bench.wait(Downlink, events, 10) == (7, b"\xca\xfe", -60, 9)
        assert bench.wait(Sent, events, 10).acknowledged
        assert twin.network.uplinks[0].payload == b"\1\2"


def test_unplugged_in_a_join() -> None:
    with on_terminal("rak3172", "unplug-join") as (bench, _), pytest.raises(PortError):
        bench.wait(Joined, bench.join(), 10)


@contextmanager
def served(*args: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and where its modem is to be found."""
    with subprocess.Popen(
        [*COMMAND, "simulate", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_the_command(tmp_path: Path) -> None:
    link = tmp_path / "modem"
    args = ("--modem", "rn2483?window=2", "--fault", "noise", "--link", str(link), "--pace", "fast")
    with served(*args) as (process, place):
        assert place == str(link)
        with open_port(place, baud=57600, parity="none") as port:
            bench = Bench(driver("rn2483", port), port, Settings(parse_region("EU868")))
            assert bench.wait(Joined, bench.join(ABP)).dev_addr == ABP.dev_addr
            events = bench.modem.start_send(5, b"\1", confirmed=True)
            assert bench.wait(Sent, events).acknowledged
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert "rn2483 in a LoRaWAN network (EU868)" in process.stderr.read()
    assert not link.is_symlink()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--modem", "rn2484"], "did you mean rn2483?"),
        (["--modem", "rn2483", "--fault", "fire"], "no fault of a simulated modem"),
        (["--modem", "rn2483?fire=1"], "no option 'fire'"),
        (["--modem", "rn2483", "--stick", "cul"], "--modem stands alone"),
        (["--modem", "rn2483", "some.toml"], "--modem stands alone"),
    ],
)
def test_what_cannot_be_simulated(args: list[str], words: str) -> None:
    done = run("simulate", *args)
    assert done.code == 2
    assert words in done.err

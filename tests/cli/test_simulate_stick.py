"""`simulate --stick` in a process of its own; the drivers on its pseudo-terminal, as on a real stick."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mbuscli.devices.sticks.base import Stick
from mbuscli.devices.sticks.identify import identify
from mbuscli.devices.sticks.registry import FAMILIES, driver_of
from mbuscli.errors import PortError
from mbuscli.ports.base import Port
from mbuscli.ports.opener import open_port
from mbuscli.telegram import decode
from tests.cli.program import COMMAND, environment, run
from tests.devices.sticks.sticks import SIMULATED

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")
AIR = """
[[meter]]
name = "water"
telegrams = ["1844AE4C4455223368077A55000000041389E20100023B0000"]
mode = "{mode}"
interval_s = 0.1
"""


@contextmanager
def served(folder: Path, *args: str, mode: str = "T1") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and where its stick is to be found."""
    air = folder / "air.toml"
    air.write_text(AIR.format(mode=mode))
    with subprocess.Popen(
        [*COMMAND, "simulate", "--scenario", str(air), *args],
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


@pytest.mark.parametrize("name", SIMULATED)
def test_a_stick_on_a_terminal(name: str, tmp_path: Path) -> None:
    family, wanted = SIMULATED[name]
    link = tmp_path / "stick"
    mode = min(wanted & {"T1", "N1a"})
    with served(tmp_path, "--stick", name, "--link", str(link), mode=mode) as (process, place):
        assert place == str(link)
        with open_port(place, baud=FAMILIES[family].baud, parity="none") as port:
            stick = driver_of(family, port)
            assert stick.identify().family == family
            assert mode in stick.listen(wanted)
            # The port was opened in the middle of a telegram, perhaps.
            heard: list[bytes] = []
            end = port.now() + 10
            while not heard and port.now() < end:
                heard = [each.data for each in stick.receive(end) if each.error is None]
            assert str(decode(heard[0]).meter) == "33225544.SEN.68.07"
            stick.restore()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert not link.is_symlink()


@pytest.mark.parametrize("name", ["im871a", "amb8465"])
def test_it_is_found_by_asking(name: str, tmp_path: Path) -> None:
    with (
        served(tmp_path, "--stick", name) as (_, place),
        open_port(place, baud=9600, parity="none") as port,
    ):
        identity = identify(port)
    assert identity is not None
    assert identity.family == SIMULATED[name][0]


def test_a_stick_on_tcp(tmp_path: Path) -> None:
    with served(tmp_path, "--stick", "iu891a", "--tcp", "0") as (_, place):
        assert place.startswith("tcp://127.0.0.1:")
        with open_port(place, baud=115200) as port:
            assert driver_of("iu891a", port).identify().model == "iU891A-XL"


def test_a_stick_that_vanishes(tmp_path: Path) -> None:
    args = ("--stick", "im871a", "--fault", "unplug=1")
    with (
        served(tmp_path, *args) as (process, place),
        open_port(place, baud=57600, parity="none") as port,
    ):
        stick = driver_of("im871a", port)
        with pytest.raises(PortError):
            _listen_for_ever(stick, port)
        stick.restore()
        assert process.wait(20) == 3


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--stick", "im999"], "no simulated stick"),
        (["--stick", "im871a", "--fault", "rain"], "no fault"),
        (["--stick", "im871a", "--pace", "fast"], "faster than meters send"),
        (["--fault", "noise"], "for sticks"),
        (["one.toml", "--scenario", "two.toml"], "two scenarios"),
    ],
)
def test_what_cannot_be_simulated(args: list[str], words: str) -> None:
    result = run("simulate", *args)
    assert (result.code, result.out) == (2, "")
    assert words in result.err


def test_an_unusable_scenario(tmp_path: Path) -> None:
    path = tmp_path / "air.toml"
    path.write_text("[[meter]]\nmode = 7\n")
    assert run("simulate", "--stick", "im871a", str(path)).code == 10


def _listen_for_ever(stick: Stick, port: Port) -> None:
    stick.listen(frozenset(("T1",)))
    while True:
        stick.receive(port.now() + 10)

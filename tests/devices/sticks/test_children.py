"""rtl_wmbus and rtl_433: started, heard, and ended, with programs in their place that write what they write."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mbuscli.devices.sticks.base import Reception, Stick
from mbuscli.devices.sticks.registry import driver_of
from mbuscli.errors import DeviceError, PortError, UsageError
from mbuscli.ports.child import ChildPort
from mbuscli.ports.feed import PipePort
from tests.devices.sticks import fake_programs
from tests.ports.test_child_port import is_gone
from tests.simulator.sticks.scenarios import TELEGRAM

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="programs made of a script")

PROGRAMS = ("rtl_sdr", "rtl_wmbus", "rtl_433")
SENT = [TELEGRAM[:11] + bytes((number,)) + TELEGRAM[12:] for number in range(20)]
WANTED = frozenset(("C1", "T1"))
PATIENCE_S = 40.0


class Radio:
    """A folder of programs that is all the PATH there is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports: list[ChildPort] = []

    def install(self, faults: str = "", names: tuple[str, ...] = PROGRAMS) -> None:
        fake_programs.install(self.folder, *names, faults=faults)

    def stick(self, family: str, command: str | None = None) -> tuple[Stick, ChildPort]:
        port = ChildPort(family, command)
        self.ports.append(port)
        return driver_of(family, port), port

    def started(self) -> list[list[str]]:
        """Name, process and arguments of what was started."""
        return [line.split() for line in (self.folder / "log").read_text().splitlines()]


@pytest.fixture
def radio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Radio]:
    monkeypatch.setenv("PATH", str(tmp_path))
    radio = Radio(tmp_path)
    radio.install()
    yield radio
    for port in radio.ports:
        port.close()
    if (tmp_path / "log").exists():
        assert all(is_gone(int(pid)) for _, pid, *_ in radio.started())


def hear(stick: Stick, port: ChildPort | PipePort, count: int) -> list[Reception]:
    heard: list[Reception] = []
    until = port.now() + PATIENCE_S
    while len(heard) < count and port.now() < until:
        heard += stick.receive(until)
    return heard


def hear_into(heard: list[Reception], stick: Stick, port: ChildPort) -> None:
    """Until the stick fails."""
    while True:
        heard += stick.receive(port.now() + 1.0)


@pytest.mark.parametrize("family", ["rtl_wmbus", "rtl_433"])
def test_started_heard_and_ended(radio: Radio, family: str) -> None:
    stick, port = radio.stick(family)
    assert stick.identify().family == family
    assert not stick.is_alive()
    assert stick.listen(WANTED) == WANTED
    assert stick.is_alive()
    heard = hear(stick, port, len(SENT))
    assert [each.data for each in heard] == SENT
    assert {(each.mode, each.frame_format, each.error, each.rssi_dbm) for each in heard} == {
        ("T1", "none", None, None)
    }
    assert all(each.time <= port.now() for each in heard)
    assert TELEGRAM.hex()[2:20] in heard[0].raw.decode()
    stick.restore()
    stick.restore()
    assert not stick.is_alive()
    assert all(is_gone(int(pid)) for _, pid, *_ in radio.started())


@pytest.mark.parametrize(
    ("family", "wanted", "listening", "arguments"),
    [
        ("rtl_wmbus", {"T1", "C1", "S1"}, {"T1", "C1", "S1"}, ["-s", "-f"]),
        ("rtl_wmbus", {"T1"}, {"T1", "C1"}, ["-p", "S", "-f"]),
        ("rtl_wmbus", {"S1"}, {"S1"}, ["-p", "T", "-f"]),
        (
            "rtl_433",
            {"T1", "C1", "S1"},
            {"T1", "C1"},
            ["-f", "868.95M", "-s", "1600k", "-R", "104", "-F", "json"],
        ),
        ("rtl_433", {"S1"}, {"S1"}, ["-f", "868.3M", "-s", "1600k", "-R", "105", "-F", "json"]),
    ],
)
def test_only_what_is_wanted_is_received(
    radio: Radio, family: str, wanted: set[str], listening: set[str], arguments: list[str]
) -> None:
    stick, port = radio.stick(family)
    assert stick.listen(frozenset(wanted)) == listening
    hear(stick, port, 1)
    assert [rest for name, _, *rest in radio.started() if name == family] == [arguments]


def test_modes_that_it_does_not_know(radio: Radio) -> None:
    with pytest.raises(DeviceError) as caught:
        radio.stick("rtl_433")[0].listen(frozenset({"N1a"}))
    assert caught.value.name == "device.unsupported"


def test_telegrams_with_a_wrong_crc_are_counted(radio: Radio) -> None:
    radio.install("broken")
    stick, port = radio.stick("rtl_wmbus")
    stick.listen(WANTED)
    heard = hear(stick, port, len(SENT))
    wrong = [each for each in heard if each.error is not None]
    assert wrong
    assert {each.error.name for each in wrong if each.error} == {"link.crc"}
    assert [each.data for each in heard if each.error is None] == [
        sent for sent, each in zip(SENT, heard, strict=True) if each.error is None
    ]


@pytest.mark.parametrize("family", ["rtl_wmbus", "rtl_433"])
@pytest.mark.parametrize(
    ("faults", "name", "text"),
    [
        ("no-dongle", "device.missing", "no SDR dongle is plugged in"),
        ("busy", "device.busy", "the SDR dongle is in use by another program"),
        ("permission", "device.permission", "no permission to open the SDR dongle"),
    ],
)
def test_trouble_with_the_dongle(radio: Radio, family: str, faults: str, name: str, text: str) -> None:
    radio.install(faults)
    stick, _ = radio.stick(family)
    with pytest.raises(DeviceError) as caught:
        stick.listen(WANTED)
    assert (caught.value.name, caught.value.text) == (name, f"{family}: {text}")
    assert caught.value.hint


def test_a_stalled_radio_is_told_while_the_program_still_runs(radio: Radio) -> None:
    radio.install("stall")
    stick, port = radio.stick("rtl_wmbus")
    stick.listen(WANTED)
    heard: list[Reception] = []
    with pytest.raises(DeviceError) as caught:
        hear_into(heard, stick, port)
    assert caught.value.name == "device.unplugged"
    assert [each.data for each in heard] == SENT
    # Listening again starts it anew.
    radio.install()
    stick.listen(WANTED)
    assert hear(stick, port, 1)


def test_a_program_that_ends_by_itself(radio: Radio) -> None:
    radio.install("crash")
    stick, port = radio.stick("rtl_433")
    stick.listen(WANTED)
    heard: list[Reception] = []
    with pytest.raises(PortError) as caught:
        hear_into(heard, stick, port)
    assert caught.value.name == "port.closed"
    assert "rtl_433 ended with exit code 3: Signal caught, exiting!" in caught.value.text
    assert [each.data for each in heard] == SENT


def test_what_is_not_installed(radio: Radio) -> None:
    for name in PROGRAMS:
        (radio.folder / name).unlink()
    for family, program in (("rtl_433", "rtl_433"), ("rtl_wmbus", "rtl_sdr")):
        stick, _ = radio.stick(family)
        for use in (stick.identify, lambda stick=stick: stick.listen(WANTED)):
            with pytest.raises(PortError) as caught:
                use()
            assert caught.value.name == "port.missing"
            assert f"{program} is not installed" in caught.value.text
            assert any("install" in hint for hint in caught.value.hint)


def test_a_command_of_the_user(radio: Radio, tmp_path: Path) -> None:
    line = '{"model":"Wireless-MBus","mode":"C","data":"%s"}' % TELEGRAM.hex()  # noqa: UP031
    code = f"import time; print({line!r}, flush=True); time.sleep(600)"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"
    stick, port = radio.stick("rtl_433", command)
    assert stick.listen(frozenset({"C1"})) == {"C1"}
    (heard,) = hear(stick, port, 1)
    assert (heard.data, heard.mode) == (TELEGRAM, "C1")
    with pytest.raises(PortError, match="no-such-program is not installed"):
        radio.stick("rtl_433", "no-such-program | x")[0].listen(WANTED)
    with pytest.raises(UsageError):
        radio.stick("rtl_433", "x |")[0].listen(WANTED)


@pytest.mark.parametrize("family", ["rtl_wmbus", "rtl_433"])
def test_from_a_pipe(family: str) -> None:
    lines = {
        "rtl_wmbus": f"hello\nT1;1;1;2019-04-03 19:00:42.000;97;148;33225544;0x{TELEGRAM.hex()}\n",
        "rtl_433": f"time,model,mode,data\n2026-01-31 10:00:00,Wireless-MBus,T,{TELEGRAM.hex()}\n",
    }
    source, sink = os.pipe()
    with PipePort("-", source) as port:
        stick = driver_of(family, port)
        assert stick.listen(frozenset({"N1a"})) == {"N1a"}
        os.write(sink, lines[family].encode())
        if family == "rtl_wmbus":
            os.write(sink, f"0x{TELEGRAM.hex()}\n".encode())
        (heard, *more) = hear(stick, port, 2 if family == "rtl_wmbus" else 1)
        assert (heard.data, heard.mode) == (TELEGRAM, "T1")
        assert [each.data for each in more] == [TELEGRAM] * (family == "rtl_wmbus")
        os.close(sink)
        with pytest.raises(PortError, match="the input has ended"):
            stick.receive(port.now() + PATIENCE_S)
    os.close(source)

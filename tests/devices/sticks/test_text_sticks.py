"""Sticks that talk in text, and lines of bare telegrams, against their twins."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.devices.sticks.base import Reception, Stick
from mbuscli.devices.sticks.cul import Cul
from mbuscli.devices.sticks.registry import FAMILIES, driver_of, probe
from mbuscli.errors import DecodeError, DeviceError, PortError
from mbuscli.ports.serial_port import open_serial_port
from mbuscli.protocol.wireless.frame_format import strip_crcs
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.sticks.air import Air
from mbuscli.simulator.sticks.cul import CulTwin
from mbuscli.simulator.sticks.radio_scenario import RadioScenario
from mbuscli.simulator.sticks.text_tty import HexTtyTwin, RawTtyTwin
from mbuscli.simulator.sticks.twin import NO_FAULTS, StickFaults, Twin
from tests.capture.telegrams import TELEGRAMS
from tests.corpus import lines, needs_corpus
from tests.simulator.sticks.scenarios import TELEGRAM, sending

TWINS: dict[str, type[Twin]] = {"cul": CulTwin, "rawtty": RawTtyTwin, "hextty": HexTtyTwin}
WANTED = frozenset(("C1", "T1"))
FAULTS = ("", "split", "late", "between", "noise", "half", "split,late,between,noise")


class Bench:
    def __init__(self, name: str, scenario: RadioScenario, faults: StickFaults = NO_FAULTS) -> None:
        self.twin = TWINS[name](Air(scenario), faults)
        self.port = SimPort(self.twin, name, FAMILIES[name].baud)
        self.stick: Stick = driver_of(name, self.port)

    def hear(self, seconds: float) -> list[Reception]:
        end = self.port.now() + seconds
        heard = []
        while self.port.now() < end:
            heard += self.stick.receive(end)
        return heard

    def hear_into(self, heard: list[Reception]) -> None:
        """Until the stick fails."""
        while True:
            heard += self.stick.receive(self.port.now() + 1)


def telegrams_of(heard: list[Reception]) -> list[bytes]:
    """Those that are whole; what a CUL hands over with a wrong CRC is for the decoder to refuse."""
    telegrams = []
    for each in heard:
        if each.error is None:
            with contextlib.suppress(DecodeError):
                telegrams.append(strip_crcs(each.data, frame_format=each.frame_format).telegram)
    return telegrams


def heard_by(name: str, telegrams: list[bytes], faults: str = "", interval_s: float = 1.0) -> list[bytes]:
    scenario = sending(telegrams, mode="T1", interval_s=interval_s)
    bench = Bench(name, scenario, StickFaults.parse(faults))
    bench.stick.listen(WANTED)
    return telegrams_of(bench.hear(len(telegrams) * interval_s + 10))


names = pytest.mark.parametrize("name", TWINS)


@names
@settings(max_examples=20, deadline=None)
@given(st.lists(TELEGRAMS.filter(lambda telegram: telegram[0] < 255), min_size=1, max_size=5))
def test_telegrams_arrive_as_they_were_sent(name: str, telegrams: list[bytes]) -> None:
    assert heard_by(name, telegrams, "split") == telegrams


@names
@needs_corpus
def test_real_telegrams_arrive_as_they_were_sent(name: str) -> None:
    rows = [bytes.fromhex(row["telegram"]) for row in lines("wireless.jsonl") if row["link"] == "wmbus"]
    telegrams = [row for row in rows if len(row) == row[0] + 1]
    assert telegrams
    assert heard_by(name, telegrams) == telegrams


@names
@pytest.mark.parametrize("faults", ["noise", "half", "noise,split,half"])
def test_damage_costs_only_what_was_damaged(name: str, faults: str) -> None:
    telegrams = [TELEGRAM[:11] + bytes((number,)) + TELEGRAM[12:] for number in range(100)]
    heard = heard_by(name, telegrams, faults, interval_s=3.0)
    assert set(heard) <= set(telegrams)
    assert len(heard) == len(set(heard))
    # One message of five breaks off, and nobody tells a CUL's line that ends in noise from a damaged one.
    assert len(heard) >= (60 if "half" in faults else 100 if name == "rawtty" else 60)


@pytest.mark.parametrize("faults", FAULTS)
def test_a_cul_is_identified_and_set_whatever_the_line_does(faults: str) -> None:
    bench = Bench("cul", sending([TELEGRAM] * 40), StickFaults.parse(faults))
    identity = bench.stick.identify()
    assert (identity.family, identity.model, identity.firmware) == ("cul", "nanoCUL868", "1.67")
    assert "answered" in identity.step
    assert bench.stick.listen(frozenset({"T1"})) == {"T1"}
    heard = bench.hear(60)
    assert TELEGRAM in telegrams_of(heard)
    assert bench.stick.is_alive()
    assert bench.twin.reports_rssi
    bench.stick.restore()
    assert not bench.twin.reports_rssi
    bench.stick.restore()


def test_strength_time_and_format_of_a_cul() -> None:
    bench = Bench("cul", sending([TELEGRAM], frame_format="B", mode="C1"))
    bench.stick.listen(WANTED)
    (heard,) = bench.hear(10)
    assert (heard.frame_format, heard.rssi_dbm, heard.mode, heard.error) == ("B", -84.0, None, None)
    assert 5.0 < heard.time < 5.1
    assert heard.raw.startswith(b"bY1A44AE4C")


@pytest.mark.parametrize(
    ("wanted", "listening", "command"),
    [
        ({"T1", "C1"}, {"T1", "C1"}, b"brc"),
        ({"C1"}, {"T1", "C1"}, b"brc"),
        ({"T1"}, {"T1"}, b"brt"),
        ({"S1"}, {"S1"}, b"brs"),
        ({"S1", "T1", "C1"}, {"T1", "C1"}, b"brc"),
        ({"T1", "N1a"}, {"T1"}, b"brt"),
    ],
)
def test_modes_of_a_cul(wanted: set[str], listening: set[str], command: bytes) -> None:
    bench = Bench("cul", sending([TELEGRAM]))
    assert bench.stick.listen(frozenset(wanted)) == listening
    assert bench.twin.setting.command == command


def test_modes_that_a_cul_does_not_know() -> None:
    with pytest.raises(DeviceError) as caught:
        Bench("cul", sending([TELEGRAM])).stick.listen(frozenset({"N1a"}))
    assert caught.value.name == "device.unsupported"
    assert caught.value.hint == ("it hears C1 and T1 or S1",)
    bench = Bench("cul", sending([TELEGRAM]), StickFaults(old_firmware=True))
    with pytest.raises(DeviceError, match="does not confirm that it hears C1 and T1") as caught:
        bench.stick.listen(WANTED)
    assert caught.value.name == "device.no-answer"
    assert bench.stick.listen(frozenset({"T1"})) == {"T1"}


def test_what_the_firmware_cuts_is_called_that() -> None:
    long = bytes((199,)) + TELEGRAM[1:11] + bytes(range(189))
    bench = Bench("cul", sending([long, TELEGRAM]), StickFaults(old_firmware=True))
    bench.stick.listen(frozenset({"T1"}))
    cut, whole = bench.hear(10)
    assert cut.error is not None
    assert cut.error.text == "truncated by the stick's firmware: 148 of 226 bytes came"
    assert cut.data == b""
    assert telegrams_of([whole]) == [TELEGRAM]


def test_other_lines_of_a_cul_are_left_alone() -> None:
    bench = Bench("cul", sending([TELEGRAM]))
    for text in ("LOVF", "i12345678", "T1;x", "V 1.67 nanoCUL868"):
        bench.twin._put(text.encode() + b"\r\n", bench.port.now())
    assert bench.hear(2) == []
    for text in ("b12", "bYxx", "\x00\x00b" + "12" * 20):
        bench.twin._put(text.encode() + b"\r\n", bench.port.now())
    assert [each.error.name for each in bench.hear(2)] == ["link.garbage"] * 3


def test_nobody_answers() -> None:
    for faults in (StickFaults(mute=True), StickFaults(wrong_baud=True)):
        bench = Bench("cul", sending([TELEGRAM]), faults)
        with pytest.raises(DeviceError) as caught:
            bench.stick.identify()
        assert caught.value.name == "device.no-answer"
        assert not bench.stick.is_alive()
        assert probe("cul", bench.port) is None


def test_an_unplugged_cul() -> None:
    bench = Bench("cul", sending([TELEGRAM] * 50), StickFaults(unplug_s=8.0))
    bench.stick.listen(WANTED)
    heard: list[Reception] = []
    with pytest.raises(PortError) as caught:
        bench.hear_into(heard)
    assert caught.value.name == "port.unplugged"
    assert telegrams_of(heard) == [TELEGRAM] * 3
    bench.stick.restore()


def test_a_hex_line_reports_what_is_cut() -> None:
    bench = Bench("hextty", sending([TELEGRAM]))
    digits = TELEGRAM.hex()
    for text in (digits[:41], f"10:00 telegram {digits} -71", digits[:26], digits[26:], "hello 12"):
        bench.twin._put(text.encode() + b"\n", bench.port.now())
    heard = bench.hear(3)
    assert [each.error.name if each.error else "" for each in heard] == ["link.odd-hex", "", ""]
    assert telegrams_of(heard) == [TELEGRAM, TELEGRAM]


@pytest.fixture
def pty_cul() -> Iterator[str]:
    from mbuscli.simulator.server import serve_pty

    stop, ready = threading.Event(), threading.Event()
    path: list[str] = []

    def is_ready(name: str) -> None:
        path.append(name)
        ready.set()

    start_s = time.monotonic()
    twin = CulTwin(Air(sending([TELEGRAM] * 30, phase_s=0.5), start_s), start_s=start_s)
    server = threading.Thread(target=lambda: serve_pty(twin, pace="real", stop=stop, ready=is_ready))
    server.start()
    assert ready.wait(10)
    yield path[0]
    stop.set()
    server.join(10)


def test_on_a_real_terminal(pty_cul: str) -> None:
    with open_serial_port(pty_cul, baud=38400, parity="none") as port:
        stick = Cul(port)
        assert stick.identify().model == "nanoCUL868"
        assert stick.listen(WANTED) == WANTED
        until = port.now() + 30
        heard: list[Reception] = []
        while not heard and port.now() < until:
            heard = stick.receive(until)
        assert telegrams_of(heard) == [TELEGRAM]
        assert heard[0].time <= port.now()
        stick.restore()
    assert os.path.exists(pty_cul)

"""Sticks as the commands open and list them."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from mbuscli.devices.sticks.base import Reception
from mbuscli.errors import DeviceError, MbuscliError, PortError, UsageError
from mbuscli.ports.serial_port import PresentPort
from mbuscli.services import stick_list, sticks
from mbuscli.services.stick_list import FoundStick, choose_stick, list_sticks
from mbuscli.services.sticks import OpenStick, open_stick
from mbuscli.simulator.server import serve_pty
from mbuscli.simulator.sticks.air import Air
from mbuscli.simulator.sticks.cul import CulTwin
from tests.simulator.sticks.scenarios import TELEGRAM, sending

WANTED = frozenset(("C1", "T1"))
CONVERTER = PresentPort("/dev/ttyUSB0", "x", "A1", 0x0403, 0x6001, "FTDI", "FT232R USB UART")
BUILT_IN = PresentPort("/dev/ttyS0", "n/a", None)
LORA = PresentPort("/dev/ttyUSB3", "x", "L1", 0x10C4, 0xEA60, "IMST GmbH", "iU880B")


def hear(stick: OpenStick, count: int, seconds: float = 30.0) -> list[Reception]:
    heard: list[Reception] = []
    until = stick.now() + seconds
    while len(heard) < count and stick.now() < until:
        heard += stick.receive(until)
    return heard


@pytest.fixture
def cul() -> Iterator[str]:
    """A CUL on a pseudo-terminal, in real time."""
    pytest.importorskip("termios")
    stop, ready = threading.Event(), threading.Event()
    path: list[str] = []

    def is_ready(name: str) -> None:
        path.append(name)
        ready.set()

    start_s = time.monotonic()
    twin = CulTwin(Air(sending([TELEGRAM] * 60, phase_s=0.5), start_s), start_s=start_s)
    server = threading.Thread(target=lambda: serve_pty(twin, pace="real", stop=stop, ready=is_ready))
    server.start()
    assert ready.wait(10)
    yield path[0]
    stop.set()
    server.join(10)


def test_a_stick_on_a_terminal_is_asked_and_heard(cul: str) -> None:
    with open_stick(cul) as stick:
        assert stick.family == "cul"
        assert stick.identify().model == "nanoCUL868"
        assert (stick.name, stick.lasting) == (cul, cul)
        assert stick.listen(WANTED) == WANTED
        heard = hear(stick, 1)
        assert heard
        assert abs(stick.wall_time(heard[0].time) - time.time()) < 10
        assert stick.is_alive()
        with pytest.raises(PortError, match="in use"):
            open_stick(cul)
    stick.close()
    with open_stick(cul, family="nanoCUL") as stick:
        assert stick.is_alive()


def test_a_simulated_stick_keeps_its_own_time() -> None:
    with open_stick("sim:stick?family=cul") as stick:
        stick.listen(WANTED)
        hear(stick, 10, 600)
        assert stick.now() > 5
        assert stick.wall_time(stick.now()) - stick.wall_time(0.0) == pytest.approx(stick.now())
        assert abs(stick.wall_time(0.0) - time.time()) < 60


@pytest.mark.parametrize("name", ["im871a", "im170a", "amb8465-frames", "rawtty", "hextty"])
def test_simulated_sticks_need_not_be_asked(name: str) -> None:
    with open_stick(f"sim:stick?family={name}") as stick:
        assert stick.now() == 0.0


@pytest.mark.parametrize("form", ["octets", "hexadecimal"])
def test_a_gateway_hands_over_octets_or_text(form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with open_stick(url) as stick:
            assert stick.listen(WANTED) == WANTED
            peer, _ = listener.accept()
            with peer:
                peer.sendall(TELEGRAM * 2 if form == "octets" else f"{TELEGRAM.hex()}\n".encode() * 2)
                heard = hear(stick, 2)
                assert [each.data for each in heard] == [TELEGRAM] * 2
                # Nothing is sent to a line of which nothing is known.
                peer.setblocking(False)
                with pytest.raises(BlockingIOError):
                    peer.recv(1)
            with pytest.raises(PortError) as caught:
                hear(stick, 1)
            assert caught.value.name == "port.closed"
            assert not stick.ended


@pytest.mark.parametrize("family", [None, "hextty", "rtl_433"])
def test_a_pipe(monkeypatch: pytest.MonkeyPatch, family: str | None) -> None:
    source, sink = os.pipe()
    line = '{"model":"Wireless-MBus","mode":"C","data":"%s"}' % TELEGRAM.hex()  # noqa: UP031
    with open(source) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with open_stick("-", family=family) as stick:
            stick.listen(WANTED)
            os.write(sink, f"{line}\n".encode())
            assert [each.data for each in hear(stick, 1)] == [TELEGRAM]
            os.close(sink)
            while not stick.ended:
                assert stick.receive(stick.now() + 20) == []


@pytest.mark.parametrize(
    ("text", "options", "name"),
    [
        ("/dev/does-not-exist", {}, "port.missing"),
        ("sim:stick?family=nothing", {}, "usage.invalid"),
        ("sim:stick", {"family": "nothing"}, "usage.invalid"),
        ("sim:stick", {"family": "rtl_433"}, "usage.invalid"),
        ("sim:stick", {"command": "cat"}, "usage.invalid"),
        ("rtl_433", {"command": "x |"}, "usage.invalid"),
        ("tcp://nohost", {}, "usage.invalid"),
        ("nothing:1", {}, "usage.unrecognised"),
    ],
)
def test_what_cannot_be_opened(text: str, options: dict[str, str], name: str) -> None:
    with pytest.raises(MbuscliError) as caught:
        open_stick(text, **options)
    assert caught.value.name == name


def test_a_terminal_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sticks, "_family_in", lambda text: None)
    with pytest.raises(DeviceError) as caught:
        open_stick("sim:stick?family=rawtty")
    assert caught.value.name == "device.no-answer"
    assert any("rawtty|hextty" in hint for hint in caught.value.hint)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ports that were opened to ask who is there."""
    opened: list[str] = []
    real = stick_list.identify_all

    def watched(names: list[str], first: dict[str, str]) -> object:
        opened.extend(names)
        return real(names, first)

    monkeypatch.setattr(stick_list, "identify_all", watched)
    monkeypatch.setattr(stick_list, "_programs", list)
    return opened


def test_a_port_that_may_be_a_wired_bus_is_not_asked_unless_it_is_named(asked: list[str]) -> None:
    found = list_sticks(present=[CONVERTER, BUILT_IN, LORA])
    assert asked == []
    assert [entry.port for entry in found] == ["/dev/ttyUSB0", "/dev/ttyS0", "/dev/ttyUSB3"]
    assert "perhaps a level converter" in found[0].unasked
    assert "none for wireless M-Bus" in found[2].unasked
    (named,) = list_sticks(["/dev/ttyUSB0"], present=[CONVERTER])
    assert asked == ["/dev/ttyUSB0"]
    assert named.unasked == ""
    assert named.error is not None
    assert (named.usb, named.product) == ("0403:6001", "FT232R USB UART")


def present_at(device: str, product: str = "nanoCUL868") -> PresentPort:
    return PresentPort(device, "x", f"N{device[-2:]}", 0x0403, 0x6001, "SHK", product)


def test_auto_takes_the_only_stick_that_answers(cul: str, asked: list[str]) -> None:
    present = [CONVERTER, BUILT_IN, present_at(cul)]
    assert choose_stick(present) == cul
    assert asked == [cul]
    (found, *_) = list_sticks(present=present)
    assert found.identity is not None
    assert (found.port, found.identity.family) == (cul, "cul")
    assert found.hears == (frozenset(("C1", "T1")), frozenset(("S1",)))


def test_auto_with_none_and_with_several(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> None:
    with pytest.raises(PortError) as caught:
        choose_stick([CONVERTER, BUILT_IN])
    assert caught.value.name == "port.missing"
    assert any("name it: --port /dev/ttyUSB0" in hint for hint in caught.value.hint)
    with pytest.raises(PortError) as caught:
        choose_stick([present_at("/dev/does-not-exist")])
    assert any("there is no port /dev/does-not-exist" in hint for hint in caught.value.hint)
    (stick,) = list_sticks(["sim:stick?family=cul"])
    two = [stick, stick._replace(port="/dev/ttyUSB9"), FoundStick("rtl_433", identity=stick.identity)]
    monkeypatch.setattr(stick_list, "list_sticks", lambda names=(), present=None: two)
    with pytest.raises(PortError) as caught:
        choose_stick()
    assert caught.value.name == "port.ambiguous"
    assert "--port /dev/ttyUSB9 (nanoCUL868)" in caught.value.hint[0]


def test_the_name_that_outlives_replugging(monkeypatch: pytest.MonkeyPatch) -> None:
    twins = [CONVERTER, CONVERTER._replace(device="/dev/ttyUSB1", usb_serial="B2")]
    monkeypatch.setattr(stick_list, "present_ports", lambda: twins)
    monkeypatch.setattr(stick_list, "lasting_names", lambda: {"/dev/ttyUSB1": ["/dev/serial/by-id/x"]})
    assert stick_list.lasting_name("/dev/ttyUSB1") == "id:B2"
    twins[1] = twins[1]._replace(usb_serial="a1")
    assert stick_list.lasting_name("/dev/ttyUSB0") is None
    assert stick_list.lasting_name("/dev/ttyUSB1") == "/dev/serial/by-id/x"
    assert stick_list.usb_family("/dev/ttyUSB1") == "amber"
    assert stick_list.usb_family("/dev/ttyUSB7") is None


def test_unknown_options_of_a_simulated_stick() -> None:
    with pytest.raises(UsageError):
        open_stick("sim:stick?what=1")

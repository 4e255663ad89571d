"""What the ports of a computer are taken for. USB adapters are given as the system lists them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from mbuscli.errors import PortError
from mbuscli.ports.serial_port import PresentPort, lasting_names
from mbuscli.services import ports

FTDI = PresentPort("/dev/ttyUSB0", "FT232R", "A50285BI", 0x0403, 0x6001, "FTDI", "FT232R USB UART")
CP210X = PresentPort("/dev/ttyUSB1", "CP2102", "0001", 0x10C4, 0xEA60, "Silicon Labs", "CP2102 USB to UART")
STICK = PresentPort("/dev/ttyUSB2", "iM871A", "0002", 0x10C4, 0xEA60, "IMST", "iM871A USB Stick")
BOARD = PresentPort("/dev/ttyACM0", "Board", None, 0x2E8A, 0x000A, "Maker", "Board")
BUILT_IN = PresentPort("/dev/ttyS0", "n/a", None)

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")


@pytest.mark.parametrize(
    ("port", "kind", "why"),
    [
        (FTDI, ports.ADAPTER, "0403:6001 belongs to FTDI"),
        (CP210X, ports.ADAPTER, "10c4:ea60 belongs to Silicon Labs CP210x"),
        (FTDI._replace(vid=0x1A86, pid=0x7523), ports.ADAPTER, "CH340"),
        (FTDI._replace(vid=0x067B, pid=0x2303), ports.ADAPTER, "Prolific"),
        (FTDI._replace(vid=0x1A86, pid=0x8010), ports.OTHER_USB, "1a86:8010"),
        (STICK, ports.STICK, "iM871A"),
        (BOARD, ports.OTHER_USB, "2e8a:000a"),
        (BUILT_IN, ports.BUILT_IN, "no USB id"),
    ],
)
def test_a_guess_has_a_reason(port: PresentPort, kind: str, why: str) -> None:
    guess = ports.guess(port)
    assert guess.kind == kind
    assert why in guess.why


@pytest.mark.parametrize(
    ("present", "name"),
    [
        ([FTDI], FTDI.device),
        ([BUILT_IN, STICK, FTDI], FTDI.device),
        ([BOARD, CP210X], CP210X.device),
        ([BUILT_IN, BOARD, STICK], BOARD.device),
    ],
)
def test_auto_takes_the_only_candidate(present: list[PresentPort], name: str) -> None:
    choice = ports.choose_port(present)
    assert choice.name == name
    assert choice.why.startswith("the only USB serial")


def test_auto_does_not_choose_between_two() -> None:
    with pytest.raises(PortError) as caught:
        ports.choose_port([FTDI, CP210X, BUILT_IN])
    assert caught.value.name == "port.ambiguous"
    assert "--port /dev/ttyUSB0 (FT232R USB UART); --port /dev/ttyUSB1" in caught.value.hint[0]
    assert "ttyS0" not in caught.value.hint[0]


@pytest.mark.parametrize("present", [[], [BUILT_IN], [BUILT_IN, STICK]])
def test_auto_finds_nothing(present: list[PresentPort]) -> None:
    with pytest.raises(PortError) as caught:
        ports.choose_port(present)
    assert caught.value.name == "port.missing"
    assert ("/dev/ttyS0" in caught.value.hint[0]) is bool(present)


@pytest.fixture
def tty() -> Iterator[str]:
    master, slave = os.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@posix_only
def test_the_list_says_who_holds_a_port(tty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "present_ports", lambda: [FTDI._replace(device=tty), CP210X, CP210X])
    first, second, _ = ports.list_ports()
    assert first.lasting == ("id:A50285BI",)
    if sys.platform == "linux":
        assert os.getpid() in [holder.pid for holder in first.held_by]
    assert first.access.allowed
    assert first.access.group
    assert second.lasting == ()  # two adapters with one number: it names neither
    assert second.held_by == ()


@posix_only
def test_lasting_names(tmp_path, tty: str) -> None:
    (tmp_path / "usb-FTDI_FT232R_A50285BI-if00-port0").symlink_to(tty)
    (tmp_path / "usb-other").symlink_to(tmp_path / "gone")
    names = lasting_names(str(tmp_path))
    assert names[tty] == [str(tmp_path / "usb-FTDI_FT232R_A50285BI-if00-port0")]
    assert lasting_names(str(tmp_path / "absent")) == {}


@posix_only
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may open everything")
def test_a_port_that_may_not_be_opened(tty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chmod(tty, 0)
    monkeypatch.setattr(ports, "present_ports", lambda: [FTDI._replace(device=tty)])
    assert not ports.list_ports()[0].access.allowed

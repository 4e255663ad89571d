"""Every way in which pyserial and the system fail: one of our errors, and no octet that came before is lost."""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import serial

from mbuscli.errors import PortError
from mbuscli.ports.base import Port
from mbuscli.ports.opener import open_port
from mbuscli.ports.serial_port import PolledPort, open_serial_port

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")

CAME = b"\x68\x03\x03\x68\x08"


class Line:
    """A fresh pty; unplugging closes its master."""

    def __init__(self) -> None:
        import tty

        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._is_plugged = True

    def say(self, data: bytes) -> None:
        os.write(self.master, data)

    def unplug(self) -> None:
        if self._is_plugged:
            self._is_plugged = False
            os.close(self.master)
            os.close(self._slave)


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.unplug()


def as_tty(line: Line) -> Port:
    """The way of POSIX."""
    return open_serial_port(line.path, baud=9600)


def polled(line: Line) -> Port:
    """The way of COM ports, on pyserial's own object and a real tty."""
    return PolledPort(
        line.path, serial.Serial(line.path, 9600, timeout=0.02, write_timeout=1, exclusive=True)
    )


class Situation(NamedTuple):
    """What is done to the line, what is done to the port then, and the name of the error."""

    happens: Callable[[Line, Port], None]
    use: Callable[[Line, Port], object]
    error: str


def _unplug(line: Line, _port: Port) -> None:
    line.unplug()


def _nothing(_line: Line, _port: Port) -> None:
    pass


def _read(_line: Line, port: Port) -> object:
    return port.read(port.now() + 5)


def _write(_line: Line, port: Port) -> object:
    return port.write(b"\x10")


def _set_baud(_line: Line, port: Port) -> object:
    return port.set_baud(300)


def _open_again(line: Line, _port: Port) -> object:
    return open_serial_port(line.path)


def _close_from_outside(_line: Line, port: Port) -> None:
    threading.Timer(0.05, port.close).start()


SITUATIONS = {
    "gone, then read": Situation(_unplug, _read, "port.unplugged"),
    "gone, then write": Situation(_unplug, _write, "port.unplugged"),
    "gone, then the rate is set": Situation(_unplug, _set_baud, "port.unplugged"),
    "closed by another thread while reading": Situation(_close_from_outside, _read, "port.closed"),
    "a second one opens it": Situation(_nothing, _open_again, "port.busy"),
    "the vanished one is opened again": Situation(_unplug, _open_again, "port.missing"),
}


@pytest.mark.parametrize("name", SITUATIONS)
@pytest.mark.parametrize("way", [as_tty, polled], ids=["tty", "polled"])
def test_on_a_real_tty(name: str, way: Callable[[Line], Port], line: Line) -> None:
    happens, use, expected = SITUATIONS[name]
    port = way(line)
    happens(line, port)
    with pytest.raises(PortError) as caught:
        use(line, port)
    assert caught.value.name == expected
    assert caught.value.hint or expected == "port.closed"
    port.close()
    port.close()


@pytest.mark.parametrize("way", [as_tty, polled], ids=["tty", "polled"])
@pytest.mark.parametrize("count", [1, 4, 5])
def test_octets_in_hand_come_before_the_error(way: Callable[[Line], Port], count: int, line: Line) -> None:
    with way(line) as port:
        line.say(CAME[:count])
        got = b""
        while len(got) < count:
            got += port.read(port.now() + 5).data
        line.unplug()
        assert got == CAME[:count]
        with pytest.raises(PortError):
            port.read(port.now() + 5)


class Fails:
    """A pyserial object that does to the port what was measured, once it has brought what came before."""

    baudrate = 9600

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self._rest = CAME

    def __setattr__(self, name: str, value: object) -> None:
        if name == "baudrate":
            raise self._error
        super().__setattr__(name, value)

    @property
    def in_waiting(self) -> int:
        if not self._rest:
            raise self._error
        return len(self._rest)

    def read(self, size: int = 1, /) -> bytes:
        if not self._rest:
            raise self._error
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def write(self, data: bytes, /) -> int:
        raise self._error

    def close(self) -> None:
        raise self._error


def _termios_error(code: int) -> BaseException:
    import termios

    return termios.error(code, os.strerror(code))


# As measured of pyserial 3.5 on a pty whose other end is gone, on Windows, and with newer C libraries.
MEASURED: dict[str, tuple[Callable[[], BaseException], str, str]] = {
    "readiness without data": (
        lambda: serial.SerialException("device reports readiness to read but returned no data"),
        "port.unplugged",
        "port.unplugged",
    ),
    "in_waiting": (lambda: OSError(errno.EIO, "Input/output error"), "port.unplugged", "port.unplugged"),
    "write": (
        lambda: serial.SerialException(errno.EIO, "write failed: [Errno 5] Input/output error"),
        "port.unplugged",
        "port.unplugged",
    ),
    "flush, attributes": (lambda: _termios_error(errno.EIO), "port.unplugged", "port.unplugged"),
    "closed under the reader": (
        lambda: TypeError("'NoneType' object cannot be interpreted as an integer"),
        "port.unplugged",
        "port.unplugged",
    ),
    "no descriptor": (lambda: AttributeError("fd"), "port.unplugged", "port.unplugged"),
    "port not open": (lambda: serial.PortNotOpenError(), "port.unplugged", "port.unplugged"),
    "a rate that the C library refuses": (
        lambda: _termios_error(errno.EINVAL),
        "port.unsupported",
        "port.unsupported",
    ),
    "a rate that pyserial refuses": (
        lambda: ValueError("Not a valid baudrate"),
        "port.unplugged",
        "port.unsupported",
    ),
    "no such device any more": (
        lambda: OSError(errno.ENODEV, "No such device"),
        "port.unplugged",
        "port.unplugged",
    ),
}


@pytest.mark.parametrize("name", MEASURED)
def test_what_cannot_be_made_on_a_pty(name: str) -> None:
    make, reading, setting = MEASURED[name]
    port = PolledPort("COM3", Fails(make()))
    got = b""
    while len(got) < len(CAME):
        got += port.read(port.now() + 5).data
    assert got == CAME
    with pytest.raises(PortError) as caught:
        port.read(port.now() + 5)
    assert caught.value.name == reading
    with pytest.raises(PortError) as caught:
        port.write(b"\x10")
    assert caught.value.name == reading
    with pytest.raises(PortError) as caught:
        port.set_baud(12345)
    assert caught.value.name == setting
    port.close()


def test_a_write_that_gets_stuck_ends() -> None:
    port = PolledPort("COM3", Fails(serial.SerialTimeoutException("Write timeout")))
    with pytest.raises(PortError) as caught:
        port.write(b"\x10")
    assert caught.value.name == "port.blocked"


def test_no_other_program_gets_in(line: Line) -> None:
    """Also one that asks for no lock: it would steal octets. (Not on a pty, which cannot be claimed.)"""
    with as_tty(line), pytest.raises(serial.SerialException):
        serial.Serial(line.path, exclusive=True)


def test_no_descriptor_is_left_by_failures(line: Line) -> None:
    folder = "/proc/self/fd"
    if not os.path.isdir(folder):
        pytest.skip("the descriptors of a process cannot be counted here")
    before = len(os.listdir(folder))
    with as_tty(line):
        for _ in range(20):
            with pytest.raises(PortError):
                open_serial_port(line.path)
            with pytest.raises(PortError):
                open_port("tcp://127.0.0.1:1")
    assert len(os.listdir(folder)) == before


@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_gateway_that_goes_away_in_a_frame(how: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with open_port(address) as port, server.accept()[0] as gateway:
            gateway.sendall(CAME)
            got = b""
            while len(got) < len(CAME):
                got += port.read(port.now() + 5).data
            if how == "reset":
                gateway.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            gateway.close()
            assert got == CAME
            for _ in range(2):
                with pytest.raises(PortError) as caught:
                    port.read(port.now() + 5)
                assert caught.value.name == "port.closed"

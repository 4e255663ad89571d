from __future__ import annotations

import errno
import math
import os
import threading
import time

import pytest
import serial

from mbuscli.errors import PortError
from mbuscli.ports import parity_marks, realtime
from mbuscli.ports.serial_port import PolledPort, TtyPort, open_serial_port, present_names, present_ports


@pytest.fixture
def port(terminal):
    with open_serial_port(terminal.path, baud=9600) as port:
        yield port


def read_all(port, count: int) -> bytes:
    data = b""
    limit = port.now() + 5
    while len(data) < count and port.now() < limit:
        data += port.read(limit).data
    return data


def test_bytes_go_both_ways(terminal, port) -> None:
    port.write(bytes(range(256)))
    assert terminal.heard(256) == bytes(range(256))
    os.write(terminal.master, bytes(range(256)))
    assert read_all(port, 256) == bytes(range(256))


def test_read_returns_what_is_there_without_waiting_for_more(terminal, port) -> None:
    os.write(terminal.master, b"\xe5")
    assert port.read(port.now() + 60).data == b"\xe5"


def test_read_in_the_past_still_brings_what_is_there(terminal, port) -> None:
    os.write(terminal.master, b"\xe5")
    assert port.read(port.now() - 1).data == b"\xe5"
    assert port.read(port.now() - 1).data == b""


def test_silence_ends_at_the_deadline(port) -> None:
    until = port.now() + 0.05
    assert port.read(until) == (b"", frozenset())
    assert until <= port.now() < until + 1


def test_write_returns_when_the_last_bit_has_left(terminal, port) -> None:
    start = port.now()
    port.write(bytes(20))
    assert port.now() - start >= 20 * 11 / 9600
    assert terminal.heard(20) == bytes(20)


def test_a_stick_is_opened_without_parity_and_without_a_note(terminal) -> None:
    import termios

    for baud in (57600, 115200, 9600, 19200, 38400):
        with open_serial_port(terminal.path, baud=baud, parity="none") as port:
            assert port.parity_note is None
            flags = termios.tcgetattr(terminal.master)
            assert flags[4] == flags[5] == getattr(termios, f"B{baud}")
            assert not flags[2] & (termios.PARENB | termios.CSTOPB)
            assert flags[2] & termios.CSIZE == termios.CS8
            assert flags[0] & (termios.IXON | termios.IXOFF | termios.ICRNL | termios.INPCK) == 0
            assert flags[1] & termios.OPOST == 0
            assert flags[3] & (termios.ICANON | termios.ECHO | termios.ISIG) == 0
            with pytest.raises(PortError, match="in use"):
                open_serial_port(terminal.path, baud=baud, parity="none")
            os.write(terminal.master, bytes(range(256)))
            assert read_all(port, 256) == bytes(range(256))


def test_a_pty_is_opened_without_parity_and_says_so(terminal) -> None:
    for _ in range(3):  # the C library tells EINVAL from the second opening on
        with open_serial_port(terminal.path, baud=2400) as port:
            assert "even parity" in port.parity_note
            port.set_baud(9600)
            port.set_baud(300)
            assert port.baud == 300


def test_an_adapter_that_answers_einval_to_parity_is_opened_without(terminal) -> None:
    termios = pytest.importorskip("termios")
    open_serial_port(terminal.path, baud=2400).close()
    with pytest.raises(termios.error) as caught:
        serial.Serial(terminal.path, baudrate=2400, parity="E")
    assert caught.value.args[0] == errno.EINVAL, "the trap that this test is about"
    with open_serial_port(terminal.path, baud=2400) as port:
        assert "even parity" in port.parity_note
        port.write(b"\x10")
    assert terminal.heard(1) == b"\x10"


def test_the_line_is_set_up_as_8e1_or_8n1(terminal, port) -> None:
    import termios

    flags = termios.tcgetattr(terminal.master)
    assert flags[2] & termios.CSIZE == termios.CS8
    assert not flags[2] & termios.CSTOPB
    assert flags[4] == flags[5] == termios.B9600
    port.set_baud(300)
    assert termios.tcgetattr(terminal.master)[5] == termios.B300


def test_parity_errors_are_undone_where_the_tty_marks_them(terminal, port) -> None:
    """A pty has no parity, so the marks are switched on by hand; its FF must come out once."""
    assert parity_marks.mark_parity_errors(port._fd)
    port._marks = parity_marks.ParityMarks()
    os.write(terminal.master, b"\xff\x00\xff")
    assert read_all(port, 3) == b"\xff\x00\xff"


def test_a_cut_escape_waits_for_its_end(terminal, port) -> None:
    port._marks = parity_marks.ParityMarks()
    os.write(terminal.master, b"\x68\xff\x00")
    assert port.read(port.now() + 5).data == b"\x68"
    os.write(terminal.master, b"\x16")
    assert port.read(port.now() + 5) == (b"\x16", frozenset({0}))


def test_a_second_opener_is_refused(terminal, port) -> None:
    with pytest.raises(PortError) as caught:
        open_serial_port(terminal.path)
    assert caught.value.name == "port.busy"
    assert f"pid {os.getpid()}" in caught.value.text


def test_unplugging_gives_the_bytes_first_and_then_the_error(terminal, port) -> None:
    os.write(terminal.master, b"\x68\x03")
    assert port.read(port.now() + 5).data == b"\x68\x03"
    terminal.unplug()
    for _ in range(2):
        with pytest.raises(PortError) as caught:
            port.read(port.now() + 5)
        assert caught.value.name == "port.unplugged"
        assert 1 <= len(caught.value.hint) <= 3


@pytest.mark.parametrize(
    "use", [lambda port: port.write(b"\x10"), lambda port: port.set_baud(300)], ids=["write", "set_baud"]
)
def test_unplugging_before_other_uses(terminal, port, use) -> None:
    terminal.unplug()
    with pytest.raises(PortError) as caught:
        use(port)
    assert caught.value.name == "port.unplugged"


def in_a_reader(port) -> tuple[threading.Thread, list[PortError]]:
    """A thread that reads without end and keeps the error that ends it."""
    errors: list[PortError] = []

    def run() -> None:
        try:
            while True:
                port.read(math.inf)
        except PortError as error:
            errors.append(error)

    reader = threading.Thread(target=run)
    reader.start()
    return reader, errors


def test_unplugging_during_a_read(terminal, port) -> None:
    reader, errors = in_a_reader(port)
    terminal.unplug()
    reader.join(5)
    assert [error.name for error in errors] == ["port.unplugged"]


def test_closing_in_another_thread_ends_a_read(terminal, port) -> None:
    reader, errors = in_a_reader(port)
    port.close()
    reader.join(5)
    assert [error.name for error in errors] == ["port.closed"]


def test_closing_twice_is_safe_and_nothing_works_after_it(terminal, port) -> None:
    port.close()
    port.close()
    for use in (lambda: port.read(0), lambda: port.write(b"\x10"), lambda: port.set_baud(300)):
        with pytest.raises(PortError) as caught:
            use()
        assert caught.value.name == "port.closed"


def test_a_blocked_port_does_not_hang(terminal, port, monkeypatch) -> None:
    monkeypatch.setattr(realtime, "WRITE_PATIENCE_S", 0.1)
    port.baud = 10_000_000
    start = time.monotonic()
    with pytest.raises(PortError) as caught:
        port.write(bytes(1_000_000))
    assert caught.value.name == "port.blocked"
    assert time.monotonic() - start < 5
    port.close()


def test_open_and_close_leave_no_descriptor(terminal) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(20):
        open_serial_port(terminal.path).close()
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_present_ports_are_names() -> None:
    assert [port.device for port in present_ports()] == present_names()


def test_tty_port_is_used_on_posix(port) -> None:
    assert isinstance(port, TtyPort)


# The way of COM ports, on pyserial's loop: object.


class Device:
    """A pyserial object that brings `pieces` and then fails with `error`."""

    baudrate = 2400

    def __init__(self, pieces: list[bytes], error: Exception) -> None:
        self.pieces = pieces
        self.error = error

    @property
    def in_waiting(self) -> int:
        if not self.pieces:
            raise self.error
        return len(self.pieces[0])

    def read(self, size: int = 1, /) -> bytes:
        if not self.pieces:
            raise self.error
        return self.pieces.pop(0)

    def write(self, data: bytes, /) -> int:
        raise self.error

    def close(self) -> None:
        raise self.error


@pytest.fixture
def looped():
    with PolledPort("COM3", serial.serial_for_url("loop://", baudrate=9600, timeout=0.02)) as port:
        yield port


def test_polled_bytes_come_back(looped) -> None:
    looped.write(bytes(range(50)))
    assert read_all(looped, 50) == bytes(range(50))
    assert looped.read(looped.now() - 1).data == b""
    until = looped.now() + 0.05
    assert looped.read(until).data == b""
    assert looped.now() >= until
    looped.set_baud(300)
    assert looped.baud == looped._device.baudrate == 300


def test_polled_refuses_an_impossible_rate(looped) -> None:
    with pytest.raises(PortError) as caught:
        looped.set_baud(-1)
    assert caught.value.name == "port.unsupported"


@pytest.mark.parametrize(
    "error",
    [serial.SerialException("gone"), OSError(5, "EIO"), TypeError("'NoneType'"), AttributeError("fd")],
    ids=lambda error: type(error).__name__,
)
def test_polled_gives_bytes_first_then_a_port_error(error: Exception) -> None:
    port = PolledPort("COM3", Device([b"\x68\x03", b"\x03"], error))
    assert port.read(port.now() + 5).data == b"\x68\x03\x03"
    for use in (lambda: port.read(port.now() + 5), lambda: port.write(b"\x10")):
        with pytest.raises(PortError) as caught:
            use()
        assert caught.value.name == "port.unplugged"
    port.close()


def test_polled_write_timeout_is_blocked() -> None:
    port = PolledPort("COM3", Device([], serial.SerialTimeoutException("Write timeout")))
    with pytest.raises(PortError) as caught:
        port.write(b"\x10")
    assert caught.value.name == "port.blocked"

"""The simulated bus behind a real pseudo-terminal and a real TCP port."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import serial

from mbuscli.errors import PortError, Reason, UsageError
from mbuscli.protocol.wired.frames import decode_frame, encode_long, encode_short
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.faults import Faults
from mbuscli.simulator.scenario import Scenario, load_scenario
from mbuscli.simulator.server import serve_pty, serve_tcp
from mbuscli.simulator.slave import MeterSpec

METER = MeterSpec(
    meter=bytes.fromhex("785634122d2c1904"), address=1, telegrams=((b"\x01\x13\x03",),), reply_delay_s=0.05
)
PING = encode_short(0x40, 1)
READ = encode_short(0x7B, 1)
TIMEOUT_S = 5
needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")


def bus_of(*meters: MeterSpec, faults: Faults | None = None) -> Bus:
    return Bus(Scenario(meters), faults=faults)


@contextlib.contextmanager
def serving(serve: Callable[..., None], bus: Bus, **options: Any) -> Iterator[Any]:
    """Where the bus is served, by a thread that is stopped at the end; its error is raised here."""
    said: Queue[Any] = Queue()
    stop = threading.Event()

    def run() -> None:
        try:
            serve(bus, stop=stop, ready=lambda *place: said.put(place), **options)
        except PortError as error:
            said.put(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        place = said.get(timeout=TIMEOUT_S)
        if isinstance(place, PortError):
            raise place
        yield place[0] if len(place) == 1 else place
    finally:
        stop.set()
        thread.join(TIMEOUT_S)
    assert not thread.is_alive()


def open_serial(path: str, baud: int = 2400) -> serial.Serial:
    return serial.Serial(path, baud, parity=serial.PARITY_EVEN, timeout=TIMEOUT_S)


def wait_for_requests(bus: Bus, count: int) -> None:
    """Until the server has handed this many frames to the bus; there is no answer to wait for."""
    deadline = time.monotonic() + TIMEOUT_S
    while bus.requests < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


@needs_pty
@pytest.mark.parametrize("pace", ["real", "fast"])
def test_a_meter_is_read_through_a_pty(pace: str) -> None:
    with serving(serve_pty, bus_of(METER), pace=pace) as path, open_serial(path) as port:
        port.write(PING)
        assert port.read(1) == b"\xe5"
        port.write(READ)
        assert decode_frame(port.read(24)).data[12:] == b"\x01\x13\x03"


@needs_pty
def test_octets_that_look_like_line_ends_or_signals_pass_unchanged() -> None:
    special = bytes((0x0F, 0x03, 0x04, 0x0D, 0x0A, 0x11, 0x13, 0x1A, 0x7F, 0x00, 0xFF))
    meter = METER._replace(telegrams=((special,),))
    with serving(serve_pty, bus_of(meter), pace="fast") as path, open_serial(path) as port:
        port.write(READ)
        assert decode_frame(port.read(21 + len(special))).data[12:] == special


@needs_pty
def test_real_pace_takes_the_time_of_the_wire() -> None:
    with serving(serve_pty, bus_of(METER)) as path, open_serial(path) as port:
        started = time.monotonic()
        port.write(READ)
        port.read(24)
        assert time.monotonic() - started >= 0.05 + (5 + 23) * 11 / 2400


@needs_pty
def test_the_pty_survives_its_clients() -> None:
    with serving(serve_pty, bus_of(METER), pace="fast") as path:
        for _ in range(30):
            with open_serial(path) as port:
                port.write(PING)
                assert port.read(1) == b"\xe5"


@needs_pty
def test_the_clients_baud_rate_counts() -> None:
    bus = bus_of(METER, METER._replace(address=2, baud=300))
    with serving(serve_pty, bus, pace="fast") as path:
        with open_serial(path, 300) as port:
            port.write(encode_short(0x40, 1) + encode_short(0x40, 2))
            assert port.read(1) == b"\xe5"
        with open_serial(path, 9600) as port:
            port.write(encode_long(0x73, 1, 0xB8))
            wait_for_requests(bus, 3)
        with open_serial(path, 2400) as port:
            port.write(encode_long(0x73, 1, 0xBD))
            assert port.read(1) == b"\xe5"
            port.baudrate = 9600
            port.write(encode_short(0x5B, 1))
            assert len(port.read(24)) == 24
    assert [slave.baud for slave in bus.slaves] == [9600, 300]


@needs_pty
def test_a_rate_that_no_meter_has_is_silence() -> None:
    bus = bus_of(METER)
    with serving(serve_pty, bus, pace="fast") as path:
        with open_serial(path, 110) as port:
            port.write(PING)
            wait_for_requests(bus, 1)
        with open_serial(path) as port:
            port.write(PING)
            assert port.read(1) == b"\xe5"
    assert bus.requests == 2


@needs_pty
def test_an_answer_that_nobody_fetches_does_not_stop_the_server() -> None:
    bus = bus_of(METER._replace(telegrams=((bytes((0x0F,)) * 200,),), reply_delay_s=0.0))
    with serving(serve_pty, bus, pace="fast") as path:
        with open_serial(path) as port:
            for number in range(1, 151):
                port.write(READ)
                wait_for_requests(bus, number)
        with open_serial(path) as port:
            port.write(PING)
            assert port.read_until(b"\xe5").endswith(b"\xe5")


def talk_on(port: serial.Serial) -> None:
    while True:
        port.write(PING)
        port.read(1)


@needs_pty
def test_unplugging_takes_the_pty_away() -> None:
    with serving(serve_pty, bus_of(METER, faults=Faults(unplug_after_requests=1)), pace="fast") as path:
        port = open_serial(path)
        port.write(PING)
        assert port.read(1) == b"\xe5"
        with contextlib.closing(port), pytest.raises(serial.SerialException):
            talk_on(port)


@needs_pty
def test_a_stable_link_stands_as_long_as_the_server(tmp_path: Path) -> None:
    link = tmp_path / "meters"
    os.symlink("/nowhere", link)  # left behind by a killed simulator
    with serving(serve_pty, bus_of(METER), pace="fast", link=str(link)) as path:
        assert path == str(link)
        with open_serial(path) as port:
            port.write(PING)
            assert port.read(1) == b"\xe5"
    assert not os.path.lexists(link)


@needs_pty
def test_a_link_never_replaces_a_file(tmp_path: Path) -> None:
    link = tmp_path / "notes.txt"
    link.write_text("mine")
    with pytest.raises(PortError) as caught, serving(serve_pty, bus_of(METER), link=str(link)):
        pass
    assert caught.value.reason is Reason.BUSY
    assert link.read_text() == "mine"


def test_without_ptys_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "termios", None)
    with pytest.raises(PortError) as caught:
        serve_pty(bus_of(METER))
    assert caught.value.reason is Reason.UNSUPPORTED
    assert "TCP" in caught.value.hint[0]


def receive(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (part := client.recv(count - len(data))):
        data += part
    return data


@pytest.mark.parametrize("pace", ["real", "fast"])
def test_a_meter_is_read_over_tcp(pace: str) -> None:
    with serving(serve_tcp, bus_of(METER), pace=pace) as (host, port):
        assert host == "127.0.0.1"
        with socket.create_connection((host, port), TIMEOUT_S) as client:
            for octet in READ:
                client.sendall(bytes((octet,)))
            assert decode_frame(receive(client, 24)).data[12:] == b"\x01\x13\x03"


def test_tcp_clients_come_one_after_the_other() -> None:
    with serving(serve_tcp, bus_of(METER), pace="fast") as place:
        first = socket.create_connection(place, TIMEOUT_S)
        second = socket.create_connection(place, TIMEOUT_S)
        second.sendall(PING)
        for _ in range(3):
            first.sendall(PING)
            assert receive(first, 1) == b"\xe5"
        first.close()
        assert receive(second, 1) == b"\xe5"
        second.close()


def test_tcp_survives_a_client_that_resets_the_connection() -> None:
    with serving(serve_tcp, bus_of(METER), pace="fast") as place:
        for _ in range(10):
            client = socket.create_connection(place, TIMEOUT_S)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.sendall(PING)
            client.close()
        with socket.create_connection(place, TIMEOUT_S) as client:
            client.sendall(PING)
            assert receive(client, 1) == b"\xe5"


def test_tcp_has_the_rate_it_was_given() -> None:
    with (
        serving(serve_tcp, Bus(load_scenario()), baud=300, pace="fast") as place,
        socket.create_connection(place, TIMEOUT_S) as client,
    ):
        client.sendall(encode_short(0x7B, 17))
        assert decode_frame(receive(client, 47)).a_field == 17


def test_a_taken_tcp_port_is_busy() -> None:
    with serving(serve_tcp, bus_of(METER)) as (_, port):
        with pytest.raises(PortError) as caught:
            serve_tcp(bus_of(METER), port=port)
        assert caught.value.reason is Reason.BUSY
    with pytest.raises(UsageError):
        serve_tcp(bus_of(METER), port=70000)

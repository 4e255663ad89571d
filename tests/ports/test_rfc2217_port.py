"""Against a real RFC 2217 server: pyserial's PortManager in front of pyserial's loop: object."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import serial
import serial.rfc2217

from mbuscli.errors import PortError
from mbuscli.ports.rfc2217 import Rfc2217Port


class Server(threading.Thread):
    """Serves clients, one after the other; what is written to the port comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self.listener.getsockname()[1]}"
        self.device = serial.serial_for_url("loop://", timeout=0)
        self.no_parity = False
        self.fixed_baud = False
        self.peer: socket.socket | None = None
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                self.peer, _ = self.listener.accept()
                with self.peer, contextlib.suppress(OSError, ValueError):
                    self.serve(self.peer)

    def serve(self, peer: socket.socket) -> None:
        manager = serial.rfc2217.PortManager(self.device, self)
        while True:
            if select.select([peer], [], [], 0.01)[0]:
                data = peer.recv(1024)
                if not data:
                    return
                self.device.write(b"".join(manager.filter(data)))
            if waiting := self.device.in_waiting:
                self.write(b"".join(manager.escape(self.device.read(waiting))))

    def write(self, data: bytes) -> None:
        """PortManager's way to the client; a server may lie about what it has set."""
        if self.no_parity:
            data = data.replace(b"\xff\xfa\x2c\x67\x03\xff\xf0", b"\xff\xfa\x2c\x67\x01\xff\xf0")
        if self.fixed_baud:
            data = data.replace(b"\xff\xfa\x2c\x65\x00\x00\x01\x2c", b"\xff\xfa\x2c\x65\x00\x00\x25\x80")
        self.peer.sendall(data)

    def hang_up(self) -> None:
        self.peer.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.peer is not None:
            self.peer.close()
        self.join(5)
        self.device.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def port(server: Server) -> Iterator[Rfc2217Port]:
    with Rfc2217Port(server.url, baud=9600) as port:
        yield port


def read_all(port: Rfc2217Port, count: int) -> bytes:
    data = b""
    limit = port.now() + 5
    while len(data) < count and port.now() < limit:
        data += port.read(limit).data
    return data


def closed_by(use: Callable[[], object]) -> bool:
    with pytest.raises(PortError) as caught:
        use()
    return caught.value.name == "port.closed"


def test_the_line_is_set_and_bytes_go_both_ways(server, port) -> None:
    assert (server.device.baudrate, server.device.parity, server.device.bytesize) == (9600, "E", 8)
    assert port.parity_note is None
    start = port.now()
    port.write(bytes(range(256)))
    assert port.now() - start >= 256 * 11 / 9600
    assert read_all(port, 256) == bytes(range(256))
    port.set_baud(300)
    assert server.device.baudrate == port.baud == 300


def test_a_server_without_parity(server) -> None:
    server.no_parity = True
    with Rfc2217Port(server.url, baud=2400) as port:
        assert "even parity" in port.parity_note
    assert server.device.parity == "N"


def test_a_line_for_a_stick_has_no_parity_and_needs_no_note(server) -> None:
    with Rfc2217Port(server.url, baud=57600, parity="none") as port:
        assert port.parity_note is None
        assert (server.device.baudrate, server.device.parity) == (57600, "N")


def test_a_rate_that_the_server_does_not_have(server, port) -> None:
    server.fixed_baud = True
    with pytest.raises(PortError) as caught:
        port.set_baud(300)
    assert caught.value.name == "port.unsupported"
    assert port.baud == 9600


def test_a_server_that_hangs_up_gives_bytes_first_and_then_the_error(server, port) -> None:
    port.write(b"\x68\x03\x03\x68")
    assert read_all(port, 1)
    server.hang_up()
    port._client._thread.join(5)
    assert closed_by(lambda: read_all(port, 100))
    assert closed_by(lambda: port.read(port.now() + 5))


def test_what_a_dead_reader_had_received_is_kept(server, port) -> None:
    port.write(b"\x68\x03\x03\x68")
    until = port.now() + 5
    while port._client.in_waiting < 4 and port.now() < until:
        pass
    server.hang_up()
    port._client._thread.join(5)
    assert read_all(port, 4) == b"\x68\x03\x03\x68"
    with pytest.raises(PortError) as caught:
        port.read(port.now() + 5)
    assert caught.value.name == "port.closed"


def test_close_twice_and_after_close(port) -> None:
    port.close()
    port.close()
    with pytest.raises(PortError) as caught:
        port.read(0)
    assert caught.value.name == "port.closed"


def test_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"rfc2217://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(PortError) as caught:
        Rfc2217Port(url)
    assert caught.value.name == "port.unreachable"
    assert "refuses" in caught.value.text


def test_unknown_name() -> None:
    with pytest.raises(PortError) as caught:
        Rfc2217Port("rfc2217://no-such-host.invalid:2217")
    assert "not known" in caught.value.text


def test_a_server_that_does_not_speak_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"rfc2217://127.0.0.1:{listener.getsockname()[1]}?timeout=0.2"
        with pytest.raises(PortError) as caught:
            Rfc2217Port(url)
    assert caught.value.name == "port.unsupported"
    assert any("tcp://127.0.0.1" in hint for hint in caught.value.hint)


def test_a_server_that_closes_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closer = threading.Thread(target=lambda: listener.accept()[0].close())
        closer.start()
        with pytest.raises(PortError):
            Rfc2217Port(f"rfc2217://127.0.0.1:{listener.getsockname()[1]}?timeout=0.2")
        closer.join(5)

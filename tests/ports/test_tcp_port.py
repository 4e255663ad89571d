from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

import pytest

from mbuscli.errors import PortError, UsageError
from mbuscli.ports import realtime
from mbuscli.ports.tcp import TcpPort, connect_failure, split_host_port


class Gateway:
    """A listening socket; `peer` is the accepted connection."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.number = self.listener.getsockname()[1]
        self.peer: socket.socket | None = None

    def accept(self) -> socket.socket:
        self.listener.settimeout(5)
        self.peer, _ = self.listener.accept()
        self.peer.settimeout(5)
        return self.peer

    def close(self) -> None:
        for one in (self.peer, self.listener):
            if one is not None:
                one.close()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    yield gateway
    gateway.close()


@pytest.fixture
def port(gateway: Gateway) -> Iterator[TcpPort]:
    with TcpPort("127.0.0.1", gateway.number, baud=9600) as port:
        gateway.accept()
        yield port


def test_bytes_go_both_ways(gateway, port) -> None:
    start = port.now()
    port.write(b"\x10\x40\x01\x41\x16")
    assert port.now() - start >= 5 * 11 / 9600
    assert gateway.peer.recv(100) == b"\x10\x40\x01\x41\x16"
    gateway.peer.sendall(b"\xe5")
    assert port.read(port.now() + 5).data == b"\xe5"
    until = port.now() + 0.05
    assert port.read(until).data == b""
    assert port.now() >= until


def test_the_name_can_be_opened_again(gateway, port) -> None:
    assert port.name == f"tcp://127.0.0.1:{gateway.number}"
    assert split_host_port(port.name) == ("127.0.0.1", gateway.number)


def test_small_frames_leave_at_once_and_a_dead_gateway_is_noticed(port) -> None:
    assert port._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert port._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.parametrize("reset", [False, True], ids=["end", "reset"])
def test_a_closing_gateway_gives_bytes_first_and_then_the_error(gateway, port, reset: bool) -> None:
    gateway.peer.sendall(b"\x68\x03")
    assert port.read(port.now() + 5).data == b"\x68\x03"
    if reset:
        gateway.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        gateway.peer.sendall(b"\x03")
    gateway.peer.close()
    if not reset:
        assert port.read(port.now() + 5).data == b"\x03"
    for _ in range(2):
        with pytest.raises(PortError) as caught:
            port.read(port.now() + 5)
        assert caught.value.name == "port.closed"


def test_writing_to_a_gateway_that_has_gone(gateway, port) -> None:
    gateway.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gateway.peer.close()

    def write_until_it_shows() -> None:
        for _ in range(100):
            port.write(b"\x10")

    with pytest.raises(PortError) as caught:
        write_until_it_shows()
    assert caught.value.name == "port.closed"


def test_a_gateway_that_takes_nothing_does_not_hang(gateway, port, monkeypatch) -> None:
    monkeypatch.setattr(realtime, "WRITE_PATIENCE_S", 0.1)
    port.baud = 1_000_000_000
    with pytest.raises(PortError) as caught:
        port.write(bytes(50_000_000))
    assert caught.value.name == "port.blocked"


def test_only_the_gateway_sets_the_rate(port) -> None:
    port.set_baud(9600)
    with pytest.raises(PortError) as caught:
        port.set_baud(300)
    assert caught.value.name == "port.unsupported"
    assert port.baud == 9600


def test_after_close(port) -> None:
    port.close()
    port.close()
    for use in (lambda: port.read(0), lambda: port.write(b"\x10"), lambda: port.set_baud(300)):
        with pytest.raises(PortError) as caught:
            use()
        assert caught.value.name == "port.closed"


def test_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    with pytest.raises(PortError) as caught:
        TcpPort("127.0.0.1", number)
    assert caught.value.name == "port.unreachable"
    assert "refuses" in caught.value.text
    assert caught.value.hint


def test_no_answer_ends_in_time() -> None:
    """A listener whose queue is full drops what comes: the connection is neither made nor refused."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)

        def fill_the_queue() -> None:
            for _ in range(8):
                stack.enter_context(TcpPort(*listener.getsockname(), timeout_s=0.3))

        with pytest.raises(PortError) as caught:
            fill_the_queue()
    assert caught.value.name == "port.unreachable"
    assert "did not answer" in caught.value.text


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 300])
def test_unknown_names(host: str) -> None:
    with pytest.raises(PortError) as caught:
        TcpPort(host, 10001, timeout_s=1)
    assert caught.value.name == "port.unreachable"
    assert "not known" in caught.value.text


def test_unreachable_networks() -> None:
    import errno

    error = connect_failure("192.0.2.1", 10001, OSError(errno.ENETUNREACH, "Network is unreachable"))
    assert "no way through the network" in error.text
    assert "ping 192.0.2.1" in error.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tcp://gateway:10001", ("gateway", 10001)),
        ("tcp://[::1]:10001", ("::1", 10001)),
        ("rfc2217://192.168.1.50:2217?timeout=9", ("192.168.1.50", 2217)),
    ],
)
def test_host_and_port(text: str, expected: tuple[str, int]) -> None:
    assert split_host_port(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "tcp:",
        "tcp://",
        "tcp://host",
        "tcp://host:0",
        "tcp://host:99999",
        "tcp://host:x",
        "tcp://:1",
        "tcp://[::1",
    ],
)
def test_bad_hosts_and_ports(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        split_host_port(text)
    assert "tcp://192.168.1.50:10001" in caught.value.hint[0]

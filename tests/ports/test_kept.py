"""Ports that stay open between commands: opened once, emptied, given back, opened anew when they were lost."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from mbuscli.errors import PortError, Reason
from mbuscli.ports import opener
from mbuscli.ports.base import NOTHING, Port
from mbuscli.ports.kept import Keeper, Lease, innermost, note_device
from mbuscli.ports.opener import open_port

needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    keeper = opener.keeper = Keeper()
    yield keeper
    opener.keeper = None
    keeper.close()


class Gateway:
    """Counts its clients, and sends what a test wants."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.name = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self.clients: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                self.clients.append(self._server.accept()[0])
            except OSError:
                return

    def client(self, number: int) -> socket.socket:
        deadline = time.monotonic() + 10
        while len(self.clients) <= number:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self.clients[number]

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)
        for client in self.clients:
            client.close()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    yield gateway
    gateway.close()


def receive(port: Port) -> bytes:
    return port.read(port.now() + 5).data


def test_two_commands_one_connection(keeper: Keeper, gateway: Gateway) -> None:
    with open_port(gateway.name, keep=True) as port:
        port.write(b"\x40")
        gateway.client(0).sendall(b"one")
        assert receive(port) == b"one"
    with pytest.raises(PortError) as closed:
        port.read(0)
    assert closed.value.reason is Reason.CLOSED
    with open_port(gateway.name, keep=True) as port:
        gateway.client(0).sendall(b"two")
        assert receive(port) == b"two"
        port.close()
        port.close()
    assert len(gateway.clients) == 1
    assert [kept.text for kept in keeper.ports] == [gateway.name]


def test_what_came_meanwhile_is_dropped(keeper: Keeper, gateway: Gateway) -> None:
    open_port(gateway.name, keep=True).close()
    gateway.client(0).sendall(b"stale")
    inner = innermost(open_port(gateway.name, keep=True))
    deadline = time.monotonic() + 5
    while not inner.read(inner.now()).data and time.monotonic() < deadline:
        pass  # it is there for certain
    keeper.ports[0].leave()
    gateway.client(0).sendall(b"stale again")
    time.sleep(0.2)
    with open_port(gateway.name, keep=True) as port:
        gateway.client(0).sendall(b"fresh")
        assert receive(port) == b"fresh"


def test_a_command_that_was_broken_off_leaves_a_quiet_line(keeper: Keeper, gateway: Gateway) -> None:
    """The answer to its last question is still coming when the next command begins."""

    def stopped() -> None:
        with open_port(gateway.name, keep=True, baud=300) as port:
            port.write(b"\x10")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    client = gateway.client(0)
    answer = threading.Timer(0.4, client.sendall, (b"late answer",))
    answer.start()
    with open_port(gateway.name, keep=True, baud=300) as port:
        answer.join()
        assert port.read(port.now()) == NOTHING
        client.sendall(b"fresh")
        assert receive(port) == b"fresh"


def test_a_failed_command_costs_no_waiting(keeper: Keeper) -> None:
    def failed() -> None:
        with open_port("sim:", keep=True):
            raise PortError("nobody answered", reason=Reason.NO_ANSWER)

    with pytest.raises(PortError):
        failed()
    assert not keeper.ports[0].was_broken_off


def test_lost_in_a_command_and_back_for_the_next(keeper: Keeper, gateway: Gateway) -> None:
    with open_port(gateway.name, keep=True) as port:
        gateway.client(0).close()
        with pytest.raises(PortError):
            port.read(port.now() + 5)
    assert keeper.ports == []
    with open_port(gateway.name, keep=True) as port:
        gateway.client(1).sendall(b"back")
        assert receive(port) == b"back"


def test_lost_while_idle_is_told_once(keeper: Keeper, gateway: Gateway) -> None:
    open_port(gateway.name, keep=True).close()
    assert keeper.look_after() == []
    gateway.client(0).close()
    lost: list[PortError] = []
    deadline = time.monotonic() + 5
    while not lost and time.monotonic() < deadline:
        lost = keeper.look_after()
    assert [error.reason for error in lost] == [Reason.CLOSED]
    assert keeper.look_after() == []
    open_port(gateway.name, keep=True).close()
    gateway.client(1)


def test_lost_while_idle_is_opened_anew_without_a_word(keeper: Keeper, gateway: Gateway) -> None:
    open_port(gateway.name, keep=True).close()
    gateway.client(0).close()
    time.sleep(0.1)
    with open_port(gateway.name, keep=True) as port:
        gateway.client(1).sendall(b"back")
        assert receive(port) == b"back"


def test_a_rate_that_cannot_be_changed_takes_a_new_connection(keeper: Keeper, gateway: Gateway) -> None:
    open_port(gateway.name, keep=True, baud=2400).close()
    with open_port(gateway.name, keep=True, baud=300) as port:
        assert port.baud == 300
    gateway.client(1)


def test_in_use(keeper: Keeper) -> None:
    with open_port("sim:", keep=True), pytest.raises(PortError) as busy:
        open_port("sim:", keep=True)
    assert busy.value.reason is Reason.BUSY
    with open_port("sim:") as port:
        assert isinstance(port, Lease)


def test_only_what_is_asked_for_is_kept(keeper: Keeper) -> None:
    open_port("sim:").close()
    assert keeper.ports == []


def test_a_recording_begins_anew(keeper: Keeper, tmp_path: object) -> None:
    path = os.path.join(str(tmp_path), "capture.ndjson")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"time": 0.0, "dir": "baud", "data": "2400"}\n{"time": 1.0, "dir": "rx", "data": "E5"}\n')
    for _ in range(2):
        with open_port(f"replay:{path}", keep=True) as port:
            assert receive(port) == b"\xe5"
    assert keeper.ports == []


def test_another_parity_is_another_opening(keeper: Keeper) -> None:
    first = open_port("sim:", keep=True)
    first.close()
    with open_port("sim:", keep=True, parity="none") as port:
        assert innermost(port) is not innermost(first)
        assert keeper.ports[0].parity == "none"


def test_a_simulated_clock_goes_on_while_idle(keeper: Keeper) -> None:
    """Else a simulated stick would hand over what it heard meanwhile all at once."""
    with open_port("sim:stick?pace=real", keep=True, baud=57600, parity="none") as port:
        before = port.now()
    began = time.monotonic()
    time.sleep(0.3)
    with open_port("sim:stick?pace=real", keep=True, baud=57600, parity="none") as port:
        assert 0.25 <= port.now() - before <= time.monotonic() - began + 0.5


def test_close(keeper: Keeper, gateway: Gateway) -> None:
    busy = open_port("sim:", keep=True)
    open_port(gateway.name, keep=True).close()
    assert keeper.close_idle() == [gateway.name]
    assert gateway.client(0).recv(1) == b""
    keeper.close()
    busy.read(0)
    busy.close()
    with pytest.raises(PortError):
        innermost(busy).read(0)


def test_what_is_known_of_the_device(keeper: Keeper) -> None:
    with open_port("sim:", keep=True) as port:
        note_device(port, device="iM871A")
        note_device(port, mode="C1+T1")
        note_device(innermost(port), device="ignored")
    assert (keeper.ports[0].device, keeper.ports[0].mode) == ("iM871A", "C1+T1")


@needs_pty
def test_the_same_tty_under_two_names(keeper: Keeper, tmp_path: object) -> None:
    master, slave = os.openpty()
    try:
        device = os.ttyname(slave)
        link = os.path.join(str(tmp_path), "meterbus")
        os.symlink(device, link)
        open_port(device, keep=True).close()
        with open_port(link, keep=True) as port:
            os.write(master, b"E")
            assert receive(port) == b"E"
        assert [kept.text for kept in keeper.ports] == [link]
    finally:
        os.close(master)
        os.close(slave)


def test_without_a_keeper_nothing_is_kept() -> None:
    assert opener.keeper is None
    assert not isinstance(open_port("sim:", keep=True), Lease)

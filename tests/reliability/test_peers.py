"""Gateways that drip, flood, reset and close: the command ends in time, with an error of ours, in little memory."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from mbuscli.devices.converters.level_converter import LevelConverter
from mbuscli.errors import BusError, DecodeError, MbuscliError, NoAnswerError
from mbuscli.ports.opener import open_port
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.protocol.wired.session import Session
from mbuscli.protocol.wired.timing import octets_s, timing_for
from tests.cli.program import COMMAND, Result, environment, run

BAUD = 2400
TIMEOUT_S, MARGIN_S = 0.5, 0.1
QUICK = ("--timeout", str(TIMEOUT_S), "--margin", str(MARGIN_S), "--retries", "0", "--baud", str(BAUD))
# The longest frame with the pauses that it may have, and what comes before and after it.
LONGEST_S = TIMEOUT_S + 1.5 * octets_s(261, BAUD) + timing_for(BAUD, margin_s=MARGIN_S).gap_s
# SND_NKE, then the request.
EXCHANGES = 2
# Start of the interpreter, on a machine that has other things to do.
START_S = 20.0
LONG = encode_long(8, 1, 0x72, bytes(240))

Play = Callable[[socket.socket, threading.Event], None]


@contextmanager
def gateway(play: Play) -> Iterator[str]:
    """Its address; each connection is played to in a thread of its own until the block ends."""
    ended = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client = server.accept()[0]
                with client, suppress(OSError):
                    play(client, ended)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
    finally:
        ended.set()
        # A thread in accept() does not notice that its socket was closed.
        with suppress(OSError):
            socket.create_connection(server.getsockname()).close()
        server.close()
        thread.join(10)


def drip(data: bytes, pause_s: float) -> Play:
    """Octet by octet, never silent for long, the same again and again; acknowledges first."""

    def play(client: socket.socket, ended: threading.Event) -> None:
        client.recv(100)
        client.sendall(b"\xe5")
        client.recv(100)
        while True:
            for octet in data:
                client.sendall(bytes((octet,)))
                if ended.wait(pause_s):
                    return

    return play


def drip_at_once(client: socket.socket, ended: threading.Event) -> None:
    while not ended.wait(0.05):
        client.sendall(b"\x68")


@pytest.mark.parametrize(
    "play",
    [
        drip(LONG, 0.09),
        drip(b"\x68\xff\xff\x68", 0.09),
        drip(b"\x10", 0.05),
        drip(b"\xe5", 0.02),
        drip_at_once,
    ],
    ids=["a frame", "headers", "starts", "acknowledgements", "from the first moment"],
)
def test_who_never_comes_to_an_end(play: Play) -> None:
    session = Session(timing_for(BAUD, margin_s=MARGIN_S, timeout_s=TIMEOUT_S), retries=0)
    with gateway(play) as name, open_port(name, baud=BAUD) as port:
        began = time.monotonic()
        with pytest.raises(MbuscliError) as caught:
            LevelConverter(port).run(session.read(1))
        took_s = time.monotonic() - began
    assert isinstance(caught.value, NoAnswerError | BusError | DecodeError)
    assert took_s < 2 * EXCHANGES * LONGEST_S


def flood(data: bytes) -> Play:
    def play(client: socket.socket, ended: threading.Event) -> None:
        while not ended.is_set():
            client.sendall(data)

    return play


def close_at_once(client: socket.socket, ended: threading.Event) -> None:
    client.recv(1)


def close_in_a_frame(client: socket.socket, ended: threading.Event) -> None:
    client.recv(100)
    client.sendall(b"\xe5")
    client.recv(100)
    client.sendall(LONG[:50])


def reset(client: socket.socket, ended: threading.Event) -> None:
    client.recv(100)
    client.sendall(LONG[:50])
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def be_silent(client: socket.socket, ended: threading.Event) -> None:
    ended.wait()


PEERS: dict[str, tuple[Play, tuple[int, ...]]] = {
    "noise without end": (flood(bytes(range(256)) * 64), (4, 5)),
    "frames without end": (flood(LONG * 50), (4, 5)),
    "starts without end": (flood(b"\x68" * 16384), (4, 5)),
    "acknowledgements without end": (flood(b"\xe5" * 16384), (4, 5)),
    "closes at once": (close_at_once, (3,)),
    "closes in a frame": (close_in_a_frame, (3,)),
    "resets": (reset, (3,)),
    "is silent": (be_silent, (4,)),
}


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("command", [("read", "1"), ("scan", "--range", "1-2")], ids=" ".join)
def test_every_peer(name: str, command: tuple[str, ...]) -> None:
    play, codes = PEERS[name]
    with gateway(play) as port:
        began = time.monotonic()
        result = _limited(*command, "--port", port, *QUICK, "-o", "json")
        took_s = time.monotonic() - began
    assert result.code in codes or command[0] == "scan", result
    assert result.code not in (1, 130), result
    assert "Traceback" not in result.err
    assert took_s < 2 * 2 * EXCHANGES * LONGEST_S + START_S, result


def _limited(*words: str) -> Result:
    """A run that fails where it takes more than 600 MB of address space."""
    if sys.platform != "linux":
        return run(*words)
    limit = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_AS, (600 << 20,) * 2); "
    start = limit + "sys.argv[0] = 'mbuscli'; runpy.run_module('mbuscli', run_name='__main__')"
    done = subprocess.run(
        [COMMAND[0], "-c", start, *words], capture_output=True, env=environment(), timeout=50
    )
    return Result(done.stdout.decode(), done.stderr.decode(), done.returncode)

"""The adapter is pulled out, the gateway resets, the disk fills up: said at once, and nothing read is lost."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.protocol.wired.frames import Frame, decode_frame
from mbuscli.simulator.scenario import parse_scenario
from mbuscli.simulator.slave import Slave
from tests.cli.program import COMMAND, GOLDEN, Result, environment, run

needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
QUICK = ("--timeout", "0.2", "-q", "-o", "ndjson")
METERS = """
[[meter]]
address = 1
id = "12345678"
manufacturer = "KAM"
version = 27
device_type = 22
telegrams = [["0C13 = 1"], ["0C13 = 2"], ["0C13 = 3"]]

[[meter]]
address = 4
id = "87654321"
manufacturer = "KAM"
version = 27
device_type = 22
records = ["0C13 = 4"]
"""


class Plug(Protocol):
    """One end of a line that can be cut."""

    name: str

    def hear(self) -> bytes: ...
    def say(self, data: bytes) -> None: ...
    def cut(self) -> None: ...


class PtyPlug:
    """A pseudo-terminal whose master goes away."""

    def __init__(self) -> None:
        import tty

        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.name = os.ttyname(self._slave)

    def hear(self) -> bytes:
        return os.read(self.master, 400)

    def say(self, data: bytes) -> None:
        os.write(self.master, data)

    def cut(self) -> None:
        os.close(self.master)
        os.close(self._slave)


class TcpPlug:
    """A gateway that resets the connection."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self.name = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"

    @property
    def client(self) -> socket.socket:
        if self._client is None:
            self._client = self._server.accept()[0]
        return self._client

    def hear(self) -> bytes:
        return self.client.recv(400)

    def say(self, data: bytes) -> None:
        self.client.sendall(data)

    def cut(self) -> None:
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()
        self._server.close()


def serve(plug: Plug, is_fatal: Callable[[Frame], bool]) -> None:
    """The meters answer until such a frame comes."""
    slaves = [Slave(spec) for spec in parse_scenario(METERS).meters]
    heard = b""
    while True:
        heard += plug.hear()
        while heard and len(heard) >= (
            size := 5 if heard[0] == 0x10 else heard[1] + 6 if len(heard) > 1 else 2
        ):
            frame, heard = decode_frame(heard[:size]), heard[size:]
            if is_fatal(frame):
                plug.cut()
                return
            for slave in slaves:
                if (answer := slave.receive(frame)) is not None:
                    plug.say(answer)


@pytest.fixture(params=[pytest.param(PtyPlug, marks=needs_pty), TcpPlug], ids=["pty", "tcp"])
def plug(request: pytest.FixtureRequest) -> Plug:
    made: Plug = request.param()
    return made


def run_until(plug: Plug, is_fatal: Callable[[Frame], bool], *args: str, **environ: str) -> Result:
    """Run a command on the plug, which is pulled when such a frame is sent."""
    thread = threading.Thread(target=serve, args=(plug, is_fatal))
    thread.start()
    try:
        return run(*args, "--port", plug.name, *QUICK, **environ)
    finally:
        thread.join(10)
        assert not thread.is_alive()


def rows(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.out.splitlines()]


def error(result: Result) -> str:
    return str(json.loads(result.err.splitlines()[-1])["error"]["name"])


def test_in_a_scan(plug: Plug) -> None:
    result = run_until(plug, lambda frame: frame.a_field == 3, "scan", "--range", "0-9")
    found, summary = rows(result)
    assert (found["address"], found["state"]) == (1, "meter")
    assert (summary["event"], summary["addresses_asked"], summary["found"]) == ("summary", 3, 1)
    assert result.code == ExitCode.PORT
    assert error(result) in ("port.unplugged", "port.closed")


def test_in_a_search(plug: Plug) -> None:
    own = bytes.fromhex("214365872D2C1B16")
    result = run_until(plug, lambda frame: frame.data == own, "scan", "--secondary")
    assert result.code == ExitCode.PORT
    assert rows(result)[-1]["event"] == "summary"
    assert error(result) in ("port.unplugged", "port.closed")


def test_in_a_readout_of_several_telegrams(plug: Plug) -> None:
    # With FCB=0 the second telegram is asked for.
    result = run_until(plug, lambda frame: (frame.c_field, frame.a_field) == (0x5B, 1), "read", "4", "1")
    assert [(row["meter"]["id"], row["records"][0]["value"]) for row in rows(result)] == [
        ("87654321", 4),
        ("12345678", 1),
    ]
    assert result.code == ExitCode.PORT
    assert error(result) in ("port.unplugged", "port.closed")


def test_in_the_middle_of_a_write(plug: Plug, tmp_path: Path) -> None:
    state = {"MBUSCLI_STATE_DIR": str(tmp_path)}
    result = run_until(plug, lambda frame: frame.ci_field == 0x51, "set-address", "1", "9", "--yes", **state)
    assert result.code == ExitCode.PORT
    journal = [json.loads(line) for line in (tmp_path / "journal.ndjson").read_text().splitlines()]
    assert journal[-1]["outcome"] not in ("done", "written")


def test_what_was_captured_before_plays_up_to_there(plug: Plug, tmp_path: Path) -> None:
    capture = str(tmp_path / "bus.ndjson")
    live = run_until(plug, lambda frame: frame.a_field == 3, "scan", "--range", "0-9", "--capture", capture)
    assert live.code == ExitCode.PORT
    first = json.loads(Path(capture).read_text().splitlines()[0])
    assert (first["dir"], first["port"]) == ("baud", plug.name)
    again = run("scan", "--range", "0-9", "--port", f"replay:{capture}", *QUICK)
    assert again.code == ExitCode.PORT
    assert rows(again)[0] == rows(live)[0]


def test_a_capture_onto_a_full_disk_ends_before_anything_is_sent() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    result = run("scan", "--port", "sim:bus.toml", "--range", "0-5", "--capture", "/dev/full", *QUICK)
    assert (result.code, result.out, error(result)) == (ExitCode.INPUT, "", "input.unwritable")


@needs_pty
@pytest.mark.parametrize("command", [("scan", "--range", "0-5"), ("read", "1", "2"), ("scan", "--secondary")])
def test_a_disk_that_fills_up_stops_the_capture_not_the_command(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    limit = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700)); os.execv(sys.argv[1], sys.argv[1:])"
    capture = tmp_path / "bus.ndjson"
    words = [*command, "--port", "sim:bus.toml"]
    done = subprocess.run(
        [sys.executable, "-c", limit, *COMMAND, *words, "--capture", str(capture), *QUICK],
        capture_output=True,
        text=True,
        cwd=GOLDEN,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        timeout=50,
    )
    plain = run(*words, *QUICK)
    assert done.returncode == ExitCode.INPUT
    assert "input.unwritable" in done.stderr
    assert [_timeless(line) for line in done.stdout.splitlines()] == [
        _timeless(line) for line in plain.out.splitlines()
    ]
    # What could be written is whole.
    assert capture.stat().st_size <= 700
    assert all(json.loads(line) for line in capture.read_text().splitlines()[:-1])


def _timeless(line: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line)
    row.pop("time", None)
    return row

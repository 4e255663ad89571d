"""Which port, what went over it, and what happens when it goes away."""

from __future__ import annotations

import csv
import io
import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from mbuscli.cli.main import main
from mbuscli.ports.serial_port import PresentPort
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.services import ports
from tests.cli.program import COMMAND, GOLDEN, environment, run

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")

EVIL = PresentPort("/dev/ttyUSB7", "x", "S\x1b[1m", 0x0403, 0x6001, "=cmd", "FT232R\x1b[2J\u202e")
QUIET = PresentPort("/dev/ttyS7", "n/a", None)
ANSWER = encode_long(0x08, 1, 0x72, bytes.fromhex("785634122D2C1B16010000000C1367452301"))


@pytest.fixture
def two_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "present_ports", lambda: [QUIET, EVIL])
    monkeypatch.delenv("MBUSCLI_PORT", raising=False)


@pytest.mark.usefixtures("two_ports")
def test_every_format_has_the_same_ports(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {}
    for form in ("table", "plain", "tsv", "csv", "ndjson", "json"):
        assert main(["ports", "-o", form]) == 0
        shown[form] = capsys.readouterr().out
        assert "\x1b" not in shown[form]
        assert "\u202e" not in shown[form]
        assert "/dev/ttyUSB7" in shown[form]
    document = json.loads(shown["json"])
    assert (document["schema"], document["event"]) == ("mbuscli/1", "ports")
    assert [port["name"] for port in document["ports"]] == ["/dev/ttyS7", "/dev/ttyUSB7"]
    events = [json.loads(line) for line in shown["ndjson"].splitlines()]
    assert [event.pop("event") for event in events] == ["port", "port"]
    assert [{"schema": "mbuscli/1", **port} for port in document["ports"]] == events
    adapter = document["ports"][1]
    assert adapter["usb"] == "0403:6001"
    assert adapter["lasting_names"] == ["id:S\x1b[1m"]
    assert adapter["kind"] == ports.ADAPTER
    rows = list(csv.DictReader(io.StringIO(shown["csv"])))
    assert rows[1]["manufacturer"] == "'=cmd"
    assert [row["kind"] for row in rows] == [port["kind"] for port in document["ports"]]
    assert "  USB 0403:6001, =cmd, FT232R" in shown["table"]
    assert "\n\n/dev/ttyUSB7  USB serial adapter" in shown["table"]


@pytest.mark.skipif(sys.platform != "linux", reason="who holds a file is told by /proc")
def test_who_holds_a_port(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    master, slave = os.openpty()
    try:
        name = os.ttyname(slave)
        monkeypatch.setattr(ports, "present_ports", lambda: [EVIL._replace(device=name)])
        assert main(["ports", "-o", "plain", "--fields", "name,held_by,permission"]) == 0
        row = capsys.readouterr().out.rstrip("\n").split("\t")
        assert main(["ports", "-o", "table"]) == 0
        block = capsys.readouterr().out
    finally:
        os.close(master)
        os.close(slave)
    assert (row[0], row[2]) == (name, "ok")
    assert f"(pid {os.getpid()})" in row[1]
    assert f"\n  in use by {row[1]}\n  you may open it (group " in block


def test_no_port_is_no_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(ports, "present_ports", list)
    assert main(["ports", "-o", "table"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "no serial port is present" in err
    assert main(["ports", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["ports"] == []


def test_the_real_list_is_a_list() -> None:
    result = run("ports", "-o", "json")
    assert result.code == 0
    assert isinstance(json.loads(result.out)["ports"], list)
    assert run("ports", "--fields", "?").out.startswith("name\tdefault\t")


def test_auto_without_a_choice(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    adapters = [EVIL, EVIL._replace(device="/dev/ttyUSB8", product="second")]
    monkeypatch.setattr(ports, "present_ports", lambda: adapters)
    assert main(["scan", "--port", "auto"]) == 3
    err = capsys.readouterr().err
    assert "[port.ambiguous]" in err
    assert "--port /dev/ttyUSB8 (second)" in err
    assert "\x1b" not in err
    monkeypatch.setattr(ports, "present_ports", lambda: [QUIET])
    assert main(["read", "1", "--port", "auto"]) == 3
    assert "[port.missing]" in capsys.readouterr().err


@posix_only
def test_auto_says_what_it_takes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    master, slave = os.openpty()
    try:
        name = os.ttyname(slave)
        monkeypatch.setattr(ports, "present_ports", lambda: [QUIET, EVIL._replace(device=name)])
        assert main(["scan", "--port", "auto", "--range", "1", "--timeout", "0.01"]) == 4
        said = capsys.readouterr().err.splitlines()
    finally:
        os.close(master)
        os.close(slave)
    assert said[0].startswith(f"--port auto takes {name}: the only USB serial adapter (USB id 0403:6001")
    assert said[1].startswith(f"port {name}, 2400 baud")


@pytest.mark.parametrize(
    "args",
    [
        ("scan", "--range", "0-9", "-o", "json"),
        ("read", "1", "87654321.LUG", "-o", "plain"),
        ("scan", "-o", "json"),
    ],
    ids=["few", "read", "all"],
)
def test_a_capture_replays_to_the_same_result(tmp_path: Path, args: tuple[str, ...]) -> None:
    file = tmp_path / "bus.ndjson"
    bus = "sim:bus.toml"
    first = run(*args, "--port", bus, "--capture", str(file))
    again = run(*args, "--port", f"replay:{file}")
    assert first.code == again.code
    assert first.out.replace(bus, "PORT") == again.out.replace(f"replay:{file}", "PORT")
    assert {json.loads(line)["dir"] for line in file.read_text().splitlines()} == {"baud", "tx", "rx"}


def test_a_capture_of_another_command_is_told(tmp_path: Path) -> None:
    file = tmp_path / "bus.ndjson"
    run("read", "1", "--port", "sim:bus.toml", "--capture", str(file))
    result = run("read", "2", "--port", f"replay:{file}")
    assert result.code == 3
    assert "[port.replay-mismatch]" in result.err


def test_a_capture_that_cannot_be_written_ends_the_command_before_it_sends(tmp_path: Path) -> None:
    result = run("scan", "--port", "sim:bus.toml", "--trace", "--capture", str(tmp_path))
    assert result.code == 10
    assert "[input.unwritable]" in result.err
    assert " tx " not in result.err


@posix_only
def test_a_full_disk_does_not_lose_what_was_found(tmp_path: Path) -> None:
    import resource

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))

    done = subprocess.run(
        [*COMMAND, "scan", "--port", "sim:bus.toml", "--capture", tmp_path / "c", "-o", "json"],
        capture_output=True,
        text=True,
        preexec_fn=small_files,
        cwd=GOLDEN,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        timeout=50,
    )
    assert done.returncode == 10
    assert json.loads(done.stderr)["error"]["name"] == "input.unwritable"
    assert json.loads(done.stdout)["found"][0]["address"] == 1


def test_trace_shows_both_ways_and_leaves_the_data_alone() -> None:
    plain = run("read", "1", "--port", "sim:bus.toml", "-o", "plain", "-q")
    traced = run("read", "1", "--port", "sim:bus.toml", "-o", "plain", "-q", "--trace")
    assert (traced.out, traced.code) == (plain.out, plain.code)
    shown = traced.err.splitlines()
    assert shown[1] == "    0.037   +0.037  tx  SND_NKE to 1                          10 40 01 41 16"
    assert [line.split()[2] for line in shown[1:]] == ["tx", "rx", "tx", "rx"]


@posix_only
def test_a_port_lost_in_the_middle_of_a_scan(tmp_path: Path) -> None:
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    capture = tmp_path / "bus.ndjson"
    with subprocess.Popen(
        [
            *COMMAND,
            "scan",
            "--port",
            os.ttyname(slave),
            "-o",
            "ndjson",
            "--range",
            "1-250",
            "--capture",
            capture,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=GOLDEN,
        env=environment(),
    ) as process:
        for answer in (b"\xe5", ANSWER, None):
            _hear(master, 5)
            if answer is not None:
                os.write(master, answer)
        os.close(slave)
        os.close(master)
        # 248 addresses more would take over a minute.
        out, err = process.communicate(timeout=10)
    assert process.returncode == 3
    found, summary = map(json.loads, out.splitlines())
    assert found["meter"]["id"] == "12345678"
    assert (summary["event"], summary["found"]) == ("summary", 1)
    assert 1 <= summary["addresses_asked"] <= 2
    assert json.loads(err.splitlines()[-1])["error"]["name"] == "port.unplugged"
    assert "tx" in capture.read_text()


def _hear(master: int, count: int) -> None:
    data = b""
    while len(data) < count:
        assert select.select([master], [], [], 20)[0], f"only {data!r} came"
        data += os.read(master, count - len(data))

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mbuscli.errors import PortError, UsageError
from mbuscli.ports import serial_port
from mbuscli.ports.opener import FORMS, open_port
from mbuscli.ports.serial_port import PresentPort

ROOT = str(Path(__file__).parents[2])


def test_a_path(terminal, tmp_path, monkeypatch) -> None:
    with open_port(terminal.path, baud=9600) as port:
        assert (port.name, port.baud) == (terminal.path, 9600)
    link = tmp_path / "usb-0:1.2:1.0-port0"
    link.symlink_to(terminal.path)
    open_port(str(link)).close()
    monkeypatch.chdir(tmp_path)
    open_port(link.name).close()


def test_tcp(monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with open_port(url, baud=300) as port:
            assert (port.name, port.baud) == (url, 300)


def test_rfc2217_and_replay_reach_their_ports(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"rfc2217://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(PortError, match="refuses"):
        open_port(url)
    capture = tmp_path / "c.ndjson"
    capture.touch()
    assert open_port(f"replay:{capture}").read(1.0).data == b""


def test_sim() -> None:
    pytest.importorskip("mbuscli.simulator.port")
    with open_port("sim:", baud=2400) as port:
        assert port.baud == 2400


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("tpc://host:1", "did you mean tcp://host:1?"),
        ("TCP://host:1", "did you mean tcp://host:1?"),
        ("rfc2271://host:1", "did you mean rfc2217://host:1?"),
        ("reply:file", "did you mean replay:file?"),
        ("simu:", "did you mean sim:?"),
    ],
)
def test_unknown_schemes(text: str, suggestion: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_port(text)
    assert caught.value.name == "usage.unrecognised"
    assert caught.value.hint[0] == suggestion
    assert all(form in caught.value.hint[-1] for form in FORMS)


@pytest.mark.parametrize("text", ["", "auto", "tcp://host", "rfc2217://"])
def test_other_bad_texts(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_port(text)
    assert caught.value.hint


@pytest.mark.parametrize("baud", [0, -1, 10**9])
def test_bad_rates(terminal, baud: int) -> None:
    with pytest.raises(UsageError):
        open_port(terminal.path, baud=baud)


@pytest.fixture
def two_adapters(terminal, monkeypatch):
    ports = [
        PresentPort(terminal.path, "FT232R USB UART", "AH01"),
        PresentPort("/dev/ttyUSB8", "quad", "Q1"),
        PresentPort("/dev/ttyUSB9", "quad", "Q1"),
        PresentPort("/dev/ttyS0", "n/a", None),
    ]
    monkeypatch.setattr(serial_port, "present_ports", lambda: ports)


def test_by_usb_serial_number(terminal, two_adapters) -> None:
    with open_port("id:ah01") as port:
        assert port.name == terminal.path
    with pytest.raises(UsageError, match="more than one") as caught:
        open_port("id:Q1")
    assert "/dev/ttyUSB8, /dev/ttyUSB9" in caught.value.hint[0]
    with pytest.raises(PortError) as missing:
        open_port("id:none")
    assert missing.value.name == "port.missing"
    assert "id:AH01" in missing.value.hint[0]


@pytest.mark.parametrize("text", ["ttyUSB7", "COM77", "/dev/ttyUSB77", "no such thing"])
def test_no_such_port(two_adapters, text: str) -> None:
    with pytest.raises(PortError) as caught:
        open_port(text)
    assert caught.value.name == "port.missing"
    assert "/dev/ttyUSB8" in caught.value.hint[-1]


POSIX_ONLY = ("termios", "fcntl", "pty", "tty", "pwd", "grp", "resource")
BLOCKED = f"""
import sys
for name in {POSIX_ONLY!r}:
    sys.modules[name] = None
from mbuscli.errors import InputError, MbuscliError, PortError, UsageError
from mbuscli.ports import diagnose, parity_marks, tap
from mbuscli.ports.opener import open_port
for text in sys.argv[1:]:
    try:
        with open_port(text) as port:
            print("opened", port.read(port.now()).data)
    except MbuscliError as error:
        print(error.name)
print(diagnose.permission("/dev/null", __import__("os").stat("/dev/null")).name)
assert not diagnose.holders("/dev/ttyUSB0")
assert not {{"serial", "rich", "prompt_toolkit", "asyncio"}} & set(sys.modules)
"""


def test_without_the_posix_modules(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        texts = [url, f"replay:{tmp_path}", "sim:", "tpc://host:1", "auto"]
        child = subprocess.run(
            [sys.executable, "-c", BLOCKED, *texts], cwd=ROOT, capture_output=True, text=True, timeout=30
        )
    assert child.returncode == 0, child.stderr
    assert child.stdout.split("\n") == [
        "opened b''",
        "input.unreadable",
        "opened b''",
        "usage.unrecognised",
        "usage.unsupported",
        "port.permission",
        "",
    ]


def test_pyserial_is_imported_in_two_files_only() -> None:
    folder = Path(ROOT, "mbuscli", "ports")
    importers = {
        path.name
        for path in folder.glob("*.py")
        if re.search(r"^\s*(import serial|from serial)\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert importers == {"serial_port.py", "rfc2217.py"}
    assert os.path.isdir(folder)

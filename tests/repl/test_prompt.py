"""The shell at a terminal: typed, looked at, interrupted, unplugged."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mbuscli.simulator.bus import Bus
from mbuscli.simulator.scenario import load_scenario
from mbuscli.simulator.server import serve_pty
from mbuscli.simulator.sticks.opener import open_twin
from mbuscli.simulator.wire import Wire
from tests.cli.program import COMMAND, environment
from tests.cli.served import counted_connections, served_tcp
from tests.repl.screen import PROMPT, shell

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")

KEY = "0F0E0D0C0B0A09080706050403020100"
METERS = ("08203914.ZRI.88.16", "67284105.KAM.19.04")


def test_completion(tmp_path: Path) -> None:
    with shell(tmp_path, "--port", "sim:") as screen:
        screen.type("s\t")
        for name in ("set", "stop", "scan", "sniff"):
            screen.expect(name)
        for typed, shown in (
            ("scan --ran", "ge"),
            ("read -o nd", "json"),
            ("set ba", "ud"),
            ("set baud 96", "00"),
            ("scan --port sim", ":"),
            ("help jo", "urnal"),
            ("hel", "p"),
            ("run bus.t", "oml"),
        ):
            screen.type("\x03")
            screen.expect(PROMPT)
            screen.type(typed)
            screen.expect(typed[1:])
            screen.type("\t")
            screen.expect(shown)
        screen.type("\x03\x04")
        assert screen.end() == 0


def test_meters_seen_are_offered(tmp_path: Path) -> None:
    with shell(tmp_path, "--port", "sim:") as screen:
        screen.run("scan --range 0-1", "2 found")
        screen.type("use \t")
        for meter in METERS:
            screen.expect(meter)
        screen.type("\x15use 672\t")
        screen.expect("84105.KAM.19.04")
        screen.type("\r")
        screen.expect("meter: 67284105.KAM.19.04")
        screen.run("read --fields quantity,value", "482175")


def test_the_toolbar(tmp_path: Path) -> None:
    with shell(tmp_path, columns=90) as screen:
        screen.expect("no port")
        screen.type("set port sim:\r")
        screen.expect("sim: (not open)")
        screen.type("read 1 -q\r")
        screen.expect("sim: 2400 baud | exit 0 | 1 telegram of 1 meter")
        screen.type("use 1\r")
        screen.expect("meter 1 |")
        screen.type("set capture bus.log\r")
        screen.expect("capture bus.log")
        screen.type("read 77 -q --capture /dev/null\r")
        screen.expect("exit 4")


def test_ctrl_c_stops_the_command_and_the_port_goes_on(tmp_path: Path) -> None:
    with (
        served_tcp(Bus(load_scenario()), "real") as bus,
        counted_connections(bus) as (port, connections),
        shell(tmp_path, "--port", port) as screen,
    ):
        screen.type("scan --retries 3\r")
        screen.expect("67284105")
        screen.type("\x03")
        screen.expect("addresses asked in")
        screen.expect("exit 130")
        screen.run("read 1 --fields quantity,value", "482175")
        assert len(connections) == 1
        assert "Traceback" not in screen.text


def test_ctrl_c_at_the_prompt_clears_the_line(tmp_path: Path) -> None:
    with shell(tmp_path) as screen:
        screen.type("read 1")
        screen.expect("read 1")
        screen.type("\x03")
        screen.expect(PROMPT)
        screen.type("exit\r")
        assert screen.end() == 0


def test_the_history_is_private_and_holds_no_key(tmp_path: Path) -> None:
    with shell(tmp_path) as screen:
        screen.run(f"decrypt 00 --key {KEY} --quiet", "[")
        screen.run(f"set key {KEY}", "a key is not kept in the shell")
        screen.run("use 12345678", "meter: 12345678")
        screen.type("\x1b[A\x1b[A\x1b[A")
        screen.expect("(hidden)")
        screen.type("\x15exit\r")
        assert screen.end() == 0
    path = tmp_path / "state" / "shell_history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = ["decrypt 00 --key (hidden) --quiet", "set key (hidden)", "use 12345678", "exit"]
    assert path.read_text().splitlines() == lines
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes().upper()


def test_the_next_shell_recalls(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "shell_history").write_text("use 77\nset baud 300\n")
    with shell(tmp_path) as screen:
        screen.type("\x1b[A\x1b[A\r")
        screen.expect("meter: 77")
        screen.run("history", "set baud 300")
    assert stat.S_IMODE((tmp_path / "state" / "shell_history").stat().st_mode) == 0o600


def test_a_walk_in_the_background(tmp_path: Path) -> None:
    """Told above the prompt while a line is typed and another port is read; stopped with its table."""
    with shell(tmp_path, "--port", "sim:", columns=120) as screen:
        screen.type("sniff --port sim:stick?pace=real &\r")
        screen.expect("runs in the background")
        screen.type("read 1 -")
        screen.expect("05607210.EMH.00.02  electricity  18 462.771 kWh  -49 dBm")
        screen.expect("read 1 -")  # the line is still there
        screen.type("q --fields value\r")
        screen.expect("482175")
        screen.run("jobs", "sniff --port sim:stick?pace=real")
        screen.expect("telegrams of")  # below the prompt
        screen.run("sniff --port sim:stick?pace=real -o ndjson", "is in use by another command of this shell")
        screen.expect("exit 3")
        screen.run("\x04", "still in the background")
        screen.run("stop", "33225544 SEN")
        screen.expect("[1] sniff --port sim:stick?pace=real: ended")
        screen.type("exit\r")
        assert screen.end() == 0


def test_a_stick_lost_in_the_background_is_told_once(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        plug = stack.enter_context(Plug(tmp_path / "stick", lambda: open_twin(start_s=time.monotonic())))
        screen = stack.enter_context(shell(tmp_path, columns=250))
        screen.type(f"sniff --port {plug.link} --stick im871a --baud 57600 &\r")
        screen.expect(" dBm")
        plug.pull()
        screen.expect("is lost: ")
        plug.plug_in()
        screen.expect("is back")
        assert screen.text.count(" is lost: ") == 1
        screen.type("stop\r")
        screen.expect("ended")


def test_unplugged_while_idle_and_in_a_command(tmp_path: Path) -> None:
    with (
        Plug(tmp_path / "bus", lambda: Bus(load_scenario())) as plug,
        shell(tmp_path, "--port", str(plug.link)) as screen,
    ):
        screen.run("read 1 --fields value", "482175")
        plug.pull()
        screen.expect("the next command opens it again")
        screen.run("read 1", "[port.missing]")
        plug.plug_in()
        screen.run("read 1 --fields value", "482175")
        screen.run("scan --retries 5", "address 7")
        plug.pull()
        screen.expect("[port.unplugged]")
        plug.plug_in()
        screen.run("read 1 --fields value", "482175")


class Plug:
    """A simulated device on a pseudo-terminal behind a link, which can be pulled out and plugged in again."""

    def __init__(self, link: Path, device: Callable[[], Wire]) -> None:
        self.link = link
        self._device = device

    def __enter__(self) -> Plug:
        self.plug_in()
        return self

    def __exit__(self, *_: object) -> None:
        self.pull()

    def plug_in(self) -> None:
        self._stop, ready = threading.Event(), threading.Event()
        settings = {
            "link": str(self.link),
            "pace": "real",
            "stop": self._stop,
            "ready": lambda _: ready.set(),
        }
        self._thread = threading.Thread(target=serve_pty, args=(self._device(),), kwargs=settings)
        self._thread.start()
        assert ready.wait(10)

    def pull(self) -> None:
        self._stop.set()
        self._thread.join(10)


def test_terminated(tmp_path: Path) -> None:
    """At the prompt and in a command; the port is given back and the terminal is as it was."""
    for line in ("", "scan --port sim:?pace=real\r"):
        with shell(tmp_path) as screen:
            screen.type(line)
            if line:
                screen.expect("asking 251")
            screen.process.send_signal(signal.SIGTERM)
            assert screen.end() == 143
            assert "Traceback" not in screen.text


def test_no_colour(tmp_path: Path) -> None:
    with shell(tmp_path, "--port", "sim:", NO_COLOR="1") as screen:
        screen.expect("sim: (not open)")
        assert not re.search(r"\x1b\[[0-9;]*[34][0-8]", screen.raw)
    with shell(tmp_path, "--port", "sim:") as screen:
        screen.expect("sim: (not open)")
        assert re.search(r"\x1b\[[0-9;]*[34][0-8]", screen.raw)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Callable[..., str]]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    socket = str(tmp_path / "tmux")

    def command(*args: str) -> str:
        words = ["tmux", "-S", socket, "-f", "/dev/null", *args]
        return subprocess.run(words, check=True, capture_output=True, text=True, timeout=20).stdout

    yield command
    subprocess.run(["tmux", "-S", socket, "kill-server"], capture_output=True, timeout=20, check=False)


@pytest.mark.parametrize(
    ("columns", "last"),
    [(80, "sim: 2400 baud | exit 0 | 2 telegrams of 2 meters"), (40, "sim: 2400 baud | exit 0")],
)
def test_a_screen(tmux: Callable[..., str], tmp_path: Path, columns: int, last: str) -> None:
    own = {"MBUSCLI_STATE_DIR": str(tmp_path), "MBUSCLI_CONFIG_DIR": str(tmp_path)}
    settings = environment(LC_ALL="C.UTF-8", **own)
    del settings["COLUMNS"]
    words = ["env", "-i", *(f"{name}={value}" for name, value in settings.items()), "TERM=screen"]
    size = ("-x", str(columns), "-y", "16")
    tmux("new-session", "-d", *size, *words, *COMMAND, "shell", "--port", "sim:")

    def screen(wanted: str) -> list[str]:
        deadline = time.monotonic() + 30
        while wanted not in (shown := tmux("capture-pane", "-p")):
            assert time.monotonic() < deadline, shown
            time.sleep(0.05)
        return shown.rstrip("\n").split("\n")

    screen("mbuscli>")
    tmux("send-keys", "scan --range 0-1", "Enter")
    lines = screen("exit 0")
    assert lines[-1].rstrip() == last
    assert len(lines) == 16
    assert "mbuscli>" in [line.rstrip() for line in lines]

"""`mbuscli sniff`: what it writes, when it ends, and with which code."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
import tty
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mbuscli.capture.walk import WalkWriter
from mbuscli.errors import DecodeError, Reason
from tests.cli.program import COMMAND, ROOT, Result, environment, run
from tests.cli.terminal import run_at_terminal
from tests.services.radio import key, meter, short, volume

_LIMIT_S = 40
MOMENT = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)


@pytest.fixture
def walk(tmp_path: Path) -> str:
    """A capture: five telegrams of three meters, one of them encrypted, one copy, one damaged."""
    path = tmp_path / "walk.ndjson"
    with WalkWriter(str(path)) as writer:

        def put(second: float, telegram: bytes, rssi_dbm: float = -70.5) -> None:
            moment = datetime.fromtimestamp(MOMENT.timestamp() + second, UTC)
            writer.telegram(
                moment,
                telegram,
                rssi_dbm=rssi_dbm,
                mode="T1",
                frame_format="none",
                stick="cul",
                port="/dev/x",
            )

        put(0, short(meter(1), 1, volume(1001)))
        put(0.1, short(meter(1), 1, volume(1001)), -60)
        put(1, short(meter(2), 1, volume(2002), key=key()))
        put(2, short(meter(3, 0x04), 1, volume(3003)))
        writer.damage(MOMENT, DecodeError("crc", reason=Reason.CRC), b"\x01", stick="cul", port="/dev/x")
        put(16, short(meter(1), 2, volume(1002)))
    return f"replay:{path}"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"MBUSCLI_STATE_DIR": str(tmp_path / "state"), "MBUSCLI_CONFIG_DIR": str(tmp_path / "config")}


def events(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.out.splitlines()]


def test_one_line_of_json_a_telegram_and_a_summary(walk: str, home: dict[str, str]) -> None:
    result = run("sniff", "--port", walk, **home)
    assert (result.code, result.err) == (0, "")
    *telegrams, summary = events(result)
    assert [row["heard"]["copy"] for row in telegrams] == [None, "duplicate", None, None, None]
    assert telegrams[0]["time"].startswith("2026-01-31T10:00:00")
    assert (telegrams[0]["link"]["mode"], telegrams[0]["link"]["rssi_dbm"]) == ("T1", -70.5)
    assert telegrams[2]["heard"]["need"] == f"needs its key: mbuscli keys add {meter(2)}"
    assert [row["heard"]["count"] for row in telegrams] == [1, 1, 1, 1, 2]
    assert (summary["event"], summary["telegrams"], summary["meters"]) == ("summary", 5, 3)
    assert (summary["copies"], summary["damaged"], summary["unknown"]) == (1, 1, 1)
    assert summary["elapsed_s"] >= 16


def test_the_telegram_is_that_of_decrypt(walk: str, home: dict[str, str]) -> None:
    own = ("--key", key().octets.hex())
    for telegram in events(run("sniff", "--port", walk, *own, **home))[:-1]:
        alone = json.loads(run("decrypt", telegram["raw"], *own, "-o", "json", **home).out)
        for row in (telegram, alone):
            for name in ("time", "port", "heard"):
                row.pop(name, None)
            for name in ("mode", "rssi_dbm"):
                row["link"].pop(name)
        assert telegram == alone


def test_count_filter_and_formats(walk: str, home: dict[str, str]) -> None:
    counted = events(run("sniff", "--port", walk, "--count", "2", **home))
    assert [row["event"] for row in counted] == ["telegram"] * 3 + ["summary"]
    assert sum(row["event"] == "telegram" and not row["heard"]["copy"] for row in counted) == 2
    heat = events(run("sniff", "--port", walk, "--filter", "heat", "--filter", "00000002", **home))
    assert [row["meter"]["id"] for row in heat[:-1]] == ["00000002", "00000003"]
    plain = run("sniff", "--port", walk, "-o", "plain", "--fields", "address,value,rssi_dbm,copy", **home)
    assert plain.out.splitlines()[1] == f"{meter(1)}\t1.001\t-60.0\tduplicate"
    csv = run("sniff", "--port", walk, "-o", "csv", **home)
    assert csv.out.startswith("time,address,name,function")
    document = json.loads(run("sniff", "--port", walk, "-o", "json", **home).out)
    assert (document["event"], len(document["telegrams"])) == ("telegrams", 5)
    table = run("sniff", "--port", walk, "-o", "table", **home)
    assert [line.split()[0] for line in table.out.splitlines()[2:]] == ["00000001", "00000002", "00000003"]
    assert "5 telegrams of 3 meters in 16 s" in table.err


def test_a_route_list_with_keys(walk: str, home: dict[str, str], tmp_path: Path) -> None:
    route = tmp_path / "route.csv"
    secret = key().octets.hex()
    route.write_text(
        "id;name;place;key\n00000001;Flat 1;House A;\n00000002;Flat 2;House A;"
        + secret
        + "\n00000009;Flat 9;Cellar;\n"
    )
    result = run(
        "sniff", "--port", walk, "--list", str(route), "-o", "plain", "--fields", "name,value", **home
    )
    assert result.code == 8
    assert "Flat 2\t2.002" in result.out
    assert "2 of 3 heard, 2 read" in result.err
    assert "missing, Cellar: Flat 9" in result.err
    assert secret not in result.out + result.err
    # The next day the same list goes on; what was heard stays heard.
    again = run("sniff", "--port", "sim:stick", "--for", "1s", "--list", str(route), "-o", "csv", **home)
    assert "goes on from" in again.err
    assert "2 of 3 heard, 2 read" in again.err
    anew = run("sniff", "--port", walk, "--count", "1", "--list", str(route), "--anew", **home)
    assert events(anew)[-1]["route"]["heard"] >= 1
    done = tmp_path / "done.csv"
    done.write_text("id\n00000001\n")
    complete = run("sniff", "--port", walk, "--list", str(done), "--until-complete", **home)
    assert complete.code == 0
    assert events(complete)[-1]["route"]["missing"] == []


def test_keys_come_out_nowhere(walk: str, home: dict[str, str], tmp_path: Path) -> None:
    secret = key().octets.hex()
    route = tmp_path / "route.csv"
    route.write_text(f"id;key\n00000002;{secret}\n")
    capture = tmp_path / "again.ndjson"
    words = ("--list", str(route), "--capture", str(capture), "--key", secret)
    for output in ("ndjson", "table"):
        result = run("sniff", "--port", walk, *words, "-o", output, **home)
        assert result.code == 0
        assert secret not in (result.out + result.err).lower()
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != route:
            data = path.read_bytes()
            assert key().octets not in data, path
            assert secret not in data.decode("latin-1").lower(), path
    assert secret not in run("sniff", "--mode", secret, **home).err


def test_exit_codes(home: dict[str, str], tmp_path: Path) -> None:
    assert run("sniff", "--until-complete", **home).code == 2
    assert run("sniff", "--mode", "t1,q9", **home).code == 2
    assert run("sniff", "--for", "ten", **home).code == 2
    missing = run("sniff", "--port", "/dev/does-not-exist", "--stick", "cul", **home)
    assert missing.code == 3
    assert json.loads(missing.err)["error"]["name"] == "port.missing"
    assert run("sniff", "--port", f"replay:{tmp_path / 'none'}", **home).code in (3, 10)
    assert run("sniff", "--port", "sim:stick", "--list", str(tmp_path / "none"), **home).code == 10
    capture = run("sniff", "--port", "sim:stick", "--for", "9s", "--capture", "/nowhere/x", **home)
    assert capture.code == 10
    broken = tmp_path / "broken"
    broken.write_bytes(b"not a database, whatever it says" * 100)
    result = run("sniff", "--port", "sim:stick", "--inventory", str(broken), **home)
    assert (result.code, json.loads(result.err)["error"]["name"]) == (10, "input.unreadable")


def test_nothing_heard_in_time_ends_with_4(home: dict[str, str]) -> None:
    with StickLine() as line:
        result = run("sniff", "--port", line.name, "--stick", "hextty", "--for", "1s", **home)
    assert result.code == 4
    assert events(result)[-1]["telegrams"] == 0


class StickLine:
    """A pseudo-terminal with a name that stays, at whose other end a receiver writes hexadecimal lines."""

    def __init__(self, name: str = "") -> None:
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self._slave = slave
        self.name = os.ttyname(slave)
        if name:
            link = Path(name)
            link.unlink(missing_ok=True)
            link.symlink_to(self.name)
            self.name = name

    def send(self, telegram: bytes) -> None:
        os.write(self.master, telegram.hex().encode() + b"\n")

    def unplug(self) -> None:
        os.close(self.master)
        os.close(self._slave)

    def __enter__(self) -> StickLine:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()


class Running:
    """`sniff` as a child with pipes."""

    def __init__(self, *words: str, **environ: str) -> None:
        self.child = subprocess.Popen(
            [*COMMAND, "sniff", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment(**environ),
        )
        self.shown = ""

    def line(self, doing: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """The next line on stdout; `doing` is called again and again until it comes."""
        assert self.child.stdout is not None
        deadline = time.monotonic() + _LIMIT_S
        while time.monotonic() < deadline:
            if "\n" in self.shown:
                line, _, self.shown = self.shown.partition("\n")
                found: dict[str, Any] = json.loads(line)
                return found
            doing()
            if select.select([self.child.stdout], [], [], 0.2)[0]:
                data = os.read(self.child.stdout.fileno(), 65536)
                assert data, self.child.communicate()[1]
                self.shown += data.decode()
        raise AssertionError("no line came")

    def end(self, number: int = signal.SIGINT) -> Result:
        self.child.send_signal(number)
        out, err = self.child.communicate(timeout=_LIMIT_S)
        return Result(self.shown + out.decode(), err.decode(), self.child.returncode)


@pytest.fixture
def running() -> Iterator[Callable[..., Running]]:
    children: list[Running] = []

    def start(*words: str, **environ: str) -> Running:
        children.append(Running(*words, **environ))
        return children[-1]

    yield start
    for each in children:
        each.child.kill()
        each.child.communicate()


class Counting:
    """A meter that sends another value each time."""

    def __init__(self, line: StickLine, number: int = 5) -> None:
        self.line = line
        self.number = number
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        self.line.send(short(meter(self.number), self.count & 0xFF, volume(self.count)))


def test_ctrl_c_after_work_is_no_failure_and_sigterm_is_told(running: Any, home: dict[str, str]) -> None:
    for number, code in ((signal.SIGINT, 0), (signal.SIGTERM, 143)):
        with StickLine() as line:
            sniff = running("--port", line.name, "--stick", "hextty", **home)
            assert sniff.line(Counting(line))["meter"]["id"] == "00000005"
            result = sniff.end(number)
        assert result.code == code
        assert json.loads(result.out.splitlines()[-1])["event"] == "summary"


def test_an_unplugged_stick_comes_back(running: Any, home: dict[str, str], tmp_path: Path) -> None:
    link, capture = str(tmp_path / "stick"), tmp_path / "walk.ndjson"
    line = StickLine(link)
    sniff = running("--port", link, "--stick", "hextty", "--capture", str(capture), **home)
    sniff.line(Counting(line))
    line.unplug()
    lost = next(row for row in iter(sniff.line, None) if row["event"] == "gap")
    assert lost["until"] is None
    with StickLine(link) as line:
        counting = Counting(line, 6)
        rows = [sniff.line(counting)]
        while rows[-1].get("meter", {}).get("id") != "00000006":
            rows.append(sniff.line(counting))
        assert any(row["event"] == "gap" and row["until"] for row in rows)
        assert sniff.end().code == 0
    kinds = [json.loads(text).get("event") for text in capture.read_text().splitlines()]
    assert kinds.index("lost") < kinds.index("gap")


def test_a_stick_that_stays_away_is_lost_for_good(running: Any, home: dict[str, str], tmp_path: Path) -> None:
    line = StickLine(str(tmp_path / "stick"))
    sniff = running("--port", line.name, "--stick", "hextty", "--for", "5s", **home)
    sniff.line(Counting(line))
    line.unplug()
    out, err = sniff.child.communicate(timeout=_LIMIT_S)
    assert sniff.child.returncode == 3
    assert json.loads(out.splitlines()[-1])["event"] == "summary"
    assert json.loads(err.splitlines()[-1])["error"]["name"].startswith("port.")


def test_two_sticks_at_once(running: Any, home: dict[str, str]) -> None:
    with StickLine() as one, StickLine() as two:
        sniff = running("--port", one.name, "--port", two.name, "--stick", "hextty", **home)
        first, second = Counting(one, 1), Counting(two, 2)

        def both() -> None:
            first()
            second()

        seen: set[tuple[str, str]] = set()
        while len(seen) < 2:
            row = sniff.line(both)
            seen.add((row["port"], row["meter"]["id"]))
        assert seen == {(one.name, "00000001"), (two.name, "00000002")}
        # The same telegram by both sticks counts once.
        shared = short(meter(3), 1, volume(1))
        one.send(shared)
        two.send(shared)
        copies = []
        while len(copies) < 2:
            row = sniff.line()
            if row["meter"]["id"] == "00000003":
                copies.append(row["heard"]["copy"])
        assert sorted(copies, key=str) == [None, "duplicate"]
        assert sniff.end().code == 0


def test_positions_go_with_the_telegrams(running: Any, home: dict[str, str]) -> None:
    with StickLine() as line, StickLine() as gps:
        sniff = running("--port", line.name, "--stick", "hextty", "--gps", gps.name, **home)
        counting = Counting(line)

        def both() -> None:
            os.write(gps.master, b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n")
            counting()

        row = sniff.line(both)
        while "position" not in row["heard"]:
            row = sniff.line(both)
        assert row["heard"]["position"] == [48.1173, 11.5166667]
        assert sniff.end().code == 0
    shown = run("inventory", "-o", "plain", "--fields", "latitude,longitude", **home)
    assert shown.out == "48.1173\t11.5166667\n"


def test_garbage_and_half_a_telegram_do_not_hide_the_next(running: Any, home: dict[str, str]) -> None:
    with StickLine() as line:
        sniff = running("--port", line.name, "--stick", "hextty", **home)
        counting = Counting(line)
        sniff.line(counting)
        storm = os.urandom(20_000)
        for at in range(0, len(storm), 500):
            os.write(line.master, storm[at : at + 500])
            if select.select([sniff.child.stdout], [], [], 0.01)[0]:
                sniff.shown += os.read(sniff.child.stdout.fileno(), 65536).decode()
        os.write(line.master, b"\n" + short(meter(7), 1, volume(1))[:15].hex().encode())
        os.write(line.master, b"\n")
        wanted = Counting(line, 8)
        row = sniff.line(wanted)
        while row.get("meter") is None or row["meter"]["id"] != "00000008":
            row = sniff.line(wanted)
        assert sniff.end().code == 0


def test_sigkill_loses_nothing_that_was_received(running: Any, home: dict[str, str], tmp_path: Path) -> None:
    capture = tmp_path / "walk.ndjson.gz"
    with StickLine() as line:
        sniff = running("--port", line.name, "--stick", "hextty", "--capture", str(capture), **home)
        counting = Counting(line)
        for _ in range(30):
            row = sniff.line(counting)
        sniff.end(signal.SIGKILL)
    played = events(run("sniff", "--port", f"replay:{capture}", **home))
    values = [r["records"][0]["value"] for r in played[:-1]]
    assert row["records"][0]["value"] in values
    assert len(values) >= 30
    # The inventory lacks a second at most, is whole, and the capture fills it again.
    shown = run("inventory", "00000005", "-o", "json", **home)
    assert json.loads(shown.out)["meters"][0]["telegrams"] >= 30


def test_a_full_disk_ends_the_capture_and_not_the_walk(walk: str, home: dict[str, str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    result = run("sniff", "--port", walk, "--capture", "/dev/full", **home)
    assert result.code == 10
    assert len(events(result)) == 6
    assert "No space left" in result.err


def test_a_reader_that_goes_away_ends_it_quietly(home: dict[str, str]) -> None:
    child = subprocess.Popen(
        [*COMMAND, "sniff", "--port", "sim:stick", "--for", "2h"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(**home),
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.wait(_LIMIT_S) == 0
    assert child.stderr.read() == b""
    child.stderr.close()


def test_the_live_table_at_a_terminal(walk: str, home: dict[str, str]) -> None:
    # A recording that has ended stays on the screen until the user quits.
    screen = run_at_terminal("sniff", "--port", walk, answers=[(r"(?s)end of the recording.*", "q")], **home)
    assert screen.code == 0
    assert "\x1b[?1049h" in screen.text
    assert screen.text.index("\x1b[?1049l") < screen.text.index("5 telegrams of 3 meters")
    assert "00000003 KAM" in screen.text


def test_keys_at_the_live_table(walk: str, home: dict[str, str], tmp_path: Path) -> None:
    route = tmp_path / "route.csv"
    route.write_text("id;name\n00000001;Flat 1\n00000009;Flat 9\n")
    answers = [
        (r"(?s)end of the recording.*", "/heat"),  # with Enter behind it
        (r"(?s)search: heat.*", "cs "),
        (r"(?s)by strongest.*", "ff\x1b[B"),  # missing ones, down, Enter: mark
        (r"(?s)Flat 9 is marked as read.*", "q"),
    ]
    screen = run_at_terminal("sniff", "--port", walk, "--list", str(route), answers=answers, **home)
    assert screen.code == 0
    assert "paused" in screen.text
    again = run("sniff", "--port", walk, "--count", "1", "--list", str(route), "-o", "csv", **home)
    assert again.code == 0
    assert "2 of 2 heard, 2 read" in again.err


def test_a_simulated_stick_works_from_a_fresh_install(home: dict[str, str]) -> None:
    result = run("sniff", "--port", "sim:stick", "--for", "1m", **home)
    assert result.code == 0
    assert len(events(result)) > 10

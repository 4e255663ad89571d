"""`read --all` and `read --list`: every meter once, failures told, files whole whatever happens."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.protocol.wired.search import Search
from mbuscli.services.link import Link, more_follows
from mbuscli.services.read import Failed, Read
from mbuscli.services.read_bus import read_primary, read_secondary
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.scenario import load_scenario, parse_scenario
from tests.cli.bus_server import BAUD, QUICK, ServedBus, served
from tests.cli.program import COMMAND, environment, run
from tests.services.plan_meters import scenario_of, toml_of

A, B, C = "11111111", "22222222", "33333333"
TWO_TELEGRAMS = """
[[meter]]
id = "{id}"
address = {address}
manufacturer = "KAM"
version = 4
device_type = 4
telegrams = [["0C06 = 1000"], ["4C06 = 9000"]]
"""


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def bus_file(folder: Path, text: str) -> str:
    (folder / "bus.toml").write_text(text)
    return f"sim:{folder / 'bus.toml'}"


def test_every_meter_of_the_bus_is_read_once() -> None:
    bus = Bus(load_scenario(None))
    events = list(read_primary(Link(SimPort(bus), more_follows=more_follows), range(251)))
    read = [event for event in events if isinstance(event, Read)]
    failed = [event for event in events if isinstance(event, Failed)]
    alone = [slave for slave in bus.slaves if slave.spec.baud == 2400 and slave.address != 20]
    assert {event.address for event in read} == {slave.address for slave in alone}
    assert [event.address for event in failed] == [20]
    for slave in alone:
        if slave.spec.fixed is None:
            assert slave.access_number == len(slave.spec.telegrams)


def test_a_readout_of_several_telegrams_goes_on_behind_the_first() -> None:
    bus = Bus(parse_scenario(TWO_TELEGRAMS.format(id=A, address=5)))
    events = list(read_primary(Link(SimPort(bus), more_follows=more_follows), [4, 5, 6]))
    values = [event.telegram.records[0].value for event in events if isinstance(event, Read)]
    assert values == [1000, 9000]
    assert bus.slaves[0].access_number == 2


def test_the_search_reads_whom_it_finds() -> None:
    bus = Bus(parse_scenario(TWO_TELEGRAMS.format(id=A, address=0) + toml_of([(B, 0), (C, 0)])))
    link = Link(SimPort(bus), more_follows=more_follows)
    events = list(read_secondary(link, Search(link.session)))
    read = [str(event.address)[:8] for event in events if isinstance(event, Read)]
    assert sorted(read) == [A, A, B, C]
    assert not any(isinstance(event, Failed) for event in events)


def test_a_summary_for_billing(tmp_path: Path) -> None:
    port = bus_file(tmp_path, toml_of([(A, 1), (B, 2)]))
    result = run("read", "--all", "--range", "1-5", "--summary", "-o", "csv", "--port", port)
    assert result.code == ExitCode.DONE
    first, second = table(result.out)
    assert first["address"] == f"{A}.KAM.04.16"
    assert (first["value"], first["unit"], first["due_date"], first["due_value"]) == (
        "1.123",
        "m³",
        "2025-12-31",
        "1.000",
    )
    assert (second["id"], second["primary_address"], second["status"]) == (B, "2", "ok")
    assert "2 meters asked" in result.err
    document = json.loads(
        run("read", "--all", "--range", "1-5", "--summary", "-o", "json", "--port", port).out
    )
    assert [meter["value"] for meter in document["meters"]] == [1.123, 2.123]


def test_the_list_names_the_meters_and_tells_who_is_missing(tmp_path: Path) -> None:
    port = bus_file(tmp_path, toml_of([("01234567", 0), (B, 0)]))
    (tmp_path / "list.csv").write_bytes(
        "Zählernummer;Mieter;Ort\n1234567;=Müller;Küche\n22222222;;Bad\n33333333;X;\nfoo;;\n".encode("cp1252")
    )
    result = run("read", "--list", str(tmp_path / "list.csv"), "--summary", "-o", "csv", "--port", port)
    assert result.code == ExitCode.PARTIAL
    rows = table(result.out)
    assert [(row["id"], row["name"], row["place"]) for row in rows] == [
        ("01234567", "'=Müller", "Küche"),
        (B, "", "Bad"),
        ("33333333", "X", ""),
    ]
    assert "no answer" in rows[2]["error"]
    assert rows[2]["value"] == ""
    assert "list.csv, line 5" in result.err
    assert "filled up to 01234567" in result.err
    assert "3 meters asked" in result.err
    assert "1 of them failed" in result.err


def test_our_own_scan_is_a_list(tmp_path: Path) -> None:
    scan = run("scan", "--port", "sim:", "--range", "0-3", "-o", "json")
    (tmp_path / "scan.json").write_text(scan.out)
    result = run("read", "--list", str(tmp_path / "scan.json"), "--port", "sim:", "-o", "ndjson")
    assert result.code == ExitCode.DONE
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [row["meter"]["address"] for row in rows] == [
        hit["meter"]["address"] for hit in json.loads(scan.out)["found"]
    ]


@pytest.mark.parametrize(
    "args",
    [(), ("1", "--all"), ("--all", "--list", "x"), ("1", "--secondary"), ("--list", "x", "--range", "1")],
)
def test_one_way_to_say_which(args: tuple[str, ...]) -> None:
    assert run("read", *args, "--port", "sim:").code == ExitCode.USAGE


def test_nobody_there() -> None:
    assert run("read", "--all", "--range", "5-6", "--port", "sim:").code == ExitCode.NO_ANSWER


def test_a_list_without_meters(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("id;name\nfoo;bar\n")
    assert run("read", "--list", str(tmp_path / "list.csv"), "--port", "sim:").code == ExitCode.INPUT
    (tmp_path / "list.csv").write_text("hello\n")
    assert run("read", "--list", str(tmp_path / "list.csv"), "--port", "sim:").code == ExitCode.INPUT


def test_an_unplugged_port_leaves_whole_lines_and_says_who_is_left(tmp_path: Path) -> None:
    port = bus_file(tmp_path, "[faults]\nunplug_after_requests = 8\n" + toml_of([(A, 1), (B, 2), (C, 3)]))
    (tmp_path / "list.txt").write_text(f"{A}\n{B}\n{C}\n")
    result = run("read", "--list", str(tmp_path / "list.txt"), "-o", "csv", "--summary", "--port", port)
    assert result.code == ExitCode.PORT
    assert [row["id"] for row in table(result.out)] == [A, B]
    assert f"not read: {C}" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_cut_leaves_whole_lines(number: signal.Signals, tmp_path: Path) -> None:
    ids = [f"{n:08d}" for n in range(1, 31)]
    (tmp_path / "list.txt").write_text("\n".join(ids))
    bus = ServedBus(scenario_of([(one, 0) for one in ids], baud=BAUD))
    out = tmp_path / "out.csv"
    with served(bus) as port, out.open("wb") as stream:
        args = [
            "read",
            "--list",
            str(tmp_path / "list.txt"),
            "--summary",
            "-o",
            "csv",
            "--port",
            port,
            *QUICK,
        ]
        child = subprocess.Popen([*COMMAND, *args], stdout=stream, stderr=subprocess.PIPE, env=environment())

        def cut(frame: int) -> bool:
            if frame == 40:
                os.kill(child.pid, number)
            return False

        bus.on_frame = cut
        _, err = child.communicate(timeout=40)
    assert child.returncode in (130, -signal.SIGKILL)
    text = out.read_bytes()
    assert text.endswith(b"\n")
    rows = table(text.decode())
    assert 5 < len(rows) < 30
    assert [row["id"] for row in rows] == ids[: len(rows)]
    if number is signal.SIGINT:
        unread = err.decode().partition("not read: ")[2].split("\n")[0]
        assert unread.split(", ") == ids[len(rows) :]

"""`scan --secondary` broken off and gone on with, and with a list of meters: in processes of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.protocol.address import MeterAddress
from mbuscli.simulator.scenario import load_scenario
from tests.cli.program import COMMAND, GOLDEN, ROOT, Result, environment, run

DEFAULT_SCENARIO = ROOT / "mbuscli/simulator/scenarios/default.toml"


def reachable() -> set[str]:
    """Identification numbers of the meters that listen at 2400 baud."""
    return {MeterAddress.from_octets(m.meter).id for m in load_scenario(None).meters if m.baud == 2400}


def broken_off(state: Path, number: int, *args: str) -> Result:
    """Start a search in real time, and send it a signal once it has found a meter."""
    process = subprocess.Popen(
        [*COMMAND, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=GOLDEN,
        env=environment(MBUSCLI_STATE_DIR=str(state)),
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=50)
    return Result((first + out).decode(), err.decode(), process.returncode)


def found(out: str) -> list[str]:
    """The numbers of the meters in the lines of events."""
    events = map(json.loads, out.splitlines())
    return [event["meter"]["id"] for event in events if event["event"] == "found"]


@pytest.mark.skipif(sys.platform == "win32", reason="no signals to send")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_broken_off_and_gone_on_with(tmp_path: Path, number: int, code: ExitCode) -> None:
    first = broken_off(tmp_path, number, "scan", "--secondary", "--port", "sim:?pace=real", "-o", "ndjson")
    assert first.code == code
    before = found(first.out)
    assert before
    assert len(before) < len(reachable())
    assert json.loads(first.out.splitlines()[-1])["complete"] is False
    (saved,) = (tmp_path / "searches").iterdir()
    state = json.loads(saved.read_text())
    assert state["port"] == "sim:?pace=real"
    rest = run(
        *("scan", "--secondary", "--resume", "--port", "sim:?pace=real", "-o", "ndjson"),
        MBUSCLI_STATE_DIR=str(tmp_path),
    )
    assert rest.code == ExitCode.DONE
    assert found(rest.out)[: len(before)] == before
    assert sorted(found(rest.out)) == sorted(reachable())
    assert not saved.exists()


def test_nothing_to_go_on_with(tmp_path: Path) -> None:
    result = run("scan", "--secondary", "--resume", "--port", "sim:", MBUSCLI_STATE_DIR=str(tmp_path))
    assert (result.code, "input.missing" in result.err) == (ExitCode.INPUT, True)


@pytest.mark.parametrize(
    "options",
    [
        ("--resume",),
        ("--list", "no.csv"),
        ("--secondary", "--resume", "--expect", "3"),
        ("--secondary", "--resume", "--list", "no.csv"),
    ],
)
def test_options_that_do_not_go_together(options: tuple[str, ...]) -> None:
    assert run("scan", "--port", "sim:", *options).code == ExitCode.USAGE


def test_list_is_asked_first_and_the_search_spared(tmp_path: Path) -> None:
    delivery = tmp_path / "delivery.csv"
    delivery.write_text("meter number;place\n" + "".join(f"{number};Flat 1\n" for number in reachable()))
    result = run("scan", "--port", "sim:", "--secondary", "--list", str(delivery), "-o", "json")
    assert result.code == ExitCode.DONE
    document = json.loads(result.out)
    assert {row["meter"]["id"] for row in document["found"]} == reachable()
    assert document["addresses_asked"] <= len(reachable()) + 10


def test_meter_of_the_list_that_is_missing_is_told(tmp_path: Path) -> None:
    delivery = tmp_path / "delivery.csv"
    numbers = [*sorted(reachable())[1:], "99999999"]
    delivery.write_text("meter number;place\n" + "".join(f"{number};Flat 1\n" for number in numbers))
    result = run("scan", "--port", "sim:", "--secondary", "--list", str(delivery), "-o", "json")
    assert result.code == ExitCode.PARTIAL
    rows = json.loads(result.out)["found"]
    (missing,) = (row for row in rows if row["state"] == "missing")
    assert missing["meter"]["id"] == "99999999"
    assert "Flat 1" in missing["note"]
    assert "delivery.csv" in missing["note"]
    (extra,) = (row for row in rows if row["note"] == "not in the list")
    assert extra["meter"]["id"] == min(reachable())


def test_list_that_is_none(tmp_path: Path) -> None:
    result = run("scan", "--port", "sim:", "--secondary", "--list", str(tmp_path / "none.csv"))
    assert result.code == ExitCode.INPUT


def test_lost_port_leaves_what_was_found_and_how_to_go_on(tmp_path: Path) -> None:
    scenario = tmp_path / "bus.toml"
    scenario.write_text(DEFAULT_SCENARIO.read_text() + "\n[faults]\nunplug_after_requests = 40\n")
    port = f"sim:{scenario}"
    first = run("scan", "--port", port, "--secondary", "-o", "plain", MBUSCLI_STATE_DIR=str(tmp_path))
    assert first.code == ExitCode.PORT
    assert f"mbuscli scan --secondary --resume --port {port}" in first.err
    count = len(first.out.splitlines())
    scenario.write_text(DEFAULT_SCENARIO.read_text())
    rest = run(
        "scan", "--port", port, "--secondary", "--resume", "-o", "plain", MBUSCLI_STATE_DIR=str(tmp_path)
    )
    assert rest.code == ExitCode.DONE
    assert len(rest.out.splitlines()) > count

"""`set-address --plan` as a user runs it, killed at any moment too; the meters' registers decide."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.simulator.scenario import Scenario
from tests.cli.bus_server import BAUD, QUICK, ServedBus, served
from tests.cli.program import COMMAND, Result, environment, run
from tests.cli.terminal import run_at_terminal
from tests.services.plan_meters import registers, scenario_of, toml_of, write_plan

A, B, C, D = "11111111", "22222222", "33333333", "04444444"
RING = ((A, 2), (B, 3), (C, 1), (D, 0))
WANTED = {A: 1, B: 2, C: 3, D: 4}


def ring() -> Scenario:
    return scenario_of(RING, baud=BAUD)


@pytest.fixture(name="plan")
def _plan(tmp_path: Path) -> Path:
    return write_plan(tmp_path / "plan.csv", [(A, 1), (B, 2), (C, 3), (int(D), 4)])


def plan_run(plan: Path, port: str, *args: str) -> Result:
    state = str(plan.parent / "state")
    return run("set-address", "--plan", str(plan), "--port", port, *QUICK, *args, XDG_STATE_HOME=state)


def test_a_plan_ends_with_a_table(plan: Path) -> None:
    bus = ServedBus(ring())
    with served(bus) as port:
        result = plan_run(plan, port, "--yes", "-o", "json")
        assert (result.code, registers(bus)) == (ExitCode.DONE, WANTED)
        again = plan_run(plan, port, "--yes", "-o", "csv")
    document = json.loads(result.out)
    assert document["event"] == "moves"
    assert [(row["old"], row["new"], row["outcome"]) for row in document["moves"]] == [
        (2, 1, "written"),
        (3, 2, "written"),
        (1, 3, "written"),
        (0, 4, "written"),
    ]
    assert again.code == ExitCode.DONE
    assert [line.split(",")[6] for line in again.out.splitlines()[1:]] == ["already"] * 4
    journal = (plan.parent / "state" / "mbuscli" / "journal.ndjson").read_text().splitlines()
    outcomes = [json.loads(line)["outcome"] for line in journal]
    assert outcomes == ["begun", "written"] * 5  # one goes by way of a free address


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("lost", [False, True])
def test_killed_after_every_step_it_goes_on_to_the_right_end(lost: bool, plan: Path) -> None:
    bus = ServedBus(ring())
    with served(bus) as port:
        assert plan_run(plan, port, "--yes").code == ExitCode.DONE
    # Frames of a whole run in which the survey is over and meters are being written to.
    for cut_at in range(bus.frames // 3, bus.frames + 1, 9):
        bus = ServedBus(ring())
        bus.lost = lost
        with served(bus) as port:
            code = _run_and_kill(bus, plan, port, cut_at)
            assert code == -signal.SIGKILL
            result = plan_run(plan, port, "--yes")
            assert (result.code, registers(bus)) == (ExitCode.DONE, WANTED), (cut_at, result.err)


def _run_and_kill(bus: ServedBus, plan: Path, port: str, cut_at: int) -> int:
    child = subprocess.Popen(
        [*COMMAND, "set-address", "--plan", str(plan), "--port", port, *QUICK, "--yes"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(XDG_STATE_HOME=str(plan.parent / "state")),
    )

    def kill(number: int) -> bool:
        if number == cut_at:
            os.kill(child.pid, signal.SIGKILL)
            child.wait(20)
        return number == cut_at

    bus.on_frame = kill
    return child.wait(40)


def test_nothing_is_written_without_consent(plan: Path) -> None:
    bus = ServedBus(ring())
    with served(bus) as port:
        result = plan_run(plan, port)
        shown = plan_run(plan, port, "--dry-run", "-o", "json")
    assert result.code == ExitCode.NOT_CONFIRMED
    assert "no terminal to ask at" in result.err
    assert shown.code == ExitCode.DONE
    assert registers(bus) == dict(RING)
    moves = json.loads(shown.out)["moves"]
    assert [(row["old"], row["new"]) for row in moves] == [(0, 4), (2, 250), (3, 2), (1, 3), (250, 1)]
    assert moves[0]["frames"][1]["hex"] == "68060668" + "73FD51017A04" + "4016"


def test_a_plan_that_cannot_be_carried_out(tmp_path: Path) -> None:
    (tmp_path / "bus.toml").write_text(toml_of([(A, 0), (B, 5)]))
    port = f"sim:{tmp_path / 'bus.toml'}"
    taken = write_plan(tmp_path / "taken.csv", [(A, 5)])
    wrong = write_plan(tmp_path / "wrong.csv", [(A, 5), (B, 5)])
    result = run("set-address", "--plan", str(taken), "--port", port, "--yes", "-o", "json")
    assert result.code == ExitCode.NOT_CONFIRMED
    (row,) = json.loads(result.out)["moves"]
    assert (row["line"], row["outcome"], row["reason"]) == (2, "problem", "taken")
    result = run("set-address", "--plan", str(wrong), "--port", port, "--yes")
    assert result.code == ExitCode.INPUT
    assert "nothing was written" in result.err
    empty = write_plan(tmp_path / "empty.csv", [])
    assert run("set-address", "--plan", str(empty), "--port", port).code == ExitCode.INPUT
    assert run("set-address", "--plan", str(wrong), "1", "--port", port).code == ExitCode.USAGE


def test_some_that_fail_are_a_partial_result(tmp_path: Path) -> None:
    toml = toml_of([(A, 0)]) + toml_of([(B, 0)], extra="write_protected = true")
    (tmp_path / "bus.toml").write_text(toml)
    plan = write_plan(tmp_path / "plan.csv", [(A, 1), (B, 2)])
    port = f"sim:{tmp_path / 'bus.toml'}"
    result = run("set-address", "--plan", str(plan), "--port", port, "--yes", XDG_STATE_HOME=str(tmp_path))
    assert result.code == ExitCode.PARTIAL
    assert [line.split("\t")[6] for line in result.out.splitlines()] == ["written", "refused"]


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")
@pytest.mark.parametrize(("answer", "code"), [("4", ExitCode.DONE), ("yes", ExitCode.NOT_CONFIRMED)])
def test_it_asks_once_for_the_number_of_meters(answer: str, code: int, plan: Path) -> None:
    bus = ServedBus(ring())
    state = str(plan.parent / "state")
    with served(bus) as port:
        args = ("set-address", "--plan", str(plan), "--port", port, *QUICK)
        screen = run_at_terminal(
            *args, answers=[("number of meters to be written to, 4 to go on: ", answer)], XDG_STATE_HOME=state
        )
    assert screen.code == code
    assert registers(bus) == (WANTED if code == ExitCode.DONE else dict(RING))


def test_a_lost_port_leaves_the_table_and_the_rest_for_the_next_run(plan: Path) -> None:
    folder = plan.parent
    toml = toml_of(RING)
    (folder / "bus.toml").write_text(f"[faults]\nunplug_after_requests = 40\n{toml}")
    port = f"sim:{folder / 'bus.toml'}"
    args = ("set-address", "--plan", str(plan), "--port", port, "--yes", "-o", "csv")
    result = run(*args, XDG_STATE_HOME=str(folder))
    assert result.code == ExitCode.PORT
    outcomes = [line.split(",")[6] for line in result.out.splitlines()[1:]]
    assert len(outcomes) == len(RING)
    assert "written" in outcomes
    assert "not-done" in outcomes
    assert "run the same command again" in result.err

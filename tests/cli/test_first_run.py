"""A bare `mbuscli`: help always, three next steps once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mbuscli.cli.first_run import NEXT_STEPS
from tests.cli.program import run
from tests.cli.terminal import run_at_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
QUESTION = "first time"


def test_the_next_steps_are_told_once(tmp_path: Path) -> None:
    first = run_at_terminal(HOME=str(tmp_path))
    assert first.code == 0
    assert first.text.startswith("Usage: mbuscli")
    after = first.text.partition(QUESTION)[2]
    assert [line.split("   ")[0].strip() for line in after.splitlines()[1:]] == [
        step for step, _ in NEXT_STEPS
    ]
    second = run_at_terminal(HOME=str(tmp_path))
    assert QUESTION not in second.text
    assert second.text == first.text.partition("\r\nHere for")[0]


def test_scripts_see_no_change(tmp_path: Path) -> None:
    result = run(HOME=str(tmp_path))
    assert (result.out, result.err, result.code) == (run("--help").out, "", 0)
    assert list(tmp_path.iterdir()) == []
    assert QUESTION in run_at_terminal(HOME=str(tmp_path)).text


@pytest.mark.parametrize("place", [".config/mbuscli", ".local/state/mbuscli"])
def test_whoever_has_files_is_not_new(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    assert QUESTION not in run_at_terminal(HOME=str(tmp_path)).text


def test_help_is_help(tmp_path: Path) -> None:
    assert QUESTION not in run_at_terminal("--help", HOME=str(tmp_path)).text
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("a file is in the way")
    for _ in range(2):
        screen = run_at_terminal(HOME=str(tmp_path))
        assert (screen.code, QUESTION in screen.text) == (0, True)


def test_at_40_columns(tmp_path: Path) -> None:
    screen = run_at_terminal(HOME=str(tmp_path), COLUMNS="40")
    after = screen.text.partition(QUESTION)[2].splitlines()[1:]
    assert [line for line in after if line.startswith("  mbuscli ")] == [
        f"  {step}" for step, _ in NEXT_STEPS
    ]


@pytest.mark.parametrize("step", [step for step, _ in NEXT_STEPS])
def test_each_step_is_a_command(step: str) -> None:
    assert run(*step.split()[1:], "--help").code == 0

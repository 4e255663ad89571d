"""The README is true: its examples are run, and its two commands are the ones that CI runs.

MBUSCLI_REGENERATE=1 writes what the commands really print into the README.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)```\n", re.DOTALL)
TEXT = README.read_text(encoding="utf-8")
EXAMPLES = [(match["command"], match["output"]) for match in BLOCK.finditer(TEXT)]


def output_of(command: str) -> str:
    """What the command writes to stdout in a pipe 80 columns wide; trailing blanks are not kept."""
    words = shlex.split(command)
    assert words[0] == "mbuscli"
    environ = {**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}
    environ.pop("MBUSCLI_PORT", None)
    folder = tempfile.mkdtemp(prefix="mbuscli-readme-")
    environ |= {"MBUSCLI_STATE_DIR": folder, "MBUSCLI_CONFIG_DIR": folder}
    done = subprocess.run(
        [sys.executable, "-m", "mbuscli", *words[1:]],
        capture_output=True,
        encoding="utf-8",
        env=environ,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode in (0, 8), done.stderr
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


@pytest.mark.skipif("MBUSCLI_REGENERATE" not in os.environ, reason="only when the README is to be rewritten")
def test_regenerate() -> None:
    def rewrite(match: re.Match[str]) -> str:
        return f"```console\n$ {match['command']}\n{output_of(match['command'])}```\n"

    README.write_text(BLOCK.sub(rewrite, TEXT), encoding="utf-8")


@pytest.mark.parametrize(("command", "output"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_example_prints_what_the_readme_shows(command: str, output: str) -> None:
    assert output_of(command) == output


def test_every_command_has_an_example() -> None:
    from mbuscli.cli.commands import COMMANDS

    for name in COMMANDS:
        assert f"mbuscli {name}" in TEXT, name


def test_ci_runs_the_readme_command() -> None:
    tests = [line for line in TEXT.splitlines() if "pip install" in line and "[test]" in line]
    assert len(tests) == 1
    assert tests[0].endswith("pytest -n 4")
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_exit_codes_are_listed() -> None:
    from mbuscli.cli.exit_codes import ExitCode

    table = TEXT[TEXT.index("| exit code |") :].split("\n\n")[0]
    listed = {int(number) for number in re.findall(r"\b(\d+)\b", table)}
    assert {int(code) for code in ExitCode} <= listed


def test_the_python_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```\n", TEXT, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "12345678" in done.stdout
    assert "1234.567" in done.stdout


def test_what_it_points_to_is_there() -> None:
    for target in re.findall(r"\]\((?!#|http)([^)]+)\)", TEXT):
        assert (ROOT / target).exists(), target

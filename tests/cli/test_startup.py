"""Starting stays quick: what is loaded is counted in modules, which are stable, not in milliseconds."""

from __future__ import annotations

import subprocess
import sys
import sysconfig

import pytest

from tests.cli.program import GOLDEN, ROOT, environment

FRAME = "68070768080578025AD200B316"
HEAVY = {"rich", "serial", "prompt_toolkit", "asyncio", "cryptography", "logging", "importlib.metadata"}


def loaded_by(*args: str) -> set[str]:
    """The modules that a run loads. Without site packages' start-up files, which are no part of it."""
    code = "import sys\nfrom mbuscli.cli.main import main\nmain()\nprint(*sys.modules, file=sys.stderr)"
    path = f"{ROOT}{':' if sys.platform != 'win32' else ';'}{sysconfig.get_paths()['purelib']}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, *args],
        capture_output=True,
        text=True,
        cwd=GOLDEN,
        env=environment(PYTHONPATH=path),
        timeout=50,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("decrypt", "--help"), ()])
def test_help(args: tuple[str, ...]) -> None:
    modules = loaded_by(*args)
    assert len(modules) <= 110
    assert not modules & HEAVY


@pytest.mark.parametrize("name", ["json", "plain", "ndjson", "csv", "tsv"])
def test_one_telegram(name: str) -> None:
    modules = loaded_by("decrypt", FRAME, "-o", name)
    assert not modules & HEAVY
    assert len(modules) <= 150


def test_a_scan_into_a_pipe() -> None:
    assert not loaded_by("scan", "--port", "sim:", "-q") & (HEAVY - {"importlib.metadata"})

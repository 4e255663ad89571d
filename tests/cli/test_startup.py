"""Starting stays quick: what is loaded is counted in modules, which are stable, not in milliseconds."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from mbuscli.protocol.wired import fields
from mbuscli.telegram import model
from tests.cli.program import GOLDEN, ROOT, environment
from tests.telegram.samples import SHOWN

FRAME = "68070768080578025AD200B316"
HEAVY = {"rich", "serial", "prompt_toolkit", "asyncio", "cryptography", "logging", "importlib.metadata"}


RUN = "from mbuscli.cli.main import main\ncode = main()\n"
# Only other telegrams, other outcomes or people need these.
ELSEWHERE = {
    "mbuscli.protocol.application.compact",
    "mbuscli.protocol.application.vifes",
    "mbuscli.protocol.security.verdict",
    "mbuscli.protocol.wired.framer",
    "mbuscli.protocol.wired.frames",
    "mbuscli.protocol.wireless.modes_table",
    "mbuscli.settings.formats_store",
    "mbuscli.settings.ring_file",
    "mbuscli.settings.vault",
    "mbuscli.telegram.explain",
    "difflib",
    "hashlib",
    "hmac",
    "pathlib",
    "random",
    "secrets",
    "struct",
    "tempfile",
}


def loaded_by(*args: str, code: str = RUN, **environ: str) -> set[str]:
    """The modules that a run loads. Without site packages' start-up files, which are no part of it."""
    code += "import sys\nprint(*sys.modules, file=sys.stderr)"
    path = f"{ROOT}{':' if sys.platform != 'win32' else ';'}{sysconfig.get_paths()['purelib']}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, *args],
        capture_output=True,
        text=True,
        cwd=GOLDEN,
        env=environment(PYTHONPATH=path, **environ),
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
    assert len(modules) <= 155


def test_a_scan_into_a_pipe() -> None:
    assert not loaded_by("scan", "--port", "sim:", "-q") & (HEAVY - {"importlib.metadata"})


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("mode_5", 160),
        ("ell_ctr", 160),
        # With fragmentation layer, key derivation and CMAC.
        ("mode_7", 164),
    ],
)
def test_one_telegram_with_its_key(name: str, most: int, tmp_path: Path) -> None:
    """Beyond a bare interpreter. The first run writes down the format of the telegram, later ones find it."""
    sample = SHOWN[name]
    bare = loaded_by(code="")
    for heavy in (most, most - 2):
        words = ("decrypt", sample.telegram, "--key", sample.key or "", "-o", "json")
        modules = loaded_by(*words, code=RUN + "assert code == 0\n", MBUSCLI_STATE_DIR=str(tmp_path)) - bare
        assert "cryptography" in modules
        assert not modules & (HEAVY - {"cryptography"})
        assert not modules & ELSEWHERE
        assert len(modules) <= heavy, sorted(modules)
    assert "mbuscli.settings.files" not in modules


def test_a_key_that_does_not_fit_says_why(tmp_path: Path) -> None:
    """What the run above does without is there when it is needed."""
    code = RUN + "assert code == 6\n"
    words = ("decrypt", SHOWN["mode_5"].telegram, "--key", "00" * 15 + "01", "-o", "json")
    folders = {"MBUSCLI_STATE_DIR": str(tmp_path), "MBUSCLI_CONFIG_DIR": str(tmp_path)}
    modules = loaded_by(*words, code=code, **folders)
    assert "mbuscli.protocol.security.verdict" in modules
    assert not modules & (HEAVY - {"cryptography"})


def test_octets_that_stand_twice() -> None:
    """A radio telegram shall not load the wired link layer for three numbers."""
    own = (model.ACK, model.START_SHORT, model.START_LONG)
    assert own == (fields.ACK, fields.START_SHORT, fields.START_LONG)
    for c_field in range(256):
        link = model.Link(model.WIRED, c_field=c_field)
        assert link.from_master == bool(c_field & fields.PRM)

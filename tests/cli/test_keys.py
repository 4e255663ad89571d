"""`mbuscli keys` as its users meet it."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.cli.program import Result, run
from tests.cli.terminal import run_at_terminal
from tests.settings.kem_files import OLD, PASSWORD, encrypt_kem

KEY = "000102030405060708090A0B0C0D0E0F"
CHECK = "be7e"
needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")


def keys(folder: Path, *args: str, stdin: str = "", **environ: str) -> Result:
    return run(
        "keys", *args, stdin=stdin.encode(), MBUSCLI_CONFIG_DIR=str(folder), HOME=str(folder), **environ
    )


def added(folder: Path, meters: str = "12345678.KAM", *options: str) -> Result:
    return keys(folder, "add", meters, "--key", "-", *options, stdin=KEY + "\n")


def test_a_ring_from_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    empty = keys(folder, "list")
    assert (empty.out, empty.code) == ("", 0)
    assert "keys add" in empty.err
    result = added(folder, "12345678.KAM", "--name", "flat 3", "--note", "cold")
    assert result == Result(
        f"flat 3\t12345678.KAM\t{CHECK}\t128\tcold\n",
        f"added: flat 3 (12345678.KAM), check value {CHECK}\n",
        0,
    )
    assert keys(folder, "list").out == result.out
    if sys.platform != "win32":
        assert stat.S_IMODE((folder / "keys.toml").stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_formats(tmp_path: Path) -> None:
    added(tmp_path)
    row = {"name": "12345678.KAM", "meters": "12345678.KAM", "check": CHECK, "bits": 128, "note": ""}
    assert json.loads(keys(tmp_path, "list", "-o", "json").out) == {
        "schema": "mbuscli/1",
        "event": "keys",
        "keys": [row],
    }
    assert json.loads(keys(tmp_path, "list", "-o", "ndjson").out) == {
        "schema": "mbuscli/1",
        "event": "key",
        **row,
    }
    assert (
        keys(tmp_path, "list", "-o", "csv", "--fields", "meters,check").out
        == f"meters,check\n12345678.KAM,{CHECK}\n"
    )
    assert CHECK in keys(tmp_path, "list", "-o", "table").out
    assert "check\tdefault\t" in keys(tmp_path, "list", "--fields", "?").out
    assert keys(tmp_path, "list", "12345678.kam").out.startswith("12345678.KAM")
    assert keys(tmp_path, "list", "87654321").code == 10


def test_another_key_for_the_same_meters(tmp_path: Path) -> None:
    added(tmp_path)
    assert added(tmp_path).err.startswith("unchanged")
    other = keys(tmp_path, "add", "12345678.KAM", "--key", "-", stdin="11" * 16)
    assert other.code == 10
    assert "--replace" in other.err
    assert keys(tmp_path, "add", "12345678.KAM", "--key", "-", "--replace", stdin="11" * 16).code == 0
    assert CHECK not in keys(tmp_path, "list").out


def test_remove(tmp_path: Path) -> None:
    added(tmp_path)
    asked = keys(tmp_path, "remove", "12345678.KAM")
    assert (asked.code, "[usage.not-confirmed]" in asked.err) == (9, True)
    assert keys(tmp_path, "remove", "absent", "-y").code == 10
    assert keys(tmp_path, "remove", "12345678.KAM", "-y").code == 0
    assert keys(tmp_path, "list").out == ""


def test_import(tmp_path: Path) -> None:
    good = tmp_path / "list.csv"
    good.write_text(f"serial;AES key\n1234567;{KEY}\n")
    bad = tmp_path / "bad.csv"
    bad.write_text("serial;AES key\n1234567;1,23E+31\n")
    dry = keys(tmp_path, "import", str(good), "--dry-run")
    assert dry.out == f"01234567\t01234567\t{CHECK}\t128\t\n"
    assert "filled up" in dry.err
    assert keys(tmp_path, "list").out == ""
    assert keys(tmp_path, "import", str(bad)).code == 10
    some = keys(tmp_path, "import", str(good), str(bad), str(tmp_path / "absent"))
    assert some.code == 8
    assert "bad.csv, line 2" in some.err
    assert keys(tmp_path, "list").out == dry.out


def test_import_of_kem(tmp_path: Path) -> None:
    kem = tmp_path / "delivery.kem"
    kem.write_bytes(encrypt_kem(OLD))
    assert keys(tmp_path, "import", str(kem), "--password-file", "-", stdin="wrong").code == 6
    result = keys(tmp_path, "import", str(kem), "--password-file", "-", stdin=PASSWORD)
    assert result.code == 0
    assert [line.split("\t")[1] for line in result.out.splitlines()] == ["12345678.KAM", "07654321.KAM"]
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    file.chmod(0o600)
    assert keys(tmp_path, "import", str(kem), "--password-file", str(file)).code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no modes")
def test_a_ring_that_others_may_open(tmp_path: Path) -> None:
    added(tmp_path)
    ring = tmp_path / "keys.toml"
    ring.chmod(0o640)
    refused = keys(tmp_path, "list")
    assert refused.code == 10
    assert f"try: chmod 600 {ring}" in refused.err
    check = keys(tmp_path, "check", "-o", "csv")
    assert check.code == 10
    assert f"chmod 600 {ring}" in check.out
    ring.chmod(0o600)
    assert keys(tmp_path, "check").code == 0


def test_encrypted(tmp_path: Path) -> None:
    added(tmp_path)
    assert keys(tmp_path, "encrypt").code == 6
    assert keys(tmp_path, "encrypt", MBUSCLI_PASSPHRASE="secret").code == 0
    assert "vault" in (tmp_path / "keys.toml").read_text()
    assert keys(tmp_path, "list").code == 6
    assert keys(tmp_path, "list", MBUSCLI_PASSPHRASE="wrong").code == 6
    assert CHECK in keys(tmp_path, "list", MBUSCLI_PASSPHRASE="secret").out
    assert keys(tmp_path, "decrypt", MBUSCLI_PASSPHRASE="secret").code == 0
    assert CHECK in keys(tmp_path, "list").out


def test_no_key_and_nobody_to_ask(tmp_path: Path) -> None:
    assert keys(tmp_path, "add", "12345678").code == 2
    assert keys(tmp_path, "add", "12345678", "--key", "-").code == 2
    assert keys(tmp_path, "add", "12345678", "--key", KEY, "--key", KEY).code == 2


BLOCKED = """
import sys
for name in ("termios", "fcntl", "pty", "tty", "pwd", "grp", "resource"):
    sys.modules[name] = None
from mbuscli.cli.main import run
run()
"""


def test_without_posix_modules(tmp_path: Path) -> None:
    import subprocess

    from tests.cli.program import environment

    for args in (["add", "12345678", "--key", "-"], ["list"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-c", BLOCKED, "keys", *args],
            input=KEY,
            text=True,
            capture_output=True,
            env=environment(MBUSCLI_CONFIG_DIR=str(tmp_path)),
            timeout=50,
        )
        assert done.returncode == 0, done.stderr


@needs_pty
def test_typed_at_a_terminal(tmp_path: Path) -> None:
    screen = run_at_terminal(
        "keys", "add", "12345678.KAM", answers=[("not shown\\): ", KEY)], MBUSCLI_CONFIG_DIR=str(tmp_path)
    )
    assert screen.code == 0
    assert KEY not in screen.text
    assert CHECK in screen.text


@needs_pty
def test_passphrase_at_a_terminal(tmp_path: Path) -> None:
    added(tmp_path)
    place = {"MBUSCLI_CONFIG_DIR": str(tmp_path)}
    twice = [("New passphrase: ", "open sesame"), ("again: ", "open sesame")]
    differ = run_at_terminal("keys", "encrypt", answers=[twice[0], ("again: ", "x")], **place)
    assert differ.code == 6
    assert run_at_terminal("keys", "encrypt", answers=twice, **place).code == 0
    shown = run_at_terminal("keys", "list", answers=[(r"keys\.toml: ", "open sesame")], **place)
    assert (shown.code, CHECK in shown.text, "sesame" in shown.text) == (0, True, False)
    changed = [(r"keys\.toml: ", "open sesame"), ("New passphrase: ", "two"), ("again: ", "two")]
    assert run_at_terminal("keys", "encrypt", answers=changed, **place).code == 0
    assert CHECK in keys(tmp_path, "list", MBUSCLI_PASSPHRASE="two").out


@needs_pty
def test_a_removal_is_confirmed_at_a_terminal(tmp_path: Path) -> None:
    added(tmp_path)
    place = {"MBUSCLI_CONFIG_DIR": str(tmp_path)}
    assert run_at_terminal("keys", "remove", "12345678.KAM", answers=[(r"\]: ", "n")], **place).code == 9
    assert run_at_terminal("keys", "remove", "12345678.KAM", answers=[(r"\]: ", "y")], **place).code == 0
    assert keys(tmp_path, "list").out == ""


@needs_pty
def test_a_key_on_the_command_line_brings_one_warning(tmp_path: Path) -> None:
    screen = run_at_terminal("keys", "add", "12345678", "--key", KEY, MBUSCLI_CONFIG_DIR=str(tmp_path))
    assert screen.text.count("note: a key on the command line") == 1
    assert "note" not in keys(tmp_path, "add", "12345678", "--key", KEY).err


def test_the_umask_does_not_matter(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        added(tmp_path / "new")
    finally:
        os.umask(before)
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "new" / "keys.toml").stat().st_mode) == 0o600

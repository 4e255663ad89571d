"""With --no-input, or without a terminal, no command waits for somebody to type; each prompt has a flag."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import COMMAND, GOLDEN, environment, run
from tests.cli.terminal import run_at_terminal
from tests.settings.kem_files import encrypt_kem
from tests.telegram.samples import SHOWN

KEY = "000102030405060708090A0B0C0D0E0F"
PASSPHRASE = "a long one"
LOCKED = SHOWN["mode_5"].telegram
LORA = ("lora-join", "--port", "sim:modem", "--region", "EU868", "--join-eui", "70B3D57ED0000001")
BUS = ("--port", "sim:")

# What would ask at a terminal: the words, the exit code, and the flag that the message names.
PROMPTS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "key": (("keys", "add", "87654321"), 2, "--key -"),
    "passphrase": (("keys", "list"), 6, "--passphrase-file"),
    "passphrase of add": (("keys", "add", "87654321", "--key", KEY), 6, "--passphrase-file"),
    "passphrase of check": (("keys", "check"), 6, "--passphrase-file"),
    "passphrase of decrypt": (("keys", "decrypt"), 6, "--passphrase-file"),
    "passphrase of a telegram's": (("decrypt", LOCKED), 6, "--passphrase-file"),
    "passphrase of sniff": (("sniff", "--port", "sim:stick", "--count", "1"), 6, "--passphrase-file"),
    "passphrase of lora-join": (LORA, 6, "--passphrase-file"),
    "removal": (("keys", "remove", "12345678", "--keys", "open.toml"), 9, "--yes"),
    "new passphrase": (("keys", "encrypt", "--keys", "open.toml"), 6, "--new-passphrase-file"),
    "password": (("keys", "import", "delivery.kem"), 6, "--password-file"),
    "root key": ((*LORA, "--keys", "open.toml"), 6, "--app-key -"),
    "address": (("set-address", "1", "17", *BUS), 9, "--yes"),
    "plan": (("set-address", "--plan", "plan.csv", *BUS), 9, "--yes"),
    "baud": (("set-baud", "1", "300", *BUS), 9, "--yes"),
    "clock": (("set-clock", "1", *BUS), 9, "--yes"),
    "reset": (("reset", "1", *BUS), 9, "--yes"),
    "send": (("send", "1", "--ci", "B1", *BUS), 9, "--yes"),
    "editor": (("config", "edit"), 2, "mbuscli config set KEY VALUE"),
}
# What reads standard input, which a person would have to type at a terminal.
READERS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "key from standard input": (("decrypt", LOCKED, "--key", "-"), 2, "pipe it in"),
    "telegrams": (("decrypt", "-"), 2, "pipe it in"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of settings with an encrypted ring, and, beside it, one in clear and other files."""
    folder = tmp_path_factory.mktemp("no-input")
    (folder / "new").write_text(PASSPHRASE)
    (folder / "new").chmod(0o600)
    (folder / "delivery.kem").write_bytes(encrypt_kem("<Devices/>"))
    (folder / "plan.csv").write_text("number;address\n67284105;40\n")
    environ = {"MBUSCLI_CONFIG_DIR": str(folder), "MBUSCLI_STATE_DIR": str(folder / "state")}
    for args in (
        ("keys", "add", "12345678", "--key", KEY),
        ("keys", "add", "12345678", "--key", KEY, "--keys", str(folder / "open.toml")),
        ("keys", "encrypt", "--new-passphrase-file", str(folder / "new")),
    ):
        done = run(*args, **environ)
        assert done.code == 0, done.err
    return folder


def environ_of(folder: Path) -> dict[str, str]:
    return {
        "MBUSCLI_CONFIG_DIR": str(folder),
        "MBUSCLI_STATE_DIR": str(folder / "state"),
        "COLUMNS": "200",
        "EDITOR": "cat",
    }


def words_of(folder: Path, args: tuple[str, ...]) -> list[str]:
    return [str(folder / word) if (folder / word).is_file() else word for word in args]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("name", [*PROMPTS, *READERS])
def test_no_input_at_a_terminal(folder: Path, name: str) -> None:
    args, code, flag = (PROMPTS | READERS)[name]
    screen = run_at_terminal(*words_of(folder, args), "--no-input", **environ_of(folder))
    assert screen.code == code, screen.text
    assert flag in screen.text


@pytest.mark.parametrize("name", PROMPTS)
def test_without_a_terminal(folder: Path, name: str) -> None:
    """Standard input is a pipe that nobody writes to and that never ends: who reads it waits for ever."""
    args, code, flag = PROMPTS[name]
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            [*COMMAND, *words_of(folder, args)],
            stdin=reading,
            capture_output=True,
            start_new_session=True,
            cwd=GOLDEN,
            env=environment(**environ_of(folder)),
            timeout=50,
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert done.returncode == code, done.stderr
    assert flag in done.stderr.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_variable_and_the_file_say_the_same(folder: Path, tmp_path: Path) -> None:
    args = ("set-address", "1", "17", *BUS)
    screen = run_at_terminal(*args, **environ_of(folder), MBUSCLI_NO_INPUT="1")
    assert screen.code == 9
    (tmp_path / "config.toml").write_text("[defaults]\nno_input = true\n")
    screen = run_at_terminal(*args, **{**environ_of(folder), "MBUSCLI_CONFIG_DIR": str(tmp_path)})
    assert (screen.code, "to go on" in screen.text) == (9, False)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_without_the_flag_they_do_ask(folder: Path) -> None:
    """So that the tests above cannot pass for want of a prompt."""
    listed = run_at_terminal(
        "keys", "list", answers=[("Passphrase of .*: ", PASSPHRASE)], **environ_of(folder)
    )
    assert (listed.code, "12345678" in listed.text) == (0, True)
    args = ("set-address", "1", "17", *BUS)
    refused = run_at_terminal(*args, answers=[("to go on: ", "no")], **environ_of(folder))
    assert refused.code == 9


def test_the_flags_answer(folder: Path, tmp_path: Path) -> None:
    environ = environ_of(folder)
    new = str(folder / "new")
    for listed in (
        run("keys", "list", "--no-input", "--passphrase-file", new, **environ),
        run("keys", "list", "--no-input", MBUSCLI_PASSPHRASE_FILE=new, **environ),
        run("keys", "list", "--no-input", MBUSCLI_PASSPHRASE=PASSPHRASE, **environ),
    ):
        assert (listed.code, "12345678" in listed.out) == (0, True), listed.err
    wrong = tmp_path / "wrong"
    wrong.write_text("another")
    wrong.chmod(0o600)
    refused = run("keys", "list", "--passphrase-file", str(wrong), MBUSCLI_PASSPHRASE=PASSPHRASE, **environ)
    assert refused.code == 6
    if sys.platform != "win32":
        wrong.chmod(0o644)
        assert run("keys", "list", "--passphrase-file", str(wrong), **environ).code == 10
    ring = tmp_path / "ring.toml"
    wrong.chmod(0o600)
    for args in (
        ("add", "12345678", "--key", KEY),
        ("encrypt", "--new-passphrase-file", new),
        ("encrypt", "--passphrase-file", new, "--new-passphrase-file", str(wrong)),
        ("list", "--passphrase-file", str(wrong)),
        ("remove", "12345678", "--yes", "--passphrase-file", str(wrong)),
    ):
        done = run("keys", *args, "--no-input", "--keys", str(ring), **environ)
        assert done.code == 0, (args, done.err)
    assert run("set-address", "1", "17", *BUS, "--yes", "--no-input", **environ).code == 0

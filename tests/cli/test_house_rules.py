"""What holds for every command, whatever it does: narrow terminals, colours, encodings, pipes, full disks.

A command that is new in the table comes in by itself, with its help; what it does stands in RUNS.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mbuscli.cli.commands import COMMANDS, LazyCommands
from mbuscli.cli.main import main
from tests.cli.program import COMMAND, GOLDEN, environment, run
from tests.cli.terminal import run_at_terminal

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals and descriptors of POSIX")

KEY = "2B7E151628AED2A6ABF7158809CF4F3C"
JOIN = "lora-join --port sim:modem --region EU868 --join-eui 70B3D57ED0000001 --dev-eui 0004A30B001A2B3C"
BUS = "--port sim:bus.toml"
# One run of each, on simulated devices and the files of `house`.
RUNS = {
    "scan": f"scan {BUS} --range 0-9",
    "read": f"read 1 {BUS}",
    "sniff": "sniff --port sim:stick --count 12 --no-inventory",
    "inventory": "inventory",
    "report": "report --out - --walk --heard-since 2020-01-01",
    "ports": "ports",
    "sticks": "sticks sim:stick",
    "decrypt": "decrypt telegrams.log",
    "set-address": "set-address 1 9 --port sim: --yes",
    "set-baud": "set-baud 1 300 --port sim: --yes",
    "set-clock": "set-clock 1 --port sim: --yes",
    "reset": "reset 1 --port sim: --yes",
    "send": "send 1 --request --port sim:",
    "lora-join": f"{JOIN} --app-key {KEY} --send 5:CAFE",
    "journal": "journal",
    "keys": "keys list",
    "meters": "meters show kamwater",
    "config": "config list",
    "profile": "profile list",
    "doctor": "doctor --port sim:stick",
    "shell": "shell script.mbus",
    "help": "help exit-codes --no-pager",
    "completion": "completion bash",
    "simulate": "simulate nosuch.toml",  # one that serves does not end
}
# These put out something else than text for people: what others shall read stays as it is.
DOCUMENTS = ("report", "completion")


def words_of(name: str) -> list[str]:
    return RUNS.get(name, f"{name} --help").split()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder: a key ring, settings, a script; and what a walk and a write have left behind."""
    folder = tmp_path_factory.mktemp("house")
    for name in ("bus.toml", "telegrams.log"):
        shutil.copy(GOLDEN / name, folder)
    (folder / "script.mbus").write_text(f"read 1 {BUS} -o table -q\n")
    config = folder / "config"
    config.mkdir(mode=0o700)
    (config / "config.toml").write_text('[profile.site]\nport = "sim:bus.toml"\nbaud = 2400\n')
    ring = config / "keys.toml"
    ring.write_text(f'version = 1\n[[key]]\nname = "hall"\nmeters = "12345678"\nkey = "{KEY}"\n')
    ring.chmod(0o600)
    for words in ("sniff --port sim:stick --count 12 -q", RUNS["set-address"]):
        assert run(*words.split(), cwd=folder, **own_folders(folder)).code in (0, 8)
    return folder


def own_folders(folder: Path) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "MBUSCLI_CONFIG_DIR": str(folder / "config"),
        "MBUSCLI_STATE_DIR": str(folder / "state"),
    }


# -- help --------------------------------------------------------------------------------------------------------


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its words, those of groups too."""
    commands = LazyCommands()
    for name in COMMANDS:
        command = commands[name]
        yield name, command
        if isinstance(command, click.Group):
            for child in command.commands:
                yield f"{name} {child}", command.commands[child]


@pytest.mark.parametrize(("words", "command"), [pytest.param(*each, id=each[0]) for each in all_commands()])
def test_help_at_40_columns(
    words: str,
    command: click.Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert main([*words.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    blocks = [block for block in (command.help or "").split("\n\n") if block.lstrip().startswith("\b")]
    # Examples are to be copied, and never broken.
    whole = {line.strip() for block in blocks for line in block.splitlines()}
    for line in shown.splitlines():
        assert len(line) <= 40 or line.strip() in whole, line


def test_the_main_help_at_40_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["--help"]) == 0
    for line in capsys.readouterr().out.splitlines():
        assert len(line) <= 40 or line.strip().startswith("mbuscli "), line


# -- colours and terminals ---------------------------------------------------------------------------------------

COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:[349][0-7]|10[0-7]|[34]8;)[0-9;]*m")


def test_what_counts_as_colour() -> None:
    for escape in ("\x1b[31m", "\x1b[1;31m", "\x1b[38;5;12m", "\x1b[97m", "\x1b[0;100m"):
        assert COLOUR.search(escape), escape
    for other in ("\x1b[0m", "\x1b[1m", "\x1b[2J", "\x1b[12;1H", "\x1b[?25l", "\x1b[1;2m"):
        assert not COLOUR.search(other), other


@posix_only
@pytest.mark.parametrize("name", COMMANDS)
def test_no_colour_where_none_is_wanted(name: str, house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.cli.terminal.GOLDEN", house)
    screen = run_at_terminal(*words_of(name), NO_COLOR="1", **own_folders(house))
    assert not COLOUR.search(screen.text), screen.text
    assert "Traceback" not in screen.text


@posix_only
@pytest.mark.parametrize("name", COMMANDS)
def test_a_dumb_terminal_of_40_columns(name: str, house: Path) -> None:
    """No escape at all, and no line that is wider, but for words that are wider themselves."""
    screen = run_dumb(name, house)
    assert "\x1b" not in screen
    assert "Traceback" not in screen
    if name not in DOCUMENTS:
        for line in screen.split("\r\n"):
            assert len(line) <= 40 or is_whole(line), line


def run_dumb(name: str, house: Path) -> str:
    import pty

    master, slave = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *words_of(name)],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        cwd=house,
        env=environment(TERM="dumb", COLUMNS="40", **own_folders(house)),
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                chunk = os.read(master, 4096)
            except OSError:
                break
            if not chunk:
                break
            shown += chunk
        process.wait(50)
    os.close(master)
    return shown.decode()


def is_whole(line: str) -> bool:
    """True for what is to be copied, and so is not broken: commands, paths, frames, addresses."""
    text = line.strip()
    return text.startswith((">", "mbuscli", "undo:", "try:", "sudo", "or:")) or " " not in text


# -- encodings ---------------------------------------------------------------------------------------------------

ESCAPED = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_console_that_is_not_utf_8(name: str, encoding: str, house: Path) -> None:
    done = subprocess.run(
        [*COMMAND, *words_of(name)],
        capture_output=True,
        cwd=house,
        env=environment(PYTHONIOENCODING=encoding, MBUSCLI_OUTPUT="table", **own_folders(house)),
        stdin=subprocess.DEVNULL,
        timeout=50,
    )
    whole = done.stdout.decode(encoding)
    talk = done.stderr.decode(encoding)
    assert done.returncode in (0, 8, 10), talk
    assert done.returncode == 10 or whole
    assert "unexpected" not in talk
    if name not in DOCUMENTS:
        for text in (whole, talk):
            assert not ESCAPED.search(text), text
            assert not any(sign in text for sign in ("Ã", "â€", "Â", "\ufffd"))


# -- pipes and disks ---------------------------------------------------------------------------------------------


@posix_only
@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_went_away(name: str, house: Path) -> None:
    """As `| head -1` does it, but sure: the reader is gone before the first line."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    quiet = [] if name in ("shell", "config", "profile", "keys", "help") else ["-q"]
    try:
        done = subprocess.run(
            [*COMMAND, *words_of(name), *quiet],
            stdin=subprocess.DEVNULL,
            stdout=write_end,
            stderr=subprocess.PIPE,
            cwd=house,
            env=environment(**own_folders(house)),
            timeout=50,
        )
    finally:
        os.close(write_end)
    if name == "simulate":  # it had nothing to say but an error
        assert done.returncode == 10
        return
    warnings = done.stderr.decode().splitlines()
    assert (done.returncode, [line for line in warnings if not line.startswith("warning: ")]) == (0, [])


@posix_only
@pytest.mark.parametrize(
    "words", ["--help", "ports --fields ?", "scan --help", f"scan {BUS} -q", "meters list -q"]
)
def test_head(words: str, house: Path) -> None:
    line = f"{' '.join(COMMAND)} {words} | head -1"
    done = subprocess.run(
        ["sh", "-c", line],
        capture_output=True,
        cwd=house,
        env=environment(**own_folders(house)),
        timeout=50,
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(name: str, house: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, *words_of(name)],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=house,
            env=environment(**own_folders(house)),
            timeout=50,
        )
    assert done.returncode == 10, done.stderr
    told = done.stderr.decode()
    assert "Traceback" not in told
    if name != "simulate":
        assert "cannot write to stdout: No space left on device" in told
        assert "input.unwritable" in told


@posix_only
@pytest.mark.parametrize("words", ["--help", "ports", f"scan {BUS}", "set-address 1 9 --port sim: --yes"])
def test_a_closed_stdout(words: str, house: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{' '.join(COMMAND)} {words} >&-"],
        capture_output=True,
        cwd=house,
        env=environment(**own_folders(house)),
        timeout=50,
    )
    assert done.returncode == 10
    first, *rest = done.stderr.decode().splitlines()
    assert first == "error: cannot write to stdout: it is closed [input.unwritable]"
    assert all(line.startswith("  ") for line in rest)


@posix_only
@pytest.mark.parametrize("closing", ["2>&-", "2>/dev/full", "<&-"])
def test_other_closed_streams(closing: str, house: Path) -> None:
    if "full" in closing and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    done = subprocess.run(
        ["sh", "-c", f"{' '.join(COMMAND)} read 1 {BUS} -o json {closing}"],
        stdout=subprocess.PIPE,
        cwd=house,
        env=environment(**own_folders(house)),
        timeout=50,
    )
    assert done.returncode == 0
    assert done.stdout.startswith(b"{")
    wrong = ["sh", "-c", f"{' '.join(COMMAND)} nonsense {closing}"]
    assert subprocess.run(wrong, stderr=subprocess.DEVNULL, env=environment(), timeout=50).returncode == 2

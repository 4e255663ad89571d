"""Completion at TAB: in real shells, and what the program answers them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mbuscli.cli.commands import COMMANDS, LazyCommands
from mbuscli.cli.main import cli
from mbuscli.cli.tab import candidates, first_sentence, split_line
from mbuscli.manual.files import SCRIPTS, completion_script
from mbuscli.settings.inventory_file import open_inventory
from mbuscli.settings.journal import Entry, Journal
from tests.cli.program import run
from tests.cli.shells import SHELLS, Shell
from tests.test_architecture import modules_after

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")

KEY = "000102030405060708090A0B0C0D0E0F"


@pytest.fixture
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """The shell of this name, in a folder of its own."""
    started = Shell(request.param, tmp_path)
    yield started
    started.close()


in_each_shell = pytest.mark.parametrize("shell", SHELLS, indirect=True)


@in_each_shell
def test_a_command_is_completed_and_runs(shell: Shell) -> None:
    shown = shell.typed("mbuscli sc\t--po\tsim: --range 1 -o cs\t\n", r"67284105\.KAM[^\n]*\n")
    assert ",67284105.KAM.19.04," in shown


@in_each_shell
def test_commands_are_listed_with_their_help(shell: Shell) -> None:
    shown = shell.typed("mbuscli s\t\t" if shell.name == "bash" else "mbuscli s\t", "training and tests")
    assert re.search(r"scan .*Find the meters on a wired bus", shown)
    assert re.search(r"set-clock .*Set the clock of a meter", shown)


@in_each_shell
def test_a_word_with_a_colon(shell: Shell) -> None:
    shown = shell.typed("mbuscli sticks sim:st\t--fields port,family -o csv\n", r"im871a[^\n]*\n")
    assert "sim:stick,im871a" in shown


@in_each_shell
def test_a_value_behind_an_equals_sign(shell: Shell) -> None:
    shown = shell.typed("mbuscli scan --port=si\t --range=1 --output=cs\t\n", r"67284105\.KAM[^\n]*\n")
    assert ",67284105.KAM.19.04," in shown


@in_each_shell
def test_a_key_name_with_blanks_stays_one_word(shell: Shell, tmp_path: Path) -> None:
    made = run(
        "keys",
        "add",
        "12345678",
        "--name",
        "flat 3, it's cold",
        "--key",
        "-",
        stdin=KEY.encode(),
        HOME=str(tmp_path),
    )
    assert made.code == 0, made.err
    shown = shell.typed("mbuscli keys list fl\t-o csv --fields meters,name\n", r"12345678[^\n]*\n")
    assert '"flat 3, it\'s cold"' in shown


@in_each_shell
def test_files_are_the_shells_own(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "some delivery.csv").write_text("67284105\n")
    shown = shell.typed(
        "mbuscli read --port sim: --summary -o csv --fields address --list some\t\n", r"67284105\.KAM"
    )
    assert "67284105.KAM.19.04" in shown


@in_each_shell
def test_behind_a_pipe(shell: Shell) -> None:
    shown = shell.typed("echo E5 | mbuscli decr\t- -o pl\t\n", r"acknowledgement|no records")
    assert "acknowledgement" in shown


# -- what the program answers ----------------------------------------------------------------------------


def values(words: str, incomplete: str) -> list[str]:
    return [
        each.text for each in candidates(cli, ["mbuscli", *words.split()], incomplete) if each.kind != "file"
    ]


def test_ports_with_profiles_and_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MBUSCLI_CONFIG_DIR", str(tmp_path))
    (tmp_path / "config.toml").write_text('[profile.site-7]\nport = "tcp://10.0.0.7:10001"\n')
    assert {"site-7", "sim:", "auto", "tcp://", "replay:"} <= set(values("scan --port", ""))
    assert values("scan --port", "SITE") == ["site-7"]
    assert values("sniff --port", "sim") == ["sim:stick"]
    assert values("lora-join --port", "sim") == ["sim:modem"]


def test_a_capture_behind_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "walk.ndjson").touch()
    (tmp_path / "walks").mkdir()
    assert values("sniff --port", "replay:wal") == ["replay:walk.ndjson", "replay:walks/"]
    assert values("scan --port", "sim:wal") == ["sim:walks/"]


def test_meters_of_inventory_and_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MBUSCLI_STATE_DIR", str(tmp_path))
    connection = open_inventory(tmp_path / "inventory.sqlite3")
    insert = (
        "INSERT INTO meters (address, id, manufacturer, device_type, name, first_heard, last_heard, telegrams,"
        " security, security_mode, pinned, suspicions) VALUES (?, ?, 'KAM', 22, 'flat 3', 0, ?, 1, 'none', 0, 0, 0)"
    )
    connection.execute(insert, ("12345678.KAM.1B.16", "12345678", 1.0))
    connection.execute(insert, ("12345679.KAM.1B.16", "12345679", 2.0))
    connection.close()
    entry = Entry("reset", "sim:", 2400, "12340000.ACW.01.07", "1", "", "")
    Journal(tmp_path / "journal.ndjson").begin(entry).end("done")
    assert values("read", "1234567") == ["12345679.KAM.1B.16", "12345678.KAM.1B.16"]
    assert values("journal", "12340000.a") == ["12340000.ACW.01.07"]
    assert values("inventory", "") == ["plot", *values("read", "")]


def test_meters_that_a_session_has_seen() -> None:
    class Session:
        meters_seen = ("87654321.ACW.01.07",)

    found = candidates(cli, ["mbuscli", "read"], "8765", Session())
    assert [each.text for each in found] == ["87654321.ACW.01.07"]


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ("scan --fields", "address,st", {"address,state", "address,status", "address,status_flags"}),
        ("read --summary --fields", "due", {"due_date", "due_value"}),
        ("sniff --mode", "T1,s1", {"T1,S1", "T1,S1-m"}),
        ("sniff --stick", "im", {"im871a"}),
        ("lora-join --region", "us", {"US915"}),
        ("lora-join --modem", "rak", {"rak3172", "rak811"}),
        ("meters show", "iper", {"iperl"}),
        ("reset 5", "inst", {"instantaneous-values", "installation-and-start-up"}),
        ("keys add 0004A30B001A2B3C --role", "app", {"AppKey", "AppSKey"}),
        ("read 1 --unit", "kw", {"kWh", "kW"}),
        ("scan --baud", "9", {"9600"}),
        ("keys", "im", {"import"}),
        ("help", "exit", {"exit-codes"}),
        ("help", "port.perm", {"port.permission"}),
        ("help keys", "a", {"add"}),
        ("help errors", "bus.no-", {"bus.no-answer"}),
        ("completion", "p", {"powershell"}),
        ("nonsense", "x", set()),
    ],
)
def test_values(words: str, incomplete: str, expected: set[str]) -> None:
    found = set(values(words, incomplete))
    assert found == expected if expected else not found


def test_a_broken_file_of_settings_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MBUSCLI_CONFIG_DIR", str(tmp_path))
    (tmp_path / "config.toml").write_text("[profile\n")
    (tmp_path / "keys.toml").write_text("[[key\n")
    assert "sim:" in values("scan --port", "")
    assert values("keys remove", "") == []


def test_every_file_option_offers_files() -> None:
    """An option whose value is a FILE, or a PATH, lets the shell list files."""

    def options(command: click.Command, path: str) -> Iterator[tuple[str, click.Parameter]]:
        for param in command.params:
            if re.match(r"(FILE|PATH)\b", param.metavar or ""):
                yield path, param
        for name, sub in getattr(command, "commands", {}).items():
            yield from options(sub, f"{path} {name}")

    found = [each for name, command in LazyCommands().items() for each in options(command, name)]
    assert len(found) > 10
    for path, param in found:
        items = param.shell_complete(click.Context(cli), "x")
        assert [item.type for item in items] == ["file"], f"{path}: {param.opts}"


@pytest.mark.parametrize(
    ("line", "words", "quote"),
    [
        ("mbuscli ", ["mbuscli", ""], ""),
        ("a b\\ c", ["a", "b c"], ""),
        ("a 'b \"c' d", ["a", 'b "c', "d"], ""),
        ('a "b c', ["a", "b c"], '"'),
        ("a ''", ["a", ""], ""),
        ("a '' ", ["a", "", ""], ""),
        ('a "b\\"c', ["a", 'b"c'], '"'),
        ("", [""], ""),
        ("a\\", ["a"], ""),
    ],
)
def test_words_of_a_line(line: str, words: list[str], quote: str) -> None:
    assert split_line(line) == (words, quote)


def test_one_sentence() -> None:
    assert first_sentence("Wait this\n long. Default: 5.") == "Wait this long"
    assert first_sentence("") == ""


# -- what it costs ---------------------------------------------------------------------------------------

TAB = """
import os
os.environ.update(_MBUSCLI_COMPLETE="zsh_complete", COMP_WORDS={words!r}, MBUSCLI_CONFIG_DIR="/nowhere",
                  MBUSCLI_STATE_DIR="/nowhere")
from mbuscli.cli import main
try:
    main.run()
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.mark.parametrize(
    "words", ["mbuscli\ns", "mbuscli\nscan\n--ra", "mbuscli\nread\n-o\nj", "mbuscli\nports\n--"]
)
def test_tab_loads_little(words: str) -> None:
    loaded = modules_after(TAB.format(words=words))
    assert len(loaded) <= 110, len(loaded)


@pytest.mark.parametrize("name", COMMANDS)
def test_options_of_every_command_load_little(name: str) -> None:
    loaded = modules_after(TAB.format(words=f"mbuscli\n{name}\n--"))
    assert len(loaded) <= 122, len(loaded)
    assert not loaded & {"rich", "serial", "prompt_toolkit", "asyncio", "cryptography", "sqlite3", "tomllib"}


def test_values_of_ports_load_little() -> None:
    assert len(modules_after(TAB.format(words="mbuscli\nscan\n--port\n"))) <= 114


# -- the command and the scripts -------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_is_printed_and_installed(name: str, tmp_path: Path) -> None:
    printed = run("completion", name)
    assert (printed.out, printed.err, printed.code) == (completion_script(name), "", 0)
    by_click = run(_MBUSCLI_COMPLETE=f"{name}_source")
    assert by_click.out == printed.out
    installed = run("completion", name, "--install", HOME=str(tmp_path))
    assert installed.code == 0, installed.err
    path = Path(installed.out.strip())
    assert path.is_relative_to(tmp_path)
    assert path.read_text() == printed.out
    again = run("completion", name, "--install", "-q", HOME=str(tmp_path))
    assert (again.code, again.err) == (0, "")
    path.write_text("# mine\n")
    refused = run("completion", name, "--install", HOME=str(tmp_path))
    assert refused.code == 10
    assert "input.exists" in refused.err
    assert path.read_text() == "# mine\n"


@pytest.mark.parametrize(("shell_path", "first"), [("/bin/bash", "# bash"), ("/usr/bin/fish", "# fish")])
def test_the_users_own_shell(shell_path: str, first: str) -> None:
    assert run("completion", SHELL=shell_path).out.startswith(first)


def test_a_shell_that_is_not_known() -> None:
    result = run("completion", SHELL="/bin/tcsh")
    assert result.code == 2
    assert "'tcsh'" in result.err


def test_an_instruction_that_is_not_known() -> None:
    assert run(_MBUSCLI_COMPLETE="tcsh_complete").code == 1
    assert run(_MBUSCLI_COMPLETE="bash_nonsense").code == 1


def test_an_installed_bash_script_is_found_by_name(tmp_path: Path) -> None:
    """As bash-completion does: the file is sourced when its command is first completed."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    path = run("completion", "bash", "--install", HOME=str(tmp_path)).out.strip()
    assert path.endswith("/bash-completion/completions/mbuscli")
    done = subprocess.run(
        ["bash", "-c", f"source {path}; complete -p mbuscli"], capture_output=True, text=True
    )
    assert "-F _mbuscli mbuscli" in done.stdout


def test_the_powershell_script_is_balanced() -> None:
    """There is no PowerShell here to run it in: its brackets and quotation marks at least close."""
    text = re.sub(r"#[^\n]*", "", completion_script("powershell"))
    text = re.sub(r"""'(?:[^']|'')*'|"(?:[^"`]|`.)*\"""", "_", text)
    pairs = {")": "(", "]": "[", "}": "{"}
    open_marks: list[str] = []
    for c in text:
        if c in "([{":
            open_marks.append(c)
        elif c in pairs:
            assert open_marks.pop() == pairs[c]
    assert not open_marks
    assert not set(text) & {"'", '"'}
    assert "Register-ArgumentCompleter -Native -CommandName mbuscli" in text
    assert "powershell_complete" in completion_script("powershell")


def test_powershell_is_answered_as_its_script_reads() -> None:
    result = run(_MBUSCLI_COMPLETE="powershell_complete", COMP_WORDS="mbuscli\nscan\n--port\nsim")
    assert result.out == "open\tsim:\ta simulated bus\n"

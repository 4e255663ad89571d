"""`mbuscli help`: topics, commands, names of errors, near names, the pager."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mbuscli.cli.commands import COMMANDS, LazyCommands
from mbuscli.cli.exit_codes import MEANINGS
from mbuscli.cli.help_topics import option_variables, other_variables
from mbuscli.manual.errors_table import ERRORS
from mbuscli.manual.files import topic_names
from tests.cli.program import ROOT, run
from tests.cli.terminal import run_at_terminal

# A variable of ours where the code spells it; those of options are made from their settings.
VARIABLE = re.compile(r"[\"'](MBUSCLI_[A-Z_]*[A-Z])[\"']")
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")


@pytest.mark.parametrize("name", topic_names())
@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_a_topic_fits_the_terminal(name: str, columns: str) -> None:
    result = run("help", name, COLUMNS=columns)
    assert (result.code, result.err) == (0, "")
    assert "@" not in re.sub(r"\S+@\S+", "", result.out), "something was not filled in"
    for line in result.out.splitlines():
        filled = not line.startswith("    ") and " " in line.strip()
        # Literal text, paths and names of variables are never broken.
        assert len(line) <= int(columns) or not filled or len(line.split()) <= 2 or columns == "40", line
        assert len(line) <= 100 or line.startswith("    "), line


def test_the_exit_codes_are_those_of_the_program() -> None:
    text = run("help", "exit-codes").out
    for code, meaning in MEANINGS.items():
        assert re.search(rf"^  {int(code)} +{re.escape(meaning)}$", text, re.MULTILINE)


def test_every_variable_is_listed() -> None:
    text = run("help", "environment").out
    listed = set(re.findall(r"^  ([A-Z][A-Z_]+)", text, re.MULTILINE))
    spelt = {
        name
        for path in (ROOT / "mbuscli").rglob("*.py")
        if "manual" not in path.parts
        for name in VARIABLE.findall(path.read_text(encoding="utf-8"))
    }
    assert len(spelt) > 8
    assert spelt <= listed
    assert {*option_variables(), *other_variables()} == listed


def commands() -> Iterator[tuple[str, click.Command]]:
    def of(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield path, command
        for name, sub in getattr(command, "commands", {}).items():
            yield from of(f"{path} {name}", sub)

    for name, command in LazyCommands().items():
        yield from of(name, command)


EVERY = dict(commands())


@pytest.mark.parametrize("path", [path for path in EVERY if path not in topic_names()])
def test_help_of_a_command_is_its_own(path: str) -> None:
    asked = run("help", *path.split())
    own = run(*path.split(), "--help")
    assert (asked.out, asked.code) == (own.out, 0)


@pytest.mark.parametrize("path", EVERY)
def test_a_command_has_examples_and_exit_codes(path: str) -> None:
    text = EVERY[path].help or ""
    assert re.search(r"\bExamples?:\n +\S*.*mbuscli " + path.split()[0], text), "no examples"
    assert re.search(r"^ +Exit codes: ", text, re.MULTILINE)


@pytest.mark.parametrize("path", EVERY)
def test_every_option_says_what_it_does(path: str) -> None:
    for param in EVERY[path].params:
        if isinstance(param, click.Option) and not param.hidden:
            text = (param.help or "").strip()
            assert re.match(r"[A-Z0-9\[-]|today|plot:|rtl_", text), f"{param.opts}: {text!r}"
            assert re.search(r"[.\])]$", text), f"{param.opts}: {text!r}"


def test_without_a_name_the_commands_and_the_topics() -> None:
    text = run("help").out
    for name in (*COMMANDS, *topic_names()):
        assert re.search(rf"^  {name} ", text, re.MULTILINE), name


def test_an_error_by_its_name() -> None:
    text = run("help", "port.permission").out
    assert "usermod -aG dialout" in text
    assert "exit code  3:" in text
    assert run("help", "errors", "port.permission").out == text
    # As it is copied from a message.
    assert run("help", "[port.permission]").out == text
    both = run("help", "errors", "port.busy", "bus.no-answer").out
    assert both.startswith("port.busy\n")
    assert "\nbus.no-answer\n" in both


def test_all_errors() -> None:
    text = run("help", "errors").out
    assert all(name in text for name in ERRORS)


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("port.permision",), "port.permission"),
        (("errors", "bus.noanswer"), "bus.no-answer"),
        (("errors", "key-wrong"), "security.key-wrong"),
        (("errors", "taken"), "bus.taken"),
        (("no-answer",), "device.no-answer"),
        (("exitcodes",), "exit-codes"),
        (("enviroment",), "environment"),
        (("scna",), "scan"),
        (("keys", "ad"), "add"),
    ],
)
def test_a_near_name_is_suggested(words: tuple[str, ...], near: str) -> None:
    result = run("help", *words)
    assert (result.out, result.code) == ("", 2)
    assert f"did you mean {near}" in result.err


@pytest.mark.parametrize("group", ["config", "keys", "meters", "profile"])
def test_a_group_alone_is_its_help(group: str) -> None:
    """The same as with --help, in which no line about a command is cut."""
    alone = run(group)
    assert (alone.code, alone.err, alone.out) == (0, "", run(group, "--help").out)
    assert not re.search(r"^  \w+ .*\.\.\.$", alone.out, re.MULTILINE)


def test_the_default_format_is_what_the_command_does() -> None:
    assert "plain (tabs) in a pipe" in " ".join(run("scan", "--help").out.split())
    assert "ndjson (with --fields plain) in a pipe" in " ".join(run("sniff", "--help").out.split())
    words = ("sniff", "--port", "sim:stick", "--count", "1", "--no-inventory")
    assert run(*words).out.startswith("{")
    assert "\t" in run(*words, "--fields", "address,rssi_dbm").out


def test_columns_are_listed_where_the_shell_keeps_the_quotes() -> None:
    assert run("scan", "--fields", "'?'").out == run("scan", "--fields", "?").out != ""


def test_hints_about_digits_fit_the_option() -> None:
    of_option = run("send", "1", "--port", "sim:", "--ci", "ZZ").err
    assert "pairs of hexadecimal digits" in of_option
    assert "file" not in of_option
    assert "give a file's name" in run("decrypt", "zz").err


def test_a_name_like_nothing() -> None:
    result = run("help", "qqqq")
    assert result.code == 2
    assert "did you mean" not in result.err
    assert "mbuscli help" in result.err
    assert "no command of scan" in run("help", "scan", "x").err


@pytest.mark.parametrize(
    ("args", "near"),
    [
        (("scna",), "scan"),
        (("keys", "improt"), "import"),
        (("scan", "--secondry"), "--secondary"),
        (("scan", "--port", "sim:", "--fields", "adress"), "address"),
        (("read", "1", "--port", "sim:", "--fields", "quantty"), "quantity"),
        (("meters", "show", "iprl"), "iperl"),
        (("sniff", "--stick", "im871"), "im871a"),
        (("lora-join", "--port", "sim:modem", "--region", "EU868", "--modem", "rak31722"), "RAK3172"),
        (("lora-join", "--port", "sim:modem", "--region", "EU868x"), "EU868"),
        (("keys", "add", "0004A30B001A2B3C", "--role", "AppKy", "--key", "-"), "AppKey"),
        (("scan", "--port", "sin:"), "sim:"),
        (("simulate", "--stick", "im871"), "im871a"),
        (("keys", "remove", "flat 4"), "flat 3"),
        (("read", "1", "--port", "site7"), "site-7"),
    ],
)
def test_did_you_mean(args: tuple[str, ...], near: str, tmp_path: Path) -> None:
    """Wherever a name is typed, a near one is suggested."""
    (tmp_path / "config.toml").write_text('[profile.site-7]\nport = "sim:"\n')
    run(
        "keys",
        "add",
        "12345678",
        "--name",
        "flat 3",
        "--key",
        "-",
        stdin=b"00" * 16,
        MBUSCLI_CONFIG_DIR=str(tmp_path),
    )
    result = run(*args, MBUSCLI_CONFIG_DIR=str(tmp_path))
    assert result.code in (2, 10), result
    assert re.search(rf"[Dd]id you mean:? '?{re.escape(near)}(?!\w)", result.err), result.err


# -- the pager -------------------------------------------------------------------------------------------


@pytest.fixture
def pager(tmp_path: Path) -> Path:
    """A pager that says so."""
    script = tmp_path / "pager"
    script.write_text("#!/bin/sh\necho PAGED\ncat\n")
    script.chmod(0o755)
    return script


@on_posix
def test_long_help_goes_through_the_pager(pager: Path) -> None:
    screen = run_at_terminal("help", "errors", PAGER=str(pager))
    assert screen.code == 0
    assert screen.text.startswith("PAGED")
    assert "internal.unexpected" in screen.text


@on_posix
def test_short_help_does_not(pager: Path) -> None:
    screen = run_at_terminal("help", "port.busy", PAGER=str(pager))
    assert "PAGED" not in screen.text
    assert "ModemManager" in screen.text


@on_posix
def test_no_pager(pager: Path) -> None:
    screen = run_at_terminal("help", "errors", "--no-pager", PAGER=str(pager))
    assert "PAGED" not in screen.text
    assert "internal.unexpected" in screen.text


def test_a_pipe_has_no_pager(pager: Path) -> None:
    assert "PAGED" not in run("help", "errors", PAGER=str(pager)).out


@on_posix
def test_a_pager_that_is_not_there() -> None:
    screen = run_at_terminal("help", "errors", PAGER="/nonexistent/pager")
    assert screen.code == 0
    assert "internal.unexpected" in screen.text


@on_posix
def test_a_reader_that_has_seen_enough() -> None:
    import subprocess

    from tests.cli.program import COMMAND, environment

    line = f'"{COMMAND[0]}" -m mbuscli help errors | head -1'
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, env=environment(), timeout=50)
    assert done.stdout.startswith("Errors:")
    assert done.stderr == ""

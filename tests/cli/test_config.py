"""`mbuscli config`, and what commands make of the file of settings."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from mbuscli.cli.commands import COMMANDS, LazyCommands
from mbuscli.cli.main import cli
from mbuscli.settings.config_table import BY_KEY, SETTINGS
from tests.cli.program import Result, run
from tests.cli.terminal import run_at_terminal
from tests.cli.test_startup import FRAME, loaded_by

# Options that stand in a command, but in no file of settings: what shows or mends settings is not bent by them.
ABOVE = {"config", "profile", "doctor", "shell", "help", "completion"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    return folder


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def here(folder: Path, *args: str, **environ: str) -> Result:
    return run(*args, MBUSCLI_CONFIG_DIR=str(folder), MBUSCLI_STATE_DIR=str(folder / "state"), **environ)


# -- the table and the commands ----------------------------------------------------------------------------


def leaves(command: click.Command) -> Iterator[click.Command]:
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from leaves(each)
    else:
        yield command


def options_of(name: str) -> dict[str, click.Option]:
    """All options of a command and of what stands below it, by their long names."""
    found = {}
    for command in leaves(LazyCommands()[name]):
        for param in command.params:
            if isinstance(param, click.Option):
                found.update(dict.fromkeys(param.opts, param))
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_knows_what_a_command_has(name: str) -> None:
    options = options_of(name)
    for setting in SETTINGS:
        if name in setting.commands:
            assert setting.option in options, setting.key
            # A variable that holds for all commands means the same for all of them.
            assert options[setting.option].envvar == setting.variable, setting.key
    known = {setting.variable for setting in SETTINGS if name in setting.commands}
    for text, option in options.items():
        if name not in ABOVE and option.envvar is not None:
            assert option.envvar in known, f"{name} {text} has a variable, but no key"


def test_of_each_setting_some_command_is_there() -> None:
    assert {name for setting in SETTINGS for name in setting.commands} <= set(COMMANDS)


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - ABOVE))
def test_a_port_that_may_be_a_profile_is_read_first(name: str) -> None:
    ports = [key for key in ("port", "stick_port", "modem_port") if name in BY_KEY[key].commands]
    for _ in ports:
        assert options_of(name)["--port"].is_eager


# -- the order ---------------------------------------------------------------------------------------------

LEVELS = ("flag", "environment", "profile", "command", "defaults")
# Key, option, variable, and for each level a value, and how that shows in what `scan -o json` tells.
CASES = {
    "baud": ("--baud", "MBUSCLI_BAUD", ("300", "600", "1200", "4800", "9600")),
    "timeout_s": ("--timeout", "MBUSCLI_TIMEOUT", ("1.5", "2.5", "3.5", "4.5", "5.5")),
    "retries": ("--retries", "MBUSCLI_RETRIES", ("1", "2", "3", "4", "5")),
}


def order_of(folder: Path, key: str, levels: tuple[str, ...]) -> str:
    """Which value `scan` uses, with one at each of these levels; what is missing is not there."""
    option, variable, values = CASES[key]
    value = dict(zip(LEVELS, values, strict=True))
    tables = {
        "defaults": "[defaults]\nport = 'a'\n",
        "command": "[defaults.scan]\n",
        "profile": "[profile.a]\nport = 'sim:'\n",
    }
    text = "".join(
        header + (f"{key} = {value[level]}\n" if level in levels else "") for level, header in tables.items()
    )
    write(folder, text)
    args = (option, value["flag"]) if "flag" in levels else ()
    environ = {variable: value["environment"]} if "environment" in levels else {}
    done = here(folder, "scan", "--range", "40", "--trace", *args, **environ)
    assert done.code == 4, done.err
    return done.err


def shown(key: str, value: str, err: str) -> bool:
    """True if a scan that found nobody was made with this value."""
    if key == "baud":
        return f"port sim:, {value} baud" in err
    if key == "retries":
        return err.count("SND_NKE") == 1 + int(value)
    raise AssertionError(key)


@pytest.mark.parametrize("key", ["baud", "retries"])
@pytest.mark.parametrize("first", range(len(LEVELS)))
def test_the_order_of_five_levels(folder: Path, key: str, first: int) -> None:
    err = order_of(folder, key, LEVELS[first:])
    values = CASES[key][2]
    assert [value for value in values if shown(key, value, err)] == [values[first]]


@pytest.mark.parametrize("first", range(1, len(LEVELS)))
def test_config_list_tells_the_same_order(folder: Path, first: int) -> None:
    """What `config list` says wins is what wins."""
    order_of(folder, "timeout_s", LEVELS[first:])
    environ = {"MBUSCLI_TIMEOUT": "2.5"} if first == 1 else {}
    found = json.loads(here(folder, "config", "list", "scan", "-o", "json", **environ).out)["settings"]
    row = next(row for row in found if row["key"] == "timeout_s")
    path = folder / "config.toml"
    line = (
        path.read_text().splitlines().index(f"timeout_s = {CASES['timeout_s'][2][first]}") + 1
        if first > 1
        else 0
    )
    expected = {
        1: (2.5, "environment", "MBUSCLI_TIMEOUT"),
        2: (3.5, "profile", f"profile a, {path}:{line}"),
        3: (4.5, "file", f"{path}:{line}"),
        4: (5.5, "file", f"{path}:{line}"),
    }
    assert (row["value"], row["source"], row["origin"]) == expected[first]


@pytest.mark.parametrize("first", range(len(LEVELS)))
def test_the_order_of_output(folder: Path, first: int) -> None:
    formats = dict(zip(LEVELS, ("csv", "tsv", "json", "ndjson", "plain"), strict=True))
    levels = LEVELS[first:]
    tables = {
        "defaults": "[defaults]\nport = 'a'\n",
        "command": "[defaults.scan]\n",
        "profile": "[profile.a]\nport = 'sim:'\n",
    }
    write(
        folder,
        "".join(h + (f"output = '{formats[lv]}'\n" if lv in levels else "") for lv, h in tables.items()),
    )
    args = ("-o", "csv") if "flag" in levels else ()
    environ = {"MBUSCLI_OUTPUT": "tsv"} if "environment" in levels else {}
    out = here(folder, "scan", "--range", "1", *args, **environ).out
    looks = {
        "csv": "address,state",
        "tsv": "address\tstate",
        "json": "{\n",
        "ndjson": '{"schema"',
        "plain": "1\tmeter",
    }
    assert out.startswith(looks[formats[levels[0]]])


def test_flags_that_are_set_can_be_taken_back(folder: Path) -> None:
    write(folder, "[defaults]\nquiet = true\nport = 'sim:'\n")
    assert here(folder, "scan", "--range", "1").err == ""
    assert "port sim:" in here(folder, "scan", "--range", "1", MBUSCLI_QUIET="0").err


def test_a_port_with_its_profile_from_the_command_line(folder: Path) -> None:
    """Wherever the name of the profile stands in the line."""
    write(folder, "[profile.a]\nport = 'sim:'\nbaud = 300\n[defaults]\nbaud = 600\n")
    for args in (("--port", "a", "--range", "40"), ("--range", "40", "-p", "a")):
        assert "port sim:, 300 baud" in here(folder, "scan", *args).err
    assert "port sim:, 600 baud" in here(folder, "scan", "--range", "40", "--port", "sim:").err
    assert "port sim:, 1200 baud" in here(folder, "scan", "-p", "a", "--range", "40", "--baud", "1200").err


def test_a_stick_and_a_modem_in_profiles(folder: Path) -> None:
    write(
        folder,
        "[defaults]\nmodem_port = 'lab'\n[profile.walk]\nport = 'sim:stick'\nmode = 'S1'\n"
        "[profile.lab]\nport = 'sim:modem'\nregion = 'EU868'\n",
    )

    def heard(*args: str) -> list[str]:
        out = here(
            folder, "sniff", *args, "--for", "60s", "--no-inventory", "-o", "plain", "--fields", "raw"
        ).out
        return out.splitlines()

    assert heard("--port", "walk") == heard("--port", "sim:stick", "--mode", "S1")
    assert heard("--port", "walk") != heard("--port", "sim:stick")
    args = ("--join-eui", "70B3D57ED0000001", "--app-key", "2B7E151628AED2A6ABF7158809CF4F3C", "-o", "json")
    joined = here(folder, "lora-join", *args)
    assert joined.code == 0, joined.err
    assert here(folder, "sniff", "--port", "wakl").err.startswith("error: there is no profile 'wakl'")


def test_units_and_ring_of_the_file(folder: Path) -> None:
    write(folder, "[defaults]\nport = 'sim:'\nunit = ['MWh']\nkey_ring = 'mine.toml'\n")
    assert "_mwh" in here(folder, "read", "1", "-o", "json").out.lower()
    added = here(folder, "keys", "add", "12345678", "--key", "000102030405060708090A0B0C0D0E0F")
    assert added.code == 0, added.err
    assert (folder / "mine.toml").exists()


def test_errors_are_json_where_the_file_says_so(folder: Path) -> None:
    write(folder, "[defaults.scan]\noutput = 'json'\n")
    failed = here(folder, "scan", "--port", "sim:", "--range", "300")
    assert json.loads(failed.err)["error"]["name"] == "usage.invalid"
    assert here(folder, "read", "--port", "sim:").err.startswith("error: ")
    assert here(folder, "scan", "--port", "sim:", "--range", "300", "-o", "plain").err.startswith("error: ")
    assert json.loads(here(folder, "read", "--port", "sim:", MBUSCLI_OUTPUT="ndjson").err)["error"]


def test_a_value_that_the_option_does_not_take(folder: Path) -> None:
    path = write(folder, "[defaults]\nunit = 'bananas'\nport = 'sim:'\n")
    failed = here(folder, "read", "1")
    assert failed.code == 10
    assert f'{path}:2: unit = "bananas"' in failed.err


# -- a broken file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["[defaults]\nprot = 'x'\n", "[defaults\n", "\x00"])
def test_a_broken_file_stops_commands_but_not_help(folder: Path, text: str) -> None:
    path = write(folder, text)
    failed = here(folder, "scan", "--port", "sim:")
    assert (failed.code, failed.out) == (10, "")
    assert str(path) in failed.err
    assert "mbuscli config edit" in failed.err
    for args in (
        ["--help"],
        ["scan", "--help"],
        ["config", "path"],
        ["config", "set", "--help"],
        ["--version"],
    ):
        assert here(folder, *args).code == 0, args
    check = here(folder, "config", "check", "-o", "json")
    assert check.code == 10
    assert json.loads(check.out)["faults"][0]["severity"] == "error"
    assert here(folder, "config", "list").code == 10
    if "doctor" in COMMANDS:
        assert "mbuscli config" in here(folder, "doctor").out + here(folder, "doctor").err


def test_without_a_file_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    folders = {"MBUSCLI_STATE_DIR": str(tmp_path), "MBUSCLI_CONFIG_DIR": str(tmp_path)}
    for args in (["--help"], ["decrypt", FRAME, "-o", "json"], ["scan", "--help"]):
        modules = loaded_by(*args, **folders)
        assert not {name for name in modules if name.startswith("mbuscli.settings.config")}
        assert "tomlkit" not in modules
        assert "mbuscli.cli.defaults" not in modules


def test_reading_a_file_loads_no_writer_of_it(tmp_path: Path) -> None:
    write(tmp_path, "[defaults]\noutput = 'plain'\n")
    modules = loaded_by("decrypt", FRAME, MBUSCLI_STATE_DIR=str(tmp_path), MBUSCLI_CONFIG_DIR=str(tmp_path))
    assert "mbuscli.settings.config" in modules
    assert not modules & {"tomlkit", "mbuscli.settings.config_edit", "difflib"}


def test_help_shows_what_is_built_in(folder: Path) -> None:
    write(folder, "[defaults]\nbaud = 300\n")
    assert here(folder, "scan", "--help").out == run("scan", "--help").out


# -- the commands ------------------------------------------------------------------------------------------


def test_set_get_unset(folder: Path) -> None:
    assert here(folder, "config", "get", "port").code == 10
    assert here(folder, "config", "list").out == ""
    done = here(folder, "config", "set", "port", "sim:")
    assert (done.code, done.out) == (0, f"port\tsim:\t{folder / 'config.toml'}:4\n")
    assert here(folder, "config", "get", "port").out == "sim:\n"
    assert here(folder, "scan", "--range", "1").code == 0
    here(folder, "config", "set", "scan.output", "json")
    assert here(folder, "config", "get", "scan.output").out == "json\n"
    unset = here(folder, "config", "get", "output")
    assert (unset.code, unset.out) == (10, "")
    assert "output is not set; without it: table on a terminal, plain in a pipe" in unset.err
    assert json.loads(here(folder, "scan", "--range", "1").out)["event"] == "scan"
    here(folder, "config", "set", "unit", "MWh", "m3")
    assert here(folder, "config", "get", "unit").out == "MWh\nm3\n"
    here(folder, "config", "set", "quiet", "yes")
    assert here(folder, "config", "get", "quiet").out == "true\n"
    origin = here(folder, "config", "list", "--origin").out
    assert f"port\tsim:\t{folder / 'config.toml'}:4\n" in origin
    assert f"scan.output\tjson\t{folder / 'config.toml'}:" in origin
    for _ in range(2):
        assert here(folder, "config", "unset", "port").code == 0
    assert here(folder, "scan").code == 2


def test_get_and_origin_know_the_environment(folder: Path) -> None:
    write(folder, "[defaults]\nretries = 3\n")
    got = here(folder, "config", "get", "retries", "-o", "json", MBUSCLI_RETRIES="5")
    row = json.loads(got.out)["settings"][0]
    assert (row["value"], row["source"], row["origin"]) == (5, "environment", "MBUSCLI_RETRIES")
    done = here(folder, "config", "set", "retries", "4", MBUSCLI_RETRIES="5")
    assert "MBUSCLI_RETRIES is in the environment, and wins over it" in done.err


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["retires", "3"], 2, "did you mean retries?"),
        (["timeout", "3"], 2, "did you mean timeout_s or join_timeout_s?"),
        (["scan.mode", "T1"], 2, "mbuscli config set mode ..."),
        (["fields", "address"], 2, "mbuscli config set scan.fields ..."),
        (["scna.output", "csv"], 2, "did you mean scan?"),
        (["retries", "11"], 2, "it is a whole number 0..10"),
        (["baud", "17"], 2, "it is one of 300/600/1200/2400/4800/9600/19200/38400/auto"),
        (["output", "xml"], 2, "one of table/plain"),
        (["mode", "X9"], 2, "there is no link mode 'X9'"),
        (["region", "XX"], 2, "region"),
        (["unit", "bananas"], 2, "known: Wh, kWh"),
        (["profile.absent.baud", "300"], 10, "mbuscli profile add absent --port PORT"),
        (["a..b", "3"], 2, "is no key"),
        (["port", "\x1b[31m"], 2, "is no value of port"),
    ],
)
def test_what_cannot_be_set(folder: Path, args: list[str], code: int, words: str) -> None:
    done = here(folder, "config", "set", *args)
    assert done.code == code
    assert words in done.err
    assert not (folder / "config.toml").exists()


def test_a_misspelt_key_is_not_unset_in_silence(folder: Path) -> None:
    write(folder, '[defaults]\nport = "sim:"\nprot = "sim:"\n')
    assert here(folder, "config", "unset", "prot").code == 0, "a wrong key that is there goes"
    again = here(folder, "config", "unset", "prot")
    assert (again.code, "did you mean port?" in again.err) == (2, True)
    assert (folder / "config.toml").read_text() == '[defaults]\nport = "sim:"\n'


def test_a_key_is_never_set_nor_shown(folder: Path) -> None:
    key = "2B7E151628AED2A6ABF7158809CF4F3C"
    for name in ("port", "key_ring", "key", "mode"):
        done = here(folder, "config", "set", name, key)
        assert done.code == 2
        assert key not in done.err + done.out
    write(folder, f"[defaults]\nkey = '{key}'\noutput = '{key}'\nkey_ring = '{key}'\n")
    for args in (["scan"], ["config", "check"], ["config", "list"], ["decrypt", FRAME]):
        done = here(folder, *args)
        assert key not in done.err + done.out, args


def test_a_file_is_meant_as_seen_from_here(folder: Path, tmp_path: Path) -> None:
    done = run("config", "set", "key_ring", "ring.toml", cwd=tmp_path, MBUSCLI_CONFIG_DIR=str(folder))
    assert done.code == 0, done.err
    assert here(folder, "config", "get", "key_ring").out == f"{tmp_path / 'ring.toml'}\n"


def test_check_tells_of_doubts_too(folder: Path) -> None:
    write(folder, "[defaults]\nport = 'site-8'\n[profile.site-7]\nport = 'sim:'\nunit = 'bananas'\n")
    done = here(folder, "config", "check", "-o", "json", MBUSCLI_TIMOUT="3")
    rows = json.loads(done.out)["faults"]
    assert done.code == 10
    assert [(row["severity"], row["line"], row["key"]) for row in rows] == [
        ("error", 5, "profile.site-7.unit"),
        ("note", 2, "defaults.port"),
        ("note", None, ""),
    ]
    assert rows[1]["hint"] == "did you mean site-7?"
    assert rows[2]["hint"] == "did you mean MBUSCLI_TIMEOUT?"
    write(folder, "[defaults]\nport = 'sim:'\n")
    assert here(folder, "config", "check").code == 0
    other = folder / "other.toml"
    other.write_text("[nonsense]\n")
    assert here(folder, "config", "check", str(other)).code == 10
    assert here(folder, "config", "check", str(folder / "absent.toml")).code == 10


@pytest.mark.parametrize("variables", [{"XDG_CONFIG_HOME": "x"}, {"HOME": "x"}, {"MBUSCLI_CONFIG_DIR": "x"}])
def test_where_the_file_is(tmp_path: Path, variables: dict[str, str]) -> None:
    if sys.platform == "win32" and "HOME" in variables:
        pytest.skip("APPDATA wins there")
    name = next(iter(variables))
    below = {"XDG_CONFIG_HOME": "mbuscli", "HOME": ".config/mbuscli", "MBUSCLI_CONFIG_DIR": ""}[name]
    path = tmp_path / below / "config.toml"
    environ = {name: str(tmp_path)}
    assert run("config", "path", **environ).out == f"{path}\n"
    assert run("config", "set", "port", "sim:", **environ).code == 0
    assert path.exists()
    assert run("scan", "--range", "1", **environ).code == 0


# -- the editor --------------------------------------------------------------------------------------------


def editor(tmp_path: Path, *texts: str) -> str:
    """An editor that writes one text after the other into the file that it is given."""
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\n"
        f"texts = {texts!r}\n"
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "number = int(count.read_text()) if count.exists() else 0\n"
        "count.write_text(str(number + 1))\n"
        "file = pathlib.Path(sys.argv[1])\n"
        f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text(file.read_text())\n"
        "if texts[number] is not None: file.write_text(texts[number])\n"
    )
    return f"'{sys.executable}' '{script}'"


GOOD, BAD = "[defaults]\nport = 'sim:' # mine\n", "[defaults]\nprot = 'sim:'\n"

needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


@needs_terminal
def test_an_edited_file_is_taken_if_it_is_right(folder: Path, tmp_path: Path) -> None:
    environ = {"MBUSCLI_CONFIG_DIR": str(folder), "VISUAL": editor(tmp_path, GOOD), "EDITOR": "false"}
    screen = run_at_terminal("config", "edit", **environ)
    assert (screen.code, "written:" in screen.text) == (0, True)
    assert (folder / "config.toml").read_text() == GOOD
    assert "[defaults]" in (tmp_path / "seen").read_text()
    assert os.listdir(folder) == ["config.toml"] or set(os.listdir(folder)) == {"config.toml", "config.lock"}


@needs_terminal
def test_a_wrong_text_is_edited_again_or_kept(folder: Path, tmp_path: Path) -> None:
    write(folder, GOOD)
    environ = {
        "MBUSCLI_CONFIG_DIR": str(folder),
        "EDITOR": editor(tmp_path, BAD, BAD, GOOD + "retries = 3\n"),
    }
    again = r"Edit it again\? \[Y/n\]: "
    screen = run_at_terminal("config", "edit", answers=[(again, "y"), (again, "n")], **environ)
    assert screen.code == 10
    assert "unknown key 'prot'" in screen.text
    assert (folder / "config.toml").read_text() == GOOD
    assert (folder / "config.edit.toml").read_text() == BAD
    screen = run_at_terminal("config", "edit", **environ)
    assert screen.code == 0
    assert (tmp_path / "seen").read_text() == BAD, "the user's text is not lost"
    assert (folder / "config.toml").read_text() == GOOD + "retries = 3\n"
    assert not (folder / "config.edit.toml").exists()


@needs_terminal
def test_an_editor_that_fails_changes_nothing(folder: Path, tmp_path: Path) -> None:
    write(folder, GOOD)
    for command, words in (("false", "ended with 1"), (str(tmp_path / "absent"), "cannot start")):
        screen = run_at_terminal("config", "edit", MBUSCLI_CONFIG_DIR=str(folder), EDITOR=command)
        assert screen.code in (2, 10)
        assert words in screen.text
    assert (folder / "config.toml").read_text() == GOOD


def test_nobody_there_to_edit(folder: Path) -> None:
    done = here(folder, "config", "edit", EDITOR="true")
    assert done.code == 2
    assert "mbuscli config set KEY VALUE" in done.err


@pytest.mark.parametrize(
    ("incomplete", "expected", "absent"),
    [
        ("po", {"port"}, "scan."),
        ("sc", {"scan."}, "port"),
        ("scan.out", {"scan.output"}, "read.output"),
        ("profile.site-7.ba", {"profile.site-7.baud"}, "profile.b.baud"),
    ],
)
def test_keys_are_completed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, incomplete: str, expected: set[str], absent: str
) -> None:
    write(folder, "[profile.site-7]\nport = 'sim:'\n[profile.b]\nport = 'sim:'\n")
    monkeypatch.setenv("MBUSCLI_CONFIG_DIR", str(folder))
    complete = ShellComplete(cli, {}, "mbuscli", "_MBUSCLI_COMPLETE")
    found = {item.value for item in complete.get_completions(["config", "set"], incomplete)}
    assert expected <= found
    assert absent not in found

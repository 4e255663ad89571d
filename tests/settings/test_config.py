"""The file of settings: what it may say, what is said of its faults, and how it is changed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import InputError
from mbuscli.settings.config import Config, load_config, parse_config, read_config
from mbuscli.settings.config_edit import put_profile, remove_profile, set_value, unset_value
from mbuscli.settings.config_kinds import Choice, Flag, Kind, Seconds, Text, Texts, Value, Whole
from mbuscli.settings.config_table import BY_KEY, COMMANDS, SETTINGS, Setting, settings_of
from tests.cli.program import ROOT, environment

USERS = """\
# my settings
[defaults]
port = "site-7"   # the usual
output = "json"

[defaults.scan]   # one command
output = "csv"

[profile.site-7]
# the heat room
port = "tcp://10.0.0.7:10001"
baud = 300

[profile."b.2"]
port = "id:A1"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def config_of(text: str) -> Config:
    return parse_config(text.encode(), Path("config.toml"))


# -- reading -----------------------------------------------------------------------------------------------


def test_what_a_file_says(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, USERS))
    assert config.table("defaults") == {"port": "site-7", "output": "json"}
    assert config.table("defaults", "scan") == {"output": "csv"}
    assert config.table("defaults", "read") == {}
    assert set(config.profiles) == {"site-7", "b.2"}
    assert config.profiles["site-7"].settings == {"baud": 300}


def test_no_file_says_nothing(tmp_path: Path) -> None:
    config = load_config(tmp_path / "absent.toml")
    assert (config.exists, config.places, config.faults) == (False, [], [])


@pytest.mark.parametrize(
    ("place", "key", "line"),
    [
        (("defaults",), "port", 3),
        (("defaults",), None, 2),
        (("defaults", "scan"), "output", 7),
        (("profile", "site-7"), "baud", 12),
        (("profile", "b.2"), "port", 15),
        (("profile", "b.2"), None, 14),
        (("profile", "b.2"), "baud", None),
    ],
)
def test_lines(place: tuple[str, ...], key: str | None, line: int | None) -> None:
    assert config_of(USERS).line(place, key) == line


def test_lines_of_dotted_and_inline_keys() -> None:
    config = config_of("defaults.scan.output = 'csv'\nprofile.a = {port = 'x', baud = 300}\n")
    assert config.line(("defaults", "scan"), "output") == 1
    assert config.line(("profile", "a")) == 2
    assert not config.faults


OUTPUT, BAUD = BY_KEY["output"], BY_KEY["baud"]


def test_the_narrower_wins() -> None:
    text = "[defaults]\noutput='json'\nbaud=300\n[defaults.scan]\noutput='csv'\nbaud=600\n[profile.a]\nport='x'\nbaud=1200\n"
    config = config_of(text)
    profile = config.profiles["a"]
    found = [
        config.find(BAUD, command, which) for command in (None, "scan", "read") for which in (None, profile)
    ]
    assert [each.value for each in found if each] == [300, 1200, 600, 1200, 300, 1200]
    found = [config.find(OUTPUT, command, profile) for command in ("scan", "read")]
    assert [each.value for each in found if each] == ["csv", "json"]
    assert config.find(BY_KEY["retries"], "scan", profile) is None


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    ring = BY_KEY["key_ring"]
    for text, expected in (
        ("site.toml", tmp_path / "site.toml"),
        ("~/site.toml", tmp_path / "home" / "site.toml"),
        (str(tmp_path / "x" / "site.toml"), tmp_path / "x" / "site.toml"),
    ):
        config = load_config(written(tmp_path, f"[defaults]\nkey_ring = '{text}'\n"))
        found = config.find(ring, "keys")
        assert found is not None
        assert Path(str(found.value)) == expected


# -- faults ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        ("[default]\nport = 'x'", 1, "unknown table 'default'", "did you mean defaults?"),
        ("\n\n[defaults]\nprot = 'x'", 4, "unknown key 'prot' in [defaults]", "did you mean port?"),
        ("[defaults]\ntimeout = 1", 2, "unknown key 'timeout'", "did you mean timeout_s or join_timeout_s?"),
        ("[defaults]\nkeys = 'x'", 2, "unknown key 'keys'", "did you mean key_ring?"),
        ("[defaults.sniff]\nport = 'x'", 2, "unknown key 'port'", "did you mean stick_port?"),
        (
            "[defaults.scan]\nmode = 'T1'",
            2,
            "unknown key 'mode'",
            "scan has no --mode; put mode into [defaults]",
        ),
        ("[defaults]\nfields = 'a'", 2, "unknown key", "put it into [defaults.COMMAND]"),
        ("[defaults.scna]\noutput = 'csv'", 1, "unknown command 'scna'", "did you mean scan?"),
        ("[profile.a]\nport = 'x'\nno_input = true", 3, "unknown key", "a profile has no no_input"),
        ("[defaults]\noutput = 'xml'", 2, 'output = "xml" is not allowed; it is one of table/plain', None),
        ("[defaults]\nbaud = '300'", 2, 'baud = "300" is not allowed; it is one of 300/600/', None),
        ("[defaults]\nbaud = true", 2, "baud = true is not allowed", None),
        ("[defaults]\nquiet = 'yes'", 2, "it is true or false", None),
        ("[defaults]\nretries = 1.5", 2, "retries = 1.5 is not allowed; it is a whole number 0..10", None),
        ("[defaults]\ntimeout_s = 0", 2, "a number of seconds, more than 0, up to 60", None),
        ("[defaults]\ntimeout_s = inf", 2, "timeout_s = inf", None),
        ("[defaults]\nmargin_s = nan", 2, "margin_s = nan", None),
        ("[defaults]\nport = ''", 2, 'port = "" is not allowed', None),
        ('[defaults]\nport = "a\\u001b[31m"', 2, "is not allowed", None),
        ("[defaults]\nunit = ['kWh', 3]", 2, 'unit = ["kWh", 3]', None),
        ("[defaults]\nunit = []", 2, "unit = []", None),
        ("defaults = 3", 1, "defaults is a table: [defaults]", None),
        ("profile = 3", 1, "profile is a table: [profile.NAME]", None),
        ("[profile]\na = 3", 2, "[profile.NAME]", None),
        ("[profile.a]\nbaud = 300", 1, "profile a: port is missing", None),
        ("[profile.com3]\nport = 'x'", 1, "is no name of a profile", None),
        ("[defaults]\nport = \n", 2, "no valid TOML: invalid value", None),
        ("[defaults]\nport = 'x'\nport = 'y'", 3, "no valid TOML: cannot overwrite a value", None),
    ],
)
def test_faults_are_named_with_their_line(
    tmp_path: Path, text: str, line: int, words: str, hint: str | None
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert caught.value.name == "input.invalid"
    assert caught.value.text.startswith(f"{path}, line {line}: ")
    assert words in caught.value.text
    if hint is not None:
        assert hint in caught.value.hint[0]


def test_all_faults_are_found_and_the_rest_is_used(tmp_path: Path) -> None:
    config = read_config(
        written(tmp_path, "[defaults]\nprot='x'\nbaud=7\noutput='csv'\n[profile.a]\nport=3\n")
    )
    assert [(fault.line, fault.key) for fault in config.faults] == [(2, "prot"), (3, "baud"), (6, "port")]
    assert config.table("defaults") == {"output": "csv"}
    assert not config.profiles
    with pytest.raises(InputError) as caught:
        config.raise_fault()
    assert caught.value.hint[-1] == "mbuscli config check shows 2 more"


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"[defaults]\nport = '\xff'\n")
    with pytest.raises(InputError, match=r"line 2: .*no UTF-8"):
        load_config(tmp_path / "config.toml")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbf[defaults]\r\nport = 'x'\r\n")
    assert load_config(tmp_path / "config.toml").table("defaults") == {"port": "x"}


@given(st.text(max_size=200))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    config = config_of(text.encode("utf-8", "replace").decode())
    assert all(fault.text for fault in config.faults)


# -- the table ---------------------------------------------------------------------------------------------


def test_keys_and_variables_are_unique_and_no_commands() -> None:
    assert len(BY_KEY) == len(SETTINGS)
    variables = [setting.variable for setting in SETTINGS if setting.variable]
    assert len(set(variables)) == len(variables)
    assert not set(BY_KEY) & set(COMMANDS), "[defaults] key and [defaults.COMMAND] would be one name"
    for command in COMMANDS:
        options = [setting.option for setting in settings_of(command).values()]
        assert len(set(options)) == len(options)


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (Flag(), {"yes": True, "OFF": False, "1": True, "maybe": None, "": None}),
        (Whole(0, 10), {"0": 0, "10": 10, "11": None, "-1": None, "1.0": None, "٣": None}),
        (
            Seconds(None, 60),
            {"0.5": 0.5, "60": 60.0, "0": None, "60.1": None, "nan": None, "inf": None, "x": None},
        ),
        (Seconds(0, 10), {"0": 0.0, "-1": None}),
        (Choice(300, "auto"), {"300": 300, "AUTO": "auto", "301": None}),
        (Text("any"), {"a b": "a b", "": None, "\x1b": None}),
        (Texts("any"), {"kWh m3": ["kWh", "m3"], "": None}),
    ],
)
def test_values_of_texts(kind: Kind, texts: dict[str, Value | None]) -> None:
    for text, value in texts.items():
        if value is None:
            with pytest.raises(ValueError):  # noqa: PT011  the text of it is never shown
                kind.parse(text)
        else:
            assert kind.parse(text) == value
            assert type(kind.parse(text)) is type(value)
            assert kind.accepts(value)


# -- writing -----------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=20)


def values_of(setting: Setting) -> st.SearchStrategy[Value]:
    kind = setting.kind
    if isinstance(kind, Flag):
        return st.booleans()
    if isinstance(kind, Whole):
        return st.integers(kind.low, kind.high)
    if isinstance(kind, Choice):
        return st.sampled_from(kind.values)
    if isinstance(kind, Seconds):
        return st.floats(kind.low or 0.001, kind.high, allow_nan=False)
    words = WORDS.filter(str.isprintable)
    return st.lists(words, min_size=1, max_size=3) if isinstance(kind, Texts) else words


@st.composite
def changes(draw: st.DrawFn) -> tuple[tuple[str, ...], str, Value | None]:
    """A place, a key, and what it is set to; None: unset."""
    setting = draw(st.sampled_from(SETTINGS))
    places: list[tuple[str, ...]] = [("defaults", name) for name in setting.commands]
    if setting.everywhere:
        places.append(("defaults",))
    if setting.in_profile:
        places += [("profile", "site-7"), ("profile", "b.2")]
    return draw(st.sampled_from(places)), setting.key, draw(st.none() | values_of(setting))


@given(st.sampled_from(["", USERS, USERS.replace("\n", "\r\n")]), st.lists(changes(), max_size=6))
def test_what_is_set_is_read_and_the_rest_stays(
    tmp_path_factory: pytest.TempPathFactory,
    text: str,
    steps: list[tuple[tuple[str, ...], str, Value | None]],
) -> None:
    path = tmp_path_factory.mktemp("roundtrip") / "config.toml"
    if text:
        path.write_bytes(text.encode())
    expected = tomllib.loads(text)
    for place, key, value in steps:
        table = expected
        for name in place:
            table = table.setdefault(name, {})
        if place[0] == "profile" and "port" not in table and key != "port":
            continue
        if value is None:
            if place[0] == "profile" and key == "port":
                continue
            assert unset_value(path, place, key) == (key in table) if path.exists() else True
            table.pop(key, None)
        else:
            set_value(path, place, key, value)
            table[key] = value
    if not path.exists():
        return
    config = load_config(path)
    for place in (
        ("defaults",),
        *(("defaults", name) for name in COMMANDS),
        ("profile", "site-7"),
        ("profile", "b.2"),
    ):
        table = expected
        for name in place:
            table = table.get(name, {})
        assert config.table(*place) == {
            key: value for key, value in table.items() if not isinstance(value, dict)
        }
    after = path.read_bytes().decode()
    for comment in ("# my settings", "# one command", "# the heat room"):
        assert (comment in after) == (comment in text)
    if "\r\n" in text:
        assert after.count("\n") == after.count("\r\n")


def test_comments_and_order_stay(tmp_path: Path) -> None:
    path = written(tmp_path, USERS)
    set_value(path, ("defaults",), "port", "site-8")
    assert path.read_text() == USERS.replace('"site-7"   #', '"site-8"   #')
    set_value(path, ("defaults",), "retries", 3)
    set_value(path, ("defaults", "read"), "unit", ["kWh"])
    lines = path.read_text().splitlines()
    assert lines[lines.index('output = "json"') + 1] == "retries = 3"
    assert lines[lines.index("[defaults.read]") + 1] == 'unit = ["kWh"]'
    assert lines[lines.index("[defaults.read]") - 1] == ""


def test_profiles_are_put_and_taken(tmp_path: Path) -> None:
    path = written(tmp_path, USERS)
    put_profile(path, "a", {"port": "sim:", "baud": 300}, replace=False)
    with pytest.raises(InputError) as caught:
        put_profile(path, "a", {"port": "x"}, replace=False)
    assert caught.value.name == "input.exists"
    put_profile(path, "site-7", {"port": "x"}, replace=True)
    assert load_config(path).profiles["site-7"].settings == {}
    assert "# the heat room" in path.read_text()
    remove_profile(path, "site-7")
    remove_profile(path, "absent")
    assert set(load_config(path).profiles) == {"a", "b.2"}


def test_an_invalid_change_leaves_the_file_alone(tmp_path: Path) -> None:
    path = written(tmp_path, USERS)
    with pytest.raises(InputError):
        set_value(path, ("defaults",), "retries", 11)
    assert path.read_text() == USERS
    broken = written(tmp_path, "[defaults\n")
    with pytest.raises(InputError, match="line 1: no valid TOML"):
        set_value(broken, ("defaults",), "retries", 1)
    assert broken.read_text() == "[defaults\n"


def test_a_fault_elsewhere_does_not_stop_its_own_repair(tmp_path: Path) -> None:
    path = written(tmp_path, "[defaults]\nprot = 'x'\nbaud = 7\n")
    set_value(path, ("defaults",), "retries", 1)
    assert unset_value(path, ("defaults",), "prot")
    set_value(path, ("defaults",), "baud", 300)
    assert load_config(path).table("defaults") == {"baud": 300, "retries": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="modes and links as POSIX has them")
def test_a_link_is_followed_and_the_mode_stays(tmp_path: Path) -> None:
    dotfiles = tmp_path / "dotfiles"
    dotfiles.mkdir()
    target = dotfiles / "mbuscli.toml"
    target.write_text(USERS)
    target.chmod(0o640)
    folder = tmp_path / "config"
    folder.mkdir()
    path = folder / "config.toml"
    path.symlink_to(target)
    set_value(path, ("defaults",), "retries", 3)
    assert path.is_symlink()
    assert "retries = 3" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert os.listdir(dotfiles) == ["mbuscli.toml"], "no lock and no rest lies beside the user's dotfile"
    set_value(tmp_path / "new" / "config.toml", ("defaults",), "retries", 3)
    assert stat.S_IMODE((tmp_path / "new" / "config.toml").stat().st_mode) == 0o600


SETS = """
import sys
from pathlib import Path
from mbuscli.settings.config_edit import put_profile
for number in range(8):
    put_profile(Path(sys.argv[1]), f"{sys.argv[2]}-{number}", {"port": "sim:"}, replace=False)
"""


def test_two_at_a_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    command = [sys.executable, "-c", SETS, str(path)]
    running = [subprocess.Popen([*command, name], env=environment(), cwd=ROOT) for name in ("a", "b")]
    assert [child.wait(50) for child in running] == [0, 0]
    assert len(load_config(path).profiles) == 16

from __future__ import annotations

from pathlib import Path

import pytest

from mbuscli.errors import InputError
from mbuscli.settings.profiles import Profile, load_profiles, may_be_profile


def load(tmp_path: Path, text: str) -> dict[str, Profile]:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return load_profiles(path)


def test_a_profile(tmp_path: Path) -> None:
    text = """
    [profile.site-7]
    port = "tcp://10.0.0.7:10001"
    baud = 300
    timeout_s = 1.5
    retries = 3
    margin_s = 0.4
    [profile."b.2"]
    port = "id:A1"
    baud = "auto"
    timeout_s = 2
    """
    assert load(tmp_path, text) == {
        "site-7": Profile("tcp://10.0.0.7:10001", 300, 1.5, 3, 0.4),
        "b.2": Profile("id:A1", "auto", 2.0),
    }


def test_no_file_and_no_profiles(tmp_path: Path) -> None:
    assert load_profiles(tmp_path / "absent.toml") == {}
    assert load(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[profile.a]\nprot = 'x'", "did you mean port?"),
        ("[profil.a]\nport = 'x'", "did you mean profile?"),
        ("[profile.a]\nport = 'x'\nbaut = 300", "did you mean baud?"),
        ("[profile.a]\nport = 'x'\nzzz = 300", "known are: port, baud, timeout_s, retries, margin_s"),
    ],
)
def test_unknown_keys_are_refused_with_a_suggestion(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert caught.value.name == "input.invalid"
    assert caught.value.hint == (words,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[profile.a]", "port is missing"),
        ("[profile.a]\nport = ''", "port = ''"),
        ("[profile.a]\nport = 7", "port = 7"),
        ("[profile.a]\nport = 'x'\nbaud = 1234", "baud = 1234"),
        ("[profile.a]\nport = 'x'\nbaud = true", "baud = True"),
        ("[profile.a]\nport = 'x'\nbaud = '300'", "baud = '300'"),
        ("[profile.a]\nport = 'x'\ntimeout_s = 0", "timeout_s = 0"),
        ("[profile.a]\nport = 'x'\ntimeout_s = inf", "timeout_s = inf"),
        ("[profile.a]\nport = 'x'\ntimeout_s = nan", "timeout_s = nan"),
        ("[profile.a]\nport = 'x'\nmargin_s = -1", "margin_s = -1"),
        ("[profile.a]\nport = 'x'\nretries = 1.5", "retries = 1.5"),
        ("[profile.a]\nport = 'x'\nretries = 11", "retries = 11"),
        ("[profile.auto]\nport = 'x'", "a name has"),
        ("[profile.com3]\nport = 'x'", "a name has"),
        ('[profile."a b"]\nport = "x"', "a name has"),
        ("profile = 3", "[profile.NAME]"),
        ("[profile]\na = 3", "[profile.NAME]"),
        ("[profile.a", "no valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert caught.value.name == "input.invalid"
    assert words in caught.value.text
    assert str(tmp_path / "config.toml") in caught.value.text


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError):
        load_profiles(tmp_path / "config.toml")


@pytest.mark.parametrize(
    "text", ["/dev/ttyUSB0", "COM3", "com12", "auto", "tcp://x:1", "sim:", "id:A", "", "-a", "a b"]
)
def test_names_of_ports_are_no_profiles(text: str) -> None:
    assert not may_be_profile(text)


@pytest.mark.parametrize("text", ["site-7", "7", "b.2", "ttyUSB0", "Haus_A"])
def test_names(text: str) -> None:
    assert may_be_profile(text)

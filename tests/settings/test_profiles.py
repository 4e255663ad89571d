"""Profiles in the file of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbuscli.errors import InputError, UsageError
from mbuscli.settings.profiles import Profile, load_profiles, may_be_profile, port_of


def load(tmp_path: Path, text: str) -> dict[str, Profile]:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return load_profiles(path)


def test_profiles(tmp_path: Path) -> None:
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
    [profile.walk]
    port = "id:A2"
    mode = "T1"
    """
    profiles = load(tmp_path, text)
    found = [(p.name, p.port, p.baud, p.timeout_s, p.retries, p.margin_s) for p in profiles.values()]
    assert found == [
        ("site-7", "tcp://10.0.0.7:10001", 300, 1.5, 3, 0.4),
        ("b.2", "id:A1", "auto", 2.0, None, None),
        ("walk", "id:A2", None, None, None, None),
    ]
    assert profiles["walk"].settings == {"mode": "T1"}


def test_no_file_and_no_profiles(tmp_path: Path) -> None:
    assert load_profiles(tmp_path / "absent.toml") == {}
    assert load(tmp_path, "") == {}


def test_a_fault_anywhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 3"):
        load(tmp_path, "[profile.a]\nport = 'x'\nbaut = 300")


def test_the_port_behind_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MBUSCLI_CONFIG_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    load(tmp_path, "[profile.site-7]\nport = 'tcp://10.0.0.7:10001'")
    assert port_of("site-7") == "tcp://10.0.0.7:10001"
    for text in ("/dev/ttyUSB0", "COM3", "auto", "sim:", "other"):
        assert port_of(text) == text
    with pytest.raises(UsageError) as caught:
        port_of("site7")
    assert caught.value.hint == ("did you mean site-7?", "profiles: site-7")
    (tmp_path / "site7").touch()  # a device in this folder is no misspelt profile
    assert port_of("site7") == "site7"


@pytest.mark.parametrize(
    "text",
    ["/dev/ttyUSB0", "COM3", "com12", "auto", "tcp://x:1", "sim:", "id:A", "", "-a", "a b", "rtl_433", "-"],
)
def test_names_of_ports_are_no_profiles(text: str) -> None:
    assert not may_be_profile(text)


@pytest.mark.parametrize("text", ["site-7", "7", "b.2", "ttyUSB0", "Haus_A"])
def test_names(text: str) -> None:
    assert may_be_profile(text)

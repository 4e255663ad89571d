"""The folders of the user's files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mbuscli.errors import InputError
from mbuscli.settings.paths import config_folder, state_folder

ABSOLUTE = str(Path("/somewhere").absolute())


@pytest.mark.parametrize(
    ("environ", "config"),
    [
        ({"MBUSCLI_CONFIG_DIR": "mine", "XDG_CONFIG_HOME": ABSOLUTE, "HOME": "/h"}, Path("mine")),
        ({"XDG_CONFIG_HOME": ABSOLUTE, "HOME": "/h"}, Path(ABSOLUTE) / "mbuscli"),
        ({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}, Path("/h/.config/mbuscli")),
        ({"APPDATA": "C:\\Roaming", "HOME": "/h"}, Path("/h/.config/mbuscli")),
    ],
)
def test_settings(environ: dict[str, str], config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert config_folder(environ) == config


def test_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert state_folder({"HOME": "/h"}) == Path("/h/.local/state/mbuscli")
    assert state_folder({"MBUSCLI_STATE_DIR": "s", "HOME": "/h"}) == Path("s")


def test_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    environ = {"APPDATA": "Roaming", "LOCALAPPDATA": "Local"}
    assert config_folder(environ) == Path("Roaming") / "mbuscli"
    assert state_folder(environ) == Path("Local") / "mbuscli"


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # what it does without a home
    with pytest.raises(InputError) as caught:
        config_folder({})
    assert "MBUSCLI_CONFIG_DIR" in caught.value.hint[0]

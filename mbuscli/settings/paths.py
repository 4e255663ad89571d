"""Where the user's files live: settings in one folder, what the program learns in another."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mbuscli.errors import InputError, Reason

if TYPE_CHECKING:
    from pathlib import Path

RING_NAME = "keys.toml"
CONFIG_NAME = "config.toml"
_PROGRAM = "mbuscli"


def config_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Settings and keys, by the first of these that is set: $MBUSCLI_CONFIG_DIR, $XDG_CONFIG_HOME/mbuscli,
    %APPDATA%\\mbuscli (on Windows); else ~/.config/mbuscli.

    The folder need not exist. InputError `input.missing` if there is no home folder to put it in.
    """
    from pathlib import Path

    return Path(_folder(environ, "CONFIG", "APPDATA", ".config"))


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """What the program learns, as `config_folder`: $MBUSCLI_STATE_DIR, $XDG_STATE_HOME/mbuscli,
    %LOCALAPPDATA%\\mbuscli, ~/.local/state/mbuscli.
    """
    from pathlib import Path

    return Path(_folder(environ, "STATE", "LOCALAPPDATA", ".local/state"))


def state_file(name: str) -> str:
    """A file in `state_folder`, as text: a command that only looks into it needs no more than `open`."""
    return os.path.join(_folder(os.environ, "STATE", "LOCALAPPDATA", ".local/state"), name)


def config_path(name: str) -> str:
    """A file or folder in `config_folder`, as text."""
    return os.path.join(_folder(os.environ, "CONFIG", "APPDATA", ".config"), name)


def default_ring() -> Path:
    """The key ring in the folder of settings."""
    return config_folder() / RING_NAME


def _folder(environ: Mapping[str, str], kind: str, windows: str, below_home: str) -> str:
    own = environ.get(f"MBUSCLI_{kind}_DIR")
    if own:
        return own
    # The XDG base directory specification: a relative path is invalid and ignored.
    shared = environ.get(f"XDG_{kind}_HOME", "")
    if os.path.isabs(shared):
        return os.path.join(shared, _PROGRAM)
    if sys.platform == "win32" and environ.get(windows):
        return os.path.join(environ[windows], _PROGRAM)
    home = environ.get("HOME") or os.path.expanduser("~")
    if home == "~":
        raise InputError(
            f"there is no home folder for the {kind.lower()} files of {_PROGRAM}",
            reason=Reason.MISSING,
            hint=(f"name a folder in MBUSCLI_{kind}_DIR",),
        )
    return os.path.join(home, *below_home.split("/"), _PROGRAM)

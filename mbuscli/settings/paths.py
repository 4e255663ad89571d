"""Where the user's files live: settings in one folder, what the program learns in another."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from mbuscli.errors import InputError, Reason

RING_NAME = "keys.toml"
_PROGRAM = "mbuscli"


def config_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Settings and keys, by the first of these that is set: $MBUSCLI_CONFIG_DIR, $XDG_CONFIG_HOME/mbuscli,
    %APPDATA%\\mbuscli (on Windows); else ~/.config/mbuscli.

    The folder need not exist. InputError `input.missing` if there is no home folder to put it in.
    """
    return _folder(environ, "CONFIG", "APPDATA", ".config")


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """What the program learns, as `config_folder`: $MBUSCLI_STATE_DIR, $XDG_STATE_HOME/mbuscli,
    %LOCALAPPDATA%\\mbuscli, ~/.local/state/mbuscli.
    """
    return _folder(environ, "STATE", "LOCALAPPDATA", ".local/state")


def default_ring() -> Path:
    """The key ring in the folder of settings."""
    return config_folder() / RING_NAME


def _folder(environ: Mapping[str, str], kind: str, windows: str, below_home: str) -> Path:
    own = environ.get(f"MBUSCLI_{kind}_DIR")
    if own:
        return Path(own)
    # The XDG base directory specification: a relative path is invalid and ignored.
    shared = environ.get(f"XDG_{kind}_HOME", "")
    if os.path.isabs(shared):
        return Path(shared) / _PROGRAM
    if sys.platform == "win32" and environ.get(windows):
        return Path(environ[windows]) / _PROGRAM
    try:
        home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    except RuntimeError:
        raise InputError(
            f"there is no home folder for the {kind.lower()} files of {_PROGRAM}",
            reason=Reason.MISSING,
            hint=(f"name a folder in MBUSCLI_{kind}_DIR",),
        ) from None
    return home / below_home / _PROGRAM

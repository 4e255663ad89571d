"""The files of this room: topics and completion scripts."""

from __future__ import annotations

import os

_FOLDER = os.path.dirname(__file__)
_SHELLS = os.path.join(_FOLDER, "shells")
_TOPICS = os.path.join(_FOLDER, "topics")
_SUFFIX = ".txt"

# The script of each shell, under the name that the shell looks for.
SCRIPTS = {
    "bash": "mbuscli",
    "zsh": "_mbuscli",
    "fish": "mbuscli.fish",
    "powershell": "mbuscli.ps1",
}


def completion_script(shell: str) -> str:
    """The completion script of one of SCRIPTS."""
    return _read(os.path.join(_SHELLS, SCRIPTS[shell]))


def topic_names() -> list[str]:
    """The topics, in alphabetical order."""
    return sorted(name.removesuffix(_SUFFIX) for name in os.listdir(_TOPICS) if name.endswith(_SUFFIX))


def topic_text(name: str) -> str:
    """The text of a topic; what may stand in it is told in `markup`."""
    return _read(os.path.join(_TOPICS, name + _SUFFIX))


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()

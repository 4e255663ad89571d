"""The files that the program reads and writes, and which commands have to do with them."""

from __future__ import annotations

from typing import NamedTuple


class UserFile(NamedTuple):
    """A file of the user's: where it is without variables, what it is, and what tells that a command uses it.

    `commands` and `options`: a command uses it if it is one of these, or has one of these options.
    """

    path: str
    text: str
    commands: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


_CONFIG, _STATE = "~/.config/mbuscli", "~/.local/state/mbuscli"

FILES = (
    UserFile(
        f"{_CONFIG}/config.toml",
        "Settings and profiles; mbuscli-config(5). On Windows in %APPDATA%\\mbuscli.",
        ("config", "profile", "doctor", "shell"),
        ("--port", "--output", "--keys"),
    ),
    UserFile(
        f"{_CONFIG}/keys.toml",
        "The key ring; for its owner alone (mode 0600), perhaps encrypted.",
        ("doctor",),
        ("--keys",),
    ),
    UserFile(
        f"{_CONFIG}/meters/*.toml",
        "Your own meter drivers; they win over those that come with the program.",
        ("meters", "read", "decrypt", "sniff", "doctor"),
    ),
    UserFile(
        f"{_STATE}/inventory.sqlite3",
        "What was heard by radio: meters, readings, telegrams. On Windows in %LOCALAPPDATA%\\mbuscli.",
        ("doctor", "report"),
        ("--inventory",),
    ),
    UserFile(
        f"{_STATE}/journal.ndjson",
        "What was written into meters, and how to undo it.",
        ("journal", "report", "set-address", "set-baud", "set-clock", "reset", "send"),
    ),
    UserFile(
        f"{_STATE}/searches/*.json",
        "Secondary scans that were broken off, one for each port.",
        ("scan",),
    ),
    UserFile(
        f"{_STATE}/lorawan/*.json",
        "Counters and sessions of LoRaWAN devices.",
        ("lora-join",),
    ),
    UserFile(
        f"{_STATE}/compact_formats.txt",
        "Layouts of compact telegrams that were learnt from full ones.",
        ("decrypt", "sniff"),
    ),
    UserFile(
        f"{_STATE}/shell_history",
        "What was typed in the shell; without keys.",
        ("shell",),
    ),
)

"""Checks of the program, Python, the terminal and the clock."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from mbuscli import __version__
from mbuscli.services.doctor_case import Case, Finding
from mbuscli.settings.paths import state_folder
from mbuscli.settings.redact import redact

LIBRARIES = ("click", "rich", "pyserial", "cryptography", "prompt-toolkit")
# What a package is good for here, and the extra of ours that brings it.
EXTRAS = {"pyarrow": ("Parquet files", "archive"), "orjson": ("faster JSON lines", "fast")}
_NARROW = 60
_FIRST_YEAR, _LAST_YEAR = 2025, 2060
_AHEAD_S = 120.0
_SECRET_WORDS = ("KEY", "PASS")


def look_at_program(case: Case) -> Iterator[Finding]:
    """The version, where it runs from, and whether the shell finds the same one."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    text = f"mbuscli {__version__} in {folder}"
    scripts = sysconfig.get_path("scripts")
    on_path = shutil.which("mbuscli", path=case.environ.get("PATH"))
    if on_path is None:
        yield Finding("warning", f"{text}; the shell does not find it", (_path_command(scripts),))
    elif not _same_folder(os.path.dirname(on_path), scripts) and not _runs_here(on_path):
        hint = f"which -a mbuscli; the one of this run is {os.path.join(scripts, 'mbuscli')}"
        yield Finding("warning", f"{text}; the shell finds another one, {on_path}", (hint,))
    else:
        yield Finding("ok", text)


def look_at_python(_case: Case) -> Iterator[Finding]:
    """Python and the system."""
    python = f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    yield Finding("ok", f"{python} on {_system()}")


def look_at_libraries(_case: Case) -> Iterator[Finding]:
    """The versions of what the program is built on."""
    versions, missing = _versions(LIBRARIES)
    if missing:
        hint = f"{shlex.quote(sys.executable)} -m pip install --upgrade {' '.join(missing)}"
        yield Finding("failed", f"not installed: {', '.join(missing)}", (hint,))
    if versions:
        import sqlite3

        yield Finding("ok", ", ".join([*versions, f"SQLite {sqlite3.sqlite_version}"]))


def look_at_extras(_case: Case) -> Iterator[Finding]:
    """Packages that the program can do without."""
    versions, missing = _versions(tuple(EXTRAS))
    if versions:
        yield Finding("ok", ", ".join(versions))
    for name in missing:
        purpose, extra = EXTRAS[name]
        hint = f"{shlex.quote(sys.executable)} -m pip install 'mbuscli[{extra}]'"
        yield Finding("skipped", f"{name} is not installed ({purpose})", (hint,))


def look_at_terminal(case: Case) -> Iterator[Finding]:
    """Size and colours."""
    screen, environ = case.screen, case.environ
    if not screen.is_terminal:
        yield Finding("ok", f"stdout is no terminal: tab-separated lines, {_colour_words(case)}")
        return
    size = f"{screen.columns} columns"
    text = f"{size}, TERM={environ.get('TERM', '')}" if os.name == "posix" else size
    text += f", {_colour_words(case)}"
    if screen.columns < _NARROW:
        yield Finding("warning", f"{text}: tables are cramped", ("make the window wider than 60 columns",))
    else:
        yield Finding("ok", text)


def look_at_encoding(case: Case) -> Iterator[Finding]:
    """What stdout can carry."""
    encoding = case.screen.encoding
    if encoding.lower().replace("_", "-").startswith("utf"):
        yield Finding("ok", f"stdout carries {encoding}")
        return
    if "PYTHONIOENCODING" in case.environ:
        hint = "PYTHONIOENCODING=utf-8 mbuscli ..." if os.name == "posix" else "set PYTHONIOENCODING=utf-8"
    else:
        hint = "export PYTHONUTF8=1" if os.name == "posix" else "set PYTHONUTF8=1"
    text = f"stdout carries {encoding} only: units are written m3 and degC, what else it lacks as \\u...."
    yield Finding("warning", text, (hint,))


def look_at_locale(case: Case) -> Iterator[Finding]:
    """What the locale variables say; the first one that is set holds."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        if case.environ.get(name):
            yield Finding("ok", f"{name}={case.environ[name]}, file names in {sys.getfilesystemencoding()}")
            return
    yield Finding("ok", f"none is set, file names in {sys.getfilesystemencoding()}")


def look_at_clock(_case: Case) -> Iterator[Finding]:
    """Readings and journal carry the computer's time, and set-clock writes it into meters."""
    now = datetime.now().astimezone()
    text = f"{now.isoformat(sep=' ', timespec='minutes')} ({now.tzname()})"
    hint = ("set date and time: sudo timedatectl set-ntp true",) if sys.platform == "linux" else ()
    hint = hint or ("set date and time in the system's settings",)
    if not _FIRST_YEAR <= now.year <= _LAST_YEAR:
        yield Finding("failed", f"{text} cannot be right", hint)
        return
    newest = _newest_file()
    if newest is not None and newest > time.time() + _AHEAD_S:
        last = datetime.fromtimestamp(newest).astimezone().isoformat(sep=" ", timespec="minutes")
        yield Finding("failed", f"{text}, but mbuscli has written files at {last}: it was set back", hint)
        return
    yield Finding("ok", text)


def look_at_environment(case: Case) -> Iterator[Finding]:
    """The variables that are set for the program; what may be secret is not shown."""
    shown = []
    for name, value in sorted(case.environ.items()):
        if name.startswith("MBUSCLI_"):
            secret = any(word in name for word in _SECRET_WORDS)
            shown.append(f"{name} (set, not shown)" if secret else f"{name}={redact(value)}")
    yield Finding("ok", ", ".join(shown) or "no MBUSCLI_ variable is set")


def _versions(packages: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """`name version` of those that are installed, and the names of the others."""
    from importlib import metadata

    versions, missing = [], []
    for name in packages:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    return versions, missing


def _colour_words(case: Case) -> str:
    if case.screen.colour:
        return "with colours"
    if case.environ.get("NO_COLOR"):
        return "no colours (NO_COLOR is set)"
    if case.screen.is_terminal and case.environ.get("TERM") == "dumb":
        return "no colours (TERM=dumb)"
    return "no colours"


def _system() -> str:
    parts = [platform.system(), platform.release(), platform.machine()]
    if sys.platform == "linux":
        with suppress(OSError, KeyError):  # a system that does not say
            parts.append(f"({platform.freedesktop_os_release()['PRETTY_NAME']})")
    return " ".join(filter(None, parts))


def _path_command(scripts: str) -> str:
    if os.name == "nt":
        return f"set PATH=%PATH%;{scripts}"
    return f'export PATH="$PATH:{scripts}"'


def _same_folder(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _runs_here(script: str) -> bool:
    """True if the script is one that starts this Python, as pipx and links in ~/.local/bin do."""
    real = os.path.realpath(script)
    return _same_folder(os.path.dirname(real), sysconfig.get_path("scripts"))


def _newest_file() -> float | None:
    """When a file of the state folder was last written, None if there is none."""
    times = []
    try:
        with os.scandir(state_folder()) as entries:
            times = [entry.stat().st_mtime for entry in entries if entry.is_file()]
    except OSError:
        return None  # the check of the state folder tells
    return max(times, default=None)

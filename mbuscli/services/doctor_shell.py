"""Checks of what the shell and man know of the program: completions and man pages."""

from __future__ import annotations

import glob
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping

from mbuscli.services.doctor_case import Case, Finding

# Shell: where it looks, below each of the data folders, and below the home folder.
_COMPLETIONS = {
    "bash": (
        ("bash-completion/completions/mbuscli", "bash-completion/completions/mbuscli.bash"),
        (".bash_completion", ".bashrc"),
    ),
    "zsh": (
        ("zsh/site-functions/_mbuscli", "zsh/vendor-completions/_mbuscli"),
        (".zfunc/_mbuscli", ".zsh/completions/_mbuscli", ".zshrc"),
    ),
    "fish": (
        ("fish/vendor_completions.d/mbuscli.fish",),
        (".config/fish/completions/mbuscli.fish",),
    ),
    # Its profiles fetch the script: the newer one's, the older one's, and that of other systems.
    "powershell": (
        (),
        (
            "Documents/PowerShell/Microsoft.PowerShell_profile.ps1",
            "Documents/WindowsPowerShell/Microsoft.PowerShell_profile.ps1",
            ".config/powershell/Microsoft.PowerShell_profile.ps1",
        ),
    ),
}
_MAIN_PAGE = "man/man1/mbuscli.1"
# Where zsh looks by itself.
_USUAL = ("/usr/share", "/usr/local/share")
_ETC = "/etc/bash_completion.d/mbuscli*"


def look_for_completion(case: Case) -> Iterator[Finding]:
    """The completions of the user's shell."""
    shell = _shell(case.environ)
    if shell not in _COMPLETIONS:
        text = f"SHELL={shell}: known are {', '.join(_COMPLETIONS)}"
        yield Finding("skipped", text, ("mbuscli completion --help",))
        return
    shared, at_home = _COMPLETIONS[shell]
    for folder in data_folders(case.environ):
        for name in shared:
            path = os.path.join(folder, name)
            if os.path.exists(path):
                yield _of_shared(shell, path, folder)
                return
    home = case.environ.get("HOME") or os.path.expanduser("~")
    for name in at_home:
        path = os.path.join(home, name)
        # A start-up file counts if it speaks of us.
        if os.path.exists(path) and ("mbuscli" in name or _mentions(path)):
            yield Finding("ok", f"{shell}: {path}")
            return
    if shell == "bash" and (found := glob.glob(_ETC)):
        yield Finding("ok", f"{shell}: {found[0]}")
        return
    text = f"{shell} does not complete commands and options"
    yield Finding("warning", text, ("mbuscli completion --install",))


def _of_shared(shell: str, path: str, folder: str) -> Finding:
    """Only zsh does not look beside the programs on PATH: there the folder must be named."""
    if shell == "zsh" and folder not in _USUAL:
        hint = f"before compinit in ~/.zshrc: fpath+=({os.path.dirname(path)})"
        return Finding("warning", f"zsh may not look at {path}", (hint, "or: mbuscli completion --install"))
    return Finding("ok", f"{shell}: {path}")


def look_for_manual(case: Case) -> Iterator[Finding]:
    """The man pages."""
    if os.name == "nt":
        yield Finding("skipped", "Windows has no man", ("mbuscli help",))
        return
    for folder in (*_man_path(case.environ), *data_folders(case.environ)):
        page = os.path.join(folder, _MAIN_PAGE)
        found = glob.glob(f"{glob.escape(page)}*")
        if found:
            yield Finding("ok", found[0])
            return
    yield Finding("warning", "man mbuscli finds nothing", ("mbuscli help shows the same",))


def data_folders(environ: Mapping[str, str]) -> list[str]:
    """The share folders: the user's, this Python's, those beside the programs on PATH, the system's."""
    home = environ.get("HOME") or os.path.expanduser("~")
    user = environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    system = (environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    beside = [
        os.path.join(os.path.dirname(folder.rstrip("/")), "share")
        for folder in environ.get("PATH", "").split(os.pathsep)
        if os.path.basename(folder.rstrip("/")) in ("bin", "sbin")
    ]
    return list(dict.fromkeys(filter(None, (user, _own_share(), *beside, *system))))


def _own_share() -> str:
    return os.path.join(sysconfig.get_path("data") or sys.prefix, "share")


def _man_path(environ: Mapping[str, str]) -> list[str]:
    """The folders above those in MANPATH."""
    return [os.path.dirname(folder.rstrip("/")) for folder in environ.get("MANPATH", "").split(":") if folder]


def _shell(environ: Mapping[str, str]) -> str:
    name = os.path.basename(environ.get("SHELL", "")).removesuffix(".exe")
    return "powershell" if os.name == "nt" or name == "pwsh" else name


def _mentions(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return b"mbuscli" in stream.read(1 << 20)
    except OSError:
        return False

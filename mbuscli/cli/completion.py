"""`mbuscli completion`: the completion scripts of shells."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.tab import SHELLS
from mbuscli.errors import InputError, Reason, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_MAX_OCTETS = 1 << 20
# Every script of ours says this of itself.
_MARK = b"completion for mbuscli"


@click.command("completion")
@click.argument("shell", required=False, type=click.Choice(SHELLS), metavar="[SHELL]")
@click.option("--install", is_flag=True, help="Write the script where the shell looks for it.")
@click.option("-q", "--quiet", is_flag=True, help="No notes on stderr.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def command(shell: str | None, install: bool, quiet: bool) -> ExitCode:
    """Complete commands, options and values at TAB: the script for your shell.

    SHELL is bash, zsh, fish or powershell; without it the one in $SHELL, on Windows PowerShell. The script is
    printed, or with --install written to a folder of yours, whose name is printed. Packages of mbuscli bring
    the scripts along; this is for when the shell does not find them.

    \b
    Examples:
      mbuscli completion --install
      mbuscli completion zsh > ~/.zfunc/_mbuscli
      source <(mbuscli completion bash)

    Exit codes: 0 done, 2 the shell is unknown, 10 the file cannot be written.
    """
    from mbuscli.manual.files import completion_script
    from mbuscli.render.streams import standard_streams

    streams = standard_streams()
    streams.quiet = quiet
    shell = shell or _own_shell()
    script = completion_script(shell)
    if not install:
        streams.data(script, end="")
        return ExitCode.DONE
    path = install_path(shell)
    _write(path, script)
    streams.data(str(path))
    streams.talk(_next_step(shell, path))
    return ExitCode.DONE


def _own_shell() -> str:
    """The user's shell; UsageError `usage.unrecognised` if there is no script for it."""
    if sys.platform == "win32":
        return "powershell"
    name = os.path.basename(os.environ.get("SHELL", "")).removesuffix(".exe")
    shell = "powershell" if name == "pwsh" else name
    if shell not in SHELLS:
        raise UsageError(
            f"there is no completion for the shell {name!r}"
            if name
            else "it is not known what your shell is",
            reason=Reason.UNRECOGNISED,
            hint=(f"name one: mbuscli completion {'|'.join(SHELLS)}",),
        )
    return shell


def install_path(shell: str) -> Path:
    """Where the shell looks for the scripts of a user, or, of PowerShell, where a profile can fetch it."""
    from pathlib import Path

    from mbuscli.manual.files import SCRIPTS
    from mbuscli.settings.paths import config_folder

    home = Path(os.environ.get("HOME") or os.path.expanduser("~"))
    if shell == "bash":
        data = os.environ.get("XDG_DATA_HOME") or home / ".local" / "share"
        return Path(data, "bash-completion", "completions", "mbuscli")
    if shell == "zsh":
        return home / ".zfunc" / SCRIPTS[shell]
    if shell == "fish":
        config = os.environ.get("XDG_CONFIG_HOME") or home / ".config"
        return Path(config, "fish", "completions", SCRIPTS[shell])
    return config_folder() / SCRIPTS[shell]


def _write(path: Path, script: str) -> None:
    """InputError `input.exists` if somebody else's file stands there, `input.unwritable`."""
    from mbuscli.settings.files import read_file, write_kept

    if path.exists() and _MARK not in read_file(path, _MAX_OCTETS):
        raise InputError(
            f"{path} is there already, and is not ours",
            reason=Reason.EXISTS,
            hint=("move it away, or write the script elsewhere: mbuscli completion > FILE",),
        )
    write_kept(path, script.encode("utf-8"))


def _next_step(shell: str, path: Path) -> str:
    if shell == "bash":
        return (
            "open a new shell, and press TAB behind mbuscli\n"
            f"if nothing comes, the package bash-completion is missing; add to ~/.bashrc: source {path}"
        )
    if shell == "zsh":
        return (
            "open a new shell, and press TAB behind mbuscli\n"
            f"if nothing comes, add to ~/.zshrc, before compinit: fpath+=({path.parent})"
        )
    if shell == "fish":
        return "press TAB behind mbuscli"
    return f"add to the file that $PROFILE names, and open a new shell: . '{path}'"

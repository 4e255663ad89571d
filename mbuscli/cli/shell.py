"""`mbuscli shell`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_file, complete_port
from mbuscli.cli.met import session_of_command
from mbuscli.errors import Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.repl.shell import Shell


@click.command("shell")
@click.argument("file", required=False, metavar="[FILE]", shell_complete=complete_file)
@click.option(
    "-p",
    "--port",
    metavar="PORT",
    shell_complete=complete_port,
    help="The wired port of all commands, as `set port PORT` in the shell.",
)
@click.option("--keep-going", is_flag=True, help="With FILE or a pipe: go on after a line that fails.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def command(file: str | None, port: str | None, keep_going: bool) -> int:
    """Run commands one after the other, with the port kept open.

    At the prompt the commands are the same as outside, without `mbuscli` in front. TAB completes commands,
    options, ports, keys and the meters that were seen. `help` lists what the shell adds: `use METER` selects
    a meter for the commands that want one, `set port PORT` and the like hold for all commands, `sniff ... &`
    listens in the background and tells of new meters above the prompt. Ctrl-C stops a command, Ctrl-D leaves.

    With FILE, or with a pipe as standard input, the lines are commands of a script; # begins a comment. The
    first line that fails ends it.

    \b
    Examples:
      mbuscli shell
      mbuscli shell --port /dev/ttyUSB0
      mbuscli shell morning.mbus --port sim:
      echo 'read 1 -o json' | mbuscli shell --port sim:

    Exit codes: those of the line that failed; with --keep-going 8 if some failed; 0 from the prompt.
    """
    if session_of_command() is not None:
        raise UsageError("this is the shell already", reason=Reason.INVALID, hint=("a script: run FILE",))
    from mbuscli.repl.shell import open_shell

    with open_shell() as shell:
        if port is not None:
            shell.session.values["port"] = port
        if file is not None and file != "-":
            return shell.run_file(file, keep_going=keep_going)
        if file is None and sys.stdin.isatty() and sys.stdout.isatty():
            return _prompt()(shell)
        return shell.run_stream(sys.stdin.buffer, keep_going=keep_going)


def _prompt() -> Callable[[Shell], int]:
    """The prompt, imported without a look for garbage, of which there is none: a fifth less time."""
    import gc

    gc.disable()
    try:
        from mbuscli.repl.prompt import run_prompt
    finally:
        gc.enable()
    return run_prompt

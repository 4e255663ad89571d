"""`mbuscli doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_port
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import output_options

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.doctor_case import Kind

# Given by the command's help: what is wrong here is no bug.
_SOMETHING_FAILED = 1


# Without the user's defaults: a file of settings that is wrong is for the report, and no port but a named one
# is opened.
@click.command("doctor", context_settings={"default_map": {}})
@click.option(
    "-p",
    "--port",
    metavar="PORT",
    shell_complete=complete_port,
    help="Open this port too, and ask what is behind it: a path, a profile, tcp://host:port, sim:stick ...",
)
@click.option(
    "--as",
    "kind",
    type=click.Choice(("converter", "stick", "modem")),
    help="What is behind --port. Default: as its USB texts say, else a converter.",
)
@output_options("checks")
def command(port: str | None, kind: Kind | None, output: Output) -> ExitCode | int:
    """Check computer, files and devices, and say how to mend them.

    One line for each check: ok, warning, failed or skipped, and what was seen; below it what to do. There are
    no secrets in the report, so that it may be pasted into a question: keys are counted, never shown, and the
    home folder is written ~.

    No serial port is opened unless it is named: on a wired bus all meters hear a question. Sticks whose USB
    texts name them are asked who they are. To the gateways of your profiles a connection is made, and closed
    at once. With --port a stick or modem is asked for its identity and firmware; to a level converter one
    SND_NKE (link reset) is sent for address 253, which only a selected meter answers, to see whether the
    converter echoes.

    \b
    Examples:
      mbuscli doctor
      mbuscli doctor --port /dev/ttyUSB0
      mbuscli doctor --port sim:stick
      mbuscli doctor -o json --fields check,state,text

    Exit codes: 0 nothing failed, 1 something failed.
    """
    import os

    from mbuscli.render.doctor_rows import write_checks
    from mbuscli.render.streams import terminal_width
    from mbuscli.services.doctor import examine
    from mbuscli.services.doctor_case import Case, Screen

    streams = output.streams
    screen = Screen(
        streams.out.encoding or "ascii", streams.out_is_terminal, terminal_width(), streams.colour
    )
    counts = write_checks(output, examine(Case(screen, os.environ, port, kind)))
    told = [f"{count} {state}" for state, count in counts.items() if count and state != "skipped"]
    streams.talk(", ".join(told))
    return _SOMETHING_FAILED if counts["failed"] else ExitCode.DONE

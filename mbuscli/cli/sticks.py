"""`mbuscli sticks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_stick_port
from mbuscli.cli.exit_codes import ExitCode, exit_code_of, of_many
from mbuscli.cli.options import output_options

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.stick_list import FoundStick


@click.command("sticks")
@click.argument("ports", nargs=-1, metavar="[PORT]...", shell_complete=complete_stick_port)
@output_options("sticks")
def command(ports: tuple[str, ...], output: Output) -> ExitCode:
    """List the radio sticks, and what they hear.

    Each port is asked who is there, all at the same time, in an order that disturbs no stick. A port that may
    lead to a wired bus is not asked unless you name it: there, every question would be heard by all meters.
    Shown are the sets of link modes that a stick hears at once, and the question that it has answered.

    \b
    Examples:
      mbuscli sticks
      mbuscli sticks /dev/ttyUSB0 COM5
      mbuscli sticks 'sim:stick?family=cul' -o json

    Exit codes: 0 done, 3 a named port cannot be asked, 4 nobody answers on a named port, 8 on some of them.
    """
    from mbuscli.cli.talk import complain
    from mbuscli.render.stick_rows import stick_row, write_sticks
    from mbuscli.services.stick_list import list_sticks

    output.streams.progress("asking the ports who is there; a silent one takes some seconds")
    found = list_sticks(ports)
    output.streams.end_progress()
    write_sticks(output, [stick_row(entry) for entry in found])
    if not ports:
        if not any(entry.identity for entry in found):
            output.streams.talk("no radio stick was found; without hardware: --port sim:stick")
        return ExitCode.DONE
    for entry in found:
        if entry.error is not None:
            complain(output, entry.error, entry.port)
    return of_many(_code(entry) for entry in found)


def _code(entry: FoundStick) -> ExitCode:
    if entry.error is not None:
        return exit_code_of(entry.error)
    return ExitCode.NO_ANSWER if entry.identity is None else ExitCode.DONE

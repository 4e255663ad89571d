"""`mbuscli ports`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import output_options

if TYPE_CHECKING:
    from mbuscli.render.report import Output


@click.command("ports")
@output_options("ports")
def command(output: Output) -> ExitCode:
    """List the serial ports of this computer.

    Shows for each port its USB ids and texts, the names that it keeps when it is plugged in again, who has it
    open, whether you may open it, and what it probably is and why. No port is opened and nothing is sent:
    level converters have no identity of their own, so what is said of them is a guess from the USB chip.

    \b
    Examples:
      mbuscli ports
      mbuscli ports -o json
      mbuscli ports --fields name,held_by,permission

    Exit codes: 0 done, also if there is no port.
    """
    from mbuscli.render.port_rows import port_row, write_ports
    from mbuscli.services.ports import list_ports

    rows = [port_row(found) for found in list_ports()]
    write_ports(output, rows)
    if not rows:
        output.streams.talk(
            "no serial port is present: plug the converter in, with a cable that carries data too"
        )
    return ExitCode.DONE

"""`mbuscli journal`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_meter
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import output_options
from mbuscli.errors import UsageError

if TYPE_CHECKING:
    from mbuscli.protocol.address import MeterAddress
    from mbuscli.render.report import Output
    from mbuscli.settings.journal import Line


@click.command("journal")
@click.argument("meter", required=False, metavar="[METER]", shell_complete=complete_meter)
@output_options("journal")
def command(meter: str | None, output: Output) -> ExitCode:
    """List what was written into meters, and how to undo it.

    METER is a meter's address 12345678.KAM.1B.16; parts may be left out from the right, F stands for any
    digit. Each write has the command that takes it back; "begun" is one of which the end is not known: read
    the meter. The journal is journal.ndjson in the state folder (MBUSCLI_STATE_DIR), and only ever grows.

    \b
    Examples:
      mbuscli journal
      mbuscli journal 12345678 -o json
      mbuscli journal --fields time,meter,undo -o csv

    Exit codes: 0 done, also if nothing was ever written, 10 the journal cannot be read.
    """
    from mbuscli.protocol.address import MeterAddress
    from mbuscli.render.text import inert
    from mbuscli.render.write_rows import journal_row, write_journal
    from mbuscli.settings.journal import Journal

    mask = None if meter is None else MeterAddress.parse(meter)
    journal = Journal()
    rows = [journal_row(line) for line in journal.read() if mask is None or _is_about(mask, line)]
    write_journal(output, rows)
    if not rows:
        output.streams.talk(inert(f"nothing is noted in {journal.path}"))
    return ExitCode.DONE


def _is_about(mask: MeterAddress, line: Line) -> bool:
    from mbuscli.protocol.address import MeterAddress

    try:
        return line.entry.meter is not None and mask.matches(MeterAddress.parse(line.entry.meter))
    except UsageError:
        return False

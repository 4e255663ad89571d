"""`mbuscli reset`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_meter, complete_sub_code
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import bus_options, output_options
from mbuscli.cli.writing import Consent, parse_target, write, write_options

if TYPE_CHECKING:
    from mbuscli.cli.bus import Bus
    from mbuscli.render.report import Output


@click.command("reset")
@click.argument("target", metavar="TARGET", shell_complete=complete_meter)
@click.argument("sub_code", required=False, metavar="[SUBCODE]", shell_complete=complete_sub_code)
@write_options
@bus_options
@output_options("write")
def command(target: str, sub_code: str | None, consent: Consent, bus: Bus, output: Output) -> ExitCode:
    """Reset a meter's application, or choose what it sends.

    TARGET is the meter's primary address, or its own 12345678.KAM.1B.16. Without SUBCODE the meter goes back
    to its usual readout and its first telegram; its counters stay as they are. SUBCODE chooses another
    readout: two hexadecimal digits (telegram type and block), or a word: all, user-data, simple-billing,
    enhanced-billing, multi-tariff-billing, instantaneous-values, load-management, installation-and-start-up,
    testing ..., with a block from 0 to 15 behind a colon.

    \b
    Examples:
      mbuscli reset 5 --port /dev/ttyUSB0
      mbuscli reset 5 instantaneous-values --port /dev/ttyUSB0 --yes
      mbuscli reset 12345678.KAM.1B.16 user-data:1 --port /dev/ttyUSB0

    Exit codes: 0 acknowledged, 4 no answer, 5 several answer, 7 the meter refused, 9 not confirmed.
    """
    from mbuscli.protocol.wired.commands import parse_sub_code
    from mbuscli.services.commission import ApplicationReset

    code = None if sub_code is None else parse_sub_code(sub_code)
    return write(bus, output, consent, parse_target(target), ApplicationReset(code))

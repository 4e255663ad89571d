"""`mbuscli set-baud`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_meter
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import bus_options, output_options
from mbuscli.cli.writing import Consent, parse_target, write, write_options

if TYPE_CHECKING:
    from mbuscli.cli.bus import Bus
    from mbuscli.render.report import Output

_RATES = ("300", "600", "1200", "2400", "4800", "9600", "19200", "38400")


@click.command("set-baud")
@click.argument("target", metavar="TARGET", shell_complete=complete_meter)
@click.argument("rate", type=click.Choice(_RATES), metavar="RATE")
@write_options
@bus_options
@output_options("write")
def command(target: str, rate: str, consent: Consent, bus: Bus, output: Output) -> ExitCode:
    """Set the baud rate of a meter, and look for it there.

    TARGET is the meter's primary address, or its own 12345678.KAM.1B.16. --baud is the rate that it has now,
    RATE the one that it gets: 300, 600, 1200, 2400, 4800, 9600, 19200 or 38400. The meter is asked at the new
    rate at once, and where it is silent at both; a meter that hears nothing at a new rate goes back by itself
    after some minutes. The other meters and the master do not change theirs.

    \b
    Examples:
      mbuscli set-baud 5 9600 --port /dev/ttyUSB0
      mbuscli set-baud 12345678.KAM.1B.16 2400 --baud 300 --port /dev/ttyUSB0 --yes

    Exit codes: 0 done or so already, 3 the port cannot do RATE, 4 no answer, or silent at both rates,
    5 several answer, 7 the meter refused, 9 not confirmed, or unsafe.
    """
    from mbuscli.services.commission import SetBaud

    return write(bus, output, consent, parse_target(target), SetBaud(int(rate)))

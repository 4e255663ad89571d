"""`mbuscli set-clock`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_meter
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import bus_options, output_options
from mbuscli.cli.writing import Consent, parse_target, write, write_options
from mbuscli.errors import Reason, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from mbuscli.cli.bus import Bus
    from mbuscli.protocol.wired.commands import ClockType
    from mbuscli.render.report import Output


@click.command("set-clock")
@click.argument("target", metavar="TARGET", shell_complete=complete_meter)
@click.option("--time", "time_text", metavar="TIME", help="What the meter is to show, 2026-01-31T10:00:00.")
@click.option(
    "--type",
    "data_type",
    type=click.Choice(("F", "I")),
    help="F: four bytes, minutes; I: six bytes, seconds. Default: as in the meter's readout, else F.",
)
@click.option(
    "--standard-time",
    is_flag=True,
    envvar="MBUSCLI_STANDARD_TIME",
    help="Standard time all the year: without daylight saving, and its bit not set.",
)
@click.option(
    "--shift",
    "shift_s",
    type=int,
    default=0,
    metavar="SECONDS",
    help="Set it off the computer's time by so much; --shift=-60 is a minute slow.",
)
@write_options
@bus_options
@output_options("write")
def command(
    target: str,
    time_text: str | None,
    data_type: ClockType | None,
    standard_time: bool,
    shift_s: int,
    consent: Consent,
    bus: Bus,
    output: Output,
) -> ExitCode:
    """Set the clock of a meter from this computer's.

    TARGET is the meter's primary address, or its own 12345678.KAM.1B.16. The meter gets local time as this
    computer shows it when it is sent, and a bit that says whether daylight saving is in force; with
    --standard-time local time without daylight saving. A meter knows no time zone. The old clock is shown
    with its error, and read back afterwards.

    \b
    Examples:
      mbuscli set-clock 5 --port /dev/ttyUSB0
      mbuscli set-clock 5 --standard-time --type I --port /dev/ttyUSB0 --yes
      mbuscli set-clock 12345678.KAM.1B.16 --time 2026-01-31T10:00 --port /dev/ttyUSB0 --dry-run

    Exit codes: 0 done or right already, 4 no answer, 5 several answer, 7 the meter refused, 9 not confirmed.
    """
    from mbuscli.services.commission import SetClock

    moment = None if time_text is None else parse_moment(time_text)
    if moment is not None and shift_s:
        raise UsageError("--time and --shift exclude each other", reason=Reason.INVALID)
    change = SetClock(moment, data_type, standard_time, shift_s)
    return write(bus, output, consent, parse_target(target), change)


def parse_moment(text: str) -> datetime:
    """A date and time without zone, in the years that both types can hold; UsageError for anything else."""
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or len(text) < len("2026-01-31T10:00") or moment.tzinfo is not None:
        raise UsageError(
            f"{text!r} is no time for a meter's clock",
            reason=Reason.INVALID,
            hint=("write it as 2026-01-31T10:00:00, without a time zone: a meter knows none",),
        )
    if not 1981 <= moment.year <= 2080:
        raise UsageError(
            f"a meter's clock cannot show the year {moment.year}",
            reason=Reason.INVALID,
            hint=("years from 1981 to 2080 fit",),
        )
    return moment

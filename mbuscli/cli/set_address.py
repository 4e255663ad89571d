"""`mbuscli set-address`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_file, complete_meter
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import bus_options, output_options
from mbuscli.cli.writing import Consent, parse_number, parse_target, write, write_options
from mbuscli.errors import Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.cli.bus import Bus
    from mbuscli.render.report import Output
    from mbuscli.services.commission import SetAddress, SetIdentification


@click.command("set-address")
@click.argument("target", required=False, metavar="TARGET", shell_complete=complete_meter)
@click.argument("new", required=False, metavar="[NEW]")
@click.option(
    "--id",
    "identification",
    metavar="NUMBER[.MAN.VV.TT]",
    help="Write the meter's own address instead: its number, and its manufacturer, version, device type.",
)
@click.option(
    "--plan",
    "plan_file",
    metavar="FILE",
    shell_complete=complete_file,
    is_eager=True,
    help="Give many meters their primary addresses, by a list (CSV: meter number; new address).",
)
@write_options
@bus_options
@output_options("write", plan_file="plan")
def command(
    target: str | None,
    new: str | None,
    identification: str | None,
    plan_file: str | None,
    consent: Consent,
    bus: Bus,
    output: Output,
) -> ExitCode:
    """Give a meter another address, and prove it.

    TARGET is the meter's primary address, or its own 12345678.KAM.1B.16 (F stands for any digit) if that
    selects exactly one; 254 if it is the only meter on the bus. NEW is the primary address that it gets, 0 to
    250. The meter is read before and after, NEW must be free (0, the address of new meters, may be shared),
    and a line in the journal tells how to undo it.

    --plan takes a list with a meter's number, or its own address, and its new primary address a line. All of
    it is checked before the first write: meters that are missing or not the only one of their number,
    addresses given twice or taken. Meters that change places go by way of a free address. A plan that was cut
    goes on when it is run again: where the meters are decides what is left to do.

    \b
    Examples:
      mbuscli set-address 0 17 --port /dev/ttyUSB0
      mbuscli set-address 12345678.KAM.1B.16 17 --port /dev/ttyUSB0 --yes -o json
      mbuscli set-address 17 --id 87654321 --port /dev/ttyUSB0 --dry-run
      mbuscli set-address --plan plan.csv --port /dev/ttyUSB0

    Exit codes: 0 done or so already, 4 no answer, 5 several answer or unclear, 7 the meter refused, 9 not
    confirmed, or unsafe: NEW is taken or one of 251-255. With --plan: 8 some meters failed, 9 it cannot be
    carried out on this bus, 10 the plan itself is wrong.
    """
    if plan_file is not None:
        if target is not None or new is not None or identification is not None:
            raise UsageError("--plan names the meters and addresses itself", reason=Reason.INVALID)
        from pathlib import Path

        from mbuscli.cli.set_address_plan import run_plan

        return run_plan(Path(plan_file), bus, output, consent)
    change = _change(target, new, identification)
    return write(bus, output, consent, parse_target(target or ""), change)


def _change(
    target: str | None, new: str | None, identification: str | None
) -> SetAddress | SetIdentification:
    if target is None or (new is None) == (identification is None):
        raise UsageError(
            "give the meter's present address, and either a new primary address or --id",
            reason=Reason.INVALID,
            hint=("mbuscli set-address 0 17", "mbuscli set-address 17 --id 87654321"),
        )
    from mbuscli.services.commission import SetAddress

    if new is None:
        return _identification(identification or "")
    number = parse_number(new)
    if number is None:
        raise UsageError(
            f"{new!r} is no primary address",
            reason=Reason.INVALID,
            hint=("meters have addresses from 0 to 250", "a meter's own address is set with --id"),
        )
    return SetAddress(number)


def _identification(text: str) -> SetIdentification:
    from mbuscli.protocol.address import MeterAddress
    from mbuscli.services.commission import SetIdentification

    meter = MeterAddress.parse(text)
    given = text.count(".")
    return SetIdentification(
        meter.id,
        meter.manufacturer if given >= 1 else None,
        meter.version if given >= 2 else None,
        meter.device_type if given >= 3 else None,
    )

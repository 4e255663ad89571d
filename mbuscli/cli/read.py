"""`mbuscli read`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_file, complete_meter
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import bus_options, output_options
from mbuscli.errors import InputError, Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.cli.bus import Bus
    from mbuscli.render.report import Output
    from mbuscli.services.link import Link
    from mbuscli.services.read import Address, ReadEvent
    from mbuscli.settings.meter_list import ListedMeter


@click.command("read")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS...]", shell_complete=complete_meter)
@click.option("--all", "whole_bus", is_flag=True, help="Read every meter of the bus.")
@click.option("--secondary", is_flag=True, help="With --all: find them by secondary address.")
@click.option(
    "--range",
    "range_text",
    metavar="A-B,C",
    help="With --all: these primary addresses.  [default: 0-250]",
)
@click.option(
    "--list",
    "list_file",
    metavar="FILE",
    shell_complete=complete_file,
    help="Read the meters of a list: CSV, or a scan's JSON.",
)
@click.option("--summary", is_flag=True, is_eager=True, help="One row a meter, for billing.")
@bus_options
@output_options("telegram", summary="meters")
def command(
    addresses: tuple[str, ...],
    whole_bus: bool,
    secondary: bool,
    range_text: str | None,
    list_file: str | None,
    summary: bool,
    bus: Bus,
    output: Output,
) -> ExitCode:
    """Read meters by address, those of a list, or all of the bus.

    ADDRESS is a primary address (0-250; 254 for the only meter on the bus) or a meter's address
    12345678.KAM.1B.16: number, manufacturer, version, device type. Parts may be left out from the right, F
    stands for any digit. A readout of several telegrams is read to its end.

    --all asks the primary addresses one after the other, --all --secondary searches. Either way what finds a
    meter is its reading: no meter is read twice. --list takes delivery notes as CSV, one number a line, and
    what scan and read write.

    --summary leaves one row a meter: address, name and place from the list, main counter, due date and its
    value, meter's clock, status; a meter that was not read has a row that says why.

    \b
    Examples:
      mbuscli read 5 --port /dev/ttyUSB0
      mbuscli read 12345678.KAM.1B.16 7 --port tcp://10.0.0.7:10001 -o json
      mbuscli read 1 --port sim: --fields quantity,value,unit
      mbuscli read --all --summary -o csv --port /dev/ttyUSB0 > billing.csv
      mbuscli read --list delivery.csv -o ndjson --port /dev/ttyUSB0 > readings.ndjson

    Exit codes: 0 done, 4 no answer, 5 damaged answer, 7 the meter refused, 8 some of several failed,
    10 the list is unusable.
    """
    from mbuscli.cli.bus import open_link
    from mbuscli.cli.read_meters import Reader
    from mbuscli.services.read import parse_address

    _check(addresses, whole_bus, secondary, range_text, list_file)
    if whole_bus:
        from mbuscli.cli.scan import parse_range

        wanted = parse_range(range_text or "0-250")
        with open_link(bus, output, sweeps=True) as link:
            events = _everybody(link, output, wanted, secondary)
            return Reader(link, output, summary).run(events)
    listed = () if list_file is None else _listed(list_file, output)
    these: list[Address] = [*(meter.address for meter in listed), *map(parse_address, addresses)]
    with open_link(bus, output, sweeps=True) as link:
        reader = Reader(link, output, summary, listed, these)
        return reader.run(_these(link, output, these, _alone(listed)))


def _check(
    addresses: tuple[str, ...], whole_bus: bool, secondary: bool, range_text: str | None, file: str | None
) -> None:
    if bool(addresses) + whole_bus + (file is not None) != 1:
        raise UsageError(
            "say which meters to read, in one way",
            reason=Reason.INVALID,
            hint=("addresses: mbuscli read 5 7", "all of the bus: --all", "those of a list: --list FILE"),
        )
    if (secondary or range_text is not None) and not whole_bus:
        raise UsageError("--secondary and --range go with --all", reason=Reason.INVALID)
    if secondary and range_text is not None:
        raise UsageError("--secondary knows no --range of primary addresses", reason=Reason.INVALID)


def _listed(path: str, output: Output) -> tuple[ListedMeter, ...]:
    """The meters of the list; what is wrong with lines of it is told, and the rest is read."""
    from pathlib import Path

    from mbuscli.cli.talk import tell_list
    from mbuscli.settings.meter_list import read_meter_list

    found = read_meter_list(Path(path))
    tell_list(output, found)
    if not found.meters:
        raise InputError(f"there is no meter in {path}", reason=Reason.EMPTY)
    return found.meters


def _everybody(link: Link, output: Output, addresses: list[int], secondary: bool) -> Iterator[ReadEvent]:
    from mbuscli.cli.sweep import bauds_to_scan
    from mbuscli.protocol.wired.search import Search
    from mbuscli.services.read_bus import read_primary, read_secondary

    for baud in bauds_to_scan(link, output, 0 if secondary else len(addresses)):
        if link.swept:
            link.set_baud(baud)
        if secondary:
            yield from read_secondary(link, Search(link.session))
        else:
            yield from read_primary(link, addresses)


def _these(
    link: Link, output: Output, addresses: list[Address], primaries: dict[Address, int]
) -> Iterator[ReadEvent]:
    if not link.swept:
        from mbuscli.services.read import read

        yield from read(link, addresses, primaries)
        return
    from mbuscli.cli.sweep import bauds_to_read
    from mbuscli.services.sweep import read_at_any

    yield from read_at_any(link, addresses, bauds_to_read(link, output), primaries)


def _alone(listed: tuple[ListedMeter, ...]) -> dict[Address, int]:
    """The primary addresses that only one meter of the list has."""
    from collections import Counter

    times = Counter(meter.primary for meter in listed)
    return {m.address: m.primary for m in listed if m.primary is not None and times[m.primary] == 1}

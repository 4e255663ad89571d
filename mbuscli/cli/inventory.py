"""`mbuscli inventory`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_file, complete_inventory_words, complete_since
from mbuscli.cli.durations import Moment
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import output_options
from mbuscli.errors import InputError, Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.protocol.address import MeterAddress
    from mbuscli.render.delimited import Cell
    from mbuscli.render.report import Output
    from mbuscli.services.history import Series
    from mbuscli.services.inventory import Inventory, KnownMeter, StoredReading

_PLOT = "plot"
_MOST_BARS = 60
_EMPTY = "the inventory is empty; mbuscli sniff fills it"


@click.command("inventory")
@click.argument("words", nargs=-1, metavar="[plot] [ADDRESS]...", shell_complete=complete_inventory_words)
@click.option(
    "--heard-since",
    type=Moment(),
    metavar="WHEN",
    shell_complete=complete_since,
    help="today, 2d, 2026-01-31 ...",
)
@click.option("--type", "device_type", default="", metavar="TEXT", help="Device type: water, heat, 07 ...")
@click.option("--manufacturer", default="", metavar="ABC", help="Three letters.")
@click.option("--text", default="", metavar="TEXT", help="Part of the address, the name or the place.")
@click.option("--telegrams", is_flag=True, help="Of the meters that are named, show the last telegrams.")
@click.option("--quantity", metavar="NAME", help="plot: what is drawn. Default: the main reading.")
@click.option("--stored", is_flag=True, help="plot: the values that the meter keeps, such as monthly ones.")
@click.option("--use", is_flag=True, help="plot: what was used between the values.")
@click.option(
    "--inventory",
    "inventory_file",
    envvar="MBUSCLI_INVENTORY_FILE",
    metavar="FILE",
    shell_complete=complete_file,
    help="The inventory, if not the usual one.",
)
@output_options("inventory")
def command(
    words: tuple[str, ...],
    heard_since: datetime | None,
    device_type: str,
    manufacturer: str,
    text: str,
    telegrams: bool,
    quantity: str | None,
    stored: bool,
    use: bool,
    inventory_file: str | None,
    output: Output,
) -> ExitCode:
    """Show, filter, export and plot what `mbuscli sniff` has heard.

    Without an ADDRESS all meters are listed, the one heard last first. ADDRESS is a meter's address
    12345678.KAM.1B.16; parts may be left out from the right, F stands for any digit. One meter that is
    named is shown with everything that is kept of it. `plot` draws its main reading day by day, or with
    --stored the values that the meter keeps itself.

    \b
    Examples:
      mbuscli inventory --heard-since today
      mbuscli inventory --type water -o csv > water.csv
      mbuscli inventory 12345678
      mbuscli inventory plot 12345678 --stored --use

    Exit codes: 0 done, 4 no such meter, 10 there is no inventory, or it cannot be used.
    """
    from pathlib import Path

    from mbuscli.protocol.address import MeterAddress
    from mbuscli.services.inventory import Inventory, Wanted
    from mbuscli.settings.inventory_file import default_inventory

    plot = words[:1] == (_PLOT,)
    patterns = tuple(MeterAddress.parse(word) for word in (words[1:] if plot else words))
    since = None if heard_since is None else heard_since.timestamp()
    wanted = Wanted(patterns, since, device_type, manufacturer, text)
    inventory = Inventory(Path(inventory_file) if inventory_file else default_inventory())
    try:
        meters = list(inventory.meters(wanted))
        if plot:
            return _plot(inventory, _one(meters, patterns), quantity, stored, use, output)
        if not meters:
            output.streams.talk("no such meter in the inventory" if wanted != Wanted() else _EMPTY)
            return ExitCode.NO_ANSWER if wanted != Wanted() else ExitCode.DONE
        if patterns and (telegrams or len(meters) == 1):
            _write_details(inventory, meters, telegrams, output)
        else:
            _write_meters(meters, output)
    finally:
        inventory.close()
    return ExitCode.DONE


def _one(meters: list[KnownMeter], patterns: tuple[MeterAddress, ...]) -> KnownMeter:
    if not patterns:
        raise UsageError(
            "plot needs the address of a meter",
            reason=Reason.EMPTY,
            hint=("mbuscli inventory lists the meters",),
        )
    if not meters:
        raise InputError("no such meter in the inventory", reason=Reason.MISSING)
    if len(meters) > 1:
        shown = ", ".join(str(meter.address) for meter in meters[:5])
        raise UsageError(
            f"{len(meters)} meters fit", reason=Reason.AMBIGUOUS, hint=(f"name one of them: {shown}",)
        )
    return meters[0]


def _write_meters(meters: list[KnownMeter], output: Output) -> None:
    from mbuscli.render.inventory_rows import COLUMNS, DEFAULT, meter_row, meters_table

    if output.is_table:
        output.streams.data(meters_table(meters, output.streams))
        return
    from mbuscli.render.lists import write_list

    write_list(output, "meters", (COLUMNS, DEFAULT), [meter_row(meter) for meter in meters])


def _write_details(inventory: Inventory, meters: list[KnownMeter], telegrams: bool, output: Output) -> None:
    """Meters one by one: to programs an object each with all that is kept, to people its values."""
    from mbuscli.render.inventory_rows import meter_row, reading_rows, telegram_rows

    if not output.is_json or output.fields is not None:
        _write_meters(meters, output)
        if output.is_table:
            for meter in meters:
                _write_kept(inventory, meter, telegrams, output)
        return
    rows = []
    for meter in meters:
        row = meter_row(meter)
        row["readings"] = reading_rows(meter.address, inventory.readings(meter.address))
        row["last_telegrams"] = telegram_rows(inventory.telegrams(meter.address))
        rows.append(row)
    from mbuscli.render.lists import write_list

    write_list(output, "meters", ({}, ()), rows)


def _write_kept(inventory: Inventory, meter: KnownMeter, telegrams: bool, output: Output) -> None:
    from mbuscli.render.inventory_rows import telegram_rows, time_text
    from mbuscli.render.table import cells_table
    from mbuscli.services.kept_readings import kept_reading

    streams = output.streams
    if telegrams:
        rows = telegram_rows(inventory.telegrams(meter.address))
        names = ("time", "rssi_dbm", "mode", "raw")
        streams.data("\n" + cells_table(names, [[row[name] for name in names] for row in rows], streams))
        return
    latest: dict[tuple[object, ...], StoredReading] = {}
    for reading in inventory.readings(meter.address):
        latest[reading[1:8]] = reading
    cells: list[list[Cell]] = []
    for kept in sorted(latest.values(), key=lambda r: (r.storage, r.quantity)):
        named = kept_reading(meter.address, kept)
        name = f"{named.name} at {kept.moment.replace('T', ' ')}" if kept.moment else named.name
        cells.append([name, named.value, named.unit, time_text(kept.time)])
    streams.data("\n" + cells_table(("reading", "value", "unit", "heard"), cells, streams))


def _plot(
    inventory: Inventory, meter: KnownMeter, quantity: str | None, stored: bool, use: bool, output: Output
) -> ExitCode:
    from mbuscli.services.history import newest, quantities, steps

    readings = inventory.readings(meter.address)
    known = quantities(readings)
    name = quantity or meter.quantity or (known[0] if known else "")
    series = _series(readings, name, stored)
    if series is not None and use:
        series = steps(series)
    if series is None or not series.values:
        what = "stored values" if stored else "values"
        hint = [f"there are: {', '.join(known)}"] if known else []
        raise InputError(
            f"there are no {what} of {name or 'anything'} of {meter.address}",
            reason=Reason.MISSING,
            hint=[*hint, "--stored draws what the meter keeps itself"] if not stored else hint,
        )
    _draw(meter, newest(series, _MOST_BARS), use, output)
    return ExitCode.DONE


def _series(readings: list[StoredReading], name: str, stored: bool) -> Series | None:
    from mbuscli.services.history import heard_series, stored_series

    return (stored_series if stored else heard_series)(readings, name)


def _draw(meter: KnownMeter, series: Series, use: bool, output: Output) -> None:
    streams = output.streams
    if not output.is_table:
        from mbuscli.render.lists import named_columns, write_list

        helps = {"moment": "when", "quantity": "what", "value": "the value", "unit": "its base unit"}
        rows = [
            {"moment": moment, "quantity": series.quantity, "value": value, "unit": series.unit}
            for moment, value in zip(series.moments, series.values, strict=True)
        ]
        write_list(output, "points", (named_columns(helps), tuple(helps)), rows)
        return
    from mbuscli.render.bars import Point, bar_lines
    from mbuscli.render.streams import terminal_width
    from mbuscli.render.text import inert

    points = [Point(*pair) for pair in zip(series.moments, series.values, strict=True)]
    title = f"{meter.name or meter.address}: {series.quantity.replace('_', ' ')}{', use' if use else ''}"
    lines = bar_lines(points, series.unit, terminal_width(), ascii_only=streams.ascii_out)
    streams.data("\n".join([inert(title), *lines]))

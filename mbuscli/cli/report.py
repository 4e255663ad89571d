"""`mbuscli report`."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mbuscli.cli.complete import complete_file, complete_since
from mbuscli.cli.durations import Moment
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.errors import InputError, Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.render.streams import Streams
    from mbuscli.services.handover import Facts, Handover
    from mbuscli.services.handover_build import Order

_STDOUT = "-"
_EPOCH = "SOURCE_DATE_EPOCH"
_LARGEST_LOGO = 2 << 20
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
    (b"<svg", "image/svg+xml"),
    (b"<?xml", "image/svg+xml"),
)


@click.command("report")
@click.option(
    "--out",
    metavar="FILE",
    shell_complete=complete_file,
    help="The HTML page; - is standard output.",
)
@click.option(
    "--pdf",
    metavar="FILE",
    shell_complete=complete_file,
    help="The same as a PDF, printed by an installed browser.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option(
    "--scan",
    "scans",
    multiple=True,
    metavar="FILE",
    shell_complete=complete_file,
    help="What `mbuscli scan -o json` wrote.",
)
@click.option(
    "--readings",
    multiple=True,
    metavar="FILE",
    shell_complete=complete_file,
    help="What `mbuscli read` or `sniff` wrote: JSON, NDJSON, or CSV.",
)
@click.option(
    "--list",
    "lists",
    multiple=True,
    metavar="FILE",
    shell_complete=complete_file,
    help="The meters that should be there: CSV, or a scan.",
)
@click.option(
    "--walk", is_flag=True, help="All meters heard by radio. Default without --scan and --readings."
)
@click.option(
    "--heard-since",
    type=Moment(),
    metavar="WHEN",
    shell_complete=complete_since,
    help="--walk: since then.  [default: today]",
)
@click.option(
    "--inventory",
    metavar="FILE",
    shell_complete=complete_file,
    help="The inventory, if not the usual one.",
)
@click.option("--no-inventory", is_flag=True, help="Take nothing from the inventory.")
@click.option(
    "--changes-since",
    type=Moment(),
    metavar="WHEN",
    shell_complete=complete_since,
    help="Writes since then.  [default: today]",
)
@click.option(
    "--journal",
    metavar="FILE",
    shell_complete=complete_file,
    help="The journal of writes, if not the usual one.",
)
@click.option("--no-journal", is_flag=True, help="Leave out what was written into meters.")
@click.option("--title", default="", metavar="TEXT", help="[default: Meter handover]")
@click.option("--site", default="", metavar="TEXT", help="The name of the building or plant.")
@click.option("--address", default="", metavar="TEXT", help="Where it is.")
@click.option("--customer", default="", metavar="TEXT", help="Who it is for.")
@click.option("--technician", default="", metavar="TEXT", help="Who did the work.")
@click.option("--note", "notes", multiple=True, metavar="TEXT", help="A remark. May be repeated.")
@click.option(
    "--logo",
    metavar="FILE",
    shell_complete=complete_file,
    help="A picture for the head: PNG, JPEG, GIF, WebP, SVG.",
)
@click.option(
    "--date",
    type=Moment(),
    metavar="WHEN",
    shell_complete=complete_since,
    help="The day of the work.  [default: now]",
)
@click.option("-q", "--quiet", is_flag=True, help="No notes on stderr.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def command(out: str | None, pdf: str | None, force: bool, quiet: bool, **given: Any) -> ExitCode:
    """Make a handover page of a day's work, to print and to hand over.

    The page holds what other commands have written: meters with their readings, who is missing from the list,
    what needs attention, what was changed and how to take it back, and the files it was made from. It is one
    HTML file that needs nothing else, and prints on A4. Names, places and earlier readings come from the
    inventory too.

    Meters that are missing or not read stand on the page, and do not change the exit code.

    \b
    Examples:
      mbuscli report --out handover.html --scan found.json --readings billing.csv
      mbuscli report --out handover.html --walk --heard-since today --list route.csv
      mbuscli report --pdf handover.pdf --site "Park Lane 7" --scan found.json
      mbuscli report --out - --scan found.json --no-journal > handover.html

    Exit codes: 0 done, 2 neither --out nor --pdf, 10 a file cannot be used, exists already, or there is no
    browser for --pdf.
    """
    from mbuscli.render.handover.page import page
    from mbuscli.render.streams import standard_streams
    from mbuscli.services.handover_build import build

    streams = standard_streams()
    streams.quiet = quiet
    _check_targets(out, pdf, force)
    browser = None
    if pdf is not None:
        from mbuscli.services.handover_pdf import find_browser

        browser = find_browser()
    built = build(_order(given))
    text = page(built.handover)
    for remark in built.remarks:
        _talk(streams, f"note: {remark}")
    if out == _STDOUT:
        # The page says that it is UTF-8; to a stream that is not it says the same in ASCII.
        ascii_text = text.encode("ascii", "xmlcharrefreplace").decode("ascii")
        streams.data(ascii_text if streams.ascii_out else text, end="")
    elif out is not None:
        from mbuscli.settings.files import write_private

        write_private(Path(out), text.encode())
        _talk(streams, f"{out}: {_summary(built.handover)}")
    if pdf is not None and browser is not None:
        from mbuscli.services.handover_pdf import print_pdf

        print_pdf(text, Path(pdf), browser)
        _talk(streams, f"{pdf}: printed by {browser}")
    return ExitCode.DONE


def _check_targets(out: str | None, pdf: str | None, force: bool) -> None:
    if not out and not pdf:
        raise UsageError(
            "nothing says where the page goes",
            reason=Reason.EMPTY,
            hint=("--out handover.html", "--pdf handover.pdf, where a browser is installed"),
        )
    for name in (out, pdf):
        if name and name != _STDOUT and not force and os.path.lexists(name):
            raise InputError(f"{name} exists", reason=Reason.EXISTS, hint=("--force replaces it",))


def _order(given: dict[str, Any]) -> Order:
    from mbuscli.services.handover_build import Order
    from mbuscli.settings.inventory_file import default_inventory
    from mbuscli.settings.journal import default_journal

    time = given["date"] or _now()
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    scans, readings = (tuple(map(Path, given[name])) for name in ("scans", "readings"))
    inventory = None
    if not given["no_inventory"]:
        inventory = Path(given["inventory"]) if given["inventory"] else default_inventory()
        if not (given["inventory"] or given["walk"] or inventory.exists()):
            inventory = None
    walk = given["walk"] or given["heard_since"] is not None or not (scans or readings)
    if walk and inventory is None:
        raise UsageError(
            "there is nothing to report on",
            reason=Reason.EMPTY,
            hint=(
                "--scan found.json, which `mbuscli scan -o json > found.json` writes",
                "--readings readings.json, which `mbuscli read --all -o json > readings.json` writes",
                "or listen to radio meters first: mbuscli sniff",
            ),
        )
    return Order(
        _facts(given),
        time,
        scans,
        readings,
        tuple(map(Path, given["lists"])),
        inventory,
        walk,
        given["heard_since"] or midnight,
        None if given["no_journal"] else Path(given["journal"] or default_journal()),
        given["changes_since"] or midnight,
    )


def _facts(given: dict[str, Any]) -> Facts:
    from mbuscli.services.handover import Facts

    title, site, address, customer, technician = (
        given[name].strip() for name in ("title", "site", "address", "customer", "technician")
    )
    notes = tuple(note.strip() for note in given["notes"] if note.strip())
    logo = None if given["logo"] is None else _picture(Path(given["logo"]))
    return Facts(title, site, address, customer, technician, notes, logo)


def _picture(path: Path) -> tuple[str, bytes]:
    from mbuscli.settings.files import read_file

    octets = read_file(path, _LARGEST_LOGO)
    for beginning, kind in _PICTURES:
        if octets.lstrip().startswith(beginning):
            return kind, octets
    raise InputError(
        f"{path} is no picture that a page can show", reason=Reason.UNRECOGNISED, hint=("PNG or JPEG",)
    )


def _now() -> datetime:
    """Now, or what makes the same page twice (reproducible-builds.org)."""
    epoch = os.environ.get(_EPOCH, "")
    if epoch.isdecimal():
        return datetime.fromtimestamp(int(epoch)).astimezone()
    return datetime.now().astimezone()


def _summary(handover: Handover) -> str:
    from mbuscli.protocol.octets import counted

    parts = [counted(len(handover.meters), "meter")]
    if handover.was_read:
        parts.append(f"{handover.read} read")
    if handover.expected is not None or handover.missing:
        parts.append(f"{len(handover.missing)} missing")
    parts.append(counted(handover.problems, "problem"))
    parts.append(f"{handover.changed} changed")
    return ", ".join(parts)


def _talk(streams: Streams, words: str) -> None:
    from mbuscli.render.text import inert

    streams.talk(inert(words))

"""Makes man pages and completion scripts: `python -m mbuscli.cli.manual [FOLDER]` fills FOLDER/man and
FOLDER/completions. The date on the pages is that of SOURCE_DATE_EPOCH, else the release's."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from mbuscli import __version__
from mbuscli.cli.commands import COMMANDS, LazyCommands
from mbuscli.cli.help_topics import (
    exit_code_rows,
    file_rows,
    load_topic,
    option_variables,
    other_variables,
)
from mbuscli.cli.main import cli
from mbuscli.cli.manual_page import command_page
from mbuscli.manual.files import SCRIPTS, completion_script
from mbuscli.manual.markup import Block, Heading, Items, Literal, Paragraph
from mbuscli.manual.roff import Page, Section, write_page

RELEASED = "2026-11-23"
# Topics that are man pages: section, and pages to see.
_TOPIC_PAGES = {
    "config": (5, "mbuscli(1), mbuscli-config(1), mbuscli-profile(1), mbuscli-ports(7)"),
    "output": (7, "mbuscli(1), mbuscli-config(5), mbuscli-errors(7)"),
    "ports": (7, "mbuscli(1), mbuscli-ports(1), mbuscli-config(5), mbuscli-errors(7)"),
    "errors": (7, "mbuscli(1), mbuscli-output(7), mbuscli-doctor(1)"),
}
_FIRST_STEPS = (
    "mbuscli scan --port sim:",
    "mbuscli read 1 --port sim:",
    "mbuscli ports",
    "mbuscli scan --port /dev/ttyUSB0",
    "mbuscli read 5 --port /dev/ttyUSB0 -o json",
    "mbuscli sniff",
    "mbuscli decrypt 2E44... --key-file gas.key",
    "mbuscli help bus.no-answer",
)


def files() -> Iterator[tuple[str, str]]:
    """Each file by its name below the project's folder, and its text."""
    for shell, name in SCRIPTS.items():
        yield f"completions/{name}", completion_script(shell)
    for page in pages():
        text = write_page(page, date=_date(), source=f"mbuscli {__version__}")
        yield f"man/{page.name}.{page.section}", text


def pages() -> Iterator[Page]:
    """All man pages: the program's, one a command, and those of topics."""
    yield _program_page()
    for name, command in LazyCommands().items():
        yield command_page(name, command)
    for name in _TOPIC_PAGES:
        yield _topic_page(name)


def _date() -> str:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return time.strftime("%Y-%m-%d", time.gmtime(int(epoch))) if epoch.isdecimal() else RELEASED


def _program_page() -> Page:
    ctx = click.Context(cli, info_name="mbuscli")
    options = tuple(
        record
        for param in cli.get_params(ctx)
        if isinstance(param, click.Option) and (record := param.get_help_record(ctx)) is not None
    )
    variables = {**option_variables(), **other_variables()}
    others = [f"mbuscli-{name}({section})" for name, (section, _) in _TOPIC_PAGES.items()]
    see = ", ".join([*(f"mbuscli-{name}(1)" for name in COMMANDS), *others])
    sections = (
        Section("SYNOPSIS", (Literal(("mbuscli COMMAND [OPTIONS] [ARGS]...", "mbuscli help [TOPIC]")),)),
        Section("DESCRIPTION", tuple(_description())),
        Section("COMMANDS", tuple(_command_list())),
        Section("OPTIONS", (Items(options), Paragraph(_EACH))),
        Section("EXIT STATUS", (Items(exit_code_rows()),)),
        Section("ENVIRONMENT", (Items(tuple(variables.items())),)),
        Section("FILES", (Items(file_rows()),)),
        Section("EXAMPLES", (Literal(_FIRST_STEPS),)),
        Section("SEE ALSO", (Paragraph(see),)),
    )
    return Page("mbuscli", 1, "scan, read and decode M-Bus meters", sections)


_EACH = "Each command has a page of its own: man mbuscli-scan, or mbuscli scan --help."


def _description() -> Iterator[Block]:
    yield Paragraph(
        "A tool for those who put heat, water, gas and electricity meters into service: it finds and reads"
        " meters on a wired M-Bus (EN 13757-2 and -3), listens to wireless ones (EN 13757-4), decrypts them,"
        " and joins LoRaWAN devices to their network."
    )
    yield Paragraph(
        "Data goes to stdout, all else to stderr. On a terminal data is a table, in a pipe plain lines; -o"
        " chooses JSON, CSV and more. Nothing is written into a meter without being shown and confirmed. With"
        " --port sim: everything can be tried without hardware."
    )


def _command_list() -> Iterator[Block]:
    for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
        yield Heading(section)
        rows = [(name, entry.help) for name, entry in COMMANDS.items() if entry.section == section]
        yield Items(tuple(rows))


def _topic_page(name: str) -> Page:
    """A topic under its own headings; what stands above the first is the description."""
    section, see = _TOPIC_PAGES[name]
    topic = load_topic(name, in_full=True)
    sections: list[Section] = []
    title, blocks = "DESCRIPTION", list[Block]()
    for block in topic.blocks:
        if isinstance(block, Heading):
            sections.append(Section(title, tuple(blocks)))
            title, blocks = block.text, []
        else:
            blocks.append(block)
    sections.append(Section(title, tuple(blocks)))
    sections.append(Section("SEE ALSO", (Paragraph(see),)))
    title = topic.title[:1].lower() + topic.title[1:]
    return Page(f"mbuscli-{name}", section, title, tuple(sections))


def write(folder: Path) -> None:
    """Replace all files in the two folders; folders in them are left alone."""
    made = dict(files())
    for kind in ("completions", "man"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for path in (folder / kind).iterdir():
            if path.is_file() and f"{kind}/{path.name}" not in made:
                path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def main(args: Sequence[str]) -> int:
    """The command."""
    write(Path(args[0]) if args else Path())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

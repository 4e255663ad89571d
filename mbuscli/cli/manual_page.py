"""The man page of a command: its help, its options and what the tables know of it, as sections of blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from inspect import cleandoc
from typing import NamedTuple

import click

from mbuscli.cli.commands import COMMANDS
from mbuscli.cli.exit_codes import MEANINGS, ExitCode
from mbuscli.cli.help_topics import option_variables, other_variables
from mbuscli.manual.files_table import FILES
from mbuscli.manual.markup import Block, Heading, Items, Literal, Paragraph
from mbuscli.manual.roff import Page, Section

_CODES = re.compile(r"(?:^|,\s+)(\d{1,3})\s+")
# What every command may end with, whatever its help says.
_ALWAYS = (ExitCode.UNEXPECTED, ExitCode.USAGE, ExitCode.INTERRUPTED, ExitCode.TERMINATED)
# Options of nearly all commands; below a command of a group they are not told again.
_SHARED = frozenset(("--output", "--fields", "--quiet", "--debug", "--help"))
_COMMON_VARIABLES = ("MBUSCLI_CONFIG_DIR", "MBUSCLI_STATE_DIR", "NO_COLOR", "MBUSCLI_DEBUG")


class HelpText(NamedTuple):
    """The parts of a command's help: its first line, what it says, examples, exit codes."""

    title: str
    description: tuple[Block, ...]
    examples: tuple[str, ...]
    codes: tuple[tuple[str, str], ...]


def parse_help(text: str) -> HelpText:
    """The parts of a help text, as click takes it from a docstring."""
    parts = [part for part in re.split(r"\n[ \t]*\n", cleandoc(text)) if part.strip()]
    title = parts.pop(0) if parts else ""
    blocks: list[Block] = []
    examples: list[str] = []
    codes: tuple[tuple[str, str], ...] = ()
    for part in parts:
        literal = part.startswith("\b")
        lines = part.removeprefix("\b").strip("\n").split("\n")
        head = lines[0].strip()
        if head in ("Example:", "Examples:"):
            examples += [line.strip() for line in lines[1:]]
        elif head.startswith("Exit codes:"):
            codes = _codes(" ".join(map(str.strip, lines)).removeprefix("Exit codes:"))
        elif literal:
            blocks.append(Literal(tuple(line.rstrip() for line in lines)))
        else:
            blocks.append(Paragraph(" ".join(map(str.strip, lines))))
    return HelpText(" ".join(title.split()).rstrip("."), tuple(blocks), _joined(examples), codes)


def _joined(lines: Iterable[str]) -> tuple[str, ...]:
    """Commands that a backslash continues, each on one line."""
    found: list[str] = []
    for line in lines:
        if found and found[-1].endswith("\\"):
            found[-1] = f"{found[-1][:-1].rstrip()} {line}"
        else:
            found.append(line)
    return tuple(found)


def _codes(text: str) -> tuple[tuple[str, str], ...]:
    """`0 done, 4 no answer, or silent` by code."""
    pieces = _CODES.split(text.strip())
    return tuple(
        (code, meaning.strip().rstrip(".")) for code, meaning in zip(pieces[1::2], pieces[2::2], strict=True)
    )


def command_page(name: str, command: click.Command) -> Page:
    """mbuscli-NAME(1)."""
    ctx = click.Context(command, info_name=f"mbuscli {name}")
    text = parse_help(command.help or "")
    subs = list(getattr(command, "commands", {}).items())
    options = [param for each in (command, *(sub for _, sub in subs)) for param in _options(each)]
    sections = [
        Section("SYNOPSIS", (Literal(tuple(_synopsis(ctx, subs))),)),
        Section("DESCRIPTION", (Paragraph(f"{text.title}."), *text.description)),
    ]
    if subs:
        sections.append(Section("COMMANDS", tuple(_sub_commands(ctx, subs))))
    else:
        sections.append(Section("OPTIONS", (Items(tuple(_option_rows(ctx))),)))
    sections += [
        Section("EXIT STATUS", (Items(_all_codes(text.codes)), Paragraph(_SEE_CODES))),
        Section("ENVIRONMENT", tuple(_environment(name, options))),
        *_files(name, options),
        Section("EXAMPLES", (Literal(text.examples),)),
        Section("SEE ALSO", (Paragraph(_see_also(name, options)),)),
    ]
    return Page(f"mbuscli-{name}", 1, _lower(text.title), tuple(sections))


_SEE_CODES = "An error has a name in brackets; mbuscli help NAME explains it, and so does mbuscli-errors(7)."


def _lower(title: str) -> str:
    """A title behind the hyphen of NAME begins small."""
    return title[:1].lower() + title[1:]


def _options(command: click.Command) -> list[click.Option]:
    return [param for param in command.params if isinstance(param, click.Option) and not param.hidden]


def usage_line(ctx: click.Context) -> str:
    """`mbuscli scan [OPTIONS]`."""
    return " ".join((ctx.command_path, *ctx.command.collect_usage_pieces(ctx)))


def _synopsis(ctx: click.Context, subs: Sequence[tuple[str, click.Command]]) -> Iterator[str]:
    if not subs:
        yield usage_line(ctx)
    for name, sub in subs:
        yield usage_line(click.Context(sub, info_name=name, parent=ctx))


def _sub_commands(ctx: click.Context, subs: Sequence[tuple[str, click.Command]]) -> Iterator[Block]:
    """Each command of a group with its own options; last what all of them have."""
    names = [{opt for param in _options(sub) for opt in param.opts} for _, sub in subs]
    shared = frozenset.intersection(*map(frozenset, names)) | _SHARED
    for name, sub in subs:
        own = click.Context(sub, info_name=name, parent=ctx)
        text = parse_help(sub.help or "")
        yield Heading(usage_line(own))
        yield Paragraph(f"{text.title}.")
        yield from text.description
        rows = tuple(_option_rows(own, without=shared))
        if rows:
            yield Items(rows)
        if text.codes:
            codes = "; ".join(f"{code} {meaning}" for code, meaning in text.codes)
            yield Paragraph(f"Exit status: {codes}.")
        if text.examples:
            yield Literal(text.examples)
    everywhere: dict[str, str] = {}
    for name, sub in subs:
        own = click.Context(sub, info_name=name, parent=ctx)
        everywhere.update(_option_rows(own, only=shared))
    yield Heading("Options of all of them")
    yield Items(tuple(everywhere.items()))


def _option_rows(
    ctx: click.Context, *, without: frozenset[str] = frozenset(), only: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    for param in ctx.command.get_params(ctx):
        record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
        names = set(param.opts)
        if record is not None and not without & names and (not only or only & names):
            yield record[0], _sentence(record[1])


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _all_codes(codes: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The codes that the command names, and those that every command has."""
    named = dict(codes)
    for code in _ALWAYS:
        named.setdefault(str(int(code)), MEANINGS[code])
    return tuple(sorted(named.items(), key=lambda item: int(item[0])))


def _environment(name: str, options: Sequence[click.Option]) -> Iterator[Block]:
    """The variables of its options, then what every command heeds."""
    from mbuscli.settings.config_table import settings_of

    own = {param.envvar for param in options if isinstance(param.envvar, str)}
    own |= {setting.variable for setting in settings_of(name).values() if setting.variable}
    everything = {**option_variables(), **other_variables()}
    rows = [(each, text) for each, text in everything.items() if each in own]
    rows += [(each, everything[each]) for each in _COMMON_VARIABLES]
    yield Items(tuple(rows))
    yield Paragraph("All variables: mbuscli(1), or mbuscli help environment.")


def _files(name: str, options: Sequence[click.Option]) -> Iterator[Section]:
    has = {opt for param in options for opt in param.opts}
    rows = tuple((file.path, file.text) for file in FILES if name in file.commands or has & set(file.options))
    if rows:
        yield Section("FILES", (Items(rows),))


def _see_also(name: str, options: Sequence[click.Option]) -> str:
    """The program, its neighbours in the list of commands, and the pages about what its options take."""
    has = {opt for param in options for opt in param.opts}
    section = COMMANDS[name].section
    near = [f"mbuscli-{other}(1)" for other, entry in COMMANDS.items() if entry.section == section]
    pages = ["mbuscli(1)", *(page for page in near if page != f"mbuscli-{name}(1)")]
    pages.append("mbuscli-config(5)")
    pages.append("mbuscli-errors(7)")
    pages += ["mbuscli-output(7)"] if "--output" in has else []
    pages += ["mbuscli-ports(7)"] if "--port" in has else []
    return ", ".join(pages)

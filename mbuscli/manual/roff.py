"""Man pages: a page from sections of blocks, in the macros of man(7), with all text escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mbuscli.manual.markup import Block, Heading, Items, Literal, Paragraph

# What roff or a terminal would show as something else than the ASCII character that is meant.
_ESCAPES = str.maketrans(
    {
        "\\": r"\(rs",
        "-": r"\-",
        "'": r"\(aq",
        "`": r"\(ga",
        "^": r"\(ha",
        "~": r"\(ti",
        '"': r"\(dq",
    }
)
_OPTION = re.compile(r"(?<![\w/.-])(--[a-z][a-z-]*[a-z]|-[a-z])(?![\w.-])")


class Section(NamedTuple):
    """A heading in capitals and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


class Page(NamedTuple):
    """A man page: mbuscli-scan, 1, one line that says what it is, and its sections below NAME."""

    name: str
    section: int
    title: str
    sections: tuple[Section, ...]


def write_page(page: Page, *, date: str, source: str) -> str:
    """The page as text in roff."""
    head = f'.TH "{_inside(page.name.upper())}" "{page.section}" "{date}" "{_inside(source)}" "mbuscli"'
    lines = [
        f'.\\" {page.name}({page.section}): made by mbuscli.cli.manual; changes are lost.',
        head,
        ".nh",
        ".ad l",
        ".SH NAME",
        f"{escape(page.name)} \\- {escape(page.title)}",
    ]
    for section in page.sections:
        lines.append(f".SH {_quoted(section.title)}")
        lines += _blocks(section.blocks)
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text that roff shows as it is, at the beginning of a line too."""
    escaped = _inside(text)
    # A point at the beginning of a line would be a request; so would the apostrophe, which is escaped.
    return rf"\&{escaped}" if escaped.startswith(".") else escaped


def _inside(text: str) -> str:
    return "".join(c if ord(c) < 0x80 else rf"\[u{ord(c):04X}]" for c in text.translate(_ESCAPES))


def _quoted(text: str) -> str:
    return f'"{_inside(text)}"' if " " in text else _inside(text)


def _blocks(blocks: Sequence[Block]) -> Iterable[str]:
    fresh = True  # right below a heading no paragraph begins
    for block in blocks:
        if isinstance(block, Heading):
            yield f".SS {_quoted(block.text)}"
            fresh = True
            continue
        if isinstance(block, Paragraph):
            yield from (() if fresh else (".PP",))
            yield marked(block.text)
        elif isinstance(block, Literal):
            yield from _literal(block, fresh)
        else:
            yield from _items(block)
        fresh = False


def _literal(block: Literal, fresh: bool) -> Iterable[str]:
    yield from (() if fresh else (".PP",))
    yield ".RS 4"
    yield ".nf"
    yield from (escape(line) for line in block.lines)
    yield ".fi"
    yield ".RE"


def _items(block: Items) -> Iterable[str]:
    for term, meaning in block.rows:
        yield ".TP"
        yield marked_term(term)
        yield marked(meaning) if meaning else r"\&"


def marked_term(term: str) -> str:
    """A term in bold; of an option's value in italics."""
    if term.startswith("-"):
        return _option_term(term)
    return rf"\fB{escape(term)}\fR"


def _option_term(term: str) -> str:
    """`-p, --port PORT` with the names in bold and the value in italics."""
    words = []
    for word in term.split(" "):
        bare = word.rstrip(",")
        style = "B" if bare.startswith("-") else "R" if bare == "/" else "I"
        words.append(rf"\f{style}{escape(bare)}\fR{word[len(bare) :]}")
    return " ".join(words)


def marked(text: str) -> str:
    """A paragraph with the names of options in bold."""
    parts: list[str] = []
    at = 0
    for found in _OPTION.finditer(text):
        parts += [_inside(text[at : found.start()]), rf"\fB{escape(found[1])}\fR"]
        at = found.end(1)
    line = "".join([*parts, _inside(text[at:])])
    return rf"\&{line}" if line.startswith(".") else line

"""The few signs of a topic's text, and the text as a terminal shows it.

A first line is the title. A line at the left margin without small letters is a heading, other lines there are
paragraphs, which are filled. Two blanks in front: a term, two or more blanks, and its meaning, which goes on
in lines with more blanks. Four blanks or more behind an empty line: literal text, kept as it is. `@name`:
what the program itself has under this name, such as its exit codes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

_ITEM = re.compile(r"  (\S+(?: \S+)*)(?:  +(\S.*))?")
_WIDEST_TERM = 24
_INDENT = 2


class Heading(NamedTuple):
    """A heading."""

    text: str


class Paragraph(NamedTuple):
    """A paragraph, to be filled."""

    text: str


class Literal(NamedTuple):
    """Lines to be kept as they are."""

    lines: tuple[str, ...]


class Items(NamedTuple):
    """Terms and what they mean."""

    rows: tuple[tuple[str, str], ...]


Block: TypeAlias = Heading | Paragraph | Literal | Items
Supply: TypeAlias = Callable[[str], Sequence[Block]]


class Topic(NamedTuple):
    """A text with a title of one line."""

    title: str
    blocks: tuple[Block, ...]


def parse(text: str, supply: Supply) -> Topic:
    """The topic in a text; `supply` gives what stands behind an `@name`."""
    title, _, rest = text.partition("\n")
    blocks: list[Block] = []
    for part in re.split(r"\n(?:[ \t]*\n)+", rest.strip("\n")):
        lines = part.split("\n")
        if lines[0].startswith("@"):
            blocks += supply(lines[0][1:].strip())
        elif lines[0].startswith("    "):
            _add_literal(blocks, lines)
        elif lines[0].startswith("  "):
            _add_items(blocks, _rows(lines))
        elif len(lines) == 1 and lines[0] == lines[0].upper():
            blocks.append(Heading(lines[0]))
        else:
            blocks.append(Paragraph(" ".join(map(str.strip, lines))))
    return Topic(title.strip(), tuple(blocks))


def _add_literal(blocks: list[Block], lines: Sequence[str]) -> None:
    kept = tuple(textwrap.dedent("\n".join(lines)).split("\n"))
    if blocks and isinstance(blocks[-1], Literal):
        blocks[-1] = Literal((*blocks[-1].lines, "", *kept))
    else:
        blocks.append(Literal(kept))


def _add_items(blocks: list[Block], rows: Sequence[tuple[str, str]]) -> None:
    if blocks and isinstance(blocks[-1], Items):
        blocks[-1] = Items((*blocks[-1].rows, *rows))
    else:
        blocks.append(Items(tuple(rows)))


def _rows(lines: Iterable[str]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for line in lines:
        found = _ITEM.fullmatch(line)
        if found is not None and not line.startswith("   "):
            rows.append((found[1], found[2] or ""))
        elif rows:
            term, meaning = rows[-1]
            rows[-1] = (term, f"{meaning} {line.strip()}".strip())
    return rows


def to_text(topic: Topic, width: int) -> str:
    """The topic for a terminal of this width."""
    parts = [_filled(topic.title, width, 0, _INDENT)]
    for block in topic.blocks:
        if isinstance(block, Heading):
            parts.append(block.text)
        elif isinstance(block, Paragraph):
            parts.append(_filled(block.text, width, _INDENT, _INDENT))
        elif isinstance(block, Literal):
            parts.append("\n".join(" " * 2 * _INDENT + line if line else "" for line in block.lines))
        else:
            parts.append(_items_text(block.rows, width))
    # A heading stands close above what it belongs to.
    text = "\n\n".join(parts)
    for block in topic.blocks:
        if isinstance(block, Heading):
            text = text.replace(f"\n\n{block.text}\n\n", f"\n\n{block.text}\n")
    return text


def _items_text(rows: Sequence[tuple[str, str]], width: int) -> str:
    widest = max((len(term) for term, _ in rows if len(term) <= min(_WIDEST_TERM, width // 3)), default=0)
    column = _INDENT + widest + 2
    lines: list[str] = []
    for term, meaning in rows:
        if not meaning:
            lines.append(" " * _INDENT + term)
        elif len(term) <= widest:
            filled = _filled(meaning, width, column, column)
            lines.append(" " * _INDENT + term.ljust(column - _INDENT) + filled[column:])
        else:
            lines.append(" " * _INDENT + term)
            below = column if widest else 3 * _INDENT
            lines.append(_filled(meaning, width, below, below))
    return "\n".join(lines)


def _filled(text: str, width: int, first: int, rest: int) -> str:
    return textwrap.fill(
        text,
        max(width, rest + 20),
        initial_indent=" " * first,
        subsequent_indent=" " * rest,
        break_long_words=False,
        break_on_hyphens=False,
    )

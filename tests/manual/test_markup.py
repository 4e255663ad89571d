"""The signs of topics, the text for a terminal, and roff."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.manual.markup import Heading, Items, Literal, Paragraph, Topic, parse, to_text
from mbuscli.manual.roff import Page, Section, escape, write_page

TEXT = """Title: of it

A paragraph that goes
on here.

HEADING

  term     its meaning
           goes on
  -        a sign
  two words  and more

  another  after a gap

    literal   text

      kept

@more
"""


def more(name: str) -> list[Paragraph]:
    return [Paragraph(f"supplied {name}")]


def test_the_signs() -> None:
    topic = parse(TEXT, more)
    assert topic.title == "Title: of it"
    assert topic.blocks == (
        Paragraph("A paragraph that goes on here."),
        Heading("HEADING"),
        Items(
            (
                ("term", "its meaning goes on"),
                ("-", "a sign"),
                ("two words", "and more"),
                ("another", "after a gap"),
            )
        ),
        Literal(("literal   text", "", "kept")),
        Paragraph("supplied more"),
    )


def test_the_text_for_a_terminal() -> None:
    assert to_text(parse(TEXT, more), 30) == (
        "Title: of it\n\n"
        "  A paragraph that goes on\n  here.\n\n"
        "HEADING\n"
        "  term       its meaning goes on\n"
        "  -          a sign\n"
        "  two words  and more\n"
        "  another    after a gap\n\n"
        "    literal   text\n\n    kept\n\n"
        "  supplied more"
    )


def test_a_wide_term_stands_alone() -> None:
    text = to_text(Topic("T", (Items((("a", "one"), ("a-very-long-term-that-is-wide", "two"))),)), 60)
    assert text == "T\n\n  a  one\n  a-very-long-term-that-is-wide\n     two"


@pytest.mark.parametrize(
    ("text", "roff"),
    [
        (".TH x", r"\&.TH x"),
        ("'quoted'", r"\(aqquoted\(aq"),
        (r"C:\dir", r"C:\(rsdir"),
        ("--port", r"\-\-port"),
        ("m³", r"m\[u00B3]"),
        ("`a` ^ ~", r"\(gaa\(ga \(ha \(ti"),
    ],
)
def test_what_roff_would_take_for_something_else(text: str, roff: str) -> None:
    assert escape(text) == roff


def shown(text: str) -> str:
    """What man shows of a page, with nothing of the terminal's."""
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        [groff, "-ww", "-man", "-Tutf8", "-P-c", "-P-b", "-P-u", "-rLL=2000n"],
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=50,
    )
    assert done.stderr == ""
    return done.stdout


PRINTABLE = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x17E, exclude_categories=("C", "Z", "M")),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25)
@given(st.lists(PRINTABLE, min_size=1, max_size=8))
def test_roff_shows_every_text_as_it_is(words: list[str]) -> None:
    line = " ".join(words)
    sections = (
        Section("A SECTION", (Paragraph(line), Items(((line, line),)))),
        Section("EXAMPLES", (Literal((line, f"  {line}")),)),
    )
    page = shown(write_page(Page("x", 1, line, sections), date="2026-01-31", source="x 1"))
    lines = [each.strip() for each in page.split("\n")]
    # In literal text blanks stay as they are; elsewhere a sentence's end may get two.
    assert lines.count(line) >= 2
    assert sum(each.replace("  ", " ") == line for each in lines) >= 3

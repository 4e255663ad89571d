"""The page of a handover: its parts in the order in which somebody reads them."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING

from mbuscli import __version__
from mbuscli.protocol.octets import counted
from mbuscli.render.handover import tables
from mbuscli.render.handover.markup import Html, css_string, tag
from mbuscli.render.handover.overview import charts_of
from mbuscli.render.handover.words import bus_words, day, minute, walk_words, zone

if TYPE_CHECKING:
    from datetime import datetime

    from mbuscli.services.handover import Handover

# Facts that are whole sentences.
_WIDE = ("Bus", "Walk")
DEFAULT_TITLE = "Meter handover"
_STYLE = os.path.join(os.path.dirname(__file__), "style.css")
# Nothing is fetched and nothing runs, whatever a text may smuggle in.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(handover: Handover) -> str:
    """The whole document; the same handover gives the same octets."""
    facts = handover.facts
    title = facts.title or DEFAULT_TITLE
    name = f"{title}: {facts.site}" if facts.site else title
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="generator", content=f"mbuscli {__version__}"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{name}, {day(handover.time)}"),
        tag("style", Html(_style(name, handover.time))),
    )
    parts = [
        _heading(handover, title),
        _facts(handover),
        _tiles(handover),
        _attention(handover),
        _missing(handover),
        charts_of(handover),
        _meters(handover),
        _changes(handover),
        _strangers(handover),
        _notes(handover),
        _signatures(handover),
        _making(handover),
    ]
    body = tag("body", tag("main", *parts))
    return f'<!DOCTYPE html>\n<html lang="en">{head}{body}</html>\n'.replace("</tr>", "</tr>\n")


def _style(name: str, time: datetime) -> str:
    with open(_STYLE, encoding="utf-8") as file:
        style = file.read()
    return style.replace('"@name"', css_string(name)).replace('"@day"', css_string(day(time)))


def _section(name: str, heading: str, *children: object) -> Html:
    return tag("section", tag("h2", heading), *children, class_=name)


def _heading(handover: Handover, title: str) -> Html:
    facts = handover.facts
    logo = None
    if facts.logo is not None:
        kind, octets = facts.logo
        logo = tag("img", class_="logo", alt="", src=Html(f"data:{kind};base64,{b64encode(octets).decode()}"))
    words = tag(
        "div",
        tag("p", title if facts.site else day(handover.time), class_="kicker"),
        tag("h1", facts.site or title),
        tag("p", facts.address, class_="address") if facts.address else None,
    )
    return tag("header", words, logo)


def _facts(handover: Handover) -> Html:
    facts = handover.facts
    rows: list[tuple[str, list[str]]] = [
        ("Customer", [facts.customer] if facts.customer else []),
        ("Technician", [facts.technician] if facts.technician else []),
        ("Date", [f"{minute(handover.time)} ({zone(handover.time)})"]),
        ("Bus", [bus_words(bus) for bus in handover.buses]),
        ("Walk", [walk_words(walk) for walk in handover.walks]),
    ]
    return tag(
        "dl",
        *(
            tag(
                "div",
                tag("dt", name),
                *(tag("dd", line) for line in lines),
                class_="wide" if name in _WIDE else None,
            )
            for name, lines in rows
            if lines
        ),
        class_="facts",
    )


def _tiles(handover: Handover) -> Html:
    found, missing = len(handover.meters), len(handover.missing)
    listed = handover.expected
    against = "no list to compare with" if listed is None else f"of {listed} on the list"
    has_list = listed is not None or missing
    strangers = len(handover.strangers)
    tiles = [
        ("Found", str(found), against, ""),
        ("Read", str(handover.read) if handover.was_read else "–", _read_words(handover), ""),
        ("Missing", str(missing) if has_list else "–", against, "bad" if missing else ""),
        ("Problems", str(handover.problems), "to look at", "warn" if handover.problems else ""),
        ("Changed", str(handover.changed), "written into meters", ""),
    ]
    if strangers:
        tiles.append(("Not listed", str(strangers), "found besides", ""))
    return tag(
        "ul",
        *(
            tag(
                "li",
                tag("span", label, class_="label"),
                tag("b", count),
                tag("small", words),
                class_=tone or None,
            )
            for label, count, words, tone in tiles
        ),
        class_="tiles",
    )


def _read_words(handover: Handover) -> str:
    if not handover.was_read:
        return "nobody has read them"
    left = len(handover.meters) - handover.read
    return f"{left} not read" if left else "all that were found"


def _attention(handover: Handover) -> Html:
    found = tables.attention_table(handover)
    well = (
        "No meter reports a fault, and every answer could be read."
        if handover.was_read
        else "Nothing was noticed."
    )
    if not handover.meters:
        well = "There is no meter to look at."
    return _section("attention", "Needs attention", found or tag("p", well, class_="well"))


def _missing(handover: Handover) -> Html | None:
    if not handover.missing:
        return None
    heading = f"Missing: {counted(len(handover.missing), 'meter')}"
    return _section("missing", heading, tables.missing_table(handover.missing))


def _meters(handover: Handover) -> Html:
    if not handover.meters:
        return _section("meters", "Meters", tag("p", "No meter was found."))
    remark = None
    if not handover.was_read:
        remark = tag("p", "The bus was searched; the meters were not read out.", class_="remark")
    return _section("meters", "Meters", remark, tables.meters_table(handover))


def _changes(handover: Handover) -> Html:
    if not handover.changes:
        return _section("changes", "Changes", tag("p", "Nothing was written into any meter."))
    return _section("changes", "Changes", tables.changes_table(handover.changes))


def _strangers(handover: Handover) -> Html | None:
    if not handover.strangers:
        return None
    heading = f"Not on the list: {counted(len(handover.strangers), 'meter')}"
    return _section("strangers", heading, tables.strangers_table(handover.strangers))


def _notes(handover: Handover) -> Html | None:
    notes = handover.facts.notes
    return _section("notes", "Notes", *(tag("p", note) for note in notes)) if notes else None


def _signatures(handover: Handover) -> Html:
    facts = handover.facts
    lines = [("Technician", facts.technician), ("Customer", facts.customer)]
    return tag(
        "section",
        *(
            tag(
                "div",
                tag("span", "", class_="rule"),
                tag("b", who),
                tag("small", name),
                tag("small", "Date, signature"),
            )
            for who, name in lines
        ),
        class_="signatures",
    )


def _making(handover: Handover) -> Html:
    columns = [tables.Column("File", "file"), tables.Column("What", "what"), tables.Column("SHA-256", "sha")]
    rows = [
        tag(
            "tr",
            tag("td", source.name, class_="file", data_label="File"),
            tag(
                "td",
                tables.two_lines(f"{source.kind}, {source.used}", source.note),
                data_label="What",
            ),
            tag(
                "td",
                tag("code", Html(source.sha256)) if source.sha256 else "none: it grows with every use",
                class_="sha",
                data_label="SHA-256",
            ),
        )
        for source in handover.sources
    ]
    made = tag(
        "p",
        f"Made by mbuscli {__version__} on {minute(handover.time)} ({zone(handover.time)}). ",
        "Readings have the digits that the meter sent.",
    )
    listed = (
        tables.table(columns, [tag("tbody", *rows)], "The files this page was made from", "small")
        if rows
        else None
    )
    return _section("making", "How this page was made", made, listed)

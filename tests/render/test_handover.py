"""The handover page: whole, harmless, exact, and the same every time."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mbuscli
from mbuscli.render.handover.charts import Bar, Share, column_chart, share_chart, sparkline
from mbuscli.render.handover.markup import css_string, discreet, tag, text
from mbuscli.render.handover.page import page
from mbuscli.render.handover.words import gain_words, span_words
from mbuscli.services.handover import Facts, Handover, MissingMeter
from mbuscli.services.history import Series
from tests.render.handover_samples import HOSTILE, KEY, NOW, Page, meter, sample

GOLDEN = Path(__file__).parent / "golden" / "handover.html"


def empty(**more: object) -> Handover:
    return Handover(Facts(), NOW, [], [], [], [], [], [], [], None, False, [], [])._replace(**more)  # type: ignore[arg-type]


def test_the_page_is_the_golden_one() -> None:
    made = page(sample()).replace(mbuscli.__version__, "VERSION")
    if os.environ.get("MBUSCLI_WRITE_GOLDEN"):
        GOLDEN.write_text(made, encoding="utf-8", newline="\n")
    assert made == GOLDEN.read_text(encoding="utf-8")


def test_nothing_comes_from_elsewhere_and_nothing_runs() -> None:
    made = page(sample()._replace(facts=Facts(logo=("image/png", b"\x89PNG"))))
    parsed = Page(made)
    assert not re.search(r"(?i)\b(https?:|file:|//|url\(|@import)", made.replace("<!DOCTYPE", ""))
    names = {name for name, _ in parsed.elements}
    assert not names & {"script", "link", "iframe", "object", "embed", "form", "base", "a", "foreignobject"}
    for name, attributes in parsed.elements:
        assert not any(key.startswith("on") for key in attributes)
        for key in ("src", "href", "srcset", "data", "action", "style"):
            value = attributes.get(key)
            assert value is None or (name == "img" and value.startswith("data:image/png;base64,"))


def test_the_parts() -> None:
    parsed = Page(page(sample()))
    told = parsed.text
    for words in (
        "Park Lane 7",
        "J. Petersen",
        "/dev/ttyUSB0, 2400 baud, 251 addresses asked in 1:12 min",
        "/dev/ttyUSB1, 2026-01-31 09:00 to 12:00, 16 telegrams",
        "2026-01-31 12:00 (UTC+01:00)",
        "Missing: 1 meter",
        "Several meters answer at once",
        "Not on the list: 1 meter",
        "mbuscli set-address 00000004.SEN.68.07 3 --port /dev/ttyUSB0",
        "All valves open.",
        "ab" * 32,
    ):
        assert words in told
    assert "482 175 kWh" in re.sub(r"(?<=\d) (?=kWh)", " ", told)
    assert told.count("Date, signature") == 2


def test_no_reading_is_no_zero() -> None:
    made = page(empty(meters=[meter(1, None, unread="no answer"), meter(2, "0.000")], was_read=True))
    first, second = re.findall(r'<td class="num reading".*?</td>', made)
    assert "not read" in first
    assert "no answer" in first
    assert "0.000" not in first
    assert "<b>0.000</b>" in second


def test_digits_are_the_meters_own() -> None:
    for digits in ("0.100", "12345678.901", "1E+3", "0.00", "99999999"):
        shown = Page(page(empty(meters=[meter(1, digits)], was_read=True))).text
        assert format(Decimal(digits), "f") in shown.replace(" ", "")


@pytest.mark.parametrize("name", ["title", "site", "address", "customer", "technician"])
def test_facts_are_text(name: str) -> None:
    check_harmless(page(sample()._replace(facts=Facts()._replace(**{name: HOSTILE}))))


def test_names_from_meters_and_lists_are_text() -> None:
    hostile = meter(
        5,
        None,
        name=HOSTILE,
        place=HOSTILE,
        unread=HOSTILE,
        status=[HOSTILE],
        troubles=[HOSTILE + "2"],
        manufacturer=HOSTILE,
        device_type_name=HOSTILE,
        history=Series(HOSTILE, HOSTILE, (HOSTILE, HOSTILE), (Decimal(1), Decimal(2))),
    )
    base = sample()
    address = hostile.address
    assert address is not None
    change = base.changes[0]
    entry = change.entry._replace(
        command=HOSTILE, port=HOSTILE, meter=HOSTILE, old=HOSTILE, new=HOSTILE, undo=(HOSTILE,)
    )
    made = page(
        base._replace(
            facts=Facts(notes=(HOSTILE,)),
            meters=[hostile, meter(6)],
            strangers=[hostile],
            missing=[MissingMeter(address, 1, HOSTILE, HOSTILE, HOSTILE)],
            disturbed=[base.disturbed[0]._replace(state=HOSTILE, note=HOSTILE)],
            buses=[base.buses[0]._replace(port=HOSTILE, baud=HOSTILE)],
            walks=[base.walks[0]._replace(port=HOSTILE)],
            changes=[change._replace(entry=entry, time=HOSTILE, outcome=HOSTILE, note=HOSTILE)],
            sources=[base.sources[0]._replace(name=HOSTILE, kind=HOSTILE, used=HOSTILE, note=HOSTILE)],
        )
    )
    check_harmless(made)
    assert "\\x1b[2J\\u202e" in made


def check_harmless(made: str) -> None:
    parsed = Page(made)
    names = [name for name, _ in parsed.elements]
    assert "script" not in names
    assert names.count("style") == names.count("title") - names.count("svg") == 1
    assert names.count("img") == 0
    assert not any(key.startswith("on") for _, attributes in parsed.elements for key in attributes)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", made)


@given(st.text(max_size=60))
def test_any_text_is_one_text(words: str) -> None:
    parsed = Page(tag("p", words, title=words))
    (attributes,) = parsed.all("p")
    assert attributes["title"] == "".join(parsed.texts)
    assert len(parsed.elements) == 1


@given(st.text(max_size=40))
def test_a_string_of_a_style_sheet_never_ends_early(words: str) -> None:
    assert re.fullmatch(r'"(?:[A-Za-z0-9]|\\[0-9a-f]{1,6} )*"', css_string(words))


def test_keys_are_hidden_and_meter_numbers_are_not() -> None:
    assert KEY not in page(sample()._replace(facts=Facts(notes=(f"key {KEY}",), site=KEY, title=KEY)))
    spaced = " ".join(KEY[at : at + 2] for at in range(0, 32, 2))
    assert "hidden" in discreet(f"key {spaced}")
    assert "hidden" in text(KEY)
    numbers = "meters 67284105, 67284106 and 67284107 were replaced"
    assert discreet(numbers) == numbers
    assert KEY[:12] not in page(empty(meters=[meter(1, place=KEY), meter(2, place="b")], was_read=True))


def test_a_page_about_nothing() -> None:
    told = Page(page(empty())).text
    assert "No meter was found." in told
    assert "Nothing was written into any meter." in told


def test_a_scan_alone_says_that_nothing_was_read() -> None:
    made = page(empty(meters=[meter(1, None), meter(2, None)]))
    assert "the meters were not read out" in made
    assert "not read<" not in made


def test_many_meters_with_the_same_trouble_share_a_line() -> None:
    meters = [meter(number, None, unread="no key") for number in range(1, 8)]
    told = Page(page(empty(meters=meters, was_read=True))).text
    assert told.count("Not read: no key") == 1
    assert "7 meters" in told


def test_charts_say_in_words_what_they_show() -> None:
    parsed = Page(page(sample()))
    drawings = parsed.all("svg")
    assert len(drawings) == 5
    ids = {attributes["id"] for name, attributes in parsed.elements if "id" in attributes}
    for attributes in drawings:
        assert attributes["role"] == "img"
        for name in (attributes.get("aria-labelledby") or "").split():
            assert name in ids
    assert len(ids) == 2 * len([1 for attributes in drawings if "aria-labelledby" in attributes])
    assert "1 from -110 to -100 dBm, 1 from -90 to -80 dBm, 1 from -70 to -60 dBm" in parsed.text


def test_bars_stay_inside_their_drawing() -> None:
    drawn = [
        column_chart(1, "t", "d", "a", [Bar(str(n), 10**n) for n in range(9)], end="9"),
        column_chart(2, "t", "d", "a", [Bar(str(n), 0) for n in range(48)]),
        share_chart(3, "t", "d", [Share("x" * 90, 3, 10**6), Share("y", 0, 1)], parts_of=True),
    ]
    for chart in drawn:
        for attributes in Page(chart).all("rect"):
            left, width = float(attributes["x"] or 0), float(attributes["width"] or 0)
            top, height = float(attributes["y"] or 0), float(attributes["height"] or 0)
            assert left >= 0
            assert left + width <= 360
            assert top >= 0
            assert top + height <= 150


@pytest.mark.parametrize(
    ("moments", "span"),
    [
        (("2026-01-01", "2026-01-31"), "in 30 d"),
        (("08:00", "11:10"), "in 3 h"),
        (("08:00", "08:20"), "since 08:00"),
        (("storage 3", "storage 1"), "since storage 3"),
    ],
)
def test_histories(moments: tuple[str, str], span: str) -> None:
    series = Series("volume", "m³", moments, (Decimal("1.50"), Decimal("1.25")))
    assert span_words(series) == span
    assert gain_words(series, meter(1)) == "−0.25 m³"
    (line,) = Page(sparkline(series, "told")).all("polyline")
    points = [tuple(map(float, point.split(","))) for point in (line["points"] or "").split()]
    assert len(points) == 2
    assert all(0 <= x <= 84 and 0 <= y <= 20 for x, y in points)


def test_a_history_that_stands_still_is_a_level_line() -> None:
    series = Series("volume", "m³", ("2026-01-01", "2026-01-02"), (Decimal(5), Decimal(5)))
    (line,) = Page(sparkline(series, "told")).all("polyline")
    assert {point.split(",")[1] for point in (line["points"] or "").split()} == {"10"}

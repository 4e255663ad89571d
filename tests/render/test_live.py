"""The live table: what it shows, in which order, and that it never exceeds the screen."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import Candidate, FixedKeys
from mbuscli.render.live import ENTER, LEAVE, Screen, frame, row_lines
from mbuscli.render.streams import Streams
from mbuscli.render.walk_view import SORTS, Row, Status, View, age, all_rows, bar, clock, move, page
from mbuscli.services.coverage import Progress, Route
from mbuscli.services.sniff import Walk
from mbuscli.settings.meter_list import ListedMeter
from tests.services.radio import HOP, heard, key, meter, short, volume

GOLDEN = Path(__file__).parent / "golden"
NOW = 1_800_000_000.0
SIZES = ((80, 24), (160, 50))


def listed(line: int, number: int, name: str, place: str) -> ListedMeter:
    return ListedMeter(line, MeterAddress(f"{number:08d}"), None, name, place, "", "")


def sample() -> tuple[Walk, Route]:
    """A stairwell: meters with and without keys, a list, a repeater, a forger, hostile and wide names."""
    route = Route(
        [
            listed(2, 1, "Flat 1, kitchen", "House A"),
            listed(3, 2, "Flat 2 \x1b[31mred\u202e", "House A"),
            listed(4, 3, "三号楼 水表", "House B"),
            listed(5, 4, "Flat 4", "House B"),
            listed(6, 99, "Flat 5", "Cellar"),
        ]
    )
    walk = Walk(FixedKeys([Candidate("caretaker", key())]), listed=route.find)
    # number, device type, own key, dBm, seconds ago, hop bit
    radio = (
        (1, 0x16, key(), -48.0, 3.0, 0),
        (2, 0x06, key(2), -75.5, 61.0, 0),
        (3, 0x07, None, -90.0, 4000.0, 0),
        (4, 0x08, None, -104.0, 12.0, HOP),
        (70001, 0x04, None, -61.0, 1.0, 0),
        (70002, 0x02, key(3), -108.0, 200_000.0, 0),
    )
    for number, kind, own, rssi_dbm, ago_s, hop in radio:
        telegram = short(meter(number, kind), 1, volume(number * 1001), key=own, bits=hop)
        walk.take(heard(telegram, rssi_dbm=rssi_dbm), NOW - ago_s, "/dev/ttyUSB0")
    for step in range(7):
        telegram = short(meter(80000, 0x07), 10 + step if step < 6 else 2, volume(5000 + step))
        walk.take(heard(telegram, rssi_dbm=-66.0), NOW - 120 + step * 16, "/dev/ttyUSB0")
    for found in walk.roster.meters.values():
        route.note(found)
    route.restore(next(iter(route)), Progress(marked=NOW))
    return walk, route


def status(walk: Walk, alive: str = "listening: last telegram 1s ago") -> Status:
    return Status("C1+T1 iM871A at /dev/ttyUSB0", 3725.0, 2.3, 1.0, alive, walk.counters, len(walk.roster), 0)


def lines(width: int, height: int, view: View | None = None, *, ascii_only: bool = False) -> list[Text]:
    walk, route = sample()
    view = view or View()
    rows = all_rows(walk.roster.meters.values(), route, view)
    shown = page(rows, view, row_lines(height, route))
    return frame(status(walk), shown, view, route, NOW, width, height, ascii_only=ascii_only)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_screen_is_as_it_was(width: int, height: int) -> None:
    console = Console(record=True, width=width, height=height, file=io.StringIO(), force_terminal=True)
    for line in lines(width, height):
        console.print(line, end="\n", soft_wrap=True)
    picture = console.export_svg(title="mbuscli sniff", unique_id="walk")
    path = GOLDEN / f"walk-{width}x{height}.svg"
    if os.environ.get("MBUSCLI_REGENERATE"):
        path.write_text(picture, encoding="utf-8")
    # What stands where, and in which colour; the frame around it is the library's own affair.
    parts = re.compile(r'<text class="walk-(r\d+)" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')
    assert parts.findall(picture)
    assert parts.findall(picture) == parts.findall(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("height", [4, 6, 24, 50])
@pytest.mark.parametrize("width", [20, 40, 79, 80, 99, 100, 119, 120, 139, 140, 160, 300])
def test_no_line_is_wider_and_no_frame_higher_than_the_screen(
    width: int, height: int, ascii_only: bool
) -> None:
    found = lines(width, height, ascii_only=ascii_only)
    assert len(found) == height
    for line in found:
        assert cell_len(line.plain) == width
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202e]", line.plain)
        if ascii_only:
            assert line.plain.isascii()


def test_rows_tell_what_is_known() -> None:
    text = "\n".join(line.plain for line in lines(160, 50))
    for words in (
        r"Flat 1, kitchen +House A +00000001\.KAM\.1B\.16 cold water +1\.001 m³ +3s +1 +-48 .* -48 marked as read, decr",
        r"Flat 2 \\x1b\[31mred\\u202e",
        r"三号楼 水表 +House B",
        r"key wrong",
        r"not encrypted, 1 by repeater",
        r"1 may be sent again",
        r"Flat 5 +Cellar +00000099 +not heard yet",
        r"00070001 KAM",
        r"4 of 5 heard, 3 read .* missing: Cellar 1",
        r"0 CRC errors",
    ):
        assert re.search(words, text), words


def test_every_order_and_selection() -> None:
    walk, route = sample()
    meters = walk.roster.meters.values()
    view = View()
    titles = {}
    for sort in SORTS:
        view.sort = sort
        rows = page(all_rows(meters, route, view), view, 50).rows
        titles[sort] = [row.title for row in rows]
    assert titles["recent"][0] == "00070001 KAM"
    assert titles["recent"][-1] == "Flat 5"
    assert titles["strongest"][0] == "Flat 1, kitchen"
    assert titles["name"] == sorted(titles["name"], key=str.casefold)
    view.sort = "recent"
    shown = {}
    for _ in range(5):
        shown[view.show] = {row.title for row in all_rows(meters, route, view)}
        view.next_show(with_route=True)
    assert shown["missing"] == {"Flat 5"}
    assert shown["unread"] == {"Flat 2 \x1b[31mred\u202e", "00070002 KAM"}
    assert shown["strangers"] == {"00070001 KAM", "00070002 KAM", "00080000 KAM"}
    assert shown["listed"] == shown["all"] - shown["strangers"]
    view.show = "all"
    view.search = "house b"
    assert {row.title for row in all_rows(meters, route, view)} == {"三号楼 水表", "Flat 4"}


def test_the_cursor_stays_on_the_screen() -> None:
    walk = Walk()
    for number in range(100):
        walk.take(heard(short(meter(number), 1, volume(1))), NOW - number)
    view = View()
    rows = all_rows(walk.roster.meters.values(), None, view)
    for step, at in ((1, 0), (1, 1), (10, 11), (1000, 99), (-1, 98), (-1000, 0), (5, 5)):
        move(rows, view, 10, step)
        shown = page(rows, view, 10)
        assert view.selected == meter(at)
        assert view.selected in [row.address for row in shown.rows]
        assert shown.above + len(shown.rows) + shown.below == 100
    # Rows that go away do not leave the view behind the end.
    view.top = 95
    assert len(page(rows[:12], view, 10).rows) == 10
    move([], view, 10, 1)
    assert view.selected is None


def test_small_texts() -> None:
    assert [age(s) for s in (-3, 0, 59, 60, 3599, 3600, 86400 * 3)] == [
        "0s",
        "0s",
        "59s",
        "1m",
        "59m",
        "1h",
        "3d",
    ]
    assert clock(3725) == "1:02:05"
    assert bar(-40, 4, ascii_only=True) == bar(0, 4, ascii_only=True) == "####"
    assert bar(-200, 4, ascii_only=True) == "...."
    assert bar(-75, 4, ascii_only=False) == "██░░"
    assert bar(None, 4, ascii_only=True) == "    "


def test_only_lines_that_changed_are_written() -> None:
    sink = io.StringIO()
    screen = Screen(Streams(sink, io.StringIO(), {}))
    screen.draw([Text("one"), Text("two")], (80, 24))
    first = len(sink.getvalue())
    screen.draw([Text("one"), Text("two")], (80, 24))
    assert len(sink.getvalue()) == first
    screen.draw([Text("one"), Text("three")], (80, 24))
    assert sink.getvalue()[first:] == "\x1b[2;1Hthree"
    screen.draw([Text("one"), Text("three")], (100, 24))
    assert sink.getvalue().count("one") == 2
    screen.close()
    assert sink.getvalue().startswith(ENTER)
    assert sink.getvalue().endswith(LEAVE)


def test_a_row_without_meter_has_empty_cells() -> None:
    row = Row(MeterAddress("12345678"), None)
    assert (row.title, row.type, row.reading, row.state) == ("12345678", "", "", "not heard yet")
    assert row._replace(progress=Progress(heard=NOW)).state == "heard before"
    assert row._replace(progress=Progress(heard=NOW, read=NOW)).state == "read before"

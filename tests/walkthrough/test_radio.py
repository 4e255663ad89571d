"""A walk with a stick and a list: the live table, its keys, a break, and the inventory that is left."""

from __future__ import annotations

import re

from tests.walkthrough.tmux import terminal
from tests.walkthrough.transcript import WALK, Transcript, write_list

pytestmark = WALK

ROWS = (
    "33225544,Flat 1,House A",
    "90210417,Flat 2,House A",
    "71004101,Flat 3,House B",
)
WRONG = "12345678,Flat 4,House B"
CORRECTED = "68120339,Flat 4,House B"
SNIFF = "mbuscli sniff --port sim:stick --list route.csv"


def quiet(screen: str) -> str:
    """A live screen without what moves: the clock, the counters, ages and levels; columns keep their place."""
    lines = screen.split("\n")
    lines[0] = re.sub(r"\d:\d\d:\d\d", "0:00:00", lines[0])
    lines[1] = re.sub(r"\d", "0", lines[1])
    rest = re.sub(r" +\d+[sm] +\d+ +-\d+ (?=[█░])", _zeros, "\n".join(lines[2:]))
    return "\n".join([*lines[:2], re.sub(r"last telegram \d+s ago", "last telegram 0s ago", rest)])


def _zeros(found: re.Match[str]) -> str:
    return "0s    0  -00 ".rjust(len(found[0]))


def test_a_route_in_two_walks() -> None:
    """One meter is missing; later the walk goes on, and ends by itself."""
    transcript = Transcript("route")
    with terminal() as screen:
        write_list(screen.home, [*ROWS, WRONG])
        screen.start(f"{SNIFF} --filter flat --until-complete")
        screen.wait("3 of 4 heard")
        screen.keys("s", "s")
        screen.wait("by name, all")
        screen.keys("Space")
        shown = screen.wait("paused  by name")
        assert len(shown.rstrip("\n").split("\n")) <= 24
        transcript.add("paused, by name", quiet(shown))
        screen.keys("Space", "f", "f")
        transcript.add("only the missing", quiet(screen.wait("by name, missing")))
        screen.keys("q")
        first = screen.finish()
        assert first.endswith("[8] $\n")
        transcript.add("the end of the first walk", summary(first))
        transcript.add("inventory", listed(screen.run("mbuscli inventory")))
        transcript.add("history", screen.run("mbuscli inventory plot 33225544"))
        # A number on the list was misread.
        write_list(screen.home, [*ROWS, CORRECTED])
        second = screen.run(f"{SNIFF} --filter flat --until-complete")
        assert second.endswith("[0] $\n")
        transcript.add("the list is corrected", summary(second))
    transcript.check()


def summary(text: str) -> str:
    """What is left on the screen, without how often and how well who was heard."""
    text = re.sub(r"^(Flat .*? {2,})\d+ ( *)-\d\d dBm", r"\1N \2-00 dBm", text, flags=re.MULTILINE)
    return re.sub(
        r"^\d+ telegrams of \d+ meters in .*", "N telegrams of N meters in N s", text, flags=re.MULTILINE
    )


def listed(text: str) -> str:
    """The heading and the meters of the list, by name: who else was heard is chance."""
    lines = summary(text).split("\n")
    meters = sorted(line for line in lines if line.startswith("Flat"))
    return "\n".join([" ".join(lines[1].split()), *(" ".join(line.split()) for line in meters), ""])

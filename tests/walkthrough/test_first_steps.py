"""The first run, and the first mistakes."""

from __future__ import annotations

from pathlib import Path

from tests.walkthrough.tmux import terminal
from tests.walkthrough.transcript import WALK, Transcript

pytestmark = WALK


def test_first_run() -> None:
    """Bare, without a port, with words misspelt; then the first table."""
    transcript = Transcript("first_run")
    with terminal() as screen:
        screen.run("mbuscli")
        # What is left on the screen of a long help is what a newcomer reads.
        last = screen.screen()
        transcript.add("the end of the help", last[last.index("  First steps") :])
        transcript.add("no port", screen.run("mbuscli scan"))
        transcript.add("a command misspelt", screen.run("mbuscli sacn"))
        transcript.add("an option misspelt", screen.run("mbuscli scan --prot sim:"))
        transcript.add("a port misspelt", screen.run("mbuscli scan --port smi:"))
        transcript.add("without hardware", screen.run("mbuscli scan --port sim:"))
        transcript.add("one of them", screen.run("mbuscli read 42 --port sim:"))
    transcript.check()


def test_next_steps_are_told_once() -> None:
    with terminal() as screen:
        assert "Here for the first time?" in screen.run("mbuscli")
        assert "Here for the first time?" not in screen.run("mbuscli")


def test_a_narrow_terminal(tmp_path: Path) -> None:
    """40 columns, as a phone has: nothing is cut off, and words stay whole."""
    transcript = Transcript("narrow")
    with terminal((40, 24)) as screen:
        transcript.add("no port", screen.run("mbuscli scan"))
        transcript.add("scan", screen.run("mbuscli scan --port sim: --range 0-64"))
        transcript.add("read", screen.run("mbuscli read 42 --port sim:"))
        transcript.add("nobody there", screen.run("mbuscli read 77 --port sim:"))
        transcript.add("columns", screen.run("mbuscli meters list iperl"))
        transcript.add("sniff", screen.run("mbuscli sniff --port sim:stick --count 3 --no-inventory"))
    transcript.check()

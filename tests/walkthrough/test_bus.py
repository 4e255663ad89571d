"""A day at a wired bus: a change that is proven, a cable that is pulled, a scan that is broken off."""

from __future__ import annotations

import json

from tests.walkthrough.tmux import terminal
from tests.walkthrough.transcript import WALK, Transcript, simulated

pytestmark = WALK

NUMBER = "67284105"


def test_scan_change_and_report() -> None:
    """Scan, a refusal, a change that is confirmed by typing, scan again, and the page to hand over."""
    transcript = Transcript("set_address")
    with terminal() as screen, simulated(screen, "bus", "--pace", "fast"):
        transcript.add("scan", screen.run("mbuscli scan --port ~/bus --range 0-9"))
        transcript.add("an address that is taken", screen.run("mbuscli set-address 1 2 --port ~/bus"))
        screen.start("mbuscli set-address 1 6 --port ~/bus")
        transcript.add("the question", screen.wait(f"type the meter's number {NUMBER} "))
        screen.type("00000000")
        transcript.add("not confirmed", screen.finish())
        screen.start("mbuscli set-address 1 6 --port ~/bus")
        screen.wait(f"type the meter's number {NUMBER} ")
        screen.type(NUMBER)
        transcript.add("confirmed", screen.finish())
        transcript.add("scan again", screen.run("mbuscli scan --port ~/bus --range 0-9"))
        transcript.add("journal", screen.run("mbuscli journal"))
        screen.run("mbuscli scan --port ~/bus --range 0-9 -o json > found.json")
        screen.run("mbuscli read --all --range 0-9 --port ~/bus -o json > readings.json")
        words = '--scan found.json --readings readings.json --site "Park Lane 7"'
        transcript.add("report", screen.run(f"mbuscli report --out handover.html {words}"))
        page = (screen.home / "handover.html").read_text(encoding="utf-8")
        found = json.loads((screen.home / "found.json").read_text(encoding="utf-8"))
    transcript.check()
    assert NUMBER in json.dumps(found)
    for words in ("Park Lane 7", NUMBER, "set-address"):
        assert words in page


def test_the_cable_is_pulled() -> None:
    """A scan of a bus that goes away keeps what was found; plugged in again, it starts anew."""
    transcript = Transcript("unplug")
    with terminal() as screen:
        with simulated(screen, "ttyUSB0") as bus:
            screen.start("mbuscli scan --port ~/ttyUSB0")
            screen.wait("^ +2  meter")
            bus.kill()
            bus.wait()
            text = screen.finish()
        (screen.home / "ttyUSB0").unlink(missing_ok=True)
        assert "was unplugged [port.unplugged]" in text
        assert text.endswith("[3] $\n")
        assert "asked in" in text
        transcript.add("unplugged", text)
        gone = screen.run("mbuscli scan --port ~/ttyUSB0")
        assert "there is no port" in gone
        assert "[port.missing]" in gone
        assert gone.endswith("[3] $\n")
        with simulated(screen, "ttyUSB0", "--pace", "fast"):
            transcript.add("again", screen.run("mbuscli scan --port ~/ttyUSB0 --range 0-3"))
    transcript.check()


def test_a_long_scan_is_broken_off() -> None:
    """Ctrl-C leaves a clean screen, what was found, and the way to go on."""
    transcript = Transcript("ctrl_c")
    with terminal() as screen:
        screen.start("mbuscli scan --port 'sim:?pace=real'")
        screen.wait("^ +1  meter")
        screen.wait(r"^ +\d+ %  address \d+, found \d+, .* left", "the progress")
        screen.keys("C-c")
        text = screen.finish()
        assert " % " not in text
        assert "asked in" in text
        assert text.endswith("[130] $\n")
        screen.start("mbuscli scan --secondary --port 'sim:?pace=real'")
        screen.wait("^ +20  meter")
        screen.wait("masks left", "the progress")
        screen.keys("C-c")
        text = screen.finish()
        transcript.add(
            "the way to go on", next(line for line in text.split("\n") if "to go on:" in line) + "\n"
        )
        assert text.endswith("[130] $\n")
        # Ctrl-C at a question is no answer.
        screen.start("mbuscli set-address 1 6 --port sim:")
        screen.wait("type the meter's number")
        screen.keys("C-c")
        transcript.add("at a question", screen.finish())
        transcript.add("nothing was written", screen.run("mbuscli journal"))
    transcript.check()

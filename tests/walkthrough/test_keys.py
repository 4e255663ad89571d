"""A telegram that is closed: the wrong key, then the right one, and the ring that remembers it."""

from __future__ import annotations

from tests.telegram.samples import SHOWN
from tests.walkthrough.tmux import terminal
from tests.walkthrough.transcript import WALK, Transcript

pytestmark = WALK

SAMPLE = SHOWN["mode_5"]
WRONG = "00112233445566778899AABBCCDDEEFF"


def test_wrong_key_then_the_right_one() -> None:
    transcript = Transcript("keys")
    right = SAMPLE.key or ""
    with terminal() as screen:
        (screen.home / "t.hex").write_text(SAMPLE.telegram)
        screen.start("mbuscli decrypt t.hex")
        transcript.add("asked for the key", screen.wait("empty: none"))
        screen.type(WRONG)
        transcript.add("a wrong key", screen.finish())
        screen.start("mbuscli keys add 12345678.ELS --key -")
        screen.wait("not shown")
        screen.type(right[:-1])
        transcript.add("a key cut short", screen.finish())
        screen.start("mbuscli keys add 12345678.ELS --key -")
        screen.wait("not shown")
        screen.type(right)
        transcript.add("into the ring", screen.finish())
        transcript.add("opened by the ring", screen.run("mbuscli decrypt t.hex"))
        everything = screen.run(
            "cat ~/.bash_history; history | tail -9; grep -rl -i " + right[:12] + " ~ | sort"
        )
        folder = screen.home
        kept = (folder / ".config" / "mbuscli" / "keys.toml").read_text(encoding="utf-8")
    transcript.check()
    assert right.casefold() in kept.casefold()
    found = [line for line in everything.split("\n") if line.startswith(str(folder))]
    assert found == [f"{folder}/.config/mbuscli/keys.toml"]

"""The pictures of the README, man/pictures/*.svg: what the program shows, drawn as a terminal draws it.

    python -m tests.render.pictures

The drawing is rich's, without the fonts that it fetches from the net: each system shows its own.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import Candidate, FixedKeys, Key
from mbuscli.render.live import frame, row_lines
from mbuscli.render.walk_view import Status, View, all_rows, page
from mbuscli.services.coverage import Route
from mbuscli.services.listen import Listeners, Received, Source
from mbuscli.services.sniff import Walk
from mbuscli.services.sticks import open_stick
from mbuscli.settings.meter_list import ListedMeter
from tests.cli.program import COMMAND, ROOT, environment
from tests.telegram.samples import SHOWN

FOLDER = ROOT / "man" / "pictures"
WIDTH = 100
_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
_SCENARIO = ROOT / "mbuscli" / "simulator" / "scenarios" / "radio.toml"
# Where the meters of the simulated stairwell would hang.
_PLACES = (
    ("33225544", "Flat 1, kitchen", "House A"),
    ("90210417", "Flat 1, bath", "House A"),
    ("40118263", "Flat 1, living room", "House A"),
    ("40118264", "Flat 2, living room", "House A"),
    ("65003821", "Flat 2, kitchen", "House A"),
    ("71004101", "Heating", "Cellar"),
    ("11873305", "Garden", "House A"),
    ("99999999", "Flat 3, kitchen", "House B"),
)
_HEARD_S = 45.0
_LINES = 20


def scan() -> str:
    """Who is on the bus."""
    return _screen("mbuscli scan --port sim:", 16)


def read() -> str:
    """What a meter says."""
    return _screen("mbuscli read 67284105.KAM.19.04 --port sim:", 30)


def explain() -> str:
    """Every byte of a telegram; the top of it."""
    return _screen(f"mbuscli decrypt {SHOWN['wired'].telegram[:26]}... --explain", 34)


def sniff() -> str:
    """The live table after a while, with a list."""
    found = tomllib.loads(_SCENARIO.read_text(encoding="utf-8"))["meter"]
    keys = dict.fromkeys(each["key"] for each in found if "key" in each)
    candidates = [Candidate(f"key {number}", Key(bytes.fromhex(key))) for number, key in enumerate(keys, 1)]
    listed = [
        ListedMeter(line, MeterAddress(number), None, name, place, "", "")
        for line, (number, name, place) in enumerate(_PLACES, 2)
    ]
    route = Route(listed)
    walk = Walk(FixedKeys(candidates), listed=route.find)
    port = "sim:stick"
    listeners = Listeners([Source(port, lambda: open_stick(port))], for_s=_HEARD_S)
    listeners.start()
    received: list[Received] = []
    while listeners.running:
        received += [event for event in listeners.events(0.1) if isinstance(event, Received)]
    received += [event for event in listeners.stop() if isinstance(event, Received)]
    for event in received:
        heard = walk.take(event.reception, event.time, port)
        if heard.meter is not None:
            route.note(heard.meter)
    now = received[0].time + _HEARD_S
    view = View()
    view.sort = "name"
    rows = all_rows(walk.roster.meters.values(), route, view)
    status = Status(
        "C1+T1 iM871A at /dev/ttyUSB0",
        _HEARD_S,
        len(received) / _HEARD_S,
        None,
        "listening: last telegram 1s ago",
        walk.counters,
        len(walk.roster),
        0,
    )
    shown = page(rows, view, row_lines(_LINES, route))
    lines = frame(status, shown, view, route, now, WIDTH, _LINES, ascii_only=False)
    return _drawn(lines, "mbuscli sniff --list route.csv")


def _screen(command: str, height: int) -> str:
    """The command and what a terminal shows of it, in colours, from the top."""
    words = shlex.split(command)[1:]
    words = [SHOWN["wired"].telegram if word.endswith("...") else word for word in words]
    with tempfile.TemporaryDirectory() as folder:
        places = {"MBUSCLI_STATE_DIR": folder, "MBUSCLI_CONFIG_DIR": folder}
        done = subprocess.run(
            [*COMMAND, *words, "-o", "table"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            env=environment(COLUMNS=str(WIDTH), FORCE_COLOR="1", **places),
            timeout=60,
        )
    shown = [Text.from_ansi(line) for line in done.stdout.rstrip("\n").split("\n")]
    return _drawn([Text(f"$ {command}", style="bold green"), *shown][:height], "mbuscli")


def _drawn(lines: list[Text], title: str) -> str:
    """The lines as SVG."""
    console = Console(
        record=True,
        width=WIDTH,
        height=len(lines) + 1,
        file=io.StringIO(),
        force_terminal=True,
        color_system="standard",
    )
    # The last line would stand on the frame.
    for line in (*lines, Text()):
        console.print(line, end="\n", soft_wrap=True)
    picture = console.export_svg(title=title, unique_id="mbuscli")
    picture = re.sub(r"@font-face\s*\{.*?\}\s*", "", picture, flags=re.DOTALL)
    picture = re.sub(r"<!--.*?-->|font-variant-east-asian: full-width;", "", picture, flags=re.DOTALL)
    picture = re.sub(r"font-family: [^;]*;", f"font-family: {_FONTS};", picture)
    return "\n".join(line.strip() for line in picture.split("\n") if line.strip()) + "\n"


PICTURES: dict[str, Callable[[], str]] = {"scan": scan, "read": read, "sniff": sniff, "explain": explain}


def write() -> None:
    """All of them into their folder."""
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        path: Path = FOLDER / f"{name}.svg"
        path.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    os.environ.pop("NO_COLOR", None)
    write()

"""The job of a day, in the shell: a riser of 60 new meters at address 0, a delivery note, billing's file."""

from __future__ import annotations

import csv
import io
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.bus_server import BAUD, QUICK, ServedBus, served
from tests.cli.program import environment
from tests.services.plan_meters import registers, scenario_of

COUNT = 60
SCRIPT = """
set -e
mbuscli scan --secondary --list delivery.csv -o json > found.json
mbuscli set-address --plan delivery.csv --dry-run > frames.txt
mbuscli set-address --plan delivery.csv --yes -o csv > record.csv
mbuscli read --all --range 1-60 --summary -o csv > billing.csv
"""


def delivered() -> list[str]:
    """Numbers as they come: no order, some with zeros in front."""
    numbers = random.Random(4).sample(range(20_000_000, 99_999_999), COUNT - 3)
    return [f"{number:08d}" for number in (1234567, 42, *numbers, 987654)]


def delivery_note(ids: list[str]) -> bytes:
    """As a spreadsheet writes it: code page of Windows, zeros eaten."""
    lines = ["Lieferschein 4711;;;", "", "Zählernummer;Neue Adresse;Wohnung;Bemerkung"]
    lines += [f"{int(number)};{place};Wohnung {place};" for place, number in enumerate(ids, 1)]
    return "\r\n".join([*lines, ""]).encode("cp1252")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
def test_sixty_new_meters(tmp_path: Path) -> None:
    ids = delivered()
    bus = ServedBus(scenario_of([(number, 0) for number in ids], baud=BAUD))
    (tmp_path / "delivery.csv").write_bytes(delivery_note(ids))
    options = dict(zip(("MBUSCLI_BAUD", "MBUSCLI_TIMEOUT", "MBUSCLI_MARGIN"), QUICK[1::2], strict=True))
    with served(bus) as port:
        done = subprocess.run(
            ["/bin/sh", "-c", f'mbuscli() {{ "{sys.executable}" -m mbuscli "$@"; }}\n{SCRIPT}'],
            cwd=tmp_path,
            env=environment(MBUSCLI_PORT=port, XDG_STATE_HOME=str(tmp_path / "state"), **options),
            capture_output=True,
            timeout=110,
        )
    assert done.returncode == 0, done.stderr.decode()
    wanted = {number: place for place, number in enumerate(ids, 1)}
    assert registers(bus) == wanted
    record = list(csv.DictReader(io.StringIO((tmp_path / "record.csv").read_text())))
    assert [(row["old"], row["new"], row["outcome"]) for row in record] == [
        ("0", str(place), "written") for place in range(1, COUNT + 1)
    ]
    billing = list(csv.DictReader(io.StringIO((tmp_path / "billing.csv").read_text())))
    assert {row["id"]: int(row["primary_address"]) for row in billing} == wanted
    assert {row["id"]: row["value"] for row in billing} == {
        number: f"{place}.123" for number, place in wanted.items()
    }
    assert {row["error"] for row in billing} == {""}
    assert (tmp_path / "frames.txt").read_text().count("\n") == COUNT

"""What a write looks like in every format."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from mbuscli.render.columns import choose
from mbuscli.render.report import Output
from mbuscli.render.streams import Streams
from mbuscli.render.write_rows import COLUMNS, journal_row, write_journal, write_report
from mbuscli.services.commission import Outcome, SetAddress, SetIdentification, attempt, prepare
from mbuscli.settings.journal import Journal
from mbuscli.simulator.slave import IGNORES_WRITES, MeterSpec
from tests.services.written_meters import bus_of, link_to, meter


def outcome_of(spec: MeterSpec, new: int, folder: Path) -> Outcome:
    link = link_to(bus_of(spec))
    return attempt(link, prepare(link, 1, SetAddress(new)), journal=Journal(folder / "journal"))


def shown(outcome: Outcome, format_name: str, fields: str | None = None) -> str:
    out = io.StringIO()
    names = None if fields is None else choose(COLUMNS["write"][0], fields)
    write_report(Output(format_name, names, Streams(out, io.StringIO(), {})), outcome)
    return out.getvalue()


def test_to_people(tmp_path: Path) -> None:
    text = shown(outcome_of(meter(), 7, tmp_path), "table")
    assert text == (
        "meter 11111111.KAM.1B.16, cold water, primary address 1\n"
        "  set-address: 1 -> 7\n"
        "  written and read back\n"
        "  link reset of address 1\n"
        "    10 40 01 41 16\n"
        "  set primary address 7\n"
        "    68 06 06 68 73 01 51 01 7A 07 47 16\n"
        "  undo: mbuscli set-address 11111111.KAM.1B.16 1 --port sim: --baud 2400\n"
    )


@pytest.mark.parametrize(
    ("spec", "new", "words"),
    [
        (meter(), 1, "it is so already"),
        (meter(quirks=(IGNORES_WRITES,)), 7, "refused by the meter"),
    ],
)
def test_what_was_not_written_has_nothing_to_undo(
    spec: MeterSpec, new: int, words: str, tmp_path: Path
) -> None:
    text = shown(outcome_of(spec, new, tmp_path), "table")
    assert words in text
    assert "undo" not in text


def test_to_programs(tmp_path: Path) -> None:
    outcome = outcome_of(meter(), 7, tmp_path)
    document = json.loads(shown(outcome, "json"))
    line = json.loads(shown(outcome, "ndjson"))
    assert {**document, "time": ""} == {**line, "time": ""}
    assert document["frames"][1] == {"hex": "68060668730151017A074716", "meaning": "set primary address 7"}
    assert shown(outcome, "plain").split("\t")[:6] == [
        "11111111.KAM.1B.16",
        "1",
        "set-address",
        "1",
        "7",
        "written",
    ]
    assert shown(outcome, "csv", "new,outcome,verified").splitlines() == [
        "new,outcome,verified",
        "7,written,true",
    ]


def test_the_journal_to_people(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", now=lambda: "2026-01-31T10:00:00.000+01:00")
    link = link_to(bus_of(meter()))
    attempt(link, prepare(link, 1, SetIdentification("77777777")), journal=journal)
    out = io.StringIO()
    output = Output("table", None, Streams(out, io.StringIO(), {}))
    write_journal(output, [journal_row(line) for line in journal.read()])
    assert out.getvalue() == (
        "2026-01-31 10:00:00  11111111.KAM.1B.16  set-address: 11111111.KAM.1B.16 -> 77777777.KAM.1B.16\n"
        "  written\n"
        "  undo: mbuscli set-address 77777777.KAM.1B.16 --id 11111111 --port sim: --baud 2400\n"
    )

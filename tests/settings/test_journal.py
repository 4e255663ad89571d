"""The journal of writes: whole lines, whatever interrupts it."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from mbuscli.errors import InputError
from mbuscli.settings.journal import Entry, Journal

ENTRY = Entry(
    "set-address",
    "sim:",
    2400,
    "12345678.KAM.1B.16",
    "1",
    "1",
    "7",
    ("1040014116",),
    ("mbuscli", "set-address"),
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state" / "journal.ndjson")


def test_a_line_before_and_a_line_after(journal: Journal) -> None:
    with journal.begin(ENTRY) as writing:
        (before,) = journal.read()
        writing.end("written", "as it should")
    (after,) = journal.read()
    assert (before.outcome, after.outcome, after.note) == ("begun", "written", "as it should")
    assert (after.entry, after.time) == (ENTRY, before.time)
    rows = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert [row["outcome"] for row in rows] == ["begun", "written"]
    assert rows[0]["undo"] == ["mbuscli", "set-address"]


def test_no_journal_is_an_empty_one(journal: Journal) -> None:
    assert journal.read() == []


def test_an_interrupted_write_says_so(journal: Journal) -> None:
    with pytest.raises(KeyboardInterrupt), journal.begin(ENTRY):
        raise KeyboardInterrupt
    assert [(line.outcome, line.note) for line in journal.read()] == [("unknown", "KeyboardInterrupt")]


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_power_cut_costs_its_own_line_only(journal: Journal, cut: int) -> None:
    with journal.begin(ENTRY) as writing:
        writing.end("written")
    data = journal.path.read_bytes()
    journal.path.write_bytes(data[:-cut])
    assert [line.outcome for line in journal.read()] == ["written" if cut == 1 else "begun"]
    with journal.begin(ENTRY) as writing:
        writing.end("refused")
    assert [line.outcome for line in journal.read()][-1] == "refused"
    assert len(journal.read()) == 2


def test_what_is_no_line_of_ours_is_passed_over(journal: Journal) -> None:
    with journal.begin(ENTRY) as writing:
        writing.end("written")
    with journal.path.open("ab") as stream:
        stream.write(b'\xff\xfe\n{}\n[]\n{"key":1}\n17\nnull\n\n')
    assert [line.outcome for line in journal.read()] == ["written"]


def test_many_writers_at_once(journal: Journal) -> None:
    def write_some() -> None:
        for _ in range(20):
            with journal.begin(ENTRY) as writing:
                writing.end("written")

    threads = [threading.Thread(target=write_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.outcome for line in journal.read()] == ["written"] * 80


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_file_is_the_users_own(journal: Journal) -> None:
    with journal.begin(ENTRY) as writing:
        writing.end("written")
    assert stat.S_IMODE(os.stat(journal.path).st_mode) == 0o600


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as caught:
        Journal(tmp_path / "file" / "journal").begin(ENTRY)
    assert caught.value.name == "input.unwritable"

"""`mbuscli report` as a technician runs it, at the end of a day."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from tests.cli.program import Result, run
from tests.render.handover_samples import Page


class Day:
    """A folder of files, and the state that the program keeps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = {
            "MBUSCLI_STATE_DIR": str(folder / "state"),
            "MBUSCLI_CONFIG_DIR": str(folder / "config"),
        }

    def run(self, *words: str, **environ: str) -> Result:
        return run(*words, cwd=self.folder, **self.state, **environ)

    def keep(self, name: str, *words: str) -> Path:
        path = self.folder / name
        path.write_text(self.run(*words).out, encoding="utf-8")
        return path

    def page(self, *words: str) -> Page:
        done = self.run("report", "--out", "-", *words)
        assert done.code == 0, done.err
        return Page(done.out)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    day = Day(tmp_path_factory.mktemp("day"))
    day.keep("found.json", "scan", "--port", "sim:", "-o", "json", "-q")
    day.keep("billing.csv", "read", "--port", "sim:", "--all", "--summary", "-o", "csv", "-q")
    (day.folder / "delivery.csv").write_text("meter number;place\n67284105;cellar\n11111111;attic\n")
    return day


def test_a_day_at_the_bus(day: Day) -> None:
    changed = day.run("set-address", "3", "33", "--port", "sim:", "--yes", "-o", "plain")
    assert changed.code == 0
    words = (
        "--scan",
        "found.json",
        "--readings",
        "billing.csv",
        "--list",
        "delivery.csv",
        "--site",
        "Park Lane 7",
    )
    done = day.run("report", "--out", "handover.html", *words)
    assert (done.out, done.code) == ("", 0)
    assert done.err == "handover.html: 1 meter, 1 read, 1 missing, 1 problem, 1 changed\n"
    path = day.folder / "handover.html"
    told = Page(path.read_text(encoding="utf-8")).text
    for words_told in ("Park Lane 7", "482 175 kWh", "11111111", "set address", "3 → 33", "found.json"):
        assert words_told in told.replace("3  → ", "3 → ").replace("482 175  kWh", "482 175 kWh")
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_is_not_replaced_by_accident(day: Day) -> None:
    words = ("report", "--out", "once.html", "--scan", "found.json", "-q")
    assert day.run(*words).code == 0
    again = day.run(*words)
    assert again.code == 10
    assert "once.html exists [input.exists]" in again.err
    assert "--force replaces it" in again.err
    assert day.run(*words, "--force").code == 0


def test_the_same_inputs_make_the_same_page(day: Day) -> None:
    words = ("report", "--out", "-", "--scan", "found.json", "--readings", "billing.csv", "--no-journal")
    first, second = (day.run(*words, SOURCE_DATE_EPOCH="1769860800") for _ in range(2))
    assert first.out == second.out
    assert "2026-01-31 12:00 (UTC)" in first.out
    dated = day.run(*words, "--date", "2026-01-31T12:00")
    assert dated.out == first.out


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (["--scan", "found.json"], 2, "usage.empty"),
        (["--out", "x.html"], 2, "usage.empty"),
        (["--out", "x.html", "--walk"], 10, "input.missing"),
        (["--out", "x.html", "--scan", "none.json"], 10, "input.missing"),
        (["--out", "x.html", "--scan", "found.json", "--logo", "billing.csv"], 10, "input.unrecognised"),
        (["--out", "no/such/file/x.html", "--scan", "found.json", "--list", "none.csv"], 10, "input.missing"),
        (["--out", "x.html", "--scan", "delivery.csv"], 10, "input.unrecognised"),
        (["--out", "found.json/x.html", "--scan", "found.json"], 10, "input.unwritable"),
    ],
)
def test_what_cannot_be_done(day: Day, words: list[str], code: int, name: str) -> None:
    done = day.run("report", *words)
    assert done.code == code
    assert f"[{name}]" in done.err
    assert "Traceback" not in done.err
    assert not (day.folder / "x.html").exists()


def test_no_browser_is_found_before_anything_is_written(day: Day) -> None:
    done = day.run(
        "report", "--out", "y.html", "--pdf", "y.pdf", "--scan", "found.json", MBUSCLI_BROWSER="no-such"
    )
    assert done.code == 10
    assert "MBUSCLI_BROWSER names no program: no-such [input.missing]" in done.err
    assert "print it from there" in done.err
    assert not (day.folder / "y.html").exists()


def test_a_logo_is_part_of_the_page(day: Day) -> None:
    (day.folder / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    parsed = day.page("--scan", "found.json", "--logo", "logo.svg")
    (image,) = parsed.all("img")
    assert (image["src"] or "").startswith("data:image/svg+xml;base64,")


def test_a_walk_is_the_default_without_files(tmp_path: Path) -> None:
    walk = Day(tmp_path)
    assert walk.run("sniff", "--port", "sim:stick", "--for", "90s", "-o", "plain", "-q").code == 0
    told = walk.page("--no-journal").text
    assert "123.529" in told
    assert "encrypted, and there is no key for it" in told
    assert "inventory.sqlite3" in told


def test_a_stream_that_is_no_utf_8_gets_the_same_page(day: Day) -> None:
    words = (
        "report",
        "--out",
        "-",
        "--scan",
        "found.json",
        "--readings",
        "billing.csv",
        "--site",
        "Süd → Łódź",
    )
    pages = [
        Page(day.run(*words, SOURCE_DATE_EPOCH="1769860800", PYTHONIOENCODING=encoding).out)
        for encoding in ("utf-8", "cp1252", "ascii")
    ]
    assert "Süd → Łódź" in pages[0].text
    assert pages[0].text == pages[1].text == pages[2].text


def test_remarks_go_to_the_person_not_to_the_page(day: Day) -> None:
    lines = day.keep("cut.ndjson", "read", "--port", "sim:", "--range", "0-5", "--all", "-o", "ndjson", "-q")
    lines.write_text(lines.read_text(encoding="utf-8")[:-50], encoding="utf-8")
    done = day.run("report", "--out", "cut.html", "--readings", "cut.ndjson")
    assert "note: cut.ndjson: its last line is cut off and was left out" in done.err
    assert day.run("report", "--out", "cut.html", "--readings", "cut.ndjson", "--force", "-q").err == ""

"""The man pages: fresh, valid roff, complete; and the completion scripts beside them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from mbuscli.cli.commands import COMMANDS
from mbuscli.cli.exit_codes import MEANINGS
from mbuscli.cli.manual import files, write
from mbuscli.cli.manual_page import parse_help
from tests.cli.program import ROOT, environment

MADE = dict(files())
PAGES = sorted(name for name in MADE if name.startswith("man/"))
REQUIRED = ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES", "SEE ALSO")


def section_names(text: str) -> list[str]:
    return [name.strip('"') for name in re.findall(r"^\.SH (.*)$", text, re.MULTILINE)]


@pytest.mark.parametrize("name", MADE)
def test_what_is_in_the_tree_is_fresh(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == MADE[name], "run: python -m mbuscli.cli.manual"


def test_nothing_else_is_in_the_tree() -> None:
    present = {
        path.relative_to(ROOT).as_posix()
        for kind in ("man", "completions")
        for path in (ROOT / kind).iterdir()
        if path.is_file()
    }
    assert present == set(MADE)


def test_pages_for_all() -> None:
    assert {f"man/mbuscli-{name}.1" for name in COMMANDS} <= set(PAGES)
    assert {"man/mbuscli.1", "man/mbuscli-config.5", "man/mbuscli-output.7", "man/mbuscli-ports.7"} <= set(
        PAGES
    )


@pytest.mark.parametrize("name", [page for page in PAGES if page.endswith(".1")])
def test_a_command_page_has_its_sections(name: str) -> None:
    sections = section_names(MADE[name])
    assert set(REQUIRED) <= set(sections)
    assert {"OPTIONS", "COMMANDS"} & set(sections)
    assert sections[0] == "NAME"
    assert sections[-1] == "SEE ALSO"
    examples = MADE[name].partition(".SH EXAMPLES")[2]
    assert "mbuscli " in examples.partition(".SH")[0]


def test_the_exit_codes_of_the_program_are_all_there() -> None:
    text = MADE["man/mbuscli.1"]
    for code in MEANINGS:
        assert rf"\fB{int(code)}\fR" in text


@pytest.mark.parametrize("name", PAGES)
def test_groff_has_nothing_to_complain_about(name: str) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        [groff, "-ww", "-man", "-Tutf8", str(ROOT / name)], capture_output=True, encoding="utf-8", timeout=50
    )
    assert done.stderr == ""
    assert len(done.stdout) > 500


def test_man_shows_a_page() -> None:
    man = shutil.which("man")
    if man is None:
        pytest.skip("man is not installed")
    done = subprocess.run(
        [man, "--warnings", "-P", "cat", "-l", str(ROOT / "man" / "mbuscli-scan.1")],
        capture_output=True,
        encoding="utf-8",
        timeout=50,
        env=environment(MANWIDTH="80", LC_ALL="C.UTF-8"),
    )
    assert done.stderr == ""
    assert "mbuscli-scan - find the meters on a wired bus" in done.stdout
    assert "--port /dev/ttyUSB0" in done.stdout, "hyphens are those of the keyboard"


@pytest.mark.parametrize("name", PAGES)
def test_pages_that_are_named_exist(name: str) -> None:
    see = MADE[name].replace("\\-", "-")
    for page, section in re.findall(r"\b(mbuscli(?:-[a-z-]+)?)\((\d)\)", see):
        assert f"man/{page}.{section}" in MADE


def test_the_date_is_that_of_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert '"1970-01-02"' in dict(files())["man/mbuscli.1"]


def test_writing_replaces_what_is_old(tmp_path: Path) -> None:
    (tmp_path / "man").mkdir()
    (tmp_path / "man" / "mbuscli-gone.1").touch()
    write(tmp_path)
    assert not (tmp_path / "man" / "mbuscli-gone.1").exists()
    assert (tmp_path / "completions" / "_mbuscli").read_text() == MADE["completions/_mbuscli"]


def test_every_file_is_installed() -> None:
    """The wheel's data files name all of them; each folder is where its reader looks."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    data = table["tool"]["setuptools"]["data-files"]
    for name in MADE:
        folders = [
            folder for folder, patterns in data.items() if any(fnmatch(name, each) for each in patterns)
        ]
        assert len(folders) == 1, name
        if name.startswith("man/"):
            assert folders == [f"share/man/man{name[-1]}"]


def test_scripts_are_valid_for_their_shells() -> None:
    for shell, name in (("bash", "mbuscli"), ("zsh", "_mbuscli"), ("fish", "mbuscli.fish")):
        if shutil.which(shell):
            done = subprocess.run(
                [shell, "-n", str(ROOT / "completions" / name)], capture_output=True, text=True, timeout=50
            )
            assert (done.returncode, done.stderr) == (0, ""), shell


def test_parts_of_a_help_text() -> None:
    text = parse_help(
        """Do it.

    This and
    that.

    \b
    Examples:
      mbuscli do it \\
        --now

    Exit codes: 0 done, or so, 4 no answer, 10 wrong.
    """
    )
    assert text.title == "Do it"
    assert [block.text for block in text.description] == ["This and that."]  # type: ignore[union-attr]
    assert text.examples == ("mbuscli do it --now",)
    assert text.codes == (("0", "done, or so"), ("4", "no answer"), ("10", "wrong"))


@pytest.mark.skipif(sys.platform == "win32", reason="man is not on Windows")
def test_lines_are_never_requests_by_accident() -> None:
    known = (".TH", ".SH", ".SS", ".PP", ".TP", ".RS", ".RE", ".nf", ".fi", ".nh", ".ad", '.\\"')
    for name in PAGES:
        for line in MADE[name].split("\n"):
            assert not line.startswith("'"), f"{name}: {line}"
            assert not line.startswith(".") or line.startswith(known), f"{name}: {line}"

"""Printing with a browser: which one, and what becomes of one that does not do it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from mbuscli.errors import InputError
from mbuscli.services.handover_pdf import find_browser, print_pdf

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the browsers here are shell scripts")


def script(folder: Path, *lines: str) -> str:
    path = folder / "browser"
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o755)
    return str(path)


def test_the_user_names_the_browser(tmp_path: Path) -> None:
    browser = script(tmp_path, "exit 0")
    assert find_browser({"MBUSCLI_BROWSER": browser}) == browser
    with pytest.raises(InputError, match="MBUSCLI_BROWSER names no program"):
        find_browser({"MBUSCLI_BROWSER": str(tmp_path / "none")})


@pytest.mark.skipif(sys.platform == "darwin", reason="browsers there are found without PATH")
def test_without_a_browser_the_hint_is_another_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError) as caught:
        find_browser({})
    assert caught.value.name == "input.missing"
    assert "open the HTML page in a browser" in caught.value.hint[-1]


def test_what_the_browser_is_told(tmp_path: Path) -> None:
    said = tmp_path / "said"
    browser = script(
        tmp_path,
        f'printf "%s\\n" "$@" > {said}',
        'for word in "$@"; do case $word in --print-to-pdf=*) printf %%PDF > "${word#*=}";; esac; done',
    )
    print_pdf("<p>page</p>", tmp_path / "out.pdf", browser)
    assert (tmp_path / "out.pdf").read_bytes() == b"%PDF"
    words = said.read_text().split("\n")
    assert {"--headless", "--no-first-run", "--no-pdf-header-footer"} < set(words)
    profile = next(word.partition("=")[2] for word in words if word.startswith("--user-data-dir="))
    assert not Path(profile).parent.exists()


def test_a_browser_that_fails_says_why_and_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out.pdf"
    target.write_bytes(b"old")
    browser = script(tmp_path, "echo it broke >&2", "exit 1")
    with pytest.raises(InputError, match="it broke") as caught:
        print_pdf("<p>page</p>", target, browser)
    assert caught.value.name == "input.unwritable"
    assert target.read_bytes() == b"old"


def test_a_browser_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    browser = script(tmp_path, f"(sleep 3; touch {mark}) &", "sleep 60")
    began = time.monotonic()
    with pytest.raises(InputError, match="did not end within"):
        print_pdf("<p>page</p>", tmp_path / "out.pdf", browser, limit_s=0.5)
    assert time.monotonic() - began < 30
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        assert not mark.exists()
        time.sleep(0.2)


def test_what_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did not print"):
        print_pdf("<p>page</p>", tmp_path / "out.pdf", str(tmp_path))

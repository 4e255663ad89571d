"""The pictures of the README show what the program shows today, and fetch nothing from anywhere.

To draw them anew: python -m tests.render.pictures
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.render.pictures import FOLDER, PICTURES

# What stands where, and in which colour; the frame around it is the library's own affair.
_PARTS = re.compile(r'<text class="mbuscli-(r\d+)" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')
_STYLES = re.compile(r"\.mbuscli-r\d+ \{[^}]*\}")
_LARGEST = 60_000


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_fresh(name: str) -> None:
    kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    drawn = PICTURES[name]()
    assert len(_PARTS.findall(drawn)) > 10
    assert _PARTS.findall(drawn) == _PARTS.findall(kept)
    assert _STYLES.findall(drawn) == _STYLES.findall(kept)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.svg")), ids=lambda path: path.stem)
def test_the_picture_needs_nothing_else(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.stem in PICTURES
    assert len(text.encode()) < _LARGEST
    assert "@font-face" not in text
    assert re.findall(r"https?://[^\"' ]+|url\((?!#)[^)]*\)", text) == ["http://www.w3.org/2000/svg"]

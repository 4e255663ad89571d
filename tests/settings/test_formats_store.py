"""Learnt formats outlive the run, and damage to their file costs a line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mbuscli.protocol.checksum import crc_en13757
from mbuscli.settings.formats_store import StoredFormats

FIRST = bytes.fromhex("0413 0416 0413".replace(" ", ""))
SECOND = bytes.fromhex("0c13 4c13".replace(" ", ""))


def find(path: Path, headers: bytes) -> bytes | None:
    return StoredFormats(path).find(crc_en13757(headers))


def test_kept(tmp_path: Path) -> None:
    path = tmp_path / "state" / "formats.txt"
    formats = StoredFormats(path)
    assert not path.exists()
    for _ in range(3):
        formats.learn(FIRST)
    StoredFormats(path).learn(FIRST)
    StoredFormats(path).learn(SECOND)
    assert find(path, FIRST) == FIRST
    assert find(path, SECOND) == SECOND
    assert len(path.read_text().splitlines()) == 2
    assert formats.trouble is None


def test_cut_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "formats.txt"
    StoredFormats(path).learn(FIRST)
    one_line = path.read_bytes()
    StoredFormats(path).learn(SECOND)
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        if size >= len(one_line) - 1:
            assert find(path, FIRST) == FIRST
        third = b"\x04\x78"
        StoredFormats(path).learn(third)
        assert find(path, third) == third, size


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00", b"zz zz\n", b"1234 0413\n", b" \n\n", b"0" * 3000])
def test_damage_is_passed_over(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "formats.txt"
    path.write_bytes(damage)
    formats = StoredFormats(path)
    formats.learn(FIRST)
    assert find(path, FIRST) == FIRST
    assert formats.trouble is None


def test_built_in_formats_are_not_written(tmp_path: Path) -> None:
    from mbuscli.protocol.application.compact_table import KNOWN_FORMATS

    path = tmp_path / "formats.txt"
    formats = StoredFormats(path)
    for headers in KNOWN_FORMATS:
        formats.learn(bytes.fromhex(headers))
    assert not path.exists()


def test_the_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "formats.txt"
    path.write_bytes(b"x" * (1 << 20))
    StoredFormats(path).learn(FIRST)
    assert path.stat().st_size == 1 << 20


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    formats = StoredFormats(tmp_path / "file" / "formats.txt")
    formats.learn(FIRST)
    assert formats.find(crc_en13757(FIRST)) == FIRST
    assert formats.trouble is not None


LEARN = """
import sys
from pathlib import Path
from mbuscli.settings.formats_store import StoredFormats
formats = StoredFormats(Path(sys.argv[1]))
for number in range(60):
    formats.learn(bytes((4, number % 120, 4, 0x13)))
"""


def test_several_processes(tmp_path: Path) -> None:
    path = tmp_path / "formats.txt"
    children = [subprocess.Popen([sys.executable, "-c", LEARN, str(path)]) for _ in range(4)]
    assert [child.wait(50) for child in children] == [0] * 4
    lines = path.read_text().splitlines()
    assert len(lines) == len(set(lines)) == 60

"""Private files: refused when wide, whole when written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mbuscli.errors import InputError
from mbuscli.settings.files import locked, read_private, write_private

posix_modes = pytest.mark.skipif(sys.platform == "win32", reason="no modes")


@posix_modes
def test_who_may_open_it(tmp_path: Path) -> None:
    path = tmp_path / "it's.toml"
    path.write_bytes(b"x")
    for others in range(0o100):
        path.chmod(0o600 | others)
        if not others:
            assert read_private(path, 10) == b"x"
            continue
        with pytest.raises(InputError) as caught:
            read_private(path, 10)
        assert caught.value.name == "input.permission"
    subprocess.run(caught.value.hint[0], shell=True, check=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_private(path, 10) == b"x"


@posix_modes
def test_written_for_the_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "keys.toml"
    before = os.umask(0)
    try:
        write_private(path, b"first")
        write_private(path, b"second")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["keys.toml"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_private(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.toml"
    write_private(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["keys.toml"]


@pytest.mark.parametrize("make", ["missing", "folder", "long"])
def test_unreadable(make: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    if make == "folder":
        path.mkdir(mode=0o700)
    if make == "long":
        write_private(path, bytes(11))
    with pytest.raises(InputError):
        read_private(path, 10)


COUNTER = """
import sys
from pathlib import Path
from mbuscli.settings.files import locked, read_private, write_private
path = Path(sys.argv[1])
for _ in range(50):
    with locked(path):
        write_private(path, str(int(read_private(path, 100)) + 1).encode())
"""


def test_nothing_is_lost_between_processes(tmp_path: Path) -> None:
    path = tmp_path / "count"
    write_private(path, b"0")
    children = [subprocess.Popen([sys.executable, "-c", COUNTER, str(path)]) for _ in range(4)]
    assert [child.wait(50) for child in children] == [0] * 4
    assert read_private(path, 100) == b"200"


def test_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with locked(tmp_path / "x"):
        pass

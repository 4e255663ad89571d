"""The capture of a walk: readable up to its last whole line, whatever happens."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.capture import walk
from mbuscli.capture.dialects import Dialects
from mbuscli.capture.heard import Heard
from mbuscli.capture.walk import WalkWriter, part_name, parts_of
from mbuscli.capture.walk_file import open_log
from mbuscli.errors import DecodeError, InputError, Reason

ROOT = Path(__file__).resolve().parents[2]
TELEGRAM = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")
MOMENT = datetime.fromisoformat("2026-01-31T10:00:00.123456+01:00")
NAMES = ("walk.ndjson", "walk.ndjson.gz")
names = pytest.mark.parametrize("name", NAMES)


def put(writer: WalkWriter, number: int = 0, **changes: Any) -> None:
    told: dict[str, Any] = {"rssi_dbm": -71.5, "mode": "T1", "frame_format": "none"}
    data = TELEGRAM[:11] + bytes((number % 256,)) + TELEGRAM[12:]
    writer.telegram(MOMENT, data, stick="cul", port="/dev/ttyUSB0", **{**told, **changes})


def rows_of(path: Path | str) -> list[dict[str, Any]]:
    with open_log(str(path)) as log:
        return [json.loads(line) for line in log]


def heard_of(line: str) -> Heard:
    heard = Dialects().parse(line)
    assert heard is not None
    return heard


@names
def test_what_is_written(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    with WalkWriter(path) as writer:
        put(writer)
        put(writer, rssi_dbm=None, mode=None, frame_format="B")
        error = DecodeError("truncated by the stick's firmware", reason=Reason.TOO_SHORT)
        writer.damage(MOMENT, error, b"b12", stick="cul", port="x")
        writer.event(MOMENT, "gap", "unplugged for 4 s", stick="cul", port="x")
    assert rows_of(path) == [
        {
            "time": "2026-01-31T10:00:00.123456+01:00",
            "raw": "1844AE4C4455223368077A00000000041389E20100023B0000",
            "rssi_dbm": -71.5,
            "mode": "T1",
            "frame_format": "none",
            "stick": "cul",
            "port": "/dev/ttyUSB0",
        },
        {**rows_of(path)[0], "rssi_dbm": None, "mode": None, "frame_format": "B"},
        {
            "time": "2026-01-31T10:00:00.123456+01:00",
            "event": "damage",
            "error": "link.too-short",
            "text": "truncated by the stick's firmware",
            "line": "623132",
            "stick": "cul",
            "port": "x",
        },
        {
            "time": "2026-01-31T10:00:00.123456+01:00",
            "event": "gap",
            "text": "unplugged for 4 s",
            "stick": "cul",
            "port": "x",
        },
    ]


def test_the_lines_are_understood_as_logs(tmp_path: Path) -> None:
    path = tmp_path / "walk.ndjson"
    with WalkWriter(str(path)) as writer:
        put(writer)
        put(writer, rssi_dbm=None, mode=None, frame_format=None)
        writer.damage(MOMENT, DecodeError("cut", reason=Reason.TOO_SHORT), b"", stick="cul", port="x")
        writer.event(MOMENT, "gap", "unplugged", stick="cul", port="x")
    told, bare, damage, gap = (heard_of(line) for line in path.read_text().splitlines())
    time = MOMENT.isoformat()
    assert (told.time, told.rssi_dbm, told.mode, told.frame_format) == (time, -71.5, "T1", "none")
    assert (bare.data, bare.frame_format, bare.layer) == (told.data, None, "wireless")
    assert damage.error is not None
    assert (damage.data, damage.error.name, damage.error.text) == (b"", "link.too-short", "cut")
    assert (gap.data, gap.error) == (b"", None)


@names
def test_each_line_can_be_read_as_soon_as_it_is_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with WalkWriter(str(path)) as writer:
        for number in range(5):
            put(writer, number)
            assert len(rows_of(path)) == number + 1


@names
def test_a_capture_goes_on(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for number in range(3):
        with WalkWriter(str(path)) as writer:
            put(writer, number)
    assert [row["raw"][22:24] for row in rows_of(path)] == ["00", "01", "02"]
    if name.endswith(".gz"):
        assert len(gzip.decompress(path.read_bytes()).splitlines()) == 3


@names
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_cut_anywhere_it_is_read_and_goes_on(name: str, data: st.DataObject, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("cut") / name
    lines, sizes = 6, []
    with WalkWriter(str(path)) as writer:
        for number in range(lines):
            put(writer, number)
            sizes.append(os.path.getsize(path))
    size = data.draw(st.integers(0, os.path.getsize(path)))
    os.truncate(path, size)
    whole = sum(end <= size for end in sizes)
    before = rows_of(path)
    # The mark behind a line may be missing, and the line still be whole.
    assert len(before) in (whole, whole + 1)
    with WalkWriter(str(path)) as writer:
        put(writer, 99)
    after = rows_of(path)
    assert after[:-1] == before or (name == "walk.ndjson" and after[:-1] == before[:whole])
    assert after[-1]["raw"][22:24] == "63"
    with open_log(str(path)) as log:
        assert log.read().endswith(b"}\n")


@names
def test_zeros_that_a_power_cut_left_behind(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with WalkWriter(str(path)) as writer:
        put(writer)
    with open(path, "ab") as file:
        file.write(bytes(200_000))
    with WalkWriter(str(path)) as writer:
        put(writer, 1)
    assert [row["raw"][22:24] for row in rows_of(path)] == ["00", "01"]


def test_damage_in_the_middle_of_a_zipped_capture(tmp_path: Path) -> None:
    path = tmp_path / "walk.ndjson.gz"
    with WalkWriter(str(path)) as writer:
        for number in range(50):
            put(writer, number)
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2] ^= 0xFF
    path.write_bytes(octets)
    with open_log(str(path)) as log:
        assert len(log.read().splitlines()) >= 20


@names
def test_rotation_by_size(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    count = 600 if name.endswith(".gz") else 60
    with WalkWriter(path, max_size=2000) as writer:
        for number in range(count):
            put(writer, number)
        last = writer.current
    parts = parts_of(path)
    assert len(parts) > 1
    assert parts[-1][1] == last
    assert all(os.path.getsize(part) <= 2000 + 20 for _, part in parts)
    heard = [row["raw"][22:24] for _, part in parts for row in rows_of(part)]
    assert heard == [f"{number % 256:02X}" for number in range(count)]
    with WalkWriter(path, max_size=2000) as writer:
        put(writer, 255)
        assert writer.current in (last, part_name(path, len(parts) + 1))
    assert [row["raw"][22:24] for _, part in parts_of(path) for row in rows_of(part)][-1] == "FF"


def test_names_of_parts() -> None:
    assert part_name("a.b/walk.ndjson", 1) == "a.b/walk.ndjson"
    assert part_name("a.b/walk.ndjson", 2) == os.path.join("a.b", "walk.2.ndjson")
    assert part_name("walk.ndjson.gz", 3) == "walk.3.ndjson.gz"
    assert part_name("walk", 2) == "walk.2"


@pytest.mark.parametrize("name", [*NAMES, "empty"])
def test_other_files_are_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    content = b"" if name == "empty" else b"notes of the caretaker\n" * 3
    octets = gzip.compress(content) if name.endswith(".gz") else content
    path.write_bytes(octets)
    if name == "empty":
        WalkWriter(str(path)).close()
        return
    with pytest.raises(InputError) as caught:
        WalkWriter(str(path))
    assert caught.value.name == "input.unrecognised"
    assert path.read_bytes() == octets


def test_a_capture_zipped_by_another_program_goes_on(tmp_path: Path) -> None:
    plain, path = tmp_path / "plain.ndjson", tmp_path / "walk.ndjson.gz"
    with WalkWriter(str(plain)) as writer:
        for number in range(40):
            put(writer, number)
    with open(plain, "rb") as source, gzip.open(path, "wb") as target:
        shutil.copyfileobj(source, target)
    with WalkWriter(str(path)) as writer:
        put(writer, 40)
    assert len(rows_of(path)) == 41
    os.truncate(path, os.path.getsize(path) - 3)
    with WalkWriter(str(path)) as writer:
        put(writer, 41)
    assert len(rows_of(path)) >= 41


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("name", ["full.ndjson", "full.ndjson.gz"])
def test_a_full_disk(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.symlink_to("/dev/full")
    writer = WalkWriter(str(path))
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            put(writer)
        assert caught.value.name == "input.unwritable"
        assert str(path) in caught.value.text
        assert "No space left" in caught.value.text
    try:
        writer.close()
    except InputError as error:
        assert error.name == "input.unwritable"
    writer.close()


_LIMITED = """
import resource, signal, sys
sys.path.insert(0, {root!r})
from mbuscli.errors import InputError
from tests.capture.test_walk import put
from mbuscli.capture.walk import WalkWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
writer = WalkWriter({path!r})
count = 0
try:
    while True:
        put(writer, count)
        count += 1
except InputError as error:
    print(count, error.name)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@names
def test_what_was_written_before_the_disk_was_full_is_whole(tmp_path: Path, name: str) -> None:
    """A real file that may not grow beyond 5000 octets: the write in which it would is cut."""
    path = tmp_path / name
    code = _LIMITED.format(root=str(ROOT), path=str(path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    count, error = done.stdout.split()
    assert error == "input.unwritable"
    assert len(rows_of(path)) == int(count) > 5


_ENDLESS = """
import sys
sys.path.insert(0, {root!r})
from tests.capture.test_walk import put
from mbuscli.capture.walk import WalkWriter
writer = WalkWriter({path!r}, max_size=200_000)
for number in range(1_000_000):
    put(writer, number)
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@names
def test_nothing_that_was_written_is_lost_by_sigkill(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    code = _ENDLESS.format(root=str(ROOT), path=str(path))
    for round_ in range(3):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(300):
                told = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read().split("\n")
        told = max([told, *(int(text) for text in rest[:-1])])
        total = sum(len(rows_of(part)) for _, part in parts_of(str(path)))
        # Each run begins to count at 0; the last line may have been written and not yet been told.
        assert total >= (round_ + 1) * 300
        last = rows_of(parts_of(str(path))[-1][1])[-1]
        assert int(last["raw"][22:24], 16) in (told % 256, (told + 1) % 256)


@pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")
@names
def test_a_second_writer_is_kept_out(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    with WalkWriter(path) as writer:
        put(writer)
        with pytest.raises(InputError) as caught:
            WalkWriter(path)
        assert caught.value.name == "input.busy"
        put(writer, 1)
    with WalkWriter(path) as writer:
        put(writer, 2)
    assert [row["raw"][22:24] for row in rows_of(path)] == ["00", "01", "02"]


def test_lines_reach_the_disk_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(walk.os, "fsync", synced.append)
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with WalkWriter(str(tmp_path / "walk.ndjson")) as writer:
        for _ in range(100):
            clock[0] += 0.1
            put(writer)
        assert len(synced) in (1, 2)
    assert len(synced) in (2, 3)

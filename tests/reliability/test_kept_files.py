"""Power cuts, full disks and kills: for every file that is kept, all that was complete comes back, or an error
says what to do; never a traceback, and never less without a word."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mbuscli.errors import InputError, KeyProblemError, MbuscliError
from tests.cli.program import ROOT
from tests.reliability.kept_files import KEPT, Kept, at_home
from tests.reliability.size import sized

RECORDS = 4
# So that a loop over all places of a cut does not take longer than it must.
_ENDS = 8
every = pytest.mark.parametrize("name", KEPT)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    at_home(tmp_path, monkeypatch)
    return tmp_path


def fill(kept: Kept, folder: Path, count: int = RECORDS) -> list[int]:
    """Write the records; the sizes of the file behind each."""
    sizes = []
    for number in range(count):
        kept.add(folder, number)
        sizes.append(kept.path(folder).stat().st_size)
    return sizes


@every
def test_what_was_written_is_read(name: str, folder: Path) -> None:
    kept = KEPT[name]
    fill(kept, folder)
    assert kept.read(folder) == list(range(RECORDS))


@pytest.mark.timeout(180)
@every
def test_cut_anywhere(name: str, folder: Path) -> None:
    kept = KEPT[name]
    sizes = fill(kept, folder)
    path = kept.path(folder)
    whole = path.read_bytes()
    for size in _places(len(whole), sizes, sized(1, kept.step)):
        _put(path, whole[:size])
        complete = list(range(sum(end <= size for end in sizes)))
        found = _read(kept, folder)
        if isinstance(found, MbuscliError):
            assert not kept.lines, f"{size}: {found}"
            continue
        assert found == list(range(len(found))), size
        if kept.lines:
            # The end of the last line may be missing, and the line still be whole.
            assert len(complete) <= len(found) <= len(complete) + 1, size
            kept.add(folder, RECORDS)
            after = kept.read(folder)
            assert after[-1] == RECORDS, size
            assert after[:-1] in (found, complete), size
        elif name not in ("key ring", "configuration", "inventory"):
            # What is replaced as a whole is complete or refused. (Text that people edit may lack its end.)
            nothing = not size or (name == "sealed ring" and b"[vault]" not in whole[:size])
            assert len(found) in (RECORDS, 0 if nothing else RECORDS), size


def _places(size: int, ends: list[int], step: int) -> list[int]:
    near = {end + off for end in [*ends, size, 0] for off in range(-_ENDS, _ENDS)}
    return sorted(place for place in {*range(0, size, step), *near} if 0 <= place <= size)


def _put(path: Path, data: bytes) -> None:
    for beside in path.parent.glob(f"{path.name}-*"):
        beside.unlink()
    path.write_bytes(data)
    path.chmod(0o600)


def _read(kept: Kept, folder: Path) -> list[int] | MbuscliError:
    try:
        return kept.read(folder)
    except (InputError, KeyProblemError) as error:
        assert error.hint, f"what to do? {error}"
        return error


@every
def test_octets_of_another_kind(name: str, folder: Path) -> None:
    kept = KEPT[name]
    fill(kept, folder)
    path = kept.path(folder)
    for data in (b"", b"\0" * 5000, b"\xff" * 300, b"[" * 5000, b"{}", b"\n", os.urandom(4096)):
        _put(path, data)
        found = _read(kept, folder) if name != "history" else kept.read(folder)
        assert isinstance(found, MbuscliError) or len(found) <= RECORDS


# -- the inventory's log -------------------------------------------------------------------------------------


def test_the_log_of_the_inventory_is_cut(folder: Path) -> None:
    """As it stands when the program is killed: what was committed before the cut comes back."""
    kept = KEPT["inventory"]
    script = (
        "import os, sys; from pathlib import Path; from tests.reliability.kept_files import KEPT\n"
        "from mbuscli.services.recorder import Recorder; left = []\n"
        "Recorder.close = lambda self: (self._commit(), left.append(self))\n"
        f"[KEPT['inventory'].add(Path({str(folder)!r}), n) for n in range({RECORDS})]; os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, env=_environment(folder))
    path = kept.path(folder)
    log = path.with_name(path.name + "-wal")
    if not log.exists():
        pytest.skip("this SQLite has put the log into the file already")
    database, whole = path.read_bytes(), log.read_bytes()
    assert len(whole) > 1000
    counts = []
    for size in range(0, len(whole) + 1, sized(61, 1021)):
        _put(path, database)
        log.write_bytes(whole[:size])
        found = _read(kept, folder)
        counts.append(-1 if isinstance(found, MbuscliError) else len(found))
    assert counts == sorted(counts), "a longer log brings no less"
    assert counts[-1] in (RECORDS - 1, RECORDS)


def _environment(folder: Path) -> dict[str, str]:
    places = {name: str(folder) for name in ("HOME", "MBUSCLI_CONFIG_DIR", "MBUSCLI_STATE_DIR")}
    return {**os.environ, "PYTHONPATH": str(ROOT), **places}


# -- a full disk ---------------------------------------------------------------------------------------------


def in_little_room(limit: int, work: Callable[[], object]) -> object:
    """What `work` gives, or raises, in a process whose files cannot grow above `limit` octets."""
    import resource

    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            outcome: object = work()
        except BaseException as error:  # noqa: BLE001  whatever it is, the parent judges it
            outcome = (
                type(error).__name__,
                isinstance(error, MbuscliError),
                str(error),
                getattr(error, "hint", ()),
            )
        os.write(writing, pickle.dumps(outcome))
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as stream:
        data = stream.read()
    os.waitpid(child, 0)
    return pickle.loads(data)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit for the size of files")
@every
def test_a_full_disk(name: str, folder: Path) -> None:
    kept = KEPT[name]
    fill(kept, folder, RECORDS - 1)
    path = kept.path(folder)
    before, size = kept.read(folder), path.stat().st_size
    saved = folder.with_name(f"{folder.name}-saved")
    shutil.copytree(folder, saved)
    # A sealed ring takes a second to open, and is written as a whole.
    for room in (0, size // 2) if name == "sealed ring" else (0, size // 2, size, size + 1, size + 20):
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
        outcome = in_little_room(room, lambda: kept.add(folder, RECORDS - 1))
        if outcome is not None:
            assert isinstance(outcome, tuple)
            assert outcome[1], outcome
        after = kept.read(folder)
        # Either it was written, or it was said that it was not; and what was there before is there still.
        if outcome is not None or name == "history":
            assert after in (before, list(range(RECORDS))), room
        else:
            assert after == list(range(RECORDS)), room
        kept.add(folder, RECORDS - 1)
        assert set(kept.read(folder)) >= set(range(RECORDS)), room
    shutil.rmtree(saved)


# -- killed --------------------------------------------------------------------------------------------------

_WRITER = """
import sys
from pathlib import Path
from tests.reliability.kept_files import KEPT
kept, folder = KEPT[sys.argv[1]], Path(sys.argv[2])
number = int(sys.argv[3])
while True:
    kept.add(folder, number)
    number += 1
    print(number, flush=True)
"""
# History and configuration are written once in a while, by hand.
_KILLED = ["bus capture", "walk", "zipped walk", "journal", "formats", "search", "LoRaWAN state", "inventory"]


@pytest.mark.timeout(180)
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("name", _KILLED)
def test_killed_again_and_again(name: str, folder: Path) -> None:
    kept = KEPT[name]
    told = 0
    for life in range(sized(25, 3)):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, name, str(folder), str(told)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=_environment(folder),
        )
        assert writer.stdout is not None
        for _ in range(2 + life % 3):
            line = writer.stdout.readline()
            assert line, f"the writer ended: {writer.wait()}"
            told = int(line)
        time.sleep(0.0007 * (life % 7))  # at another moment each time
        writer.kill()
        told = max([told, *map(int, writer.stdout.read().split())])
        writer.wait()
        writer.stdout.close()
        found = kept.read(folder)
        # One more may have been written and not been told of.
        assert found == list(range(len(found)))
        assert told <= len(found) <= told + 1
        told = len(found)
        if told > 200:
            return

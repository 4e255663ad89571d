"""The inventory: written while listening, whole whatever happens, asked for afterwards."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from mbuscli.errors import InputError, Reason
from mbuscli.meters.registry import FOLDER, read_toml
from mbuscli.protocol.security.keys import Candidate, FixedKeys
from mbuscli.services import recorder as module
from mbuscli.services.coverage import Progress, Route
from mbuscli.services.inventory import Inventory, KnownMeter, Wanted
from mbuscli.services.recorder import KEPT_TELEGRAMS, Position, Recorder
from mbuscli.services.sniff import Walk
from mbuscli.settings import inventory_file
from mbuscli.settings.meter_list import ListedMeter
from tests.cli.program import ROOT
from tests.services.radio import heard, key, meter, short, volume, with_session

NOW = 1_800_000_000.0
STORED = bytes.fromhex("426C3F3F4413") + (700).to_bytes(4, "little")


def one(path: Path) -> KnownMeter:
    inventory = Inventory(path)
    (found,) = inventory.meters(Wanted())
    inventory.close()
    return found


def session(path: Path, steps: range, start: float, **walk_options: object) -> None:
    recorder = Recorder(path)
    walk = Walk(recall=recorder.recall)
    for step in steps:
        telegram = short(meter(), step & 0xFF, volume(step) + STORED)
        recorder.add(walk.take(heard(telegram, rssi_dbm=-90.0 + step), start + step * 16, "stick"))
        recorder.flush(step * 16)
    recorder.close()
    assert recorder.trouble is None


def test_sessions_add_up(tmp_path: Path) -> None:
    path = tmp_path / "state" / "inventory.sqlite3"
    session(path, range(10), NOW)
    session(path, range(10, 15), NOW)
    found = one(path)
    assert found.address == meter()
    assert (found.telegrams, found.first_heard, found.last_heard) == (15, NOW, NOW + 14 * 16)
    assert (found.value, found.unit, found.quantity) == (Decimal("0.014"), "m³", "volume")
    assert (found.rssi_dbm, found.best_rssi_dbm) == (-76.0, -76.0)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_weaker_session_keeps_the_best_signal(tmp_path: Path) -> None:
    path = tmp_path / "i"
    session(path, range(50, 52), NOW)
    session(path, range(2), NOW + 5000)
    assert (one(path).rssi_dbm, one(path).best_rssi_dbm) == (-89.0, -39.0)


def test_the_last_telegrams_and_every_changed_value_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "i"
    session(path, range(200), NOW)
    inventory = Inventory(path)
    telegrams = inventory.telegrams(meter())
    assert len(telegrams) == KEPT_TELEGRAMS
    assert telegrams[0].raw == short(meter(), 199, volume(199) + STORED)
    assert [t.time for t in telegrams] == sorted((t.time for t in telegrams), reverse=True)
    readings = inventory.readings(meter())
    assert [r.value for r in readings if r.storage] == ["2025-01-31", "0.700"] or len(
        [r for r in readings if r.storage]
    ) == 2  # stored values do not change
    present = [r for r in readings if r.quantity == "volume" and r.storage == 0]
    # 200 telegrams in 53 minutes: the last one of each quarter of an hour.
    assert [r.value for r in present][-1] == "0.199"
    assert 4 <= len(present) <= 5
    inventory.close()


def test_filters(tmp_path: Path) -> None:
    path = tmp_path / "i"
    recorder = Recorder(path)
    listed = ListedMeter(2, meter(3, 0x16), None, "Flat 3", "Cellar", "", "")
    walk = Walk(listed=lambda address: listed if address == listed.address else None)
    for number, kind in ((1, 0x04), (2, 0x06), (3, 0x16)):
        recorder.add(walk.take(heard(short(meter(number, kind), 1, volume(1))), NOW + number, "s"))
    recorder.close()
    inventory = Inventory(path)

    def ids(**wanted: object) -> list[int]:
        return [int(found.address.id) for found in inventory.meters(Wanted(**wanted))]  # type: ignore[arg-type]

    assert ids() == [3, 2, 1]
    assert ids(heard_since=NOW + 2) == [3, 2]
    assert ids(device_type="water") == [3, 2]
    assert ids(device_type="04") == [1]
    assert ids(manufacturer="kam", text="cellar") == [3]
    assert ids(manufacturer="ABC") == []
    assert ids(patterns=(meter(2)._replace(device_type=0xFF),)) == [2]
    inventory.close()


def test_a_message_counter_outlives_the_session(tmp_path: Path) -> None:
    keys = FixedKeys([Candidate("mine", key())])
    old = with_session(meter(), 1, 50 << 4, volume(1), key())
    for number, telegram in enumerate((old, with_session(meter(), 2, 60 << 4, volume(2), key()), old)):
        recorder = Recorder(tmp_path / "i")
        walk = Walk(keys, recall=recorder.recall)
        event = walk.take(heard(telegram), NOW + number * 86400, "s")
        recorder.add(event)
        recorder.close()
        assert bool(event.freshness.suspicion) == (number == 2)
    assert (one(tmp_path / "i").suspicions, one(tmp_path / "i").value) == (1, Decimal("0.002"))


def test_a_capture_that_is_played_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "i"
    keys = FixedKeys([Candidate("mine", key())])

    def play(first: int, last: int) -> None:
        recorder = Recorder(path)
        walk = Walk(keys, recall=recorder.recall)
        for step in range(first, last):
            telegram = with_session(meter(), step, (100 + step) << 4, volume(step), key())
            event = walk.take(heard(telegram, rssi_dbm=-80.0), NOW + step * 16, "s")
            assert not event.freshness.suspicion
            recorder.add(event)
        recorder.close()

    play(10, 20)
    before = one(path)
    play(10, 20)
    assert one(path) == before
    # One of an earlier day brings its values, and does not replace newer ones.
    play(0, 10)
    after = one(path)
    assert after == before._replace(first_heard=NOW)
    play(15, 25)
    assert (one(path).telegrams, one(path).value) == (15, Decimal("0.024"))
    inventory = Inventory(path)
    assert len(inventory.telegrams(meter())) == 15
    inventory.close()


def test_positions_follow_the_best_signal(tmp_path: Path) -> None:
    path = tmp_path / "i"
    for rssi_dbm, position in (
        (-80.0, Position(1.0, 2.0)),
        (-50.0, Position(3.0, 4.0)),
        (-90.0, Position(5.0, 6.0)),
    ):
        recorder = Recorder(path)
        walk = Walk(recall=recorder.recall)
        recorder.add(walk.take(heard(short(meter(), 1, volume(1)), rssi_dbm=rssi_dbm), NOW, "s"), position)
        recorder.close()
    assert (one(path).latitude, one(path).longitude) == (3.0, 4.0)


def test_a_route_goes_on_the_next_day_and_begins_anew_after_a_rest(tmp_path: Path) -> None:
    listed = [ListedMeter(n, meter(n), None, f"flat {n}", "", "", "") for n in (1, 2, 3)]

    def begin(now: float, anew: bool = False) -> tuple[Recorder, Route, float]:
        recorder, route = Recorder(tmp_path / "i"), Route(listed)
        started = recorder.begin_route("/r.csv", now, anew=anew)
        recorder.restore(route, "/r.csv")
        return recorder, route, started

    def keep(recorder: Recorder, route: Route, meter: ListedMeter) -> None:
        recorder.keep_progress("/r.csv", meter, route.progress[meter.address])
        recorder.close()

    recorder, route, _ = begin(NOW)
    walk = Walk(listed=route.find, recall=recorder.recall)
    for number in (1, 2):
        own = key() if number == 2 else None
        # As replayed from a capture of another year.
        event = walk.take(heard(short(meter(number), 1, volume(1), key=own)), NOW - 1e7, "s")
        assert event.meter is not None
        assert route.note(event.meter)
        recorder.keep_progress("/r.csv", listed[number - 1], route.progress[listed[number - 1].address])
    assert str(route.total) == "2 of 3 heard, 1 read"
    recorder.close()

    recorder, route, started = begin(NOW + 86400)
    assert (started, str(route.total)) == (NOW, "2 of 3 heard, 1 read")
    route.restore(listed[2], Progress(marked=NOW + 86410))
    keep(recorder, route, listed[2])
    recorder, route, _ = begin(NOW + 86420)
    assert route.is_complete
    assert str(route.total) == "3 of 3 heard, 2 read"
    assert route.unmark(listed[2])
    keep(recorder, route, listed[2])
    recorder, route, _ = begin(NOW + 86430)
    assert not route.is_complete
    recorder.close()

    recorder, route, started = begin(NOW + 30 * 86400)
    assert (started, route.total.heard) == (NOW + 30 * 86400, 0)
    recorder.close()
    recorder, route, started = begin(NOW + 30 * 86400 + 60, anew=True)
    assert started == NOW + 30 * 86400 + 60
    recorder.close()


def test_strangers_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_STRANGERS", 100)
    monkeypatch.setattr(module, "_STRANGERS_AT_ONCE", 50)
    recorder = Recorder(tmp_path / "i")
    walk = Walk(FixedKeys([Candidate("mine", key())]), recall=recorder.recall)
    recorder.add(walk.take(heard(short(meter(7), 1, volume(1), key=key())), NOW, "s"))
    for number in range(1000):
        recorder.add(walk.take(heard(short(meter(1000 + number), 1, volume(1))), NOW + number, "s"))
        recorder.flush(number * 2.0)
    recorder.close()
    inventory = Inventory(tmp_path / "i")
    ids = [int(found.address.id) for found in inventory.meters(Wanted())]
    assert len(ids) <= 102
    assert {7, 1999} <= set(ids)
    assert not inventory.telegrams(meter(1000))
    inventory.close()


def test_damaged_foreign_and_newer_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "i"
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    with pytest.raises(InputError) as caught:
        Recorder(path)
    assert caught.value.reason is Reason.UNREADABLE
    assert "mv " in caught.value.hint[0]

    path.unlink()
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE contacts (name)")
    foreign.commit()
    foreign.close()
    with pytest.raises(InputError) as caught:
        Recorder(path)
    assert caught.value.reason is Reason.UNRECOGNISED

    path.unlink()
    session(path, range(1), NOW)
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {inventory_file.VERSION + 1}")
    newer.close()
    with pytest.raises(InputError) as caught:
        Recorder(path)
    assert caught.value.reason is Reason.UNSUPPORTED

    with pytest.raises(InputError) as caught:
        Inventory(tmp_path / "none")
    assert caught.value.reason is Reason.MISSING


def test_a_torn_page_is_told(tmp_path: Path) -> None:
    path = tmp_path / "i"
    session(path, range(200), NOW)
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        Recorder(path)
    assert caught.value.reason is Reason.UNREADABLE


def test_a_locked_file_keeps_what_was_heard_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "i"
    recorder = Recorder(path)
    walk = Walk(recall=recorder.recall)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    recorder.add(walk.take(heard(short(meter(), 1, volume(1))), NOW, "s"))
    recorder.flush(0.0)
    recorder.flush(2.0)
    assert recorder.trouble is not None
    assert recorder.trouble.reason is Reason.BUSY
    other.execute("COMMIT")
    other.close()
    recorder.flush(4.0)
    assert recorder.trouble is None
    recorder.close()
    assert one(path).telegrams == 1


def test_a_full_disk_is_told_and_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "i"
    recorder = Recorder(path)
    recorder._connection.execute("PRAGMA max_page_count = 1")  # SQLite's own way to have no room
    walk = Walk(recall=recorder.recall)
    for number in range(200):
        recorder.add(walk.take(heard(short(meter(number), 1, volume(1))), NOW, "s"))
    recorder.flush(0.0)
    recorder.flush(2.0)
    assert recorder.trouble is not None
    assert "full" in recorder.trouble.text
    recorder._connection.execute("PRAGMA max_page_count = 100000")
    recorder.close()
    assert recorder.trouble is None
    inventory = Inventory(path)
    assert len(list(inventory.meters(Wanted()))) == 200
    inventory.close()


CHILD = """
import sys, time
from pathlib import Path
from mbuscli.services.recorder import Recorder
from mbuscli.services.sniff import Walk
from tests.services.radio import heard, meter, short, volume
recorder = Recorder(Path(sys.argv[1]))
walk = Walk(recall=recorder.recall)
number = 0
while True:
    for _ in range(50):
        recorder.add(walk.take(heard(short(meter(number), 1, volume(1))), 1.8e9 + number, "s"))
        number += 1
    recorder.flush(number)
    print(number, flush=True)
"""


def test_sigkill_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "i"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    added = 0
    while added < 2000:
        added = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    inventory = Inventory(path)
    kept = len(list(inventory.meters(Wanted())))
    inventory.close()
    # What was committed before the line was printed is there: all but the last second, here one round.
    assert kept >= added - 50
    session(path, range(3), NOW)


def test_a_payload_of_a_makers_own_is_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "i"
    test = read_toml(os.path.join(FOLDER, "mkradio3.toml"))["test"][0]
    recorder = Recorder(path)
    walk = Walk(recall=recorder.recall)
    recorder.add(walk.take(heard(bytes.fromhex(test["telegram"])), NOW, "stick"))
    recorder.close()
    found = one(path)
    assert (found.quantity, found.unit) == ("total_m3", "m³")
    assert found.value == Decimal(str(test["readings"]["total_m3"]))
    inventory = Inventory(path)
    kept = {reading.quantity: reading.number for reading in inventory.readings(found.address)}
    inventory.close()
    assert kept["total_m3"] == found.value

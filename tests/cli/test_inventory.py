"""`mbuscli inventory`: list, filter, export, details, plot."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from mbuscli.services.recorder import Recorder
from mbuscli.services.sniff import Walk
from mbuscli.settings.inventory_file import FILE_NAME
from mbuscli.settings.meter_list import ListedMeter
from tests.cli.program import run
from tests.services.radio import heard, key, meter, short, volume


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An inventory of three days: a listed water meter with stored values, a closed one, a heat meter."""
    recorder = Recorder(tmp_path / FILE_NAME)
    listed = ListedMeter(2, meter(1), None, "=Flat 1", "House A", "", "")
    walk = Walk(listed=lambda address: listed if address == listed.address else None, recall=recorder.recall)
    begun = datetime(2026, 1, 29, 12).timestamp()
    stored = bytes.fromhex("426C3F3C4413") + (700).to_bytes(4, "little")
    for day in range(3):
        at = begun + day * 86400
        recorder.add(walk.take(heard(short(meter(1), day, volume(1000 + day * 250) + stored)), at, "/dev/x"))
        recorder.add(walk.take(heard(short(meter(2), day, volume(5), key=key())), at, "/dev/x"))
    recorder.add(walk.take(heard(short(meter(3, 0x04), 1, bytes.fromhex("0406A0860100"))), begun, "/dev/x"))
    recorder.close()
    return {"MBUSCLI_STATE_DIR": str(tmp_path), "MBUSCLI_CONFIG_DIR": str(tmp_path)}


def test_list_filters_and_formats(home: dict[str, str]) -> None:
    plain = run("inventory", "-o", "plain", "--fields", "id,value,unit,telegrams", **home)
    assert sorted(plain.out.splitlines()) == [
        "00000001\t1.500\tm³\t3",
        "00000002\t\t\t3",
        "00000003\t100000000\tWh\t1",
    ]

    def ids(*words: str) -> list[str]:
        return sorted(run("inventory", *words, "-o", "plain", "--fields", "id", **home).out.split())

    assert ids("--type", "heat") == ["00000003"]
    assert ids("--heard-since", "2026-01-30") == ["00000001", "00000002"]
    assert ids("--text", "house a") == ["00000001"]
    assert ids("--manufacturer", "XYZ") == []
    assert ids("FFFFFFF2") == ["00000002"]
    csv = run("inventory", "-o", "csv", "--fields", "name,key", **home)
    assert "'=Flat 1" in csv.out
    rows = [json.loads(line) for line in run("inventory", "-o", "ndjson", **home).out.splitlines()]
    assert {row["event"] for row in rows} == {"meter"}
    assert run("inventory", "-o", "table", **home).out.splitlines()[0].split() == [
        "meter",
        "type",
        "reading",
        "heard",
        "n",
        "best",
        "key",
    ]


def test_one_meter_with_everything(home: dict[str, str]) -> None:
    document = json.loads(run("inventory", "00000001", "-o", "json", **home).out)
    (row,) = document["meters"]
    assert len(row["last_telegrams"]) == 3
    values = [(r["storage"], r["value"]) for r in row["readings"] if r["quantity"] == "volume"]
    assert values == [(0, 1), (1, 0.7), (0, 1.25), (0, 1.5)]
    table = run("inventory", "00000001", "-o", "table", **home)
    assert "0.700" in table.out
    assert "1.500" in table.out
    telegrams = run("inventory", "00000001", "--telegrams", "-o", "table", **home)
    assert "-70" in telegrams.out


def test_plot(home: dict[str, str]) -> None:
    shown = run("inventory", "plot", "00000001", "-o", "table", **home)
    assert shown.code == 0
    assert [line[:10] for line in shown.out.splitlines()[-3:]] == ["2026-01-29", "2026-01-30", "2026-01-31"]
    assert shown.out.startswith("=Flat 1: volume")
    use = run("inventory", "plot", "00000001", "--use", "-o", "csv", **home)
    assert use.out.splitlines()[1:] == ["2026-01-30,volume,0.250,m³", "2026-01-31,volume,0.250,m³"]
    stored = run("inventory", "plot", "00000001", "--stored", "-o", "plain", **home)
    assert stored.out.endswith("\tvolume\t0.700\tm³\n")


def test_exit_codes(home: dict[str, str], tmp_path: Path) -> None:
    assert run("inventory", "99999999", **home).code == 4
    assert run("inventory", "plot", **home).code == 2
    assert run("inventory", "plot", "FFFFFFFF", **home).code == 2
    assert run("inventory", "plot", "00000002", **home).code == 10
    assert run("inventory", "123", **home).code == 2
    assert run("inventory", "--heard-since", "yesterday", **home).code == 2
    none = run("inventory", MBUSCLI_STATE_DIR=str(tmp_path / "none"))
    assert (none.code, "mbuscli sniff" in none.err) == (10, True)
    assert not (tmp_path / "none").exists()

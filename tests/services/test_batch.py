"""`decode_batch`: the same values as everywhere else, in columns; pure enough for any engine."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mbuscli
from mbuscli.errors import UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import parse_key
from mbuscli.services.batch import COLUMNS, decode_batch
from mbuscli.services.readings import readings_of
from mbuscli.settings.keystore import Entry, KeyRing
from tests.telegram.samples import KEY, METER, SAMPLES, SHOWN

KEYS = {str(METER): KEY, "12345678.ELS": SHOWN["mode_5"].key or "", "FFFFFFFF": KEY}


def test_it_is_public() -> None:
    assert mbuscli.decode_batch is decode_batch
    assert "decode_batch" in mbuscli.__all__


@pytest.mark.parametrize("name", SAMPLES)
def test_the_values_are_those_of_the_telegram(name: str) -> None:
    sample = SAMPLES[name]
    columns = decode_batch([sample.telegram, bytes.fromhex(sample.telegram)], KEYS)
    assert {len(column) for column in columns.values()} == {len(columns["row"])}
    rows = list(zip(*columns.values(), strict=True))
    half = len(rows) // 2
    assert [row[1:] for row in rows[:half]] == [row[1:] for row in rows[half:]]
    telegram = sample.decode()
    names = {reading.name for reading in readings_of(telegram).values} - {"status"}
    assert {name for name in columns["reading"] if name} == names
    records = [cells for cells in zip(columns["quantity"], columns["value"], strict=True) if cells[0]][
        : half or None
    ]
    expected = [
        (record.header.quantity, None if record.value is None else _text(record.value))
        for record in telegram.records
    ]
    assert records[: len(expected)] == expected


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) else format(value, "f")  # type: ignore[arg-type]


def test_what_is_no_telegram_has_a_row() -> None:
    columns = decode_batch(["zz", "", b"\x00", SHOWN["wired"].telegram])
    assert columns["row"][:3] == [0, 1, 2]
    assert all(columns["error"][:3])
    assert columns["value"][:3] == [None, None, None]
    assert columns["row"][3] == 3
    assert columns["error"][3] is None


@given(st.lists(st.binary(max_size=60) | st.text("0123456789abcdefxyz ", max_size=60), max_size=5))
def test_anything_goes_in(telegrams: list[bytes | str]) -> None:
    columns = decode_batch(telegrams)
    assert tuple(columns) == COLUMNS
    assert sorted(set(columns["row"])) == list(range(len(telegrams)))


def test_keys() -> None:
    sealed = SHOWN["mode_7"].telegram
    assert decode_batch([sealed])["security"] == ["key_missing"]
    opened = decode_batch([sealed], {"FFFFFFFF": KEY})
    assert set(opened["proof"]) == {"mac"}
    ring = KeyRing([Entry("all", MeterAddress.parse("FFFFFFFF"), parse_key(KEY))])
    assert decode_batch([sealed], ring) == opened
    with pytest.raises(UsageError) as caught:
        decode_batch([sealed], {"FFFFFFFF": KEY[:-1]})
    assert KEY[:8] not in str(caught.value)


def test_in_a_pool_of_processes() -> None:
    batches = [[sample.telegram] * 40 for sample in SHOWN.values()]
    work = pickle.loads(pickle.dumps(partial(decode_batch, keys=KEYS)))
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        assert list(pool.map(work, batches)) == [decode_batch(batch, KEYS) for batch in batches]


def test_it_loads_nothing_for_people() -> None:
    script = "import sys\nfrom mbuscli import decode_batch\ndecode_batch(['E5'])\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"click", "rich", "prompt_toolkit", "serial", "asyncio", "cryptography", "tomlkit"}


def test_the_user_has_no_say(tmp_path: Path) -> None:
    """A driver of the user's own would make the result depend on the machine."""
    drivers = tmp_path / "mbuscli" / "meters"
    drivers.mkdir(parents=True)
    (drivers / "broken.toml").write_text("name = ")
    script = (
        f"from mbuscli import decode_batch\nprint(decode_batch(['{SHOWN['wired'].telegram}'])['reading'])"
    )
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=50, env=environ
    )
    assert done.returncode == 0, done.stderr
    assert "total" in done.stdout

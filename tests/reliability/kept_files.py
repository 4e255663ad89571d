"""Every file that the program keeps: how it is written and read, so that one rule can be tried on all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mbuscli.capture.json_lines import parse_json
from mbuscli.capture.walk import WalkWriter
from mbuscli.capture.walk_file import open_log
from mbuscli.errors import InputError
from mbuscli.ports.replay import read_capture
from mbuscli.ports.tap import CaptureWriter, Transfer
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import parse_key
from mbuscli.repl.history import History
from mbuscli.services import checkpoint
from mbuscli.services.inventory import Inventory, Wanted
from mbuscli.services.log_source import Place
from mbuscli.services.recorder import Recorder
from mbuscli.services.sniff import Walk
from mbuscli.settings import formats_file, lora_state, search_store
from mbuscli.settings.config import read_config
from mbuscli.settings.config_edit import set_value
from mbuscli.settings.journal import Entry, Journal
from mbuscli.settings.keystore import Entry as RingEntry
from mbuscli.settings.ring_file import editing, load_ring, reseal
from tests.services.radio import heard, meter, short, volume

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
_PASSPHRASE = "open sesame"
_DEVICE = bytes(range(8))
_NOW = 1_800_000_000.0


class Kept(NamedTuple):
    """A file by its name in a folder, which is home and state of the program.

    add    writes record number n, and returns when it is as safe as it will be
    read   the records in it, in their order; an error of ours where they cannot be had
    lines  records are appended; else the file is replaced as a whole
    step   only every so many octets are tried as places of a cut: reading is slow
    """

    path: Callable[[Path], Path]
    add: Callable[[Path, int], None]
    read: Callable[[Path], list[Any]]
    lines: bool = True
    step: int = 1


# -- captures ------------------------------------------------------------------------------------------------


def _capture(folder: Path, number: int) -> None:
    with CaptureWriter(str(folder / "bus.ndjson")) as writer:
        writer(Transfer(float(number), "rx", bytes((number,)) * 5))


def _transfers(folder: Path) -> list[int]:
    return [line.transfer.data[0] for line in read_capture(str(folder / "bus.ndjson"))[0]]


def _walk(name: str) -> Kept:
    def add(folder: Path, number: int) -> None:
        with WalkWriter(str(folder / name)) as writer:
            writer.telegram(
                NOON,
                bytes((number,)) * 12,
                rssi_dbm=-7.5,
                mode="T1",
                frame_format="none",
                stick="a",
                port="b",
            )

    def read(folder: Path) -> list[int]:
        with open_log(str(folder / name)) as log:
            rows = [parse_json(line.decode("latin-1")) for line in log if line.endswith(b"\n")]
        return [row.data[0] for row in rows if row is not None and row.data]

    return Kept(lambda folder: folder / name, add, read)


# -- state ---------------------------------------------------------------------------------------------------


def _journal(folder: Path, number: int) -> None:
    entry = Entry(
        "set-address", "sim:", 2400, "12345678.KAM", "1", "1", str(number), undo=("set-address", "2", "1")
    )
    Journal(folder / "journal.ndjson").append(f"{number:08x}", entry, "done", "")


def _written(folder: Path) -> list[int]:
    return [int(line.entry.new) for line in Journal(folder / "journal.ndjson").read()]


def _format(folder: Path, number: int) -> None:
    trouble = formats_file.remember(folder / "formats.txt", [bytes((0x04, 0x13, 0x44, number))])
    if trouble is not None:
        raise InputError(trouble, reason=_unwritable(), hint=("make room",))


def _unwritable() -> Any:
    from mbuscli.errors import Reason

    return Reason.UNWRITABLE


def _formats(folder: Path) -> list[int]:
    return [headers[3] for headers in formats_file.stored(folder / "formats.txt")]


def _history(folder: Path, number: int) -> None:
    History().add(f"read {number}")


def _lines(folder: Path) -> list[int]:
    words = [line.split() for line in History().lines]
    return [int(line[1]) for line in words if len(line) == 2 and line[0] == "read"]


def _search(folder: Path, number: int) -> None:
    wanted = tuple((f"{each:016X}", "") for each in range(number + 1))
    search_store.save_search(search_store.SavedSearch("p", (2400,), False, None, wanted, (), "2026"))


def _searches(folder: Path) -> list[int]:
    return [int(octets, 16) for octets, _ in search_store.load_search("p").wanted]


def _lora(folder: Path, number: int) -> None:
    lora_state.update_state(_DEVICE, lambda state: state._replace(join_requests=state.join_requests + 1))


def _joins(folder: Path) -> list[int]:
    return list(range(lora_state.load_state(_DEVICE).join_requests))


def _checkpoint(folder: Path, number: int) -> None:
    codes = tuple(range(number + 1))
    checkpoint.save(
        str(folder / "out"),
        checkpoint.Checkpoint("log", "asked", Place(*range(len(Place._fields))), 0, codes),
    )


def _codes(folder: Path) -> list[int]:
    (folder / "out").touch()
    return list(checkpoint.load(str(folder / "out"), "log", "asked").codes)


# -- keys and configuration ----------------------------------------------------------------------------------


def _ask(_question: str) -> str:
    return _PASSPHRASE


def _entry(number: int) -> RingEntry:
    return RingEntry(f"key {number}", MeterAddress.parse(f"{number:08}"), parse_key(f"{number:032x}"), "")


def _key(folder: Path, number: int) -> None:
    with editing(folder / "keys.toml", _ask) as ring:
        ring.put(_entry(number))


def _sealed_key(folder: Path, number: int) -> None:
    path = folder / "keys.toml"
    is_new = not path.exists()
    _key(folder, number)
    if is_new:
        reseal(path, _ask, lambda _is_sealed: _PASSPHRASE)


def _keys(folder: Path) -> list[int]:
    return sorted(int(entry.name.split()[1]) for entry in load_ring(folder / "keys.toml", _ask))


_SETTINGS: Sequence[tuple[str, Any]] = (("baud", 300), ("retries", 3), ("output", "json"), ("quiet", True))


def _setting(folder: Path, number: int) -> None:
    key, value = _SETTINGS[number % len(_SETTINGS)]
    set_value(folder / "config.toml", ("defaults",), key, value)


def _settings(folder: Path) -> list[int]:
    config = read_config(folder / "config.toml")
    config.raise_fault()
    table = config.table("defaults")
    return [number for number, (key, _) in enumerate(_SETTINGS) if key in table]


# -- the inventory -------------------------------------------------------------------------------------------


def _inventory(folder: Path, number: int) -> None:
    recorder = Recorder(folder / "inventory.sqlite3")
    walk = Walk(recall=recorder.recall)
    recorder.add(walk.take(heard(short(meter(), number, volume(number))), _NOW + number, "stick"))
    recorder.close()
    if recorder.trouble is not None:
        raise recorder.trouble


def _telegrams(folder: Path) -> list[int]:
    inventory = Inventory(folder / "inventory.sqlite3")
    try:
        counts = [known.telegrams for known in inventory.meters(Wanted())]
    finally:
        inventory.close()
    return list(range(sum(counts)))


KEPT = {
    "bus capture": Kept(lambda folder: folder / "bus.ndjson", _capture, _transfers),
    "walk": _walk("walk.ndjson"),
    "zipped walk": _walk("walk.ndjson.gz"),
    "journal": Kept(lambda folder: folder / "journal.ndjson", _journal, _written),
    "formats": Kept(lambda folder: folder / "formats.txt", _format, _formats),
    "history": Kept(lambda folder: folder / "shell_history", _history, _lines),
    "key ring": Kept(lambda folder: folder / "keys.toml", _key, _keys, False),
    "sealed ring": Kept(lambda folder: folder / "keys.toml", _sealed_key, _keys, False, 29),
    "search": Kept(lambda _folder: search_store.store_path("p"), _search, _searches, False),
    "LoRaWAN state": Kept(lambda _folder: lora_state.state_path(_DEVICE), _lora, _joins, False),
    "checkpoint": Kept(lambda folder: folder / "out.resume", _checkpoint, _codes, False),
    "configuration": Kept(lambda folder: folder / "config.toml", _setting, _settings, False),
    "inventory": Kept(lambda folder: folder / "inventory.sqlite3", _inventory, _telegrams, False, 509),
}


def at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `folder` the home of all that is kept."""
    for name in ("HOME", "MBUSCLI_CONFIG_DIR", "MBUSCLI_STATE_DIR"):
        monkeypatch.setenv(name, str(folder))

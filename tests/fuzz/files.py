"""Targets that are files which a user gives or keeps: keys, lists of meters, configuration, state."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from mbuscli.meters import drivers
from mbuscli.meters.registry import load_driver
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import parse_key
from mbuscli.services.lorawan_keys import given_devices
from mbuscli.settings import formats_file, lora_state, search_store
from mbuscli.settings.config import read_config
from mbuscli.settings.journal import Entry, Journal
from mbuscli.settings.key_import import import_keys
from mbuscli.settings.keystore import Entry as RingEntry
from mbuscli.settings.meter_list import read_meter_list
from mbuscli.settings.profiles import load_profiles
from mbuscli.settings.ring_file import load_ring, write_contents
from mbuscli.simulator import scenarios
from mbuscli.simulator.scenario import load_scenario
from tests.fuzz.campaign import Target
from tests.services.lorawan_frames import TEXT_1_1
from tests.settings.kem_files import NEW, OLD, PASSWORD, encrypt_kem

_KEY = "000102030405060708090A0B0C0D0E0F"
_CONFIG = """[defaults]
output = "json"
[defaults.scan]
baud = 300
[profile.site-7]
port = "tcp://10.0.0.7:10001"
baud = "auto"
timeout_s = 1.5
retries = 3
"""
_LIST = """meter number;new address;name;location;key
12345678.KAM.1B.16;7;kitchen;first floor;{0}
87654321;8;"two
lines";;
"""
_KEYS = """serial number;AES key;manufacturer;name
12345678;{0};KAM;bath
7654321;{0};ELS;
"""
_METER = """name=bath
driver=multical21
id=12345678,1234*
key={0}
"""
_DEVICES = "[a]\nDevAddr=26011ABC\n" + TEXT_1_1.replace(",", "\n")
# Files are no telegrams: these take longer, and are read once.
_FILE = 4.0
_DEEP = "[" * 3000
_NASTY = (
    "1e999", "NaN", "-1", "2.5", "9" * 400, "9" * 5000, "null", "true", '""', '"x"', "[]", "{}", "[[]]", '{"a": 1}',
    '"\\ud800"', '"\\u0000"', '"a\\nb"', '"2026-99-99T99:99:99"', "[1, 2]", "3", _DEEP, _DEEP + "]" * 3000,
)  # fmt: skip
# A value in whatever is written with `=`, from the outside.
_VALUES = (
    '"x"', "1", "-1", "1.5e999", "true", "[]", "[1, 'a']", "{}", "1979-05-27", "9" * 20, "9" * 5000, "[" * 3000, "nan",
    '"\\u0000"', "'''", "0x1F", "{a = 1}", "[{}]", '[["a", 1]]', "07:32:00",
)  # fmt: skip


@cache
def place() -> Path:
    """A folder of this run, in memory where there is one."""
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    folder = Path(tempfile.mkdtemp(prefix="mbuscli-fuzz-", dir=shared))
    os.environ["MBUSCLI_STATE_DIR"] = os.environ["MBUSCLI_CONFIG_DIR"] = str(folder)
    return folder


def _written(case: bytes, name: str = "case") -> Path:
    path = place() / name
    path.write_bytes(case)
    path.chmod(0o600)
    return path


def _reader(read: Callable[[Path], object], name: str = "case") -> Callable[[bytes], Sequence[object]]:
    def act(case: bytes) -> Sequence[object]:
        read(_written(case, name))
        return ()

    return act


def _texts(*texts: str | bytes) -> Callable[[], Sequence[bytes]]:
    return lambda: [text if isinstance(text, bytes) else text.format(_KEY).encode() for text in texts]


def _no_repair(data: bytes) -> bytes:
    """Text that the parser takes: every other value is of another kind."""
    lines = data.decode("utf-8", "replace").split("\n")
    at = sum(data) % max(1, len(lines))
    name, equals, _ = lines[at].partition("=")
    if equals:
        lines[at] = f"{name}= {_VALUES[len(data) % len(_VALUES)]}"
    return "\n".join(lines).encode()


def _repair_json(data: bytes) -> bytes:
    """Well-formed documents: one value, or a member of it, is something else."""
    lines = []
    for number, line in enumerate(data.splitlines() or [b"{}"]):
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            document = {"text": line.decode("latin-1")}
        lines.append(_another(document, sum(data) + number))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _another(document: object, lot: int) -> str:
    """The document with one of its values replaced."""
    place, within = document, [document]
    while isinstance(place, dict | list) and place and lot % 3:
        place = list(place.values() if isinstance(place, dict) else place)[lot % len(place)]
        within.append(place)
        lot //= 3
    text = json.dumps(document)
    return text.replace(json.dumps(within[-1]), _NASTY[lot % len(_NASTY)], 1)


def _repair_kem(data: bytes) -> bytes:
    return encrypt_kem(data)


# -- seeds that our own writers make -------------------------------------------------------------------------


@cache
def _ring_seeds() -> tuple[bytes, ...]:
    path = place() / "ring.toml"
    entries = [RingEntry("bath", MeterAddress.parse("12345678.KAM"), parse_key(_KEY), "a note")]
    write_contents(path, entries, None)
    device = '[[key]]\ndevice = "0004A30B001A2B3C"\nrole = "AppKey"\nkey = "' + _KEY + '"\n'
    return path.read_bytes(), path.read_bytes() + device.encode()


@cache
def _driver_seeds() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(Path(str(drivers.__path__[0])).glob("*.toml"))[::4])


@cache
def _scenario_seeds() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(Path(str(scenarios.__path__[0])).glob("*.toml")))


@cache
def _format_seeds() -> tuple[bytes, ...]:
    path = place() / "formats.seed"
    formats_file.remember(path, [bytes.fromhex("04130413"), bytes.fromhex("0C13426C")])
    return (path.read_bytes(),)


@cache
def _journal_seeds() -> tuple[bytes, ...]:
    path = place() / "journal.seed"
    journal = Journal(path)
    for outcome in ("done", "failed"):
        with journal.begin(entry()) as writing:
            writing.end(outcome, "a note")
    return (path.read_bytes(),)


def entry() -> Entry:
    """A line of the journal."""
    return Entry(
        "set-address",
        "sim:",
        2400,
        "12345678.KAM.1B.16",
        "1",
        "1",
        "2",
        ("68 03",),
        ("set-address", "2", "1"),
    )


@cache
def _lora_seeds() -> tuple[bytes, ...]:
    place()
    lora_state.update_state(
        bytes(8), lambda _: lora_state.DeviceState(7, "26011ABC", "2026-01-31T10:00", "RN2483", "EU868")
    )
    path = lora_state.state_path(bytes(8))
    return (path.read_bytes().replace(b"\n", b""), path.read_bytes())


@cache
def _search_seeds() -> tuple[bytes, ...]:
    place()
    wanted = (("78563412FFFFFFFF", "a remark"),)
    search = search_store.SavedSearch("fuzz", (2400, 300), True, 5, wanted, ({"a": [1]},), "2026-01-31T10:00")
    path = search_store.save_search(search)
    return (path.read_bytes().replace(b"\n", b""), path.read_bytes())


def _formats(path: Path) -> None:
    list(formats_file.stored(path))


def _lora(path: Path) -> None:
    path.rename(_named(lora_state.state_path(bytes(8))))
    lora_state.load_state(bytes(8))


def _search(path: Path) -> None:
    path.rename(_named(search_store.store_path("fuzz")))
    search_store.load_search("fuzz")


def _named(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _file(
    seeds: Callable[[], Sequence[bytes]],
    read: Callable[[Path], object],
    repair: Callable[[bytes], bytes] = _no_repair,
    name: str = "case",
) -> Target:
    return Target(seeds, repair, _reader(read, name), slow=_FILE)


def _keys(path: Path) -> None:
    import_keys(path, _password)


def _ring(path: Path) -> None:
    load_ring(path, _password)


def _password(_question: str) -> str:
    return PASSWORD


_FOUND = b'{"event":"scan","found":[{"address":1,"meter":{"address":"12345678.KAM.1B.16","id":"12345678"}}]}'

TARGETS = {
    "keys.lists": _file(_texts(_KEYS, _METER, _KEYS.replace(";", ",")), _keys),
    "keys.kem": _file(
        lambda: (encrypt_kem(OLD), encrypt_kem(NEW), OLD.encode(), NEW.encode()), _keys, _repair_kem
    ),
    "keys.ring": _file(_ring_seeds, _ring),
    "keys.lorawan": _file(_texts(_DEVICES, TEXT_1_1), lambda path: given_devices(str(path))),
    "settings.lists": _file(_texts(_LIST, _LIST.replace(";", "\t")), read_meter_list),
    "settings.lists_json": _file(_texts(_FOUND), read_meter_list, _repair_json),
    "settings.config": _file(_texts(_CONFIG), lambda path: read_config(path).raise_fault()),
    "settings.profiles": _file(_texts(_CONFIG), load_profiles),
    "settings.drivers": _file(_driver_seeds, lambda path: load_driver(str(path)), name="case.toml"),
    "settings.scenarios": _file(_scenario_seeds, lambda path: load_scenario(str(path)), name="case.toml"),
    "settings.journal": _file(_journal_seeds, lambda path: Journal(path).read(), _repair_json),
    "settings.formats": _file(_format_seeds, _formats),
    "settings.lora_state": _file(_lora_seeds, _lora, _repair_json),
    "settings.searches": _file(_search_seeds, _search, _repair_json),
}

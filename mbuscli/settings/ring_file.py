"""The key ring's file: TOML with one table a key, or the same text in a vault."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from mbuscli.errors import InputError, KeyProblemError, Reason, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import parse_key
from mbuscli.settings.files import locked, read_file, read_private, unwritable, write_private
from mbuscli.settings.keystore import AnyEntry, Entry, KeyRing, clean_text
from mbuscli.settings.redact import looks_like_key, redact
from mbuscli.settings.vault import Vault, seal

if TYPE_CHECKING:
    from mbuscli.settings.lora_keys import DeviceKey

VERSION = 1
MAX_SIZE = 16 << 20
_FIELDS = ("name", "meters", "device", "role", "key", "note")
# Of the key of a meter, and of that of a LoRaWAN device.
_NEEDED = ("meters", "key")
_NEEDED_OF_DEVICE = ("device", "role", "key")
_TITLE = "# Keys of mbuscli. This file is for its owner alone (mode 0600)."
_POSITION = re.compile(r"\(at (line \d+, column \d+|end of document)\)")

# Asks for a secret without showing it; None if there is nobody to ask.
Ask: TypeAlias = Callable[[str], str | None]


class Fault(NamedTuple):
    """What is wrong with one key table of the file; `entry` counts from 1."""

    entry: int
    text: str


class Contents(NamedTuple):
    """What a ring file holds; `passphrase` is the one that opened it, None for a file in clear."""

    entries: list[Entry]
    faults: list[Fault]
    passphrase: str | None
    devices: tuple[DeviceKey, ...] = ()


def load_ring(path: Path, ask: Ask) -> KeyRing:
    """The ring in a file; asks for the passphrase if it is encrypted.

    InputError as `read_private`, and `input.invalid` for the first fault in it; KeyProblemError
    `input.passphrase`.
    """
    contents = read_contents(path, ask)
    _refuse_faults(path, contents)
    return KeyRing(contents.entries, contents.devices)


@contextlib.contextmanager
def editing(path: Path, ask: Ask, *, save: bool = True) -> Iterator[KeyRing]:
    """The ring of a file, or an empty one; written back, encrypted as it was, unless the body fails."""
    with _exclusively(path):
        contents = Contents([], [], None)
        if path.exists():
            contents = read_contents(path, ask)
            _refuse_faults(path, contents)
        ring = KeyRing(contents.entries, contents.devices)
        yield ring
        if save and ring.all() != [*contents.entries, *contents.devices]:
            write_contents(path, ring.all(), contents.passphrase)


def reseal(path: Path, ask: Ask, passphrase: Callable[[bool], str | None]) -> None:
    """Keep the ring with another passphrase, or in clear if `passphrase` gives None.

    `passphrase` is told whether the ring is encrypted now. Errors as `load_ring` and `write_contents`.
    """
    with _exclusively(path):
        contents = read_contents(path, ask)
        _refuse_faults(path, contents)
        entries: list[AnyEntry] = [*contents.entries, *contents.devices]
        write_contents(path, entries, passphrase(contents.passphrase is not None))


@contextlib.contextmanager
def _exclusively(path: Path) -> Iterator[None]:
    """No other process changes the ring meanwhile; InputError `input.unwritable`."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(path))
        except OSError as error:
            raise unwritable(path, error) from None
        yield


def read_contents(path: Path, ask: Ask, *, private: bool = True) -> Contents:
    """All that a ring file holds, faults included; `private` refuses a file that others may open."""
    data = (read_private if private else read_file)(path, MAX_SIZE)
    document = _parse_toml(data, path)
    if "vault" not in document:
        return _contents(document, path, None)
    vault = Vault.from_table(_table(document["vault"], path))
    passphrase = ask(f"Passphrase of {path}: ")
    if not passphrase:
        raise KeyProblemError(
            f"the key ring {path} is encrypted, and there is no passphrase",
            reason=Reason.PASSPHRASE,
            layer="input",
            hint=("type it when asked, in a terminal", "or give it: --passphrase-file, MBUSCLI_PASSPHRASE"),
        )
    inner = _parse_toml(vault.open(passphrase), path)
    return _contents(inner, path, passphrase)


def write_contents(path: Path, entries: Iterable[AnyEntry], passphrase: str | None) -> None:
    """Replace the file; sealed if there is a passphrase. InputError `input.unwritable`."""
    text = _ring_text(entries).encode()
    if passphrase is not None:
        text = _vault_text(seal(text, passphrase)).encode()
    write_private(path, text)


def _refuse_faults(path: Path, contents: Contents) -> None:
    if contents.faults:
        first = contents.faults[0]
        raise InputError(
            f"key {first.entry} in {path}: {first.text}",
            reason=Reason.INVALID,
            hint=("mbuscli keys check lists everything that is wrong with the ring",),
        )


def _parse_toml(data: bytes, path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _invalid(path, "it is not UTF-8 text") from None
    except RecursionError:
        raise _invalid(path, "it is nested too deeply") from None
    except ValueError as error:
        # A syntax error, or a number with too many digits. The parser's words may quote the file, keys
        # included: only the place is passed on.
        place = _POSITION.search(str(error))
        where = f" at {place.group(1)}" if place else ""
        raise _invalid(path, f"it is no valid TOML{where}; text needs quotes") from None
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise _invalid(path, "a newer version of mbuscli has written it")
    return document


def _contents(document: dict[str, Any], path: Path, passphrase: str | None) -> Contents:
    stray = sorted(document.keys() - {"version", "key"})
    if stray:
        raise _invalid(path, f"{redact(stray[0])!r} is unknown; keys stand in [[key]] tables")
    tables = document.get("key", [])
    if not isinstance(tables, list):
        raise _invalid(path, "keys stand in [[key]] tables, with two brackets")
    entries: list[Entry] = []
    devices: list[DeviceKey] = []
    faults = []
    for number, table in enumerate(tables, 1):
        try:
            entry = _entry(_table(table, path))
        except UsageError as error:
            faults.append(Fault(number, error.text))
            continue
        if isinstance(entry, Entry):
            entries.append(entry)
        else:
            devices.append(entry)
    return Contents(entries, faults, passphrase, tuple(devices))


def _entry(table: dict[str, Any]) -> AnyEntry:
    """One key; UsageError says what is wrong without showing the key."""
    for name, value in table.items():
        if name not in _FIELDS:
            raise _fault(f"{redact(name)!r} is unknown: {', '.join(_FIELDS)} are known")
        if not isinstance(value, str):
            raise _fault(f"{name} needs quotes")
    of_device = "device" in table or "role" in table
    for name in _NEEDED_OF_DEVICE if of_device else _NEEDED:
        if name not in table:
            raise _fault(f"{name} is missing")
    if of_device and "meters" in table:
        raise _fault("meters does not stand beside device")
    # A DevEUI looks like a key, and is checked when it is read.
    for name in table.keys() - {"key", "device"}:
        if looks_like_key(table[name]):
            raise _fault(f"{name} looks like a key; keys stand under key alone")
    texts = {name: clean_text(table.get(name, "")) for name in ("name", "note")}
    if of_device:
        from mbuscli.settings.lora_keys import device_key

        return device_key({**table, **texts}, parse_key(table["key"]))
    meters = MeterAddress.parse(table["meters"])
    return Entry(texts["name"] or str(meters), meters, parse_key(table["key"]), texts["note"])


def _ring_text(entries: Iterable[AnyEntry]) -> str:
    lines = [_TITLE, f"version = {VERSION}"]
    for entry in entries:
        lines += ["", "[[key]]"]
        lines += [f"{field} = {_quoted(text)}" for field, text in _texts(entry) if text]
    return "\n".join(lines) + "\n"


def _texts(entry: AnyEntry) -> tuple[tuple[str, str], ...]:
    """The fields of an entry in the order of the file."""
    tail = ("key", entry.key.octets.hex()), ("note", entry.note)
    if isinstance(entry, Entry):
        return ("name", entry.name), ("meters", entry.owner), *tail
    # A name with a DevEUI in it would look like a key.
    name = "" if entry.name == entry.owner else entry.name
    return ("name", name), ("device", entry.device.hex().upper()), ("role", entry.role), *tail


def _vault_text(vault: Vault) -> str:
    lines = [_TITLE, "# It is encrypted: mbuscli keys decrypt.", f"version = {VERSION}", "", "[vault]"]
    for name, value in vault.table().items():
        lines.append(f"{name} = {value if isinstance(value, int) else _quoted(value)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # JSON's strings are TOML's, but for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _table(value: object, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(path, "a table is expected where something else stands")
    return value


def _fault(text: str) -> UsageError:
    return UsageError(text, reason=Reason.INVALID)


def _invalid(path: Path, why: str) -> InputError:
    return InputError(
        f"the key ring {path} cannot be used: {why}",
        reason=Reason.INVALID,
        hint=(
            "correct it in an editor, or put a copy of it back",
            "mbuscli keys check looks at the whole ring",
        ),
    )

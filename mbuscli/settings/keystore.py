"""The key ring: keys by the pattern of the meters they belong to, the most specific pattern first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from mbuscli.errors import InputError, Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import Candidate, Key

# Most rings hold none.
if TYPE_CHECKING:
    from mbuscli.settings.lora_keys import DeviceKey

MAX_TEXT = 120
_ANY = MeterAddress("FFFFFFFF")
_WILDCARD_DIGIT = "F"
# Bit 15 of a manufacturer says that the address is unique on its bus only; the letters stay the same.
_LETTERS = 0x7FFF

Outcome: TypeAlias = Literal["added", "replaced", "unchanged"]


class Entry(NamedTuple):
    """A key, the meters it belongs to (an address with wildcards), and the user's words for it."""

    name: str
    meters: MeterAddress
    key: Key
    note: str = ""

    @property
    def owner(self) -> str:
        """Whose key it is, in words."""
        return str(self.meters)


AnyEntry: TypeAlias = "Entry | DeviceKey"


class _Shape(NamedTuple):
    """Which parts of an address a pattern fixes; sorts by how specific the pattern is."""

    digits: int
    manufacturer: bool
    version: bool
    device_type: bool
    places: tuple[int, ...]

    def part(self, address: MeterAddress) -> tuple[str, int, int, int]:
        """The fixed parts of an address: equal for two addresses that the pattern cannot tell apart."""
        return (
            "".join([address.id[place] for place in self.places]),
            address.manufacturer & _LETTERS if self.manufacturer else 0,
            address.version if self.version else 0,
            address.device_type if self.device_type else 0,
        )


def _shape_of(pattern: MeterAddress) -> _Shape:
    places = tuple(place for place, digit in enumerate(pattern.id) if digit != _WILDCARD_DIGIT)
    return _Shape(
        len(places),
        pattern.manufacturer != _ANY.manufacturer,
        pattern.version != _ANY.version,
        pattern.device_type != _ANY.device_type,
        places,
    )


class KeyRing:
    """Keys of the user; a `KeySource`. A look-up costs the same whatever the number of keys.

    Iterating gives the keys of meters; `devices` are those of LoRaWAN devices.
    """

    def __init__(self, entries: Iterable[Entry] = (), devices: Iterable[DeviceKey] = ()) -> None:
        self.devices = list(devices)
        self._entries: dict[MeterAddress, list[Entry]] = {}
        self._index: dict[_Shape, dict[tuple[str, int, int, int], list[MeterAddress]]] = {}
        for entry in entries:
            self._file(entry)

    def __iter__(self) -> Iterator[Entry]:
        for entries in self._entries.values():
            yield from entries

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def candidates(self, addresses: Sequence[MeterAddress]) -> Iterator[Candidate]:
        """Keys whose pattern fits one of `addresses`, the most specific pattern first, each key once."""
        seen: set[Key] = set()
        for shape, patterns in self._index.items():
            for address in addresses:
                for pattern in patterns.get(shape.part(address), ()):
                    for entry in self._entries[pattern]:
                        if entry.key not in seen:
                            seen.add(entry.key)
                            yield Candidate(entry.name, entry.key, exact=pattern.is_complete)

    def put(self, entry: Entry, *, replace: bool = False) -> Outcome:
        """File a key; InputError `input.exists` if there is another one for the same pattern.

        `replace` puts it, with its name, in the place of all that the pattern has.
        """
        present = self._entries.get(entry.meters, [])
        if entry in present or (not replace and any(entry.key == other.key for other in present)):
            return "unchanged"
        if not present:
            self._file(entry)
            return "added"
        if not replace:
            raise _taken(str(entry.meters), present[0])
        self._entries[entry.meters] = [entry]
        return "replaced"

    def put_device(self, entry: DeviceKey, *, replace: bool = False) -> Outcome:
        """File a key of a LoRaWAN device; as `put`."""
        present = [other for other in self.devices if other.owner == entry.owner]
        if entry in present or (not replace and any(entry.key == other.key for other in present)):
            return "unchanged"
        if present and not replace:
            raise _taken(entry.owner, present[0])
        self.devices = [other for other in self.devices if other not in present] + [entry]
        return "replaced" if present else "added"

    def all(self) -> list[AnyEntry]:
        """Keys of meters, then those of LoRaWAN devices."""
        return [*self, *self.devices]

    def find(self, text: str) -> list[AnyEntry]:
        """Entries with this name or pattern, the pattern in any case; a DevEUI finds all keys of it."""
        wanted = text.upper()
        found: list[AnyEntry] = [entry for entry in self if text == entry.name or wanted == str(entry.meters)]
        found += [
            entry
            for entry in self.devices
            if text == entry.name or wanted in (entry.owner.upper(), entry.device.hex().upper())
        ]
        return found

    def remove(self, entries: Sequence[AnyEntry]) -> None:
        """Take entries out."""
        kept = [entry for entry in self if entry not in entries]
        self.devices = [entry for entry in self.devices if entry not in entries]
        self._entries, self._index = {}, {}
        for entry in kept:
            self._file(entry)

    def _file(self, entry: Entry) -> None:
        if entry.meters not in self._entries:
            shape = _shape_of(entry.meters)
            if shape not in self._index:
                self._index[shape] = {}
                self._index = dict(sorted(self._index.items(), reverse=True))
            self._index[shape].setdefault(shape.part(entry.meters), []).append(entry.meters)
        self._entries.setdefault(entry.meters, []).append(entry)


def _taken(owner: str, present: AnyEntry) -> InputError:
    return InputError(
        f"there is another key for {owner}: {present.name} (check value {present.key.check_value})",
        reason=Reason.EXISTS,
        hint=("--replace puts the new key in its place",),
    )


def clean_text(text: str) -> str:
    """A name or note on one line, without characters that steer terminals, of bounded length."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_TEXT]

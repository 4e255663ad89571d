"""Which driver serves which meter: by manufacturer, version and device type, without loading them all.

`drivers/index.txt` is made from the TOML files (`python -m mbuscli.meters.build`): who is served by what, and
each driver as one line of plain literals, so that a driver is found without a TOML parser. The user's own
drivers come first, under the same rules.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mbuscli.errors import InputError, Reason
from mbuscli.protocol.address import MeterAddress

if TYPE_CHECKING:
    from mbuscli.meters.driver import Driver

FOLDER = os.path.join(os.path.dirname(__file__), "drivers")
INDEX = os.path.join(FOLDER, "index.txt")
DRIVER_LINE = b"="
BASE_LINE = b"~"
BASES = os.path.join(FOLDER, "base")
SUFFIX = ".toml"
_ANY = "*"


def load_driver(path: str) -> Driver:
    """The driver in a TOML file. InputError `input.unreadable` or `input.invalid`."""
    from mbuscli.meters.driver import parse_driver

    where = os.path.basename(path)
    return parse_driver(resolved(read_toml(path), _read_base, where), where)


def _read_base(name: str) -> dict[str, Any] | None:
    return read_toml(os.path.join(BASES, name + SUFFIX)) if name in drivers_in(BASES) else None


def resolved(
    table: dict[str, Any], base_of: Callable[[str], dict[str, Any] | None], where: str
) -> dict[str, Any]:
    """The table with what it `extends`: main, own, inherited fields. InputError `input.invalid`."""
    name = table.get("extends")
    if name is None:
        return table
    base = base_of(name) if isinstance(name, str) else None
    if base is None:
        raise InputError(
            f"meter driver {where}: there is no base {name!r}",
            reason=Reason.INVALID,
            hint=(f"the bases are: {', '.join(drivers_in(BASES))}",),
        )
    own = table.get("field", [])
    if not isinstance(own, list) or not all(isinstance(field, dict) for field in own):
        return table  # the grammar says what is wrong with it
    names = {field["name"] for field in own if isinstance(field.get("name"), str)}
    inherited = [field for field in base.get("field", []) if field.get("name") not in names]
    main = table.get("main", base.get("main"))
    first = [field for field in inherited if field["name"] == main]
    rest = [field for field in inherited if field["name"] != main]
    return {**base, **table, "field": [*first, *own, *rest]}


def read_toml(path: str) -> dict[str, Any]:
    """The table in a TOML file. InputError `input.unreadable` or `input.invalid`."""
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise InputError(
            f"cannot read the meter driver {path}: {error.strerror}", reason=Reason.UNREADABLE
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"meter driver {os.path.basename(path)}: {error}", reason=Reason.INVALID) from None


def drivers_in(folder: str) -> list[str]:
    """The names of the drivers in a folder, none if it does not exist."""
    try:
        entries = os.listdir(folder)
    except OSError:
        return []
    return sorted(entry.removesuffix(SUFFIX) for entry in entries if entry.endswith(SUFFIX))


def served_by(folder: str) -> dict[str, str]:
    """`KAM.1B.16` -> name of the driver, of all in a folder. InputError if two claim the same meter."""
    index: dict[str, str] = {}
    for name in drivers_in(folder):
        for served in load_driver(os.path.join(folder, name + SUFFIX)).serves:
            other = index.setdefault(served.upper(), name)
            if other != name:
                raise InputError(f"{served} is served by {other} and by {name}", reason=Reason.INVALID)
    return index


class Registry:
    """The drivers at hand; each is loaded when a meter of its kind is first seen."""

    def __init__(self, user_folder: str | None = None) -> None:
        """InputError if a driver in the user's folder is wrong."""
        self.user_folder = user_folder
        self._own = served_by(user_folder) if user_folder is not None else {}
        self._index: dict[str, str] | None = None
        self._lines = b""
        self._by_kind: dict[tuple[int, int, int], Driver | None] = {}
        self._by_name: dict[str, Driver] = {}

    def driver_for(self, meter: MeterAddress | None) -> Driver | None:
        """The driver of this meter, None if no driver serves it."""
        if meter is None:
            return None
        kind = (meter.manufacturer, meter.version, meter.device_type)
        try:
            return self._by_kind[kind]
        except KeyError:
            driver = self._find(*kind, meter.manufacturer_name)
            if len(self._by_kind) < 4096:  # strangers must not fill the memory
                self._by_kind[kind] = driver
            return driver

    def _find(self, _: int, version: int, device_type: int, maker: str) -> Driver | None:
        """The most exact entry wins; the user's own before those that come with the program."""
        for index in (self._own, self._built_in()):
            for version_text in (f"{version:02X}", _ANY):
                for type_text in (f"{device_type:02X}", _ANY):
                    name = index.get(f"{maker}.{version_text}.{type_text}")
                    if name is not None:
                        return self.by_name(name)
        return None

    def _built_in(self) -> dict[str, str]:
        if self._index is None:
            with open(INDEX, "rb") as file:
                self._lines = file.read()
            head = self._lines.partition(b"\n" + DRIVER_LINE)[0].decode("ascii")
            self._index = dict(line.split(" ") for line in head.splitlines() if line)
        return self._index

    def by_name(self, name: str) -> Driver:
        """The driver of this name. InputError with near names if there is none."""
        if name not in self._by_name:
            self._by_name[name] = self._load(name)
        return self._by_name[name]

    def _load(self, name: str) -> Driver:
        from mbuscli.meters.driver import parse_driver

        if self.user_folder is not None and name in drivers_in(self.user_folder):
            return load_driver(os.path.join(self.user_folder, name + SUFFIX))
        table = self._table(DRIVER_LINE, name)
        if table is None:
            raise self._unknown(name)
        return parse_driver(resolved(table, lambda base: self._table(BASE_LINE, base), name), name)

    def _table(self, mark: bytes, name: str) -> dict[str, Any] | None:
        """The table of a line of the index."""
        self._built_in()
        start = self._lines.find(b"\n" + mark + name.encode("utf-8", "replace") + b" ")
        if start < 0:
            return None
        from ast import literal_eval

        line = self._lines[start + 1 : self._lines.index(b"\n", start + 1)].decode("utf-8")
        table: dict[str, Any] = literal_eval(line.partition(" ")[2])
        return table

    def _unknown(self, name: str) -> InputError:
        from difflib import get_close_matches

        near = get_close_matches(name, self.names(), n=3)
        return InputError(
            f"no meter driver is called {name!r}",
            reason=Reason.MISSING,
            hint=(f"did you mean {' or '.join(near)}?" if near else "mbuscli meters list shows them",),
        )

    def names(self) -> list[str]:
        """The names of all drivers, the user's own included."""
        own = [] if self.user_folder is None else drivers_in(self.user_folder)
        return sorted({*own, *self._built_in_names()})

    def _built_in_names(self) -> Iterator[str]:
        self._built_in()
        for line in self._lines.split(b"\n"):
            if line.startswith(DRIVER_LINE):
                yield line[1:].partition(b" ")[0].decode("utf-8")

    def is_own(self, name: str) -> bool:
        """True if the driver is the user's."""
        return self.user_folder is not None and name in drivers_in(self.user_folder)

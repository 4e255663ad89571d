"""What may stand where the cursor is: the values of options and arguments, for shells and for our own.

Each function is the `shell_complete=` of a click parameter. They read files and tables, and open no port;
what cannot be read is left out, as a shell has no place for a message.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from mbuscli.render.columns import Columns

Found: TypeAlias = "list[CompletionItem[str]]"
Completer: TypeAlias = Callable[[click.Context, click.Parameter, str], Found]
# A value and what it is; "" where there is nothing to say.
Offer: TypeAlias = tuple[str, str]

_MOST_METERS = 60
_PORT_FORMS = (
    ("auto", "the only USB adapter"),
    ("id:", "the serial number of a USB adapter"),
    ("tcp://", "a gateway: tcp://host:port"),
    ("rfc2217://", "a serial server: rfc2217://host:port"),
    ("replay:", "a capture: replay:FILE"),
)
_SIMULATED = (
    ("sim:", "a simulated bus"),
    ("sim:stick", "a simulated radio stick"),
    ("sim:modem", "a simulated LoRaWAN modem"),
)
_STICK_PROGRAMS = (("rtl_wmbus", "start rtl_wmbus"), ("rtl_433", "start rtl_433"), ("-", "standard input"))


def complete_port(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Profiles, serial ports that are present, and the other forms of --port."""
    return _ports([*_profiles(), *_serial_ports(), *_SIMULATED[:1]], incomplete)


def complete_stick_port(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """As `complete_port`, for sticks."""
    return _ports([*_serial_ports(), *_SIMULATED[1:2], *_STICK_PROGRAMS], incomplete)


def complete_modem_port(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """As `complete_port`, for modems."""
    return _ports([*_profiles(), *_serial_ports(), *_SIMULATED[2:]], incomplete)


def complete_gps(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Serial ports, or the daemon."""
    return _items([*_serial_ports(), ("gpsd", "the daemon of this computer")], incomplete)


def complete_profile(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """The names of profiles."""
    return _items(_profiles(), incomplete)


def complete_setting(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Keys of settings, as `config set` takes them."""
    from mbuscli.settings.config_table import COMMANDS, SETTINGS, settings_of

    command, dot, _ = incomplete.partition(".")
    if not dot:
        offers = [(setting.key, setting.text) for setting in SETTINGS if setting.everywhere]
        return _items([*offers, *((f"{name}.", "of one command") for name in COMMANDS)], incomplete)
    if command != "profile":
        return _items(
            [(f"{command}.{key}", each.text) for key, each in settings_of(command).items()], incomplete
        )
    keys = [(setting.key, setting.text) for setting in SETTINGS if setting.in_profile]
    names = [name for name, _ in _profiles()]
    return _items([(f"profile.{name}.{key}", text) for name in names for key, text in keys], incomplete)


def complete_meter(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Addresses of meters: of this session, of the inventory (heard last first), of the journal."""
    session = ctx.find_root().obj
    seen = [(address, "") for address in getattr(session, "meters_seen", ())]
    return _items([*seen, *_inventory_meters(incomplete.upper()), *_journal_meters()], incomplete.upper())


def complete_inventory_words(ctx: click.Context, param: click.Parameter, incomplete: str) -> Found:
    """`plot`, or a meter."""
    first = not ctx.params.get(param.name or "")
    plot = [("plot", "draw a reading day by day")] if first else []
    return [*_items(plot, incomplete), *complete_meter(ctx, param, incomplete)]


def complete_driver(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """The names of meter drivers, the user's own included."""
    from mbuscli.meters.registry import Registry
    from mbuscli.settings.paths import config_path

    names: list[str] = []
    with suppress(Exception):
        # A driver of the user's that is wrong must not hide the others.
        names = Registry().names()
    with suppress(Exception):
        from mbuscli.meters.registry import drivers_in

        names += drivers_in(config_path("meters"))
    return _items([(name, "") for name in sorted(set(names))], incomplete)


def complete_key_name(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Names of keys and whose they are; nothing of a ring that is encrypted."""
    from mbuscli.settings.paths import config_path

    offers: list[Offer] = []
    with suppress(Exception):
        import tomllib

        with open(ctx.params.get("ring") or config_path("keys.toml"), "rb") as file:
            tables = tomllib.load(file).get("key", [])
        for table in tables:
            whose = str(table.get("meters") or table.get("device") or "")
            offers.append((str(table.get("name") or whose), whose))
    return _items(offers, incomplete)


def complete_role(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Roles of LoRaWAN keys."""
    from mbuscli.settings.lora_keys import ROLES

    return _items([(role, "") for role in ROLES], incomplete)


def complete_stick(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Families of sticks."""
    from mbuscli.devices.sticks.registry import FAMILIES

    return _items([(name, ", ".join(family.sticks)) for name, family in FAMILIES.items()], incomplete)


def complete_modem(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Families of modems."""
    from mbuscli.devices.modems.registry import FAMILIES

    return _items([(name, ", ".join(family.modems)) for name, family in FAMILIES.items()], incomplete)


def complete_region(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """LoRaWAN regions."""
    from mbuscli.protocol.lorawan.region_table import REGIONS

    return _items([(name, "") for name in REGIONS], incomplete)


def complete_modes(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Link modes, several behind each other with commas."""
    from mbuscli.protocol.wireless.modes_table import LINK_MODES

    return _listed([(mode.name, f"{mode.frequency_hz / 1e6:.6g} MHz") for mode in LINK_MODES], incomplete)


def complete_sub_code(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Readouts that an application reset can choose."""
    from mbuscli.protocol.application.control_table import APPLICATION_RESETS

    names = [name.partition(" (")[0].replace(" ", "-") for name in APPLICATION_RESETS]
    return _items([(name, "") for name in names if name != "reserved"], incomplete)


def complete_unit(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Units that readings can be shown in."""
    from mbuscli.meters.unit_table import SUFFIXES

    return _items([(unit.text, "") for unit in SUFFIXES.values() if unit.text], incomplete)


def complete_file(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Files, which the shell lists itself."""
    return _items((), incomplete, files=True)


def complete_since(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Found:
    """Moments in words."""
    return _items([("today", "since midnight"), ("1h", ""), ("1d", ""), ("7d", "")], incomplete)


def complete_topic(ctx: click.Context, param: click.Parameter, incomplete: str) -> Found:
    """Topics and commands; the commands of a group; names of errors."""
    from mbuscli.cli.commands import COMMANDS, LazyCommands
    from mbuscli.manual.files import topic_names

    given = ctx.params.get(param.name or "") or ()
    if not given:
        topics = [(name, "topic") for name in topic_names()]
        commands = [(name, entry.help) for name, entry in COMMANDS.items()]
        names = _error_names() if "." in incomplete else []
        return _items([*topics, *commands, *names], incomplete)
    if given[0] == "errors":
        return _items(_error_names(), incomplete)
    group = LazyCommands().get(given[0])
    return _items([(name, "") for name in getattr(group, "commands", {})], incomplete)


def _error_names() -> list[Offer]:
    from mbuscli.manual.errors_table import ERRORS

    return [(name, entry.meaning) for name, entry in ERRORS.items()]


def complete_fields(columns: Columns, incomplete: str) -> Found:
    """Names of columns with commas between them."""
    return _listed([(name, column.help) for name, column in columns.items()], incomplete)


def _ports(offers: Iterable[Offer], incomplete: str) -> Found:
    """Ports; files too where a path is being typed, or the name of a file behind `replay:`."""
    is_path = incomplete.startswith((".", "/", "~")) or "\\" in incomplete
    files = _files_behind("replay:", incomplete) + _files_behind("sim:", incomplete, ".toml")
    return _items([*offers, *_PORT_FORMS, *files], incomplete, files=is_path)


def _files_behind(scheme: str, incomplete: str, suffix: str = "") -> list[Offer]:
    """Files and folders for a word such as `replay:walk`; with `suffix` only files that end so."""
    if not incomplete.startswith(scheme):
        return []
    folder, name = os.path.split(incomplete.removeprefix(scheme))
    found: list[Offer] = []
    with suppress(OSError):
        for entry in sorted(os.scandir(folder or "."), key=lambda entry: entry.name):
            hidden = entry.name.startswith(".") and not name.startswith(".")
            if not hidden and (entry.is_dir() or entry.name.endswith(suffix)):
                end = "/" if entry.is_dir() else ""
                found.append((scheme + os.path.join(folder, entry.name) + end, ""))
    return found


def _items(offers: Iterable[Offer], incomplete: str, *, files: bool = False) -> Found:
    """The offers that begin so, each once; with `files` an item at which a shell lists its files."""
    from click.shell_completion import CompletionItem

    wanted = incomplete.casefold()
    found = {value: text for value, text in reversed(list(offers)) if value.casefold().startswith(wanted)}
    items = [CompletionItem(value, help=text or None) for value, text in reversed(found.items())]
    return [*items, CompletionItem(incomplete, type="file")] if files else items


def _listed(offers: Iterable[Offer], incomplete: str) -> Found:
    """As `_items`, for the last of several values with commas; what is there is not offered again."""
    head, comma, last = incomplete.rpartition(",")
    given = set(head.split(","))
    rest = [(head + comma + value, text) for value, text in offers if value not in given]
    return _items(rest, head + comma + last)


def _profiles() -> Iterator[Offer]:
    from mbuscli.settings.paths import config_path

    with suppress(Exception):
        # Most have none, and a TOML parser takes its time.
        if not os.path.exists(config_path("config.toml")):
            return
        from mbuscli.settings.profiles import load_profiles

        for name, profile in load_profiles().items():
            yield name, profile.port


def _serial_ports() -> list[Offer]:
    """Serial ports by name, without the library that asks each device: of Linux those behind USB and of
    small computers, of macOS those to call out, of Windows what the registry lists."""
    import sys

    if sys.platform == "win32":
        return _windows_ports()
    beginnings = ("ttyUSB", "ttyACM", "ttyAMA") if sys.platform.startswith("linux") else ("cu.",)
    names: list[str] = []
    with suppress(OSError):
        names = sorted(name for name in os.listdir("/dev") if name.startswith(beginnings))
    return [("/dev/" + name, _usb_product(name)) for name in names]


def _usb_product(tty: str) -> str:
    """What the USB device behind a tty calls itself; "" where that is unknown."""
    place = os.path.realpath(f"/sys/class/tty/{tty}/device")
    for _ in range(3):
        place = os.path.dirname(place)
        with (
            suppress(OSError),
            open(os.path.join(place, "product"), encoding="utf-8", errors="replace") as file,
        ):
            return file.readline().strip()
    return ""


def _windows_ports() -> list[Offer]:
    from importlib import import_module

    # The module exists on Windows only, and a type checker elsewhere knows nothing of it.
    registry = import_module("winreg")
    ports: list[Offer] = []
    with (
        suppress(OSError),
        registry.OpenKey(registry.HKEY_LOCAL_MACHINE, r"HARDWARE\DEVICEMAP\SERIALCOMM") as key,
    ):
        for index in range(registry.QueryInfoKey(key)[1]):
            ports.append((str(registry.EnumValue(key, index)[1]), ""))
    return ports


def _inventory_meters(beginning: str) -> list[Offer]:
    from mbuscli.settings.paths import state_file

    with suppress(Exception):
        path = state_file("inventory.sqlite3")
        if os.path.exists(path):
            import sqlite3
            from urllib.parse import quote

            connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=0.2)
            try:
                return [
                    (address, " ".join(filter(None, (name, place))))
                    for address, name, place in connection.execute(
                        "SELECT address, name, place FROM meters WHERE substr(address, 1, ?) = ?"
                        " ORDER BY last_heard DESC LIMIT ?",
                        (len(beginning), beginning, _MOST_METERS),
                    )
                ]
            finally:
                connection.close()
    return []


def _journal_meters() -> list[Offer]:
    """Meters that were written to, the last first."""
    from mbuscli.settings.paths import state_file

    found: list[str] = []
    with suppress(Exception), open(state_file("journal.ndjson"), "rb") as file:
        import json

        file.seek(max(0, os.path.getsize(file.name) - (64 << 10)))
        for line in file.read().splitlines():
            with suppress(ValueError, AttributeError):
                found.append(json.loads(line).get("meter") or "")
    return [(address, "") for address in reversed(found) if address]

"""The options that may be set once and for all: in the file of settings, in a profile, in the environment.

Each has one key, the same in `[defaults]`, `[defaults.COMMAND]` and `[profile.NAME]`, and one variable,
MBUSCLI_ and the option's name. Where two commands mean different things by one option, the key says which:
`port` is a bus, `stick_port` a stick, `modem_port` a modem.

What has no key, and why:
  --key, --app-key ... HEX    a key in a file of settings is read by everybody who reads the file; keys belong
                              in the key ring, or into MBUSCLI_KEY, MBUSCLI_APP_KEY ... for one run
  --key-file                  is the key of one meter; the key ring knows which key is whose
  --yes, --dry-run            consent is given to one change, never to all that will come
  --replace, --force, --anew  destroy something, and are meant once
  arguments, --range, --list, --filter, --count, --for, --expect, --plan, --id, --send, --data ...
                              say what one run is about
  --fields, --capture         mean another thing to each command: in `[defaults.COMMAND]` only
  --debug                     MBUSCLI_DEBUG, so that it holds before the file of settings is read
"""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.settings.config_kinds import Choice, Flag, Kind, Seconds, Text, Texts, Whole

BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400)

WIRED = ("scan", "read", "set-address", "set-baud", "set-clock", "reset", "send")
WRITES = ("set-address", "set-baud", "set-clock", "reset", "send")
READS_KEYS = ("decrypt", "sniff", "keys", "lora-join")
# What shows settings is not bent by them: `config get port` is plain text in a script.
DATA = (
    "scan",
    "read",
    "sniff",
    "inventory",
    "ports",
    "sticks",
    "decrypt",
    "set-address",
    "set-baud",
    "set-clock",
    "reset",
    "send",
    "lora-join",
    "journal",
    "keys",
    "meters",
)


class Setting(NamedTuple):
    """An option that can be set. `built_in` says what holds without; `in_profile`: a profile may have it.

    `everywhere`: it may stand in `[defaults]`, and has a variable; else in `[defaults.COMMAND]` only.
    """

    key: str
    option: str
    kind: Kind
    commands: tuple[str, ...]
    text: str
    built_in: str = ""
    in_profile: bool = True
    everywhere: bool = True

    @property
    def variable(self) -> str | None:
        """Its environment variable."""
        return f"MBUSCLI_{self.key.removesuffix('_s').upper()}" if self.everywhere else None


SETTINGS = (
    # Output
    Setting(
        "output",
        "--output",
        Choice("table", "plain", "json", "ndjson", "csv", "tsv"),
        DATA,
        "format of the output",
        "table on a terminal, plain in a pipe",
    ),
    Setting(
        "fields",
        "--fields",
        Text("names of columns, with commas between"),
        DATA,
        "columns to show",
        in_profile=False,
        everywhere=False,
    ),
    Setting("quiet", "--quiet", Flag(), (*DATA, "simulate"), "no progress and no notes on stderr", "false"),
    Setting(
        "csv_plain",
        "--csv-plain",
        Flag(),
        DATA,
        "leave text as it is in csv, formulas too",
        "false",
    ),
    Setting(
        "unit",
        "--unit",
        Texts('a unit such as "kWh", or several in an array'),
        ("read", "decrypt"),
        "units in which readings are shown",
    ),
    Setting("verbose", "--verbose", Flag(), ("read", "decrypt"), "show the records too", "false"),
    Setting(
        "jobs",
        "--jobs",
        Whole(1, 256),
        ("decrypt",),
        "processes that decode a log",
        "1",
    ),
    # A wired bus
    Setting(
        "port",
        "--port",
        Text("the text of --port: a path, tcp://host:port, a profile's name ..."),
        WIRED,
        "the bus, or the profile of one",
    ),
    Setting("baud", "--baud", Choice(*BAUDS, "auto"), WIRED, "rate of the bus", "2400"),
    Setting(
        "timeout_s",
        "--timeout",
        Seconds(None, 60),
        WIRED,
        "how long to wait for an answer to begin",
        "330 bit times + 50 ms, plus the margin",
    ),
    Setting("retries", "--retries", Whole(0, 10), WIRED, "how often to ask again", "2; a scan's: 0"),
    Setting(
        "margin_s",
        "--margin",
        Seconds(0, 10),
        WIRED,
        "what the converter adds to each wait",
        "0.05; in a network: 0.25",
    ),
    Setting("trace", "--trace", Flag(), WIRED, "show every frame on stderr", "false"),
    Setting(
        "capture",
        "--capture",
        Text("a file", is_path=True),
        (*WIRED, "sniff"),
        "append all traffic to this file",
        in_profile=False,
        everywhere=False,
    ),
    Setting(
        "standard_time",
        "--standard-time",
        Flag(),
        ("set-clock",),
        "set clocks to standard time all the year",
        "false",
    ),
    # Radio
    Setting(
        "stick_port",
        "--port",
        Text("the text of sniff's --port: a path, id:SERIAL, a profile's name ..."),
        ("sniff",),
        "the stick, or the profile of one",
        "auto",
        in_profile=False,
    ),
    Setting(
        "stick", "--stick", Text("the family of a stick"), ("sniff",), "what the stick is", "it is asked"
    ),
    Setting(
        "stick_baud",
        "--baud",
        Whole(300, 1_000_000),
        ("sniff",),
        "rate of the stick's line",
        "the family's",
    ),
    Setting(
        "mode",
        "--mode",
        Text("link modes, such as T1,C1"),
        ("sniff",),
        "link modes to listen to",
        "as many as the stick hears at once",
    ),
    Setting("gps", "--gps", Text("an NMEA port, or gpsd"), ("sniff",), "where positions come from"),
    Setting(
        "capture_size",
        "--capture-size",
        Text("a size, such as 10M"),
        ("sniff",),
        "size of a capture file at which the next one is begun",
    ),
    # Files
    Setting(
        "inventory_file",
        "--inventory",
        Text("a file", is_path=True),
        ("sniff", "inventory"),
        "the inventory",
        "inventory.sqlite3 in the state folder",
    ),
    Setting(
        "key_ring",
        "--keys",
        Text("a file", is_path=True),
        READS_KEYS,
        "the key ring",
        "keys.toml beside the file of settings",
    ),
    Setting(
        "passphrase_file",
        "--passphrase-file",
        Text("a file", is_path=True),
        READS_KEYS,
        "file with the key ring's passphrase",
        "MBUSCLI_PASSPHRASE, else it is asked for",
        in_profile=False,
    ),
    # LoRaWAN
    Setting(
        "modem_port",
        "--port",
        Text("the text of lora-join's --port: a path, id:SERIAL, a profile's name ..."),
        ("lora-join",),
        "the modem, or the profile of one",
        "auto",
        in_profile=False,
    ),
    Setting(
        "modem", "--modem", Text("the family of a modem"), ("lora-join",), "what the modem is", "it is asked"
    ),
    Setting("region", "--region", Text("a region, such as EU868"), ("lora-join",), "the region"),
    Setting("sub_band", "--sub-band", Whole(1, 8), ("lora-join",), "sub-band of US915 and AU915"),
    Setting(
        "join_eui",
        "--join-eui",
        Text("16 hexadecimal digits, in quotes"),
        ("lora-join",),
        "the join server (AppEUI)",
    ),
    Setting("class", "--class", Choice("A", "B", "C"), ("lora-join",), "device class", "A"),
    Setting("dr", "--dr", Whole(0, 15), ("lora-join",), "data rate"),
    Setting("adr", "--adr", Flag(), ("lora-join",), "let the network choose the data rate"),
    Setting(
        "join_timeout_s", "--timeout", Seconds(1, 3600), ("lora-join",), "how long to wait for a join", "60"
    ),
    # People
    Setting(
        "no_input",
        "--no-input",
        Flag(),
        (*WRITES, *READS_KEYS, "config"),
        "never ask for anything",
        "false",
        in_profile=False,
    ),
)

BY_KEY = {setting.key: setting for setting in SETTINGS}
COMMANDS = tuple(dict.fromkeys(name for setting in SETTINGS for name in setting.commands))

# Tables of other parts of the program: their keys and kinds.
SHELL: tuple[Setting, ...] = ()


def settings_of(command: str) -> dict[str, Setting]:
    """The settings of a command, by key."""
    return {setting.key: setting for setting in SETTINGS if command in setting.commands}

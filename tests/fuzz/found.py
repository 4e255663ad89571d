"""Inputs that once did harm, each as small as it could be made. The target that found it comes first."""

from __future__ import annotations

_DEEP = "[" * 3000
_LONG = "9" * 5000
_JOURNAL = (
    '{{"key":"a","time":"b","command":"c","port":"d","baud":{},"meter":null,"target":"e","old":"f","new":"g",'
    '"frames":[],"undo":[],"outcome":"done"}}'
)

CASES: list[tuple[str, bytes]] = [
    # A LoRaWAN frame of more than 255 octets: its length has no place in the block of the MIC.
    ("lorawan", bytes.fromhex("40BC1A012600010001") + bytes(300)),
    # Numbers of thousands of digits, and brackets without end, in files of TOML.
    ("settings.config", f"[profile.a]\nbaud = {_LONG}\n".encode()),
    ("settings.config", f"[profile.a]\nport = {_DEEP}\n".encode()),
    ("settings.profiles", f"[profile.a]\nport = {_DEEP}\n".encode()),
    ("settings.drivers", f'name = "a"\nserves = {_LONG}\n'.encode()),
    ("settings.drivers", f'name = "a"\nserves = {_DEEP}\n'.encode()),
    ("settings.drivers", b'name = "a"\nextends = "electricity"\n[[field]]\nname = {a = 1}\n'),
    ("settings.drivers", b'name = "a"\nextends = "electricity"\nfield = 1\n'),
    ("settings.drivers", b'name = "a"\ndecoder = []\n'),
    ("settings.drivers", b'name = "a"\nfield = [1]\n'),
    ("settings.drivers", b'name = "a"\n[[field]]\nname = "b"\nquantity = "c"\nabout = 1\nas = []\n'),
    ("settings.scenarios", f"meter = {_LONG}\n".encode()),
    ("settings.scenarios", f"meter = {_DEEP}\n".encode()),
    # The same in JSON, and infinity where a whole number belongs.
    ("settings.journal", _DEEP.encode()),
    ("settings.journal", _JOURNAL.format("1e999").encode()),
    ("settings.lora_state", _DEEP.encode()),
    ("settings.lora_state", b'{"schema":"mbuscli-lorawan/1","join_requests":1e999,"f_cnt_up":0}'),
    ("settings.searches", _DEEP.encode()),
    ("settings.searches", b'{"schema":"mbuscli-search/1","port":"fuzz","bauds":[1e999]}'),
]

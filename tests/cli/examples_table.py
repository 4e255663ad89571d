"""What the examples in the help of commands need to run without hardware, and how they end."""

from __future__ import annotations

import re
from typing import NamedTuple

from mbuscli.simulator.modems.opener import APP_KEY, APP_S_KEY, NWK_S_KEY
from tests.protocol.security.published import PROFILE_A, PROFILE_A_KEY
from tests.settings.kem_files import PASSWORD

# The gas meter of OMS Volume 2, annex N.2.1, and its key.
GAS = f"2E449315785634123303 7A 2A 00 2025 {PROFILE_A.payload.hex()}".replace(" ", "").upper()
# The worked example of EN 13757-4 with frame format A: a water meter in clear.
PLAIN = "0F44AE0C7856341201074447780B134365871E6D"
BARE = "0F44AE0C785634120107780B13436587"
GAS_KEY = PROFILE_A_KEY.octets.hex()

PASSPHRASE = "a long passphrase"

# One meter of each address that examples name; the same at 300 baud for those that say so.
HOUSE = "".join(
    f"""
[[meter]]
name = "{name}"
address = {address}
id = "{number}"
manufacturer = "KAM"
version = 27
device_type = 22
running_clock = true
baud = {{baud}}
records = ["0C78 = {number}", "0C13 = 1234.567", "4C13 = 1200.000", "426C = 2025-12-31", "046D = 2026-01-31T10:00"]
"""
    for name, address, number in (
        ("new", 0, "11223344"),
        ("flat 1", 5, "12345678"),
        ("flat 2", 7, "12345679"),
        ("flat 3", 1, "12345670"),
    )
)
SEVENTEEN = HOUSE.replace("address = 0", "address = 17")

# A stairwell with a meter whose own values of the months can be plotted.
AIR = """
[[meter]]
name = "cold water, flat 1"
id = "12345678"
manufacturer = "KAM"
version = 27
device_type = 22
mode = "C1"
interval_s = 8
phase_s = 1.0
records = ["0413 = 123.529", "4413 = 120.100", "426C = 2025-12-31", "840113 = 118.000", "82016C = 2025-11-30",
           "C40113 = 116.500", "C2016C = 2025-10-31"]

[[meter]]
name = "cold water, flat 2"
id = "12345679"
manufacturer = "SEN"
version = 104
device_type = 7
mode = "T1"
interval_s = 8
phase_s = 2.0
records = ["0413 = 223.529"]
"""


class Change(NamedTuple):
    """What is put in the place of something that only a site has."""

    pattern: str
    replacement: str


# In this order. A wired bus, a stick and a modem are simulated ones; folders are those of the test.
CHANGES = (
    Change(r"^mbuscli sticks /dev/ttyUSB0 COM5$", "mbuscli sticks sim:stick 'sim:stick?family=cul'"),
    Change(r"(sticks) (sim:stick\?family=cul)", r"\1 '\2'"),
    Change(r"^(mbuscli sniff)( --port sim:stick)?$", r"\1\2 --for 20s"),
    Change(r"(mbuscli sniff .*)--port /dev/ttyUSB0", r"\1--port 'sim:stick?scenario=air.toml'"),
    Change(r"(set-address 17 .*)--port /dev/ttyUSB0", r"\1--port sim:seventeen.toml"),
    Change(
        r"--port \S+ --baud 300(?= --range)|--port \S+ --baud 300$", "--port sim:house300.toml --baud 300"
    ),
    Change(r"--baud 300 --port /dev/ttyUSB0", "--baud 300 --port sim:house300.toml"),
    Change(r"--port (?:/dev/ttyUSB0|tcp://10\.0\.0\.7:10001)", "--port sim:house.toml"),
    Change(r"2E44[0-9A-F]*\.\.\.", GAS),
    Change(r"--region US915", "--port 'sim:modem?family=rn2903&sub-band=2' --region US915"),
    Change(r"/tmp/(bus|stick|modem)", r"./\1"),
    Change(r"/media/stick/", "media/"),
    Change(r"/etc/wmbusmeters\.d/", "wmbusmeters.d/"),
    Change(r"--tcp 10001", "--tcp 0"),
)
# A bus that is lost while it is searched.
LOST = (
    HOUSE
    + """
[faults]
unplug_after_requests = 20
"""
)

# The settings are what these examples are about, and a path in them is no port that is opened.
UNCHANGED = re.compile(r"mbuscli (?:config|profile) ")

# Examples that ask: (prompt, answer) in their order. They are run at a terminal.
ANSWERS = {
    "mbuscli set-address 0 17 --port /dev/ttyUSB0": ((r"number[^\n]*: ?", "11223344"),),
    "mbuscli set-address --plan plan.csv --port /dev/ttyUSB0": ((r": ?", "2"),),
    "mbuscli set-baud 5 9600 --port /dev/ttyUSB0": ((r"number[^\n]*: ?", "12345678"),),
    "mbuscli set-clock 5 --port /dev/ttyUSB0": ((r"number[^\n]*: ?", "12345678"),),
    "mbuscli reset 5 --port /dev/ttyUSB0": ((r"number[^\n]*: ?", "12345678"),),
    "mbuscli reset 12345678.KAM.1B.16 user-data:1 --port /dev/ttyUSB0": ((r"number[^\n]*: ?", "12345678"),),
    "mbuscli send 5 --frame '68 04 04 68 53 05 50 10 B8 16' --port /dev/ttyUSB0": (
        (r"number[^\n]*: ?", "12345678"),
    ),
    "mbuscli keys add 12345678.KAM": ((r"Key[^\n]*: ?", "00" * 16),),
    'mbuscli keys add 12345678.KAM.1B.16 --name "flat 3, cold water"': ((r"Key[^\n]*: ?", "00" * 16),),
    "mbuscli keys add 0004A30B001A2B3C --role AppKey": ((r"Key[^\n]*: ?", "00" * 16),),
    "mbuscli keys import delivery.kem": ((r"[Pp]assword[^\n]*: ?", PASSWORD),),
    "mbuscli keys import delivery.kem meters.csv": ((r"[Pp]assword[^\n]*: ?", PASSWORD),),
    'mbuscli keys remove "flat 3, cold water"': ((r"\? ?[^\n]*", "y"),),
    "mbuscli keys encrypt": ((r": ?", PASSPHRASE), (r"again: ?", PASSPHRASE)),
    "mbuscli config edit": (),
    "EDITOR=nano mbuscli config edit": (),
    "mbuscli shell": ((r"mbuscli>[^\n]*", "exit"),),
    "mbuscli shell --port /dev/ttyUSB0": ((r"mbuscli>[^\n]*", "exit"),),
}

# What is typed into examples that read standard input.
INPUTS = {"--app-key -": APP_KEY.octets.hex() + "\n"}

# Examples that do not end with 0, and why that is as it should be.
ENDS = {
    "mbuscli scan --port sim: -o json": ((8,), "two meters of the built-in house share an address"),
    "mbuscli send 5 --ci B1 --data 01 --port /dev/ttyUSB0 --yes": (
        (7,),
        "no simulated meter has maker's commands",
    ),
    "mbuscli scan --port /dev/ttyUSB0 --secondary --expect 60": (
        (8,),
        "the house has four meters, not sixty",
    ),
    "mbuscli doctor": ((0, 1), "what it finds is this machine's"),
    "mbuscli doctor --port /dev/ttyUSB0": ((0, 1), "what it finds is this machine's"),
    "mbuscli doctor --port sim:stick": ((0, 1), "what it finds is this machine's"),
    "mbuscli doctor -o json --fields check,state,text": ((0, 1), "what it finds is this machine's"),
}

# Examples that run until Ctrl-C: they are waited for until they say where they serve.
SERVERS = re.compile(r"mbuscli simulate ")

# Examples that this test cannot run, and why.
NOT_RUN: dict[str, str] = {}

ENVIRONMENT = {
    "MBUSCLI_STICK_PORT": "sim:stick?scenario=air.toml",
    "MBUSCLI_MODEM_PORT": "sim:modem",
    "MBUSCLI_APP_KEY": APP_KEY.octets.hex(),
    "MBUSCLI_NWK_S_KEY": NWK_S_KEY.octets.hex(),
    "MBUSCLI_APP_S_KEY": APP_S_KEY.octets.hex(),
    "EDITOR": "true",
}

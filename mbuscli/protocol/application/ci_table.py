"""CI field: what follows the link layer (EN 13757-7:2018 table 2; older wired meanings where still met)."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

# Octets of the application header in front of the data: no header, short, long.
NONE = 0
SHORT = 4
LONG = 12


class Content(Enum):
    """What the data is."""

    RECORDS = "records"
    COMPACT = "compact frame"
    FORMAT = "format frame"
    FIXED = "fixed data"
    ERROR = "application error"
    ALARM = "alarm"
    OTHER = "other"


class Ci(NamedTuple):
    """Meaning of a CI field; `header`: octets of the application header in front of the data; `mode2`:
    numbers most significant octet first."""

    name: str
    header: int
    content: Content
    mode2: bool = False


FROM_SLAVE: dict[int, Ci] = {
    0x66: Ci("response of selected application", NONE, Content.OTHER),
    0x67: Ci("response of selected application", SHORT, Content.OTHER),
    0x68: Ci("response of selected application", LONG, Content.OTHER),
    0x69: Ci("format frame", NONE, Content.FORMAT),
    0x6A: Ci("format frame", SHORT, Content.FORMAT),
    0x6B: Ci("format frame", LONG, Content.FORMAT),
    0x6E: Ci("application error", SHORT, Content.ERROR),
    0x6F: Ci("application error", LONG, Content.ERROR),
    0x70: Ci("application error", NONE, Content.ERROR),
    0x71: Ci("alarm", NONE, Content.ALARM),
    0x72: Ci("variable data", LONG, Content.RECORDS),
    # 16 octets behind CI 73 on a wired bus are the fixed structure, anything else a compact frame.
    0x73: Ci("compact frame", LONG, Content.COMPACT),
    0x74: Ci("alarm", SHORT, Content.ALARM),
    0x75: Ci("alarm", LONG, Content.ALARM),
    0x76: Ci("variable data (most significant octet first)", LONG, Content.RECORDS, mode2=True),
    0x77: Ci("fixed data (most significant octet first)", NONE, Content.FIXED, mode2=True),
    0x78: Ci("variable data", NONE, Content.RECORDS),
    0x79: Ci("compact frame", NONE, Content.COMPACT),
    0x7A: Ci("variable data", SHORT, Content.RECORDS),
    0x7B: Ci("compact frame", SHORT, Content.COMPACT),
    0x8A: Ci("transport layer only", SHORT, Content.OTHER),
    0x8B: Ci("transport layer only", LONG, Content.OTHER),
}

FIXED = Ci("fixed data", NONE, Content.FIXED)
CI_FIXED = 0x73
CI_ALARM = 0x71
CI_MANUFACTURER = range(0xA0, 0xB8)

# Layers of a radio telegram in front of these: extended link layer I-V, network layer, AFL.
CI_ELL_I = 0x8C
CI_ELL_II = 0x8D
CI_ELL_III = 0x8E
CI_ELL_IV = 0x8F
CI_ELL_V = 0x86
ELL_CI_FIELDS = frozenset((CI_ELL_I, CI_ELL_II, CI_ELL_III, CI_ELL_IV, CI_ELL_V))
CI_NETWORK = 0x81
CI_AFL = 0x90

# Sent by a master: CI fields whose data is a list of records.
FROM_MASTER_RECORDS: dict[int, Ci] = {
    0x51: Ci("data send", NONE, Content.RECORDS),
    0x55: Ci("data send (most significant octet first)", NONE, Content.RECORDS, mode2=True),
    0x5A: Ci("command", SHORT, Content.RECORDS),
    0x5B: Ci("command", LONG, Content.RECORDS),
}

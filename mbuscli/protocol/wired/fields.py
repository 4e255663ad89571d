"""C and A field codes of the wired link layer (EN 13757-2; master to slave and back)."""

from __future__ import annotations

# Frame delimiters (FT1.2, IEC 60870-5-1).
ACK = 0xE5
START_SHORT = 0x10
START_LONG = 0x68
STOP = 0x16

# C field, master to slave. SND_UD and REQ_UDx carry FCV (10h) and the frame count bit FCB (20h).
SND_NKE = 0x40
SND_UD = 0x53
REQ_UD1 = 0x5A
REQ_UD2 = 0x5B
FCB = 0x20
FCV = 0x10
PRM = 0x40

# C field, slave to master.
RSP_UD = 0x08
ACD = 0x20
DFC = 0x10

# A field.
ADDRESS_UNCONFIGURED = 0
ADDRESS_LAST = 250
ADDRESS_SELECTED = 253
ADDRESS_TEST = 254
ADDRESS_BROADCAST = 255

_FUNCTIONS_FROM_MASTER = {0x0: "SND_NKE", 0x3: "SND_UD", 0xA: "REQ_UD1", 0xB: "REQ_UD2"}
_ADDRESS_NAMES = {
    0: "unconfigured",
    251: "primary repeater",
    252: "reserved",
    253: "selected meter",
    254: "test: every meter answers",
    255: "broadcast: nobody answers",
}


def describe_c_field(c_field: int) -> str:
    """The field's name with its frame count bit or its access bits, such as `REQ_UD2 FCB=1`."""
    if c_field & PRM:
        name = _FUNCTIONS_FROM_MASTER.get(c_field & 0x0F)
        if name is None:
            return f"unknown C field {c_field:02X}"
        return f"{name} FCB={(c_field & FCB) >> 5}" if c_field & FCV else name
    if c_field & 0x0F != RSP_UD:
        return f"unknown C field {c_field:02X}"
    bits = [name for name, bit in (("ACD", ACD), ("DFC", DFC)) if c_field & bit]
    return " ".join(["RSP_UD", *bits])


def describe_a_field(a_field: int) -> str:
    """The address with its special meaning, if it has one."""
    special = _ADDRESS_NAMES.get(a_field)
    return f"{a_field} ({special})" if special else str(a_field)

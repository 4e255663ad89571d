"""C field of a wireless telegram: its name and who sends it (EN 13757-4, link layer services).

The direction follows from the whole code: SND_NR has the bit of an initiating station, and a meter sends it.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

PRM = 0x40
# Initiating station: frame count bit and its validity. Answering station: access demand and flow control.
FCB = 0x20
FCV = 0x10
ACD = 0x20
DFC = 0x10

SND_NKE = 0x40
SND_UD2 = 0x43
SND_NR = 0x44
SND_UD3 = 0x45
SND_IR = 0x46
ACC_NR = 0x47
ACC_DMD = 0x48
SND_UD = 0x53
REQ_UD1 = 0x5A
REQ_UD2 = 0x5B
ACK = 0x00
NACK = 0x01
CNF_IR = 0x06
RSP_UD = 0x08


class Direction(Enum):
    """Who sends; the other party is a gateway, a walk-by receiver or a repeater's upper side."""

    FROM_METER = "from meter"
    TO_METER = "to meter"


class Service(NamedTuple):
    """`variable` bits may have either value and still name the same service."""

    code: int
    name: str
    direction: Direction
    variable: int = 0


SERVICES = (
    Service(SND_NKE, "SND_NKE", Direction.TO_METER),
    Service(SND_UD2, "SND_UD2", Direction.TO_METER),
    # Spontaneous telegrams: FCV is 0 and the frame count bit then means nothing.
    Service(SND_NR, "SND_NR", Direction.FROM_METER, FCB),
    Service(SND_UD3, "SND_UD3", Direction.TO_METER),
    Service(SND_IR, "SND_IR", Direction.FROM_METER, FCB),
    Service(ACC_NR, "ACC_NR", Direction.FROM_METER, FCB),
    Service(ACC_DMD, "ACC_DMD", Direction.FROM_METER, FCB),
    Service(SND_UD, "SND_UD", Direction.TO_METER, FCB),
    Service(REQ_UD1, "REQ_UD1", Direction.TO_METER, FCB),
    Service(REQ_UD2, "REQ_UD2", Direction.TO_METER, FCB),
    Service(ACK, "ACK", Direction.FROM_METER, ACD | DFC),
    Service(NACK, "NACK", Direction.FROM_METER),
    Service(CNF_IR, "CNF_IR", Direction.TO_METER),
    Service(RSP_UD, "RSP_UD", Direction.FROM_METER, ACD | DFC),
)


def _by_code() -> dict[int, Service]:
    table = {}
    for service in SERVICES:
        for bits in (0, FCB, DFC, FCB | DFC):
            if bits & ~service.variable == 0:
                table[service.code | bits] = service
    return table


_BY_CODE = _by_code()


def find_service(c_field: int) -> Service | None:
    """The service of a C field, None for codes that the standard does not give a meaning."""
    return _BY_CODE.get(c_field)


def direction_of(c_field: int) -> Direction | None:
    """Who sends telegrams with this C field, None where the code is unknown."""
    service = _BY_CODE.get(c_field)
    return service.direction if service else None


def describe_c_field(c_field: int) -> str:
    """The service with its frame count or access bits, such as `SND_NR` or `REQ_UD2 FCB=1`."""
    service = _BY_CODE.get(c_field)
    if service is None:
        return f"unknown C field {c_field:02X}"
    if not service.code & PRM:
        bits = [name for name, bit in (("ACD", ACD), ("DFC", DFC)) if c_field & bit]
        return " ".join([service.name, *bits])
    return f"{service.name} FCB={(c_field & FCB) >> 5}" if service.code & FCV else service.name

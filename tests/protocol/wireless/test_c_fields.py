from __future__ import annotations

import pytest

from mbuscli.protocol.wireless.c_fields import Direction, describe_c_field, direction_of, find_service

METER, OTHER = Direction.FROM_METER, Direction.TO_METER


@pytest.mark.parametrize(
    ("c_field", "text", "direction"),
    [
        (0x40, "SND_NKE", OTHER),
        (0x43, "SND_UD2", OTHER),
        (0x44, "SND_NR", METER),
        (0x64, "SND_NR", METER),
        (0x45, "SND_UD3", OTHER),
        (0x46, "SND_IR", METER),
        (0x47, "ACC_NR", METER),
        (0x48, "ACC_DMD", METER),
        (0x53, "SND_UD FCB=0", OTHER),
        (0x73, "SND_UD FCB=1", OTHER),
        (0x5A, "REQ_UD1 FCB=0", OTHER),
        (0x7A, "REQ_UD1 FCB=1", OTHER),
        (0x5B, "REQ_UD2 FCB=0", OTHER),
        (0x7B, "REQ_UD2 FCB=1", OTHER),
        (0x00, "ACK", METER),
        (0x10, "ACK DFC", METER),
        (0x20, "ACK ACD", METER),
        (0x30, "ACK ACD DFC", METER),
        (0x01, "NACK", METER),
        (0x06, "CNF_IR", OTHER),
        (0x08, "RSP_UD", METER),
        (0x38, "RSP_UD ACD DFC", METER),
    ],
)
def test_services(c_field: int, text: str, direction: Direction) -> None:
    assert describe_c_field(c_field) == text
    assert direction_of(c_field) is direction


@pytest.mark.parametrize("c_field", [0x54, 0x4A, 0x5C, 0x16, 0x3D, 0x41])
def test_codes_without_meaning(c_field: int) -> None:
    assert describe_c_field(c_field) == f"unknown C field {c_field:02X}"
    assert direction_of(c_field) is None


def test_bit_7_is_never_set() -> None:
    assert all(find_service(c_field) is None for c_field in range(0x80, 0x100))

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import DecodeError
from mbuscli.protocol.wireless.ell import (
    CI_ELL_I,
    CI_ELL_II,
    CI_ELL_III,
    CI_ELL_IV,
    Ell,
    decode_ell,
    describe_cc,
    describe_encryption,
    encode_ell,
)

octet = st.integers(0, 255)
FORMS = {CI_ELL_I: 3, CI_ELL_II: 9, CI_ELL_III: 11, CI_ELL_IV: 17}


@given(
    st.sampled_from(sorted(FORMS)),
    octet,
    octet,
    st.binary(min_size=8, max_size=8),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**16 - 1),
    st.binary(max_size=12),
    st.binary(max_size=5),
)
def test_round_trip_and_every_truncation(
    ci_field: int, cc: int, acc: int, address: bytes, sn: int, plcrc: int, before: bytes, behind: bytes
) -> None:
    layer = encode_ell(ci_field, cc, acc, second_address=address, sn=sn, plcrc=plcrc)
    size = FORMS[ci_field]
    with_address = ci_field in (CI_ELL_III, CI_ELL_IV)
    with_session = ci_field in (CI_ELL_II, CI_ELL_IV)
    expected = Ell(
        ci_field,
        cc,
        acc,
        address if with_address else None,
        sn if with_session else None,
        plcrc if with_session else None,
        size,
    )
    assert decode_ell(before + layer + behind, len(before)) == expected
    for cut in range(size):
        with pytest.raises(DecodeError) as caught:
            decode_ell(before + layer[:cut], len(before))
        assert (caught.value.name, caught.value.offset) == ("link.header-truncated", len(before) + cut)


def test_fields_by_hand() -> None:
    # II: CC 20 (synchronous), ACC 27, SN 2 0000A5 7: ENC 001, 165 minutes, session 7; PLCRC 1234.
    ell = decode_ell(bytes.fromhex("8D 20 27 570A0020 3412 78"), 0)
    assert (ell.name, ell.cc, ell.acc, ell.plcrc, ell.size, ell.clear_size) == (
        "II",
        0x20,
        0x27,
        0x1234,
        9,
        7,
    )
    assert (ell.encryption, ell.time_min, ell.session) == (1, 165, 7)
    assert ell.receiver is None
    ell = decode_ell(bytes.fromhex("8E 10 05 2D2C 78563412 01 07"), 0)
    assert (ell.name, str(ell.receiver), ell.hop) == ("III", "12345678.KAM.01.07", True)
    assert (ell.encryption, ell.time_min, ell.session, ell.clear_size) == (0, None, None, 11)


@given(st.integers(0, 7), st.integers(0, 2**25 - 1), st.integers(0, 15))
def test_session_number(encryption: int, time_min: int, session: int) -> None:
    sn = encryption << 29 | time_min << 4 | session
    ell = decode_ell(encode_ell(CI_ELL_II, 0, 0, sn=sn), 0)
    assert (ell.encryption, ell.time_min, ell.session) == (encryption, time_min, session)


@pytest.mark.parametrize("ci_field", [0x86, 0x72, 0x90])
def test_other_layers_are_refused(ci_field: int) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_ell(bytes((0, ci_field, 0, 0)), 1)
    assert (caught.value.name, caught.value.offset) == ("link.unsupported", 1)


@pytest.mark.parametrize(
    ("cc", "texts"),
    [
        (0x00, ["no access", "slow response delay"]),
        (0x04, ["no access window after this telegram", "slow response delay"]),
        (0xC0, ["short access window after this telegram", "fast response delay"]),
        (0x85, ["unlimited access", "extended response delay"]),
        (0x41, ["no access", "reserved response delay"]),
        (0x20, ["no access", "slow response delay", "synchronous"]),
        (
            0x3A,
            [
                "no access",
                "slow response delay",
                "synchronous",
                "relayed by a repeater",
                "priority",
                "repeated access",
            ],
        ),
    ],
)
def test_describe_cc(cc: int, texts: list[str]) -> None:
    assert describe_cc(cc) == texts


def test_describe_encryption() -> None:
    assert [describe_encryption(code) for code in (0, 1, 2)] == ["none", "AES-128-CTR", "reserved (2)"]

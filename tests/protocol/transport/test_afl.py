from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.security.ciphers import aes_cmac
from mbuscli.protocol.transport.afl import (
    AUTHENTICATION,
    FCL_MAC,
    FCL_MCL,
    FCL_MCR,
    MCL_ML,
    Afl,
    Fragments,
    Message,
    decode_afl,
    encode_afl,
    join,
)

BODY = bytes.fromhex("7A 75 00 20 07 10") + bytes(range(32))
MCR = bytes.fromhex("B30A0000")
MAC = bytes(range(8))
CMAC_8 = 5
COUNTER = 0x20


def octets(size: int) -> st.SearchStrategy[bytes | None]:
    return st.none() | st.binary(min_size=size, max_size=size)


@st.composite
def layers(draw: st.DrawFn) -> dict[str, object]:
    """Arguments of encode_afl that make a valid layer."""
    kind = draw(st.sampled_from([None, *sorted(AUTHENTICATION)]))
    mac_size = draw(st.integers(0, 20)) if kind is None else AUTHENTICATION[kind].mac_size
    fid = draw(st.integers(0, 255))
    return {
        "fid": fid,
        "more_fragments": fid > 0 and draw(st.booleans()),
        "mcl": None if kind is None else draw(st.integers(0, 7)) << 4 | kind,
        "ki": draw(octets(2)),
        "mcr": draw(octets(4)),
        "mac": draw(octets(mac_size)),
        "ml": draw(st.none() | st.integers(0, 0xFFFF)),
    }


@given(layers(), st.binary(max_size=10), st.binary(max_size=10))
def test_round_trip_and_every_truncation(fields: dict[str, object], before: bytes, behind: bytes) -> None:
    layer = encode_afl(**fields)  # type: ignore[arg-type]
    afl = decode_afl(before + layer + behind, len(before))
    assert afl.size == len(layer) == layer[1] + 2
    for name, value in fields.items():
        assert getattr(afl, name) == value
    for cut in range(1, len(layer)):
        with pytest.raises(DecodeError) as caught:
            decode_afl(before + layer[:cut], len(before))
        assert (caught.value.name, caught.value.offset) == ("transport.header-truncated", len(before) + cut)


@given(layers(), st.data())
def test_every_single_bit_error_is_refused_or_read_as_written(
    fields: dict[str, object], data: st.DataObject
) -> None:
    layer = bytearray(encode_afl(**fields))  # type: ignore[arg-type]
    bit = data.draw(st.integers(8, 8 * len(layer) - 1))
    layer[bit // 8] ^= 1 << bit % 8
    try:
        afl = decode_afl(bytes(layer), 0)
    except DecodeError as error:
        assert error.layer == "transport"
        return
    again = encode_afl(
        fid=afl.fid,
        more_fragments=afl.more_fragments,
        mcl=afl.mcl,
        ki=afl.ki,
        mcr=afl.mcr,
        mac=afl.mac,
        ml=afl.ml,
    )
    # The two reserved bits of FCL are read over.
    layer[3] &= 0x7E
    assert again == layer[: afl.size]


@given(st.binary(max_size=40), st.integers(0, 40))
def test_nothing_but_decode_error(data: bytes, offset: int) -> None:
    try:
        afl = decode_afl(data, offset)
    except DecodeError as error:
        assert error.layer == "transport"
        return
    assert offset + afl.size <= len(data)


def test_typical_security_profile_b() -> None:
    layer = bytes.fromhex("90 0F 002C 25 B30A0000 21924D4F2FB66E01")
    afl = decode_afl(layer, 0)
    assert afl == Afl(FCL_MCL | FCL_MCR | FCL_MAC, 0x25, None, MCR, layer[9:], None, 17)
    assert afl.authentication == AUTHENTICATION[CMAC_8]
    assert (afl.fid, afl.more_fragments) == (0, False)
    message = Fragments().add("meter", afl, BODY, 0.0)
    assert message == Message(0x25, None, MCR, layer[9:], None, BODY)
    assert message.mac_input == b"\x25" + MCR + BODY
    assert message.authentication == AUTHENTICATION[CMAC_8]


# OMS Vol. 2 annex N.1.3, short header, and N.1.4, long header: a gas meter, security profile B.
@pytest.mark.parametrize(
    ("mac", "header"),
    [("21924D4F2FB66E01", "7A 75002007 10"), ("AF5D74DF73A600D9", "72 7856341293153303 75002007 10")],
)
def test_published_macs_cover_the_mac_input(mac: str, header: str) -> None:
    secret = "9058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93"
    afl = decode_afl(bytes.fromhex("900F002C25B30A0000" + mac), 0)
    message = join([(afl, bytes.fromhex(header + secret))])
    derived = bytes.fromhex("C9CD19FF5A9AAD5A6BBDA13BD2C4C7AD")  # Kmac printed in CEN/TR 17167 F.3
    assert aes_cmac(derived, message.mac_input)[:8] == message.mac == bytes.fromhex(mac)


def test_mac_input_in_order() -> None:
    message = Message(0x75, b"\x10\x01", MCR, MAC, len(BODY), BODY)
    assert message.mac_input == b"\x75\x10\x01" + MCR + b"\x26\x00" + BODY


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ("90 00", Reason.LENGTH_MISMATCH),
        ("90 01 00", Reason.LENGTH_MISMATCH),
        ("90 03 0000 00", Reason.LENGTH_MISMATCH),  # an octet that no field claims
        ("90 02 0020", Reason.LENGTH_MISMATCH),  # MCL announced, no room
        ("90 03 0010 00", Reason.LENGTH_MISMATCH),  # half an ML
        ("90 07 0024 05 01020304", Reason.LENGTH_MISMATCH),  # CMAC 8 with four octets
        ("90 07 0024 00 01020304", Reason.LENGTH_MISMATCH),  # a MAC where none is announced
        ("90 02 0040", Reason.FRAGMENT),  # more fragments, but no number
    ],
)
def test_refusals(layer: str, reason: Reason) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_afl(bytes.fromhex(layer), 0)
    assert (caught.value.layer, caught.value.reason) == ("transport", reason)


def test_reserved_authentication_keeps_its_octets() -> None:
    afl = decode_afl(encode_afl(mcl=0x0F, mac=b"abc"), 0)
    assert (afl.authentication, afl.mac) == (None, b"abc")


def fragments_of(body: bytes, cuts: list[int]) -> list[tuple[Afl, bytes]]:
    """`body` cut at `cuts`: MCL and counter in the first fragment, MAC and length in the last."""
    edges = [0, *cuts, len(body)]
    parts = [body[start:end] for start, end in pairwise(edges)]
    made = []
    for number, part in enumerate(parts, 1):
        first, last = number == 1, number == len(parts)
        layer = encode_afl(
            fid=number,
            more_fragments=not last,
            mcl=MCL_ML | COUNTER | CMAC_8 if first else None,
            mcr=MCR if first else None,
            mac=MAC if last else None,
            ml=len(body) if last else None,
        )
        made.append((decode_afl(layer, 0), part))
    return made


WHOLE = Message(MCL_ML | COUNTER | CMAC_8, None, MCR, MAC, len(BODY), BODY)


def feed(fragments: Fragments, parts: list[tuple[Afl, bytes]], sender: str = "meter") -> list[Message | None]:
    return [fragments.add(sender, afl, body, float(at)) for at, (afl, body) in enumerate(parts)]


def test_every_split_in_two() -> None:
    for cut in range(len(BODY) + 1):
        assert feed(Fragments(), fragments_of(BODY, [cut])) == [None, WHOLE._replace(fragments=2)]


@given(st.lists(st.integers(0, len(BODY)), max_size=8).map(sorted), st.data())
def test_every_split_with_repeaters_and_other_senders(cuts: list[int], data: st.DataObject) -> None:
    parts = fragments_of(BODY, cuts)
    fragments = Fragments()
    got = []
    for at, (afl, body) in enumerate(parts):
        got.append(fragments.add("meter", afl, body, float(at)))
        fragments.add("other", afl, body, float(at))
        heard_again = data.draw(st.integers(1 if at else 0, at))
        if heard_again or len(parts) > 1:
            assert fragments.add("meter", *parts[heard_again], now_s=float(at)) is None
    assert got[:-1] == [None] * (len(parts) - 1)
    assert got[-1] == WHOLE._replace(fragments=len(parts))


def test_every_lost_fragment_is_told() -> None:
    parts = fragments_of(BODY, [5, 10, 15])
    for lost in range(3):
        fragments = Fragments()
        feed(fragments, parts[:lost])
        with pytest.raises(
            DecodeError, match=f"fragment {lost + 2} came where fragment {lost + 1} was due"
        ) as caught:
            fragments.add("meter", *parts[lost + 1], now_s=9.0)
        assert caught.value.name == "transport.fragment"
        # The sender starts anew, and a whole message comes through.
        assert feed(fragments, parts)[-1] == WHOLE._replace(fragments=4)
    fragments = Fragments()
    feed(fragments, parts[:3])
    assert feed(fragments, parts)[-1] == WHOLE._replace(fragments=4)


def test_the_same_message_again_is_given_again() -> None:
    fragments = Fragments()
    parts = fragments_of(BODY, [7])
    assert feed(fragments, parts) == feed(fragments, parts) == [None, WHOLE._replace(fragments=2)]
    with pytest.raises(DecodeError):
        fragments.add("meter", parts[1][0]._replace(fcl=3), b"", 2.0)


def test_a_fragment_that_comes_too_late() -> None:
    fragments = Fragments(timeout_s=10)
    first, last = fragments_of(BODY, [7])
    fragments.add("meter", *first, now_s=0.0)
    with pytest.raises(DecodeError, match="fragment 2 came where fragment 1 was due"):
        fragments.add("meter", *last, now_s=10.1)


def test_memory_is_bounded() -> None:
    fragments = Fragments(max_senders=3, max_octets=100)
    first, last = fragments_of(BODY, [7])
    for sender in range(1000):
        fragments.add(sender, *first, now_s=0.0)
    assert len(fragments) == 3
    with pytest.raises(DecodeError):
        fragments.add(0, *last, now_s=0.0)
    assert fragments.add(999, *last, now_s=0.0) is not None
    with pytest.raises(DecodeError) as caught:
        fragments.add("long", first[0], bytes(101), now_s=0.0)
    assert caught.value.name == "transport.too-long"


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        ({"mcl": 0x05}, "announces its MAC"),
        ({"mcl": 0x20}, "announces its message counter"),
        ({"mcl": 0x10}, "announces its key information"),
        ({"mcl": 0x40}, "announces its length"),
        ({"ml": 5}, "should have 5 bytes, its fragments have 4"),
    ],
)
def test_a_message_that_lacks_what_it_announces(layer: dict[str, int], text: str) -> None:
    afl = decode_afl(encode_afl(**layer), 0)  # type: ignore[arg-type]
    with pytest.raises(DecodeError, match=text):
        join([(afl, b"body")])


def test_fragments_that_disagree() -> None:
    first = decode_afl(encode_afl(fid=1, more_fragments=True, mcr=MCR), 0)
    last = decode_afl(encode_afl(fid=2, mcr=bytes(4)), 0)
    with pytest.raises(DecodeError, match="disagree about the message counter"):
        join([(first, b""), (last, b"")])


def test_the_mac_of_a_later_fragment_fits_the_type_of_the_first() -> None:
    first = decode_afl(encode_afl(fid=1, more_fragments=True, mcl=CMAC_8), 0)
    last = decode_afl(encode_afl(fid=2, mac=MAC[:4]), 0)
    with pytest.raises(DecodeError, match="the MAC has 4 bytes, its type asks for 8"):
        join([(first, b""), (last, b"")])

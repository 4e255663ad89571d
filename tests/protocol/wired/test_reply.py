from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.frames import encode_long, encode_short
from mbuscli.protocol.wired.reply import ReplyKind, judge
from tests.protocol.wired.virtual_wire import rsp_ud

NKE = encode_short(0x40, 5)
REQ = encode_short(0x7B, 5)
SELECT = encode_long(0x53, 253, 0x52, MeterAddress("12345678").octets())
RSP = rsp_ud(5, b"\x01\x13\x05")
NONE: frozenset[int] = frozenset()


@pytest.mark.parametrize("request_frame", [NKE, REQ, SELECT])
@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize(
    ("heard", "kind"),
    [(b"", ReplyKind.SILENCE), (b"\xe5", ReplyKind.ACK), (RSP, ReplyKind.FRAME)],
)
def test_clean_replies_with_and_without_echo(
    request_frame: bytes, echo: bool, heard: bytes, kind: ReplyKind
) -> None:
    reply = judge(request_frame, request_frame + heard if echo else heard)
    assert (reply.kind, reply.raw, reply.echo) == (kind, heard, echo)
    assert (reply.frame is not None) == (kind is ReplyKind.FRAME)
    assert not reply.is_garbled


@pytest.mark.parametrize(
    "heard",
    [
        b"\xe5\xe5",
        b"\xe5\xe5\xe5",
        b"\xe5" + RSP,
        RSP + RSP,
        RSP[:-1],
        RSP[:20] + b"\x00" + RSP[21:],
        b"\x00" + RSP[:20] + b"\x00" + RSP[21:],
        RSP[:7] + RSP,
        b"\xe5\x00\x00\x00\x00\x00",
        *(bytes((octet,)) for octet in (0xA5, 0xFC, 0xFD, 0xE4, 0xE1)),
    ],
)
def test_what_several_meters_can_produce(heard: bytes) -> None:
    reply = judge(NKE, heard)
    assert reply.kind is ReplyKind.COLLISION
    assert reply.note
    assert reply.is_garbled


@pytest.mark.parametrize("heard", [b"\xe5", RSP, b"\x00\x00\x00\x00\x00\x00"])
def test_a_parity_error_anywhere_is_a_collision(heard: bytes) -> None:
    for index in range(len(heard)):
        assert judge(NKE, heard, frozenset((index,))).kind is ReplyKind.COLLISION
        # The indices count from the first octet heard, echo included.
        assert judge(NKE, NKE + heard, frozenset((len(NKE) + index,))).kind is ReplyKind.COLLISION


@pytest.mark.parametrize("request_frame", [NKE, REQ, SELECT])
def test_every_partial_echo_is_damaged(request_frame: bytes) -> None:
    for size in range(1, len(request_frame)):
        for rest in (b"", b"\xe5", b"\x00"):
            heard = request_frame[:size] + rest
            alone = not rest and size > len(request_frame) // 2
            if heard != request_frame:
                reply = judge(request_frame, heard)
                assert reply.kind is (ReplyKind.SILENCE if alone else ReplyKind.COLLISION)
                assert reply.note


@pytest.mark.parametrize("request_frame", [NKE, REQ, SELECT])
def test_an_echo_that_lost_an_octet_is_no_answer(request_frame: bytes) -> None:
    for lost in range(len(request_frame)):
        heard = request_frame[:lost] + request_frame[lost + 1 :]
        reply = judge(request_frame, heard)
        assert (reply.kind, reply.note) == (ReplyKind.SILENCE, "the request's echo came back damaged")
        assert judge(request_frame, heard + b"\xe5").kind is not ReplyKind.SILENCE
        assert judge(request_frame, heard, frozenset({0})).kind is ReplyKind.COLLISION


@pytest.mark.parametrize("heard", [b"\x00\xe5\x00\x00\x00\x00", bytes(range(20, 60)), NKE, SELECT])
def test_noise(heard: bytes) -> None:
    assert judge(REQ, heard).kind is ReplyKind.NOISE


def test_an_acknowledgement_amid_garbage_is_none() -> None:
    for heard in (b"\x00\xe5", b"\xe5\x00", b"\x00\xe5\x00", b"\x01\x02\x03\xe5\x04\x05\x06"):
        assert judge(NKE, heard).kind is not ReplyKind.ACK


@pytest.mark.parametrize(
    ("before", "after"), [(b"\x00", b""), (b"\x00\xff", b"\xff\xff"), (b"", b"\x80"), (b"\x68", b"")]
)
def test_a_few_stray_octets_around_a_good_frame(before: bytes, after: bytes) -> None:
    reply = judge(REQ, before + RSP + after)
    assert (reply.kind, reply.raw, reply.stray) == (ReplyKind.FRAME, RSP, before + after)
    assert reply.is_garbled


def test_many_stray_octets_are_not_tolerated() -> None:
    assert judge(REQ, bytes(5) + RSP).kind is not ReplyKind.FRAME


def test_only_a_rsp_ud_is_an_answer() -> None:
    for c_field in (0x08, 0x18, 0x28, 0x38):
        assert judge(REQ, rsp_ud(5, b"", c_field=c_field)).kind is ReplyKind.FRAME
    for c_field in (0x00, 0x0B, 0x48, 0x53, 0x88):
        assert judge(REQ, rsp_ud(5, b"", c_field=c_field)).kind is not ReplyKind.FRAME
    assert judge(REQ, encode_short(0x08, 5)).kind is ReplyKind.NOISE


@pytest.mark.parametrize(("asked", "good"), [(5, True), (6, False), (253, True), (254, True)])
def test_who_answered(asked: int, good: bool) -> None:
    assert judge(REQ, RSP).comes_from(asked) is good
    assert not judge(REQ, b"\xe5").comes_from(asked)


@given(st.binary(max_size=600), st.sets(st.integers(0, 599)), st.sampled_from([b"", NKE, REQ, SELECT]))
def test_every_window_has_a_verdict(heard: bytes, bad: set[int], request_frame: bytes) -> None:
    reply = judge(request_frame, heard, frozenset(index for index in bad if index < len(heard)))
    assert (reply.kind is ReplyKind.SILENCE) == (heard in (b"", request_frame))
    if reply.kind is ReplyKind.ACK:
        assert heard in (b"\xe5", request_frame + b"\xe5")


@given(st.binary(min_size=2, max_size=12))
def test_noise_is_never_an_acknowledgement(heard: bytes) -> None:
    assert judge(NKE, heard).kind is not ReplyKind.ACK

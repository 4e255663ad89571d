"""Telegrams without anything between them: found again after damage, the same however they are cut."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from mbuscli.protocol.receivers.bare_stream import BareStream, Found
from mbuscli.protocol.receivers.framer import Damage
from mbuscli.protocol.receivers.stream import StreamTelegram

TELEGRAM = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")
OTHER = bytes.fromhex("2E449344170421901A067A0000200591DB5792B3") + bytes(range(27))


@st.composite
def real_telegrams(draw: st.DrawFn) -> bytes:
    """With a head as meters send it; anything behind, as encrypted octets look."""
    letters = st.integers(1, 26)
    manufacturer = draw(letters) << 10 | draw(letters) << 5 | draw(letters)
    head = bytes((draw(st.sampled_from((0x44, 0x46))),)) + manufacturer.to_bytes(2, "little")
    body = head + draw(st.binary(min_size=6, max_size=6)) + bytes((draw(st.sampled_from((0x7A, 0x8D))),))
    body += draw(st.binary(max_size=100))
    return bytes((len(body),)) + body


def telegrams_of(found: list[Found]) -> list[bytes]:
    return [item.telegram for item in found if isinstance(item, StreamTelegram)]


def damage_of(found: list[Found]) -> list[tuple[str, bytes]]:
    return [(item.error.name, item.raw) for item in found if isinstance(item, Damage)]


def read(data: bytes) -> list[Found]:
    stream = BareStream()
    found = [*stream.feed(data), *stream.flush()]
    assert stream.held == 0
    return found


@given(st.lists(real_telegrams(), min_size=1, max_size=6))
def test_telegrams_in_a_row(telegrams: list[bytes]) -> None:
    assert telegrams_of(read(b"".join(telegrams))) == telegrams


@given(st.lists(real_telegrams() | st.binary(max_size=40), max_size=6), st.lists(st.integers(1, 60)))
@example([TELEGRAM[:7], TELEGRAM], [1] * 40)
def test_the_same_however_it_is_cut_and_no_octet_is_lost(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    stream = BareStream()
    found: list[Found] = []
    at = 0
    for size in [*cuts, len(data)]:
        found += stream.feed(data[at : at + size])
        at += size
    found += stream.flush()
    whole = read(data)
    assert telegrams_of(found) == telegrams_of(whole)
    assert damage_of(found) == damage_of(whole)
    assert b"".join(item.raw for item in found) == data


# Where the next telegram fills it up exactly, nothing tells that it broke off.
@given(st.integers(1, len(OTHER) - 1).filter(lambda size: size + len(TELEGRAM) != len(OTHER)))
def test_a_telegram_that_breaks_off_does_not_take_the_next_ones_along(size: int) -> None:
    found = read(OTHER[:size] + TELEGRAM + TELEGRAM + OTHER)
    assert telegrams_of(found) == [TELEGRAM, TELEGRAM, OTHER]
    assert [raw for _, raw in damage_of(found)] == [OTHER[:size]]


def test_it_is_said_that_a_telegram_broke_off() -> None:
    found = read(OTHER[:20] + TELEGRAM)
    (damage,) = (item for item in found if isinstance(item, Damage))
    assert damage.error.name == "link.too-short"
    assert damage.error.text == "a telegram broke off after 20 bytes of 47"
    assert damage_of(read(OTHER[:20])) == [("link.too-short", OTHER[:20])]


@given(st.binary(min_size=1, max_size=30), st.lists(real_telegrams(), min_size=2, max_size=4))
def test_behind_noise_it_finds_back(noise: bytes, telegrams: list[bytes]) -> None:
    """Noise may look like a start, and then cost what stands in its reach: never what stands behind that."""
    pad = [TELEGRAM] * 12
    heard = telegrams_of(read(noise + b"".join([*pad, *telegrams])))
    assert heard[-len(telegrams) :] == telegrams


def test_noise_is_reported_once_and_telegrams_around_it_are_kept() -> None:
    noise = b"\x00\x01\xff\xfe hello"
    found = read(TELEGRAM + noise + TELEGRAM)
    assert telegrams_of(found) == [TELEGRAM, TELEGRAM]
    assert damage_of(found) == [("link.garbage", noise)]


def test_a_ci_field_that_nobody_knows_is_no_damage() -> None:
    strange = TELEGRAM[:10] + b"\x05" + TELEGRAM[11:]
    assert telegrams_of(read(strange)) == [strange]
    assert telegrams_of(read(TELEGRAM + strange + TELEGRAM)) == [TELEGRAM, strange, TELEGRAM]


def test_a_telegram_waits_for_what_stands_behind_it_or_for_a_pause() -> None:
    stream = BareStream()
    assert stream.feed(TELEGRAM) == []
    assert telegrams_of(stream.pause()) == [TELEGRAM]
    assert stream.feed(TELEGRAM + TELEGRAM[:10]) == []
    assert telegrams_of(stream.feed(TELEGRAM[10:11])) == [TELEGRAM]
    assert stream.pause() == []
    assert telegrams_of([*stream.feed(TELEGRAM[11:]), *stream.flush()]) == [TELEGRAM]


def test_units_tell_where_a_telegram_begins() -> None:
    stream = BareStream()
    assert stream.feed(OTHER[:20]) == []
    assert stream.end_unit() == []
    found = [*stream.feed(TELEGRAM), *stream.end_unit()]
    assert telegrams_of(found) == [TELEGRAM]
    assert damage_of(found) == [("link.too-short", OTHER[:20])]
    # But a telegram may also go on in the next unit.
    assert telegrams_of([*stream.feed(OTHER[:20]), *stream.end_unit()]) == []
    assert telegrams_of([*stream.feed(OTHER[20:]), *stream.end_unit()]) == [OTHER]

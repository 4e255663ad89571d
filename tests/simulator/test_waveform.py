"""The wire: eleven bits an octet, 0 wins, and what a UART makes of it. Patterns are worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.simulator.waveform import Burst, Line, Octet, bit_ticks, line_bits, octet_ticks

BIT = bit_ticks(2400)


def received(bursts: list[Burst], baud: int = 2400, *, shortcut: bool = True) -> list[Octet]:
    line = Line(shortcut=shortcut)
    for burst in bursts:
        line.add(burst)
    octets = []
    while (octet := line.take(baud)) is not None:
        octets.append(octet)
    return octets


def values(octets: list[Octet]) -> list[tuple[int, bool]]:
    return [(octet.value, octet.bad) for octet in octets]


def text(bits: list[int]) -> str:
    return "".join(map(str, bits))


def test_an_octet_is_start_data_lsb_first_even_parity_stop() -> None:
    assert text(line_bits(b"\xe5")) == "01010011111"  # five ones: parity 1
    assert text(line_bits(b"\x00\xff")) == "00000000001" + "01111111101"


@pytest.mark.parametrize("shortcut", [True, False])
def test_equal_octets_in_step_are_seen_clean(shortcut: bool) -> None:
    twice = [Burst(500, 2400, b"\xe5"), Burst(500, 2400, b"\xe5")]
    assert values(received(twice, shortcut=shortcut)) == [(0xE5, False)]


def test_one_bit_of_shift_gives_garbage_with_errors() -> None:
    # first   0 1 0 1 0 0 1 1 1 1 1
    # second  1 0 1 0 1 0 0 1 1 1 1 1
    # both    0 0 0 0 0 0 0 1 1 1 1     data 0000 0011 = C0, parity bit 1 where two ones want 0
    octets = received([Burst(0, 2400, b"\xe5"), Burst(BIT, 2400, b"\xe5")])
    assert values(octets) == [(0xC0, True)]


def test_a_shift_over_the_stop_bit_is_a_framing_error() -> None:
    # FF 0 11111111 0 1 and, ten bits later, 00: its start bit falls on the stop bit of the first.
    octets = received([Burst(0, 2400, b"\xff"), Burst(10 * BIT, 2400, b"\x00")])
    assert values(octets)[0] == (0xFF, True)


def test_different_octets_in_step_are_anded_with_their_parity_bits() -> None:
    # 08 0 00010000 1 1 and 18 0 00011000 0 1: data 00010000 = 08, parity 1 AND 0 = 0, wrong for one bit
    assert values(received([Burst(0, 2400, b"\x08"), Burst(0, 2400, b"\x18")])) == [(0x08, True)]
    # 03 0 11000000 0 1 and 05 0 10100000 0 1: data 10000000 = 01, parity 0, wrong
    assert values(received([Burst(0, 2400, b"\x03"), Burst(0, 2400, b"\x05")])) == [(0x01, True)]
    # 07 0 11100000 1 1 and 01 0 10000000 1 1: data 01, parity 1: passes for a clean 01
    assert values(received([Burst(0, 2400, b"\x07"), Burst(0, 2400, b"\x01")])) == [(0x01, False)]


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), min_size=1, max_size=40))
def test_answers_in_step_are_the_bitwise_and(pairs: list[tuple[int, int]]) -> None:
    first, second = bytes(a for a, _ in pairs), bytes(b for _, b in pairs)
    parity = [(a.bit_count() & b.bit_count() & 1, (a & b).bit_count() & 1) for a, b in pairs]
    expected = [(a & b, sent != due) for (a, b), (sent, due) in zip(pairs, parity, strict=True)]
    assert values(received([Burst(77, 2400, first), Burst(77, 2400, second)])) == expected


@given(
    st.lists(st.tuples(st.integers(0, 30), st.binary(min_size=1, max_size=12)), min_size=1, max_size=4),
    st.sampled_from([300, 2400, 9600, 38400]),
)
def test_one_sender_at_a_time_is_received_the_same_with_and_without_the_shortcut(
    parts: list[tuple[int, bytes]], baud: int
) -> None:
    bursts, start = [], 0
    for pause_bits, data in parts:
        start += pause_bits * bit_ticks(baud) + 13
        bursts.append(Burst(start, baud, data))
        start = bursts[-1].end
    octets = received(bursts, baud)
    assert octets == received(bursts, baud, shortcut=False)
    assert bytes(octet.value for octet in octets) == b"".join(data for _, data in parts)
    assert not any(octet.bad for octet in octets)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 200 * BIT),
            st.sampled_from([300, 1200, 2400, 9600]),
            st.binary(min_size=1, max_size=20),
        ),
        max_size=4,
    )
)
def test_any_overlap_is_received_the_same_with_and_without_the_shortcut(
    parts: list[tuple[int, int, bytes]],
) -> None:
    bursts = [Burst(*part) for part in parts]
    assert received(bursts) == received(bursts, shortcut=False)


def test_a_slow_sender_is_garbage_to_a_fast_receiver() -> None:
    # E5 at 300 Bd is 0 1 0 1 0 0 1 1 1 1 1, each level eight bits of 2400 Bd long: eight 0 make start and
    # seven data bits of 80 with a right parity, twice; sixteen 0 run over the stop bit.
    octets = received([Burst(0, 300, b"\xe5")], baud=2400)
    assert values(octets) == [(0x80, False), (0x80, False), (0x00, True)]


def test_the_arrival_is_the_end_of_the_stop_bit() -> None:
    octet = received([Burst(BIT * 24, 2400, b"\xe5")])[0]
    assert octet.time_s == pytest.approx((24 + 11) / 2400)
    assert octet_ticks(1, 2400) == 11 * BIT


def test_rates_that_are_no_divisor_of_the_uart_clock_are_refused() -> None:
    for baud in (0, -300, 2401, 110):
        with pytest.raises(ValueError, match="no standard baud rate"):
            bit_ticks(baud)

"""Meters on one pair of wires: who answers when, what overlapping answers look like, and the faults."""

from __future__ import annotations

import math

import pytest

from mbuscli.errors import PortError, Reason
from mbuscli.protocol.wired.frames import decode_frame, encode_long, encode_short
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.faults import Faults
from mbuscli.simulator.scenario import Scenario, load_scenario
from mbuscli.simulator.slave import BAUD_TRIAL_S, MeterSpec

ONE = MeterSpec(
    meter=bytes.fromhex("785634122d2c1904"), address=1, telegrams=((b"\x01\x13\x03",),), reply_delay_s=0.05
)
OTHER = ONE._replace(meter=bytes.fromhex("887654222d2c1904"))
PING = encode_short(0x40, 1)
READ = encode_short(0x7B, 1)


def bus_of(*meters: MeterSpec, faults: Faults | None = None) -> Bus:
    return Bus(Scenario(meters), faults=faults)


def ask(bus: Bus, frame: bytes, at: float = 0.0, baud: int = 2400) -> tuple[bytes, list[int], float]:
    """Octets received, indices of the bad ones, time of the last."""
    end = bus.send(frame, at, baud)
    heard = bus.hear(math.inf, baud)
    bad = [index for index, octet in enumerate(heard) if octet.bad]
    return bytes(octet.value for octet in heard), bad, heard[-1].time_s if heard else end


def test_sending_takes_eleven_bits_an_octet() -> None:
    assert bus_of().send(PING, 1.0, 2400) == pytest.approx(1.0 + 55 / 2400)


def test_the_answer_comes_after_the_meters_delay() -> None:
    octets, bad, end = ask(bus_of(ONE), PING, at=2.0)
    assert (octets, bad) == (b"\xe5", [])
    assert end == pytest.approx(2.0 + 55 / 2400 + 0.05 + 11 / 2400)


def test_octets_are_heard_when_they_are_there_and_only_once() -> None:
    bus = bus_of(ONE)
    bus.send(PING, 0.0, 2400)
    arrival = bus.next_arrival(2400)
    assert arrival is not None
    assert bus.hear(arrival - 0.001, 2400) == []
    assert [octet.value for octet in bus.hear(arrival, 2400)] == [0xE5]
    assert bus.hear(math.inf, 2400) == []
    assert bus.next_arrival(2400) is None


def test_default_delays_are_within_the_standard_and_the_same_every_time() -> None:
    for spec in load_scenario().meters:
        alone = Scenario((spec,))
        times = set()
        for _ in range(2):
            _, _, end = ask(Bus(alone), encode_short(0x40, spec.address), baud=spec.baud)
            times.add(end)
        assert len(times) == 1
        delay_s = times.pop() - (5 + 1) * 11 / spec.baud
        assert 11 / spec.baud - 1e-6 <= delay_s <= 330 / spec.baud + 0.05


@pytest.mark.parametrize("shortcut", [True, False])
def test_one_meter_sounds_the_same_through_the_waveform(shortcut: bool) -> None:
    bus = Bus(Scenario((ONE,)), shortcut=shortcut)
    octets, bad, end = ask(bus, READ)
    assert decode_frame(octets).data[12:] == b"\x01\x13\x03"
    assert bad == []
    assert end == pytest.approx(0.05 + (5 + len(octets)) * 11 / 2400, abs=1e-5)


def test_two_acknowledgements_in_step_look_like_one() -> None:
    assert ask(bus_of(ONE, OTHER), PING)[:2] == (b"\xe5", [])


def test_two_readouts_in_step_are_anded_octet_by_octet() -> None:
    octets, bad, _ = ask(bus_of(ONE, OTHER), READ)
    # 68 12 12 68 08 01 72 are equal; 78 AND 88 = 08 (parities 0 AND 0, wrong), 56 AND 76 = 56 (0 AND 1: right),
    # 34 AND 54 = 14 (1 AND 1, wrong), 12 AND 22 = 02 (0 AND 0, wrong)
    assert octets[:11].hex() == "6812126808017208561402"
    assert bad[:3] == [7, 9, 10]
    assert len(octets) == 24


def test_answers_out_of_step_are_garbage() -> None:
    octets, bad, _ = ask(bus_of(ONE, OTHER._replace(reply_delay_s=0.05 + 3 / 2400)), READ)
    assert bad
    assert b"\x68\x12\x12\x68" not in octets


def test_answers_one_after_the_other_are_both_clean() -> None:
    octets, bad, _ = ask(bus_of(ONE, OTHER._replace(reply_delay_s=0.1)), PING)
    assert (octets, bad) == (b"\xe5\xe5", [])


def test_a_meter_at_another_baud_rate_hears_nothing() -> None:
    bus = bus_of(ONE._replace(baud=300))
    assert ask(bus, PING)[0] == b""
    assert ask(bus, PING, at=1.0, baud=300)[0] == b"\xe5"


def test_baud_switch_is_acknowledged_at_the_old_rate() -> None:
    bus = bus_of(ONE)
    octets, _, now = ask(bus, encode_long(0x73, 1, 0xBD))
    assert octets == b"\xe5"
    assert ask(bus, PING, at=now + 1)[0] == b""
    assert ask(bus, PING, at=now + 2, baud=9600)[0] == b"\xe5"


def test_an_unused_new_rate_is_given_up() -> None:
    bus = bus_of(ONE)
    ask(bus, encode_long(0x73, 1, 0xBD))
    assert ask(bus, PING, at=BAUD_TRIAL_S + 1)[0] == b"\xe5"


@pytest.mark.parametrize(
    "frame", ["1040014216", "1040014117", "68030368730150c517", "68030468730150c416", "ff", "680202687301"]
)
def test_faulty_frames_are_ignored_and_the_next_is_heard_after_33_bits(frame: str) -> None:
    bus = bus_of(ONE)
    now = bus.send(bytes.fromhex(frame), 0.0, 2400)
    assert bus.hear(math.inf, 2400) == []
    assert ask(bus, PING, at=now + 34 / 2400)[0] == b"\xe5"


def test_after_a_fault_the_meters_want_33_idle_bits() -> None:
    bus = bus_of(ONE)
    now = bus.send(b"\xff", 0.0, 2400)
    assert ask(bus, PING, at=now + 20 / 2400)[0] == b""


def test_a_frame_may_come_in_pieces_but_not_with_a_long_pause() -> None:
    bus = bus_of(ONE)
    now = bus.send(PING[:2], 0.0, 2400)
    assert ask(bus, PING[2:], at=now + 0.02)[0] == b"\xe5"
    now = bus.send(PING[:2], 1.0, 2400)
    assert ask(bus, PING[2:], at=now + 0.1)[0] == b""


def test_a_meter_that_is_about_to_answer_does_not_listen() -> None:
    bus = bus_of(ONE._replace(reply_delay_s=0.4))
    now = bus.send(PING, 0.0, 2400)
    bus.send(PING, now + 0.2, 2400)
    assert len(bus.hear(math.inf, 2400)) == 1


def test_echo_repeats_the_masters_octets() -> None:
    octets, bad, _ = ask(bus_of(ONE, faults=Faults(echo=True)), PING)
    assert (octets, bad) == (PING + b"\xe5", [])


def test_a_dead_meter_says_nothing() -> None:
    bus = bus_of(ONE, OTHER, faults=Faults(dead=("12345678",)))
    octets, bad, _ = ask(bus, READ)
    assert bad == []
    assert decode_frame(octets).data[:4].hex() == "88765422"


def test_late_answers() -> None:
    _, _, end = ask(bus_of(ONE, faults=Faults(late=1, late_ms=700)), PING)
    assert end == pytest.approx(0.75 + 66 / 2400)


def test_dropped_octets_are_repeatable() -> None:
    readings = [ask(bus_of(ONE, faults=Faults(drop=0.3, seed=4)), READ)[0] for _ in range(2)]
    assert readings[0] == readings[1]
    assert 0 < len(readings[0]) < 24
    assert ask(bus_of(ONE, faults=Faults(drop=1)), READ)[0] == b""


def test_noise_comes_while_an_answer_is_due_and_is_repeatable() -> None:
    noisy = [bus_of(faults=Faults(noise=1, seed=seed)) for seed in (7, 7, 8)]
    first, same, other = (ask(bus, PING) for bus in noisy)
    assert first == same
    assert first != other
    assert len(first[0]) == 1
    assert first[2] < (55 + 330 + 22) / 2400 + 0.05


def test_unplugged_after_octets() -> None:
    bus = bus_of(ONE, faults=Faults(unplug_after_octets=10))
    assert len(ask(bus, READ)[0]) == 10
    for action in (lambda: bus.hear(9.0, 2400), lambda: bus.send(PING, 9.0, 2400)):
        with pytest.raises(PortError) as caught:
            action()
        assert caught.value.reason is Reason.UNPLUGGED


def test_unplugged_after_requests() -> None:
    bus = bus_of(ONE, faults=Faults(unplug_after_requests=2))
    assert ask(bus, PING, at=0.0)[0] == b"\xe5"
    assert ask(bus, PING, at=1.0)[0] == b"\xe5"
    with pytest.raises(PortError):
        bus.send(PING, 2.0, 2400)
    with pytest.raises(PortError):
        bus.hear(3.0, 2400)

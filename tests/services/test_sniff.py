"""A walk: what becomes of each reception."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.devices.sticks.base import Reception
from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.security.keys import Candidate, FixedKeys, parse_key
from mbuscli.services.heard_meter import HeardMeter
from mbuscli.services.sniff import Heard, Walk
from tests.services.radio import HOP, heard, key, meter, short, volume, with_session
from tests.telegram.samples import KEY as SAMPLE_KEY
from tests.telegram.samples import ccm

NOW = 1_800_000_000.0


def take(walk: Walk, telegram: bytes, at: float = 0.0, rssi_dbm: float | None = -70.0) -> Heard:
    return walk.take(heard(telegram, at, rssi_dbm), NOW + at, "stick")


def only(walk: Walk) -> HeardMeter:
    (found,) = walk.roster.meters.values()
    return found


def test_a_meter_in_clear_is_read() -> None:
    walk = Walk()
    event = take(walk, short(meter(), 1, volume(1234)))
    found = only(walk)
    assert event.meter is found
    assert event.is_new
    assert found.reading is not None
    assert (found.reading.value, found.reading.unit) == (Decimal("1.234"), "m³")
    assert (found.count, found.read, found.key_state, found.need) == (1, True, "not encrypted", "")
    assert (found.best_rssi_dbm, found.port, found.radio_mode) == (-70.0, "stick", "T1")
    later = take(walk, short(meter(), 2, volume(1240)), 16.0, -60.5)
    assert not later.is_new
    assert found.reading.value == Decimal("1.240")
    assert (found.first, found.last) == (NOW, NOW + 16)
    assert (found.rssi_dbm, found.best_rssi_dbm) == (-60.5, -60.5)


def test_key_states_say_what_is_needed() -> None:
    sealed = short(meter(), 1, volume(5), key=key())
    without = Walk()
    take(without, sealed)
    assert (only(without).key_state, only(without).read) == ("key needed", False)
    assert f"keys add {meter()}" in only(without).need
    assert without.counters.unknown == 1
    wrong = Walk(FixedKeys([Candidate("mine", key(2))]))
    take(wrong, sealed)
    assert only(wrong).key_state == "key wrong"
    assert "no key on hand fits" in only(wrong).need
    right = Walk(FixedKeys([Candidate("mine", key())]))
    take(right, sealed)
    assert (only(right).key_state, only(right).key, only(right).read) == ("decrypted", "mine", True)
    assert right.counters.unknown == 0


def test_the_main_reading_belongs_to_the_type_of_the_meter() -> None:
    records = bytes.fromhex("0406A0860100") + volume(77) + bytes.fromhex("441300000000")
    for device_type, quantity in ((0x04, "energy"), (0x07, "volume"), (0x0D, "energy"), (0x02, "energy")):
        walk = Walk()
        take(walk, short(meter(device_type=device_type), 1, records))
        reading = only(walk).reading
        assert reading is not None
        assert reading.quantity == quantity


def test_stored_and_partial_values_are_no_main_reading() -> None:
    walk = Walk()
    take(walk, short(meter(), 1, bytes.fromhex("441301000000841013020000002413030000001413040000000F0102")))
    assert only(walk).reading is None
    assert only(walk).read


def test_the_same_telegram_from_two_sticks_counts_once() -> None:
    walk = Walk()
    telegram = short(meter(), 1, volume(1))
    take(walk, telegram)
    again = walk.take(heard(telegram, 0.02, -50.0), NOW + 0.02, "other")
    assert again.freshness.copy == "duplicate"
    assert (only(walk).count, only(walk).copies, walk.counters.copies) == (1, 1, 1)
    assert only(walk).best_rssi_dbm == -50.0
    # A meter without an access number sends the same octets in its next interval.
    assert take(walk, telegram, 16.0).freshness.copy == ""
    assert only(walk).count == 2


@pytest.mark.parametrize("sealed", [False, True])
def test_a_repeater_sends_the_same_content(sealed: bool) -> None:
    walk = Walk(FixedKeys([Candidate("mine", key())]))
    own = key() if sealed else None
    take(walk, short(meter(), 1, volume(1), key=own), rssi_dbm=-80.0)
    relayed = take(walk, short(meter(), 1, volume(1), key=own, bits=HOP), 20.0, -40.0)
    assert (relayed.freshness.copy, relayed.freshness.relayed) == ("repeater", True)
    assert (only(walk).count, only(walk).relayed, only(walk).best_rssi_dbm) == (1, 1, -80.0)


def test_the_hop_bit_of_the_extended_link_layer() -> None:
    walk = Walk()
    plain, hopped = (bytes((0x8C, cc, 9)) for cc in (0x20, 0x32))
    take(walk, short(meter(), 1, volume(1), ell=plain))
    assert take(walk, short(meter(), 1, volume(1), ell=hopped), 3.0).freshness.copy == "repeater"
    fresh = take(walk, short(meter(), 2, volume(1), ell=bytes((0x8C, 0x32, 10))), 30.0)
    assert (fresh.freshness.copy, fresh.freshness.relayed) == ("", True)


def test_an_access_number_that_goes_back_is_marked_and_not_read() -> None:
    walk = Walk()
    for step in range(10):
        event = take(walk, short(meter(), 250 + step & 0xFF, volume(100 + step)), step * 16.0)
        assert not event.freshness.suspicion
    old = take(walk, short(meter(), 251, volume(101)), 160.0)
    assert "access number 251" in old.freshness.suspicion
    assert (only(walk).suspicions, walk.counters.suspicious) == (1, 1)
    reading = only(walk).reading
    assert reading is not None
    assert reading.value == Decimal("0.109")
    assert not take(walk, short(meter(), 4, volume(110)), 161.0).freshness.suspicion


def test_a_long_silence_may_hide_any_number_of_telegrams() -> None:
    walk = Walk()
    for step in range(10):
        take(walk, short(meter(), step, volume(step)), step * 16.0)
    assert not take(walk, short(meter(), 2, volume(500)), 9 * 16.0 + 256 * 16.0).freshness.suspicion


def test_a_meter_that_counts_at_random_is_not_suspected() -> None:
    walk = Walk()
    numbers = random.Random(5)
    for step in range(300):
        take(walk, short(meter(), numbers.randrange(256), volume(step)), step * 16.0)
    assert walk.counters.suspicious == 0


def test_a_restarted_meter_is_believed_after_a_while() -> None:
    walk = Walk()
    for step in range(10):
        take(walk, short(meter(), 100 + step, volume(step)), step * 16.0)
    marks = [
        bool(take(walk, short(meter(), step, volume(50 + step)), 200.0 + step * 16.0).freshness.suspicion)
        for step in range(20)
    ]
    assert marks == [True] * 8 + [False] * 12


def test_a_session_number_that_goes_back_is_marked() -> None:
    walk = Walk(FixedKeys([Candidate("mine", key())]))
    first = with_session(meter(), 1, 5000 << 4, volume(1), key())
    assert not take(walk, first).freshness.suspicion
    assert not take(walk, with_session(meter(), 2, 5001 << 4, volume(2), key()), 60.0).freshness.suspicion
    again = take(walk, first, 3600.0)
    assert "message counter" in again.freshness.suspicion
    # Who has no key cannot raise the counter.
    assert not take(Walk(), first).freshness.suspicion


def test_a_counter_of_an_earlier_day_is_remembered() -> None:
    def recall(found: HeardMeter) -> None:
        found.history.counter = 6000 << 4

    walk = Walk(FixedKeys([Candidate("mine", key())]), recall=recall)
    assert take(walk, with_session(meter(), 1, 5000 << 4, volume(1), key())).freshness.suspicion


def test_damage_and_noise_are_counted_and_make_no_meter() -> None:
    walk = Walk()
    noise = DecodeError("octets", reason=Reason.GARBAGE)
    crc = DecodeError("bad", reason=Reason.CRC)
    for error in (noise, crc, crc):
        event = walk.take(Reception(b"", 0.0, error=error, raw=b"\x01"), NOW, "stick")
        assert event.error is error
    take(walk, short(meter(), 1, volume(1))[:-2])
    take(walk, b"\x03\x44\x01\x02")
    counters = walk.counters
    assert (counters.noise, counters.damaged, counters.telegrams) == (1, 4, 0)
    assert not walk.roster.meters


def test_a_gateway_is_no_meter() -> None:
    walk = Walk()
    telegram = bytearray(short(meter(), 1, volume(1)))
    telegram[1] = 0x53  # SND_UD
    take(walk, bytes(telegram))
    assert walk.counters.masters == 1
    assert not walk.roster.meters


def test_strangers_push_out_only_the_weakest_strangers() -> None:
    mine = Candidate("mine", key())
    walk = Walk(FixedKeys([mine]), max_strangers=50)
    take(walk, short(meter(1), 1, volume(1), key=key()), 0.0, -110.0)
    for step in range(2):
        take(walk, short(meter(2), step, volume(1)), step * 16.0, -100.0)
    take(walk, short(meter(3), 1, volume(1)), 20.0, -40.0)
    for number in range(5000):
        take(walk, short(meter(1000 + number), 1, volume(1)), 30.0 + number / 100, -90.0)
    kept = {int(address.id) for address in walk.roster.meters}
    assert {1, 2, 3} <= kept
    assert len(kept) == 51
    assert walk.roster.forgotten == 5002 - 50


def test_a_published_key_pins_nobody() -> None:
    from mbuscli.protocol.security.keys import Key

    walk = Walk(max_strangers=10)
    for number in range(100):
        take(walk, short(meter(number), 1, volume(1), key=Key(bytes(16))), number)
    assert len(walk.roster) == 10


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_whatever_is_on_the_air_is_survived(received: list[bytes]) -> None:
    walk = Walk(FixedKeys([Candidate("mine", key())]), max_strangers=5)
    whole = short(meter(), 1, volume(1))
    for at, data in enumerate(received):
        take(walk, data, at)
        take(walk, whole[: len(data)] + data + whole[len(data) :], at)
    assert len(walk.roster) <= 5


def test_only_proved_values() -> None:
    for strict in (False, True):
        walk = Walk(FixedKeys([Candidate("sample", parse_key(SAMPLE_KEY))]), strict=strict)
        for number, count in enumerate((9, 8)):
            heard = walk.take(Reception(bytes.fromhex(ccm(count)), 60.0 * number), 1000.0 + 60 * number)
            assert heard.telegram is not None
            assert heard.telegram.security.replayed is (count == 8)
            assert bool(heard.telegram.records) is (not strict or count == 9)

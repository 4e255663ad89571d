from __future__ import annotations

import pytest

from mbuscli.protocol.wired.fields import ADDRESS_LAST
from mbuscli.protocol.wired.frames import encode_short
from mbuscli.protocol.wired.probe import Probe
from mbuscli.protocol.wired.session import Session
from mbuscli.protocol.wired.timing import timing_for
from tests.protocol.wired.virtual_wire import (
    Fate,
    Slave,
    Wire,
    burst_of,
    cut_off,
    damaged,
    late,
    lost_answer,
    noise_after,
    rsp_ud,
    twice,
    with_parity_error,
)

NKE, REQ = encode_short(0x40, 5), encode_short(0x7B, 5)
E5 = burst_of(b"\xe5")
SILENT = lost_answer


def probe(*fates: Fate | None, slave: Slave | None = None, retries_silent: int = 0) -> tuple[Probe, Wire]:
    wire = Wire(slave or Slave(5), fates=fates)
    return wire.run(Session(timing_for(2400), retries_silent=retries_silent).probe(5)), wire


def test_a_meter_is_identified_by_one_readout() -> None:
    slave = Slave(5)
    found, wire = probe(slave=slave)
    assert (found.state, found.address, found.note) == ("meter", 5, "")
    assert found.frame is not None
    assert found.raw == rsp_ud(5, b"\x01\x13\x05", acc=1)
    assert wire.sent == [NKE, REQ]
    assert slave.readouts == 1


def test_nobody_is_asked_once_only() -> None:
    found, wire = probe(slave=Slave(6))
    assert (found.state, found.frame, found.raw) == ("silent", None, b"")
    assert wire.sent == [NKE]
    found, wire = probe(slave=Slave(6), retries_silent=2)
    assert found.state == "silent"
    assert wire.sent == [NKE] * 3
    found, wire = probe(SILENT, retries_silent=2)
    assert found.state == "meter"
    assert wire.sent == [NKE, NKE, REQ]


@pytest.mark.parametrize(
    "fate", [burst_of(b"\xa5"), burst_of(b"\xe5\xe5"), with_parity_error, burst_of(bytes(9)), twice]
)
def test_garbled_once(fate: Fate) -> None:
    found, wire = probe(fate, SILENT)
    assert (found.state, wire.sent) == ("noise", [NKE, NKE])
    assert found.note
    found, wire = probe(fate, None)
    assert (found.state, wire.sent) == ("meter", [NKE, NKE, REQ])
    found, wire = probe(fate, fate)
    assert (found.state, wire.sent) == ("collision", [NKE, NKE])
    assert found.note
    assert len(found.heard) == 2


def test_two_meters_in_step_look_like_one_e5_but_not_like_one_telegram() -> None:
    for fate in (with_parity_error, damaged, cut_off, twice):
        found, wire = probe(E5, fate, fate)
        assert (found.state, wire.sent) == ("collision", [NKE, REQ, REQ])
        assert found.frame is None
        found, wire = probe(E5, fate)
        assert (found.state, wire.sent) == ("meter", [NKE, REQ, REQ])


def test_stray_octets_are_asked_again() -> None:
    found, wire = probe(None, noise_after)
    assert (found.state, wire.sent) == ("meter", [NKE, REQ, REQ])
    found, wire = probe(None, noise_after, noise_after)
    assert (found.state, found.frame) == ("collision", None)
    assert "stray" in found.note


def test_two_real_meters_on_one_address() -> None:
    wire = Wire(Slave(5, delay_s=0.03), Slave(5, (b"\x01\x13\x06",), delay_s=0.031))
    assert wire.run(Session(timing_for(2400)).probe(5)).state == "collision"


def test_an_acknowledging_meter_without_data() -> None:
    found, wire = probe(None, SILENT, SILENT)
    assert (found.state, found.frame, found.raw) == ("meter", None, b"")
    assert found.note == "it acknowledges, but sends no data"
    assert wire.sent == [NKE, REQ, REQ, NKE]
    found, wire = probe(slave=Slave(5, ()))
    assert (found.state, found.frame, found.note) == ("meter", None, "it has nothing to send")
    assert wire.sent == [NKE, REQ, NKE]


@pytest.mark.parametrize(
    "fates", [(None, damaged, damaged), (None, lost_answer, lost_answer, None), (None, None)]
)
def test_a_command_after_a_probe_is_carried_out(fates: tuple[Fate | None, ...]) -> None:
    slave = Slave(5)
    wire, bus = Wire(slave, fates=fates), Session(timing_for(2400))
    wire.run(bus.probe(5))
    wire.run(bus.send_data(5, 0x50))
    assert slave.commands == [(0x50, b"")]


def test_an_e5_of_noise_is_no_meter() -> None:
    found, wire = probe(E5, slave=Slave(6))
    assert (found.state, wire.sent) == ("noise", [NKE, REQ, REQ, NKE])
    found, _ = probe(E5, SILENT, SILENT, burst_of(b"\xe5\xe5"), slave=Slave(6))
    assert found.state == "collision"


def test_lost_answers_are_asked_for_again() -> None:
    for fates in ((None, SILENT), (None, SILENT, damaged), (None, damaged, SILENT), (None, late)):
        found, _ = probe(*fates)
        assert found.state == "meter"
        assert found.frame is not None


def test_an_answer_of_another_address() -> None:
    other = burst_of(rsp_ud(7, b""))
    assert probe(None, other)[0].state == "meter"
    found, _ = probe(None, other, other)
    assert found.state == "collision"
    assert "address 7" in found.note


def test_a_line_that_is_never_idle_is_noise() -> None:
    wire = Wire(Slave(5))
    wire.put(0.0, bytes(5000))
    found = wire.run(Session(timing_for(2400)).probe(5))
    assert (found.state, found.heard) == ("noise", ())
    assert "idle" in found.note


def test_a_late_e5_does_not_become_the_next_addresss_meter() -> None:
    wire = Wire(Slave(5, delay_s=0.3))
    bus = Session(timing_for(2400))
    states = [wire.run(bus.probe(address)).state for address in range(4, 9)]
    assert "meter" not in states


@pytest.mark.parametrize("delay_s", [0.3, 0.45, 0.6, 0.8, 1.0, 1.2])
def test_late_e5s_of_several_addresses_do_not_make_a_meter(delay_s: float) -> None:
    wire = Wire(*(Slave(address, delay_s=delay_s) for address in (3, 4, 5)))
    bus = Session(timing_for(2400))
    found = [wire.run(bus.probe(address)) for address in range(3, 16)]
    assert "meter" not in [each.state for each in found[3:]]
    assert any(each.is_disturbed for each in found)


def test_what_disturbs_the_line() -> None:
    for fates in ((), (None, None)):
        assert not probe(*fates)[0].is_disturbed
    assert not probe(slave=Slave(6))[0].is_disturbed
    assert not probe(E5, with_parity_error, with_parity_error)[0].is_disturbed
    for fates in ((noise_after,), (None, damaged), (None, SILENT), (E5, SILENT, SILENT, SILENT)):
        assert probe(*fates)[0].is_disturbed


def test_a_scan_takes_the_time_of_the_standard() -> None:
    wire = Wire(Slave(3), Slave(77), Slave(250))
    bus = Session(timing_for(2400, margin_s=0.0))
    found = [wire.run(bus.probe(address)) for address in range(ADDRESS_LAST + 1)]
    assert [item.address for item in found if item.state == "meter"] == [3, 77, 250]
    assert wire.now < 248 * (0.1875 + 5 * 11 / 2400 + 0.014) + 3

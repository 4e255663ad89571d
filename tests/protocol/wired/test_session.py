from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import BusError, NoAnswerError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.frames import encode_long, encode_short
from mbuscli.protocol.wired.reply import Reply, ReplyKind
from mbuscli.protocol.wired.session import MAX_TELEGRAMS, Session
from mbuscli.protocol.wired.timing import octets_s, timing_for
from tests.protocol.wired.virtual_wire import (
    HARMS,
    MORE,
    Fate,
    Slave,
    Wire,
    burst_of,
    damaged,
    dripping,
    lost_answer,
    lost_request,
    more_follows,
    noise_after,
    noise_before,
    rsp_ud,
    with_parity_error,
)

TIMING = timing_for(2400)
THREE = (b"\x01\x13\x01" + MORE, b"\x01\x13\x02" + MORE, b"\x01\x13\x03")
METER = MeterAddress.parse("12345678.KAM.1B.16")


def session(retries: int = 2, retries_silent: int = 0) -> Session:
    return Session(TIMING, retries=retries, retries_silent=retries_silent, more_follows=more_follows)


def payloads(replies: list[Reply]) -> list[bytes]:
    return [reply.frame.data[12:] for reply in replies if reply.frame]


# -- readouts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("chunk", [1, 3, 300])
def test_read_all_telegrams(echo: bool, chunk: int) -> None:
    wire = Wire(Slave(5, THREE), echo=echo)
    wire.chunk = chunk
    replies = wire.run(session().read(5))
    assert payloads(replies) == list(THREE)
    assert {reply.echo for reply in replies} == {echo}
    assert [frame[1] for frame in wire.sent] == [0x40, 0x7B, 0x5B, 0x7B]


def test_a_second_readout_begins_with_the_first_telegram() -> None:
    wire, bus = Wire(Slave(5, THREE)), session()
    assert payloads(wire.run(bus.read(5))) == payloads(wire.run(bus.read(5))) == list(THREE)


def test_read_selected_twice_and_another_meter_between() -> None:
    other = Slave(6, (b"\x01\x13\x09",), meter="87654321.KAM.1B.16")
    wire, bus = Wire(Slave(5, THREE), other), session()
    for _ in range(2):
        assert payloads(wire.run(bus.read_selected(METER))) == list(THREE)
        assert payloads(wire.run(bus.read_selected(MeterAddress("87654321")))) == [b"\x01\x13\x09"]
    selection = encode_long(0x53, 253, 0x52, METER.octets())
    assert wire.sent[:3] == [encode_short(0x40, 253), selection, encode_short(0x7B, 253)]


def test_a_readout_by_address_and_one_by_selection_keep_their_own_bits() -> None:
    slave = Slave(5, (b"\x01\x13\x01",))
    wire, bus = Wire(slave), session()
    wire.run(bus.read(5))
    wire.run(bus.read_selected(METER))
    wire.run(bus.request(5))
    assert slave.readouts == 3
    assert wire.sent[-1] == encode_short(0x5B, 5)


@pytest.mark.parametrize("fate", HARMS)
@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("count", [1, 2])
def test_every_retry_path_reads_every_telegram_once(fate: Fate, position: int, count: int) -> None:
    slave = Slave(5, THREE)
    wire = Wire(slave, fates=[None] * position + [fate] * count)
    assert payloads(wire.run(session().read(5))) == list(THREE)
    assert slave.readouts == 3


@given(st.lists(st.sampled_from([None, *HARMS]), max_size=12), st.booleans(), st.sampled_from([1, 7, 300]))
def test_whatever_happens_the_telegrams_are_right_or_the_read_fails(
    fates: list[Fate | None], echo: bool, chunk: int
) -> None:
    wire = Wire(Slave(5, THREE), echo=echo, fates=fates)
    wire.chunk = chunk
    try:
        found = payloads(wire.run(session().read(5)))
    except (NoAnswerError, BusError) as error:
        found = payloads(list(error.replies))
        failed = True
    else:
        failed = False
    assert found == list(THREE)[: len(found)]
    assert failed or len(found) == 3


@pytest.mark.parametrize("fate", [noise_before, noise_after])
def test_a_few_stray_octets_do_not_spoil_a_good_frame(fate: Fate) -> None:
    wire = Wire(Slave(5), fates=[None, fate])
    (reply,) = wire.run(session().read(5))
    assert reply.stray
    assert len(wire.sent) == 2


def test_a_repeat_keeps_the_bit_and_the_frame() -> None:
    wire = Wire(Slave(5, THREE), fates=[None, None, lost_answer, damaged])
    wire.run(session().read(5))
    assert [frame[1] for frame in wire.sent] == [0x40, 0x7B, 0x5B, 0x5B, 0x5B, 0x7B]


def test_33_idle_bits_before_every_request() -> None:
    wire = Wire(Slave(5, THREE), fates=[damaged, None, lost_answer, noise_after, with_parity_error])
    heard_last = 0.0
    listen = wire._listen

    def watch(until: float) -> object:
        nonlocal heard_last
        heard = listen(until)
        heard_last = heard.now if heard.data else heard_last
        return heard

    wire._listen = watch  # type: ignore[assignment]
    sent: list[float] = []
    send = wire._send

    def watch_send(data: bytes) -> object:
        sent.append(wire.now - heard_last)
        return send(data)

    wire._send = watch_send  # type: ignore[assignment]
    wire.run(session().read(5))
    assert len(sent) == 7
    assert min(sent) >= 33 / 2400 - 1e-9


def test_a_meter_that_is_always_late_is_read_right() -> None:
    wire = Wire(Slave(5, THREE, delay_s=0.3))
    assert payloads(wire.run(session().read(5))) == list(THREE)


def test_a_longer_timeout_reads_a_slow_meter_at_once() -> None:
    wire = Wire(Slave(5, THREE, delay_s=0.9))
    bus = Session(timing_for(2400, timeout_s=1.5), more_follows=more_follows)
    assert payloads(wire.run(bus.read(5))) == list(THREE)
    assert len(wire.sent) == 4


def test_late_octets_of_another_meter_are_dropped_before_a_request() -> None:
    wire = Wire(Slave(5))
    wire.put(0.0, rsp_ud(7, b"\x01\x13\x63"))
    assert payloads(wire.run(session().read(5))) == [b"\x01\x13\x05"]


def test_nothing_to_send() -> None:
    assert Wire(Slave(5, ())).run(session().read(5)) == []
    assert Wire(Slave(5, ())).run(session().request(5)).kind is ReplyKind.ACK


# -- readouts that fail ----------------------------------------------------------------------------------


def test_silence_after_three_tries() -> None:
    wire = Wire(Slave(5))
    with pytest.raises(NoAnswerError) as caught:
        wire.run(session().read(9))
    assert caught.value.name == "bus.no-answer"
    assert "address 9 (3 tries, 238 ms each at 2400 baud)" in caught.value.text
    assert caught.value.hint
    assert len(wire.sent) == 3


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_as_many_retries_as_asked_for(retries: int) -> None:
    wire = Wire()
    with pytest.raises(NoAnswerError):
        wire.run(session(retries).read(5))
    assert len(wire.sent) == retries + 1


@pytest.mark.parametrize(
    ("fate", "name"),
    [
        (damaged, "bus.collision"),
        (with_parity_error, "bus.collision"),
        (burst_of(bytes(20)), "bus.noise"),
        (burst_of(rsp_ud(7, b"")), "bus.wrong-address"),
    ],
)
def test_bad_answers_after_all_tries(fate: Fate, name: str) -> None:
    wire = Wire(Slave(5), fates=[None] + [fate] * 3)
    with pytest.raises(BusError) as caught:
        wire.run(session().read(5))
    assert caught.value.name == name
    assert len(wire.sent) == 4


def test_what_was_heard_outweighs_silence() -> None:
    wire = Wire(Slave(5), fates=[damaged, lost_answer, lost_answer])
    with pytest.raises(BusError):
        wire.run(session().read(5))


def test_one_wrong_address_is_only_a_late_answer() -> None:
    wire = Wire(Slave(5), fates=[None, burst_of(rsp_ud(7, b"\x01\x13\x63"))])
    assert payloads(wire.run(session().read(5))) == [b"\x01\x13\x05"]


def test_253_and_254_accept_any_address() -> None:
    assert payloads(Wire(Slave(5)).run(session().read(254))) == [b"\x01\x13\x05"]
    assert payloads(Wire(Slave(5)).run(session().read_selected(MeterAddress("1234FFFF")))) == [
        b"\x01\x13\x05"
    ]


def test_a_selection_that_nobody_answers() -> None:
    with pytest.raises(NoAnswerError) as caught:
        Wire(Slave(5)).run(session().read_selected(MeterAddress("99999999")))
    assert "meter 99999999 (3 tries" in caught.value.text


def test_a_failure_keeps_what_was_read() -> None:
    wire = Wire(Slave(5, THREE), fates=[None, None, None] + [lost_request] * 3)
    with pytest.raises(NoAnswerError) as caught:
        wire.run(session().read(5))
    assert payloads(list(caught.value.replies)) == list(THREE[:2])


class StuckSlave(Slave):
    """Ignores the frame count bit: the same telegram each time, only the access number counts on."""

    def _do(self, frame: object) -> bytes:
        self._turn = 0
        return super()._do(frame)  # type: ignore[arg-type]


def test_a_meter_that_does_not_advance() -> None:
    wire = Wire(StuckSlave(5, THREE))
    with pytest.raises(BusError) as caught:
        wire.run(session().read(5))
    assert caught.value.name == "bus.endless"
    assert payloads(list(caught.value.replies)) == list(THREE[:1])
    assert len(wire.sent) == 3


def test_a_meter_that_goes_round_in_circles() -> None:
    wire = Wire(Slave(5, THREE[:2]))
    with pytest.raises(BusError) as caught:
        wire.run(session().read(5))
    assert payloads(list(caught.value.replies)) == list(THREE[:2])


def test_a_chain_without_end() -> None:
    wire = Wire(Slave(5, [b"\x02\x13" + index.to_bytes(2, "little") + MORE for index in range(999)]))
    with pytest.raises(BusError) as caught:
        wire.run(session().read(5))
    assert caught.value.name == "bus.endless"
    assert len(caught.value.replies) == MAX_TELEGRAMS == 64


# -- one total deadline ----------------------------------------------------------------------------------


@pytest.mark.parametrize("pause_s", [0.002, 0.02, 0.05, 0.06])
@pytest.mark.parametrize("size", [1, 100, 240])
@pytest.mark.parametrize("start", [b"", b"\x68", b"\x10\x08", b"\x00\x00"])
def test_a_dripping_peer_ends_in_twice_the_budget(pause_s: float, size: int, start: bytes) -> None:
    raw = start + rsp_ud(5, bytes(size))
    budget = TIMING.reply_timeout_s + octets_s(261 if start else len(raw), 2400) + TIMING.gap_s
    wire = Wire(Slave(5), fates=[dripping(raw * 4, pause_s)])
    wire.run(session(retries=0).exchange(encode_short(0x7B, 5)))
    assert wire.now < 2 * budget


def test_small_pauses_inside_a_frame_are_allowed() -> None:
    wire = Wire(Slave(5), fates=[None, dripping(rsp_ud(5, bytes(200)), 0.4 * octets_s(1, 2400))])
    assert wire.run(session().request(5)).kind is ReplyKind.FRAME


def test_a_line_that_is_never_idle() -> None:
    wire = Wire(Slave(5))
    wire.put(0.0, bytes(5000))
    with pytest.raises(BusError) as caught:
        wire.run(session().read(5))
    assert caught.value.name == "bus.noise"
    assert not wire.sent
    assert wire.now < 2.0


def test_endless_noise_in_the_window_is_bounded() -> None:
    wire = Wire(Slave(5), fates=[burst_of(bytes(5000))])
    reply = wire.run(session().exchange(encode_short(0x7B, 5)))
    assert reply.kind is ReplyKind.NOISE
    assert len(reply.raw) <= 2 * 261
    assert wire.now < 3.0


# -- commands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", HARMS)
def test_a_repeated_command_is_carried_out_once(fate: Fate) -> None:
    slave = Slave(5)
    wire, bus = Wire(slave, fates=[None, fate]), session()
    wire.run(bus.reset(5))
    assert wire.run(bus.send_data(5, 0x51, b"\x01\x7a\x08")).kind is ReplyKind.ACK
    wire.run(bus.send_data(5, 0x50))
    assert slave.commands == [(0x51, b"\x01\x7a\x08"), (0x50, b"")]
    assert wire.sent[1] == encode_long(0x73, 5, 0x51, b"\x01\x7a\x08")
    assert wire.sent[-1] == encode_long(0x53, 5, 0x50)


def test_a_command_without_retries() -> None:
    wire = Wire(Slave(5), fates=[None, lost_answer])
    with pytest.raises(NoAnswerError):
        wire.run(session().send_data(5, 0x51, b"\x01\x7a\x08", retries=0))
    assert len(wire.sent) == 2


def test_a_frame_where_e5_is_expected() -> None:
    wire = Wire(Slave(5), fates=[None] + [burst_of(rsp_ud(5, b""))] * 3)
    with pytest.raises(BusError) as caught:
        wire.run(session().send_data(5, 0x51))
    assert caught.value.name == "bus.unexpected"


def test_nobody_answers_a_broadcast() -> None:
    slave = Slave(5)
    wire, bus = Wire(slave), session()
    wire.run(bus.read(5))
    assert wire.run(bus.send_data(255, 0x51, b"\x01\x7a\x08")).kind is ReplyKind.SILENCE
    assert slave.commands == [(0x51, b"\x01\x7a\x08")]
    assert wire.run(bus.reset(255)).kind is ReplyKind.SILENCE
    wire.run(bus.request(5))
    assert slave.readouts == 2


def test_a_bit_of_another_program_does_not_swallow_a_command() -> None:
    slave = Slave(5)
    Wire(slave).run(session().read(5))
    wire = Wire(slave)
    wire.run(session().send_data(5, 0x50))
    assert slave.commands == [(0x50, b"")]
    assert wire.sent == [encode_short(0x40, 5), encode_long(0x73, 5, 0x50)]


def test_a_request_whose_answers_were_lost_does_not_swallow_a_command() -> None:
    slave = Slave(5)
    wire, bus = Wire(slave, fates=[None] + [lost_answer] * 3), session()
    with pytest.raises(NoAnswerError):
        wire.run(bus.request(5))
    wire.run(bus.send_data(5, 0x50))
    assert slave.commands == [(0x50, b"")]


@pytest.mark.parametrize("everybody", [254, 255])
def test_one_memory_for_the_own_address_and_those_of_all_meters(everybody: int) -> None:
    slave = Slave(5)
    wire, bus = Wire(slave), session()
    for address in (5, everybody, 5, 5, everybody, everybody, 5):
        wire.run(bus.send_data(address, 0x50))
    assert len(slave.commands) == 7


def test_reset_and_select_return_silence() -> None:
    wire, bus = Wire(Slave(5)), session()
    assert wire.run(bus.reset(6)).kind is ReplyKind.SILENCE
    assert wire.run(bus.select(MeterAddress("99999999"))).kind is ReplyKind.SILENCE
    assert len(wire.sent) == 2
    assert wire.run(bus.reset(6, retries=1)).kind is ReplyKind.SILENCE
    assert len(wire.sent) == 4

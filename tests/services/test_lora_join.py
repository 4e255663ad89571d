"""Joining with a modem that does as it is told: every way in which it can go, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbuscli.devices.modems.base import (
    Abp,
    Downlink,
    Event,
    Failed,
    FailureCause,
    Identity,
    Joined,
    Joining,
    LinkCheck,
    Remark,
    Sent,
    Settings,
)
from mbuscli.errors import (
    DeviceError,
    KeyProblemError,
    MbuscliError,
    NoAnswerError,
    PortError,
    Reason,
    RefusedError,
    UsageError,
)
from mbuscli.protocol.lorawan.region_table import EU868, US915
from mbuscli.protocol.lorawan.session import SessionKeys
from mbuscli.services.lora_join import plan, run
from mbuscli.services.lora_steps import (
    Accepted,
    Checked,
    Configured,
    Found,
    Heard,
    JoinSent,
    Listened,
    Noted,
    NotJoined,
    NotSent,
    Planned,
    Uplink,
    UplinkSent,
    Waiting,
)
from mbuscli.settings.lora_state import DeviceState, load_state, update_state
from tests.services.fake_modem import (
    DEV_ADDR,
    DEV_EUI,
    JOINS,
    KEY,
    ME,
    FakeModem,
    advice_of,
    go,
    job,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MBUSCLI_STATE_DIR", str(tmp_path))
    return tmp_path


# -- joining ---------------------------------------------------------------------------------------------


def test_a_join_step_by_step() -> None:
    steps, error = go(FakeModem(JOINS), job())
    assert error is None
    assert [type(step) for step in steps] == [Found, Configured, JoinSent, Accepted]
    sent, accepted = steps[2], steps[3]
    assert isinstance(sent, JoinSent)
    assert isinstance(accepted, Accepted)
    assert (sent.number, sent.data_rate, sent.rate, sent.frequency_hz) == (1, 5, "SF7/125", 868_100_000)
    assert 5.06 < sent.rx1_s < 5.07
    assert sent.rx2_s == sent.rx1_s + 1
    assert accepted.dev_addr == DEV_ADDR
    assert 5.0 < accepted.after_s < 5.2
    state = load_state(DEV_EUI)
    assert (state.join_requests, state.dev_addr, state.modem, state.region) == (
        1,
        "26011BDA",
        "Fake 1",
        "EU868",
    )


def test_the_windows_are_counted_down() -> None:
    modem = FakeModem(((0.0, Joining(0)), (7.0, Joined(DEV_ADDR))))
    waits = [step for step in run(modem, "port", job(), ME, modem.now) if isinstance(step, Waiting)]
    left = [(wait.rx1_s, wait.rx2_s) for wait in waits]
    assert len(left) > 20
    assert left == sorted(left, reverse=True)
    # SF12: 1.48 s on air, then five and six seconds.
    assert left[0] == (pytest.approx(6.48, abs=0.01), pytest.approx(7.48, abs=0.01))
    assert left[-1][0] is not None
    assert left[-1][0] < 0


def test_a_modem_that_tells_nothing_of_its_request() -> None:
    steps, _ = go(FakeModem(((5.0, Joined()),)), job())
    sent = [step for step in steps if isinstance(step, JoinSent)]
    assert [(step.number, step.data_rate, step.rx1_s) for step in sent] == [(1, None, 5)]


def test_what_it_tells_a_moment_later_is_the_same_request() -> None:
    steps, _ = go(FakeModem(((0.0, Joining()), (0.5, Joining(5)), (5.0, Joined()))), job())
    assert [step.data_rate for step in steps if isinstance(step, JoinSent)] == [5]


def test_several_requests_are_counted_and_kept() -> None:
    script = ((0.0, Joining(5)), (10.0, Joining(4)), (20.0, Joining(3)), (26.0, Joined()))
    steps, _ = go(FakeModem(script), job())
    assert [step.number for step in steps if isinstance(step, JoinSent)] == [1, 2, 3]
    assert load_state(DEV_EUI).join_requests == 3


def test_the_request_is_on_disk_before_it_goes_out() -> None:
    modem = FakeModem(JOINS)
    seen = []
    start = modem.start_join
    modem.start_join = lambda: (seen.append(load_state(DEV_EUI).join_requests), start())[1]  # type: ignore[method-assign]
    go(modem, job())
    assert seen == [1]


CAUSES: list[tuple[FailureCause, type[MbuscliError], str, str]] = [
    ("no-answer", NoAnswerError, "network.no-answer", "registration"),
    ("denied", RefusedError, "network.refused", "registration"),
    ("bad-accept", KeyProblemError, "security.unauthentic", "keys"),
    ("duty-cycle", RefusedError, "device.duty-cycle", "duty-cycle"),
    ("no-channel", RefusedError, "device.duty-cycle", "channels"),
    ("busy", DeviceError, "device.busy", "busy"),
    ("not-joined", RefusedError, "device.refused", "not-joined"),
    ("parameter", RefusedError, "device.invalid", "modem"),
    ("region", RefusedError, "device.unsupported", "region"),
    ("payload-length", RefusedError, "device.too-long", "payload-length"),
    ("counter", RefusedError, "device.counter", "counter"),
    ("modem", DeviceError, "device.failed", "modem"),
]


@pytest.mark.parametrize(("cause", "kind", "name", "first"), CAUSES, ids=[row[0] for row in CAUSES])
@pytest.mark.parametrize("after_s", [0.0, 7.0])
def test_every_failure(
    cause: FailureCause, kind: type[MbuscliError], name: str, first: str, after_s: float
) -> None:
    modem = FakeModem(((0.0, Joining(5)), (after_s, Failed(cause, "its words", 13.4))))
    steps, error = go(modem, job())
    assert type(error) is kind
    assert error.name == name
    assert "its words" in error.text
    assert isinstance(steps[-1], NotJoined)
    assert advice_of(steps)[0].cause == first
    assert all(advice.tries for advice in advice_of(steps))
    if cause == "duty-cycle":
        assert "wait 13 s" in advice_of(steps)[0].tries[0]


def test_a_modem_that_never_says_how_it_ended() -> None:
    modem = FakeModem(((0.0, Joining(5)),))
    steps, error = go(modem, job(join_s=30.0))
    assert isinstance(error, NoAnswerError)
    assert modem.clock == 130.0
    assert isinstance(steps[-1], NotJoined)
    assert 29.9 < steps[-1].after_s < 30.1


def test_the_modem_is_lost_in_the_middle() -> None:
    modem = FakeModem(JOINS)
    modem.lost_at = 102.0
    steps, error = go(modem, job())
    assert isinstance(error, PortError)
    assert isinstance(steps[-1], JoinSent)


# -- afterwards ------------------------------------------------------------------------------------------


def test_link_check_uplinks_and_downlinks_in_either_order() -> None:
    down = Downlink(7, b"\xca\xfe", -60.0, 9.5)
    first = ((1.5, down), (1.5, Sent(True)), (1.5, LinkCheck(20, 2)))
    second = ((2.0, Sent(True)), (2.5, down))
    uplinks = (Uplink(5, b"\1", True), Uplink(6, b"\2", True))
    modem = FakeModem(JOINS, sends=[first, second])
    steps, error = go(modem, job(uplinks=uplinks, link_check=True))
    assert error is None
    assert modem.said == ["configure", "join", "check", "send 5", "send 6"]
    kinds = [type(step) for step in steps[4:]]
    assert kinds == [Heard, UplinkSent, Checked, UplinkSent, Heard]
    assert [step.downlink for step in steps if isinstance(step, Heard)] == [down, down]


def test_a_link_check_alone_sends_an_uplink_of_its_own() -> None:
    modem = FakeModem(JOINS, sends=[((2.0, Sent()), (2.0, LinkCheck(12, 1)))])
    steps, error = go(modem, job(link_check=True))
    assert error is None
    assert modem.said[-1] == "send 223"
    assert [(step.margin_db, step.gateways) for step in steps if isinstance(step, Checked)] == [(12, 1)]


def test_an_unanswered_link_check() -> None:
    for answer in ((), ((2.0, LinkCheck(None, None)),)):
        steps, error = go(FakeModem(JOINS, sends=[((2.0, Sent()), *answer)]), job(link_check=True))
        assert isinstance(error, NoAnswerError)
        assert [step.gateways for step in steps if isinstance(step, Checked)] == [None]


def test_a_modem_without_link_checks_still_sends() -> None:
    modem = FakeModem(JOINS)
    refusal = RefusedError("no link checks", reason=Reason.UNSUPPORTED, layer="device")

    def refuse() -> list[Event]:
        raise refusal

    modem.start_link_check = refuse  # type: ignore[method-assign]
    steps, error = go(modem, job(link_check=True, uplinks=(Uplink(5, b"\1", False),)))
    assert error is refusal
    assert isinstance(steps[-1], UplinkSent)


def test_an_uplink_without_acknowledgement_does_not_stop_the_next() -> None:
    for lost in (Sent(False), Failed("not-acknowledged", "")):
        uplinks = (Uplink(5, b"\1", True), Uplink(6, b"\2", True))
        steps, error = go(FakeModem(JOINS, sends=[((2.0, lost),)]), job(uplinks=uplinks))
        assert isinstance(error, NoAnswerError)
        assert "port 5" in error.text
        assert [type(step) for step in steps[4:]] == [NotSent, UplinkSent]


def test_too_much_for_the_data_rate_is_not_sent() -> None:
    modem = FakeModem(JOINS)
    steps, error = go(
        modem, job(settings=Settings(US915, 2, data_rate=0), uplinks=(Uplink(5, bytes(12), False),))
    )
    assert isinstance(error, UsageError)
    assert "11 octets" in error.text
    assert modem.said[-1] == "join"
    assert isinstance(steps[-1], Accepted)


def test_listening() -> None:
    script = (*JOINS, (10.0, Downlink(None, b"")), (12.0, Downlink(3, b"\1")), (90.0, Downlink(4, b"")))
    steps, error = go(FakeModem(script), job(listen_s=20.0))
    assert error is None
    assert steps[-1] == Listened(20.0, 2)


def test_other_words_of_the_modem_are_shown() -> None:
    steps, _ = go(FakeModem(((0.0, Joining(1)), (1.0, Remark("hello")), (5.0, Joined()))), job())
    assert Noted("hello") in steps


# -- personalised devices, and sessions that go on -------------------------------------------------------

ABP = Abp(DEV_ADDR, SessionKeys.v1_0(KEY, KEY), 7)


def test_counters_are_on_disk_before_they_are_used() -> None:
    modem = FakeModem(((0.0, Joined()),), sends=[((2.0, Sent()), (2.1, Downlink(1, b""))), ((2.0, Sent()),)])
    uplinks = (Uplink(5, b"\1", False), Uplink(6, b"\2", False))
    steps, error = go(modem, job(ABP, device=DEV_ADDR, uplinks=uplinks))
    assert error is None
    # A downlink may have been acknowledged by an uplink of the modem's own.
    assert [step.f_cnt for step in steps if isinstance(step, UplinkSent)] == [7, 9]
    assert modem.counters == [8, 10]
    assert load_state(DEV_ADDR).f_cnt_up == 10
    assert not any(isinstance(step, JoinSent) for step in steps)


def test_a_counter_behind_is_suspected() -> None:
    fresh = ABP._replace(f_cnt_up=0)
    modem = FakeModem(((0.0, Joined()),), sends=[((2.0, Sent(False)),)])
    steps, _ = go(modem, job(fresh, device=DEV_ADDR, uplinks=(Uplink(5, b"\1", True),)))
    assert [advice.cause for advice in advice_of(steps) if advice.likely] == ["counter"]


def test_going_on_with_a_session() -> None:
    update_state(DEV_EUI, lambda _state: DeviceState(1, "26011BDA", "2026-01-31T10:00", "Fake 1", "EU868", 0))
    modem = FakeModem()
    steps, error = go(modem, job(None, uplinks=(Uplink(5, b"\1", False),)))
    assert error is None
    assert modem.said == ["send 5"]
    assert isinstance(steps[1], Noted)
    assert not steps[1].warning
    assert "26011BDA" in steps[1].text
    other = go(FakeModem(), job(None), Identity("fake", "Fake 2"))[0][1]
    assert isinstance(other, Noted)
    assert other.warning


def test_a_session_that_the_modem_does_not_have() -> None:
    modem = FakeModem(sends=[((0.0, Failed("not-joined", "not_joined")),)])
    steps, error = go(modem, job(None, uplinks=(Uplink(5, b"\1", False),)))
    assert isinstance(error, RefusedError)
    assert advice_of(steps)[0].cause == "not-joined"


# -- what cannot be had ----------------------------------------------------------------------------------


def test_a_class_that_the_modem_cannot_be() -> None:
    modem = FakeModem(JOINS)
    _, error = go(modem, job(settings=Settings(EU868, device_class="B")))
    assert isinstance(error, RefusedError)
    assert error.name == "device.unsupported"
    assert "class B" in error.text
    assert "A, C" in error.hint[0]
    assert modem.said == []


def test_a_plan_sends_nothing() -> None:
    modem = FakeModem(JOINS)
    steps = list(plan(modem, "port", job(), ME))
    assert [type(step) for step in steps] == [Found, Planned]
    assert modem.said == []

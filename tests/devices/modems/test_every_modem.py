"""Every modem joins, talks and listens; simulated ones also through all that goes wrong with lines and networks.

The tests that take a `bench` run on a real modem too, see bench.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mbuscli.devices.modems.base import (
    DeviceClass,
    Downlink,
    Event,
    Failed,
    Joined,
    LinkCheck,
    Sent,
    Settings,
)
from mbuscli.errors import DeviceError, KeyProblemError, PortError, Reason, RefusedError
from mbuscli.protocol.lorawan.region import parse_region
from mbuscli.protocol.lorawan.session import SessionKeys
from mbuscli.protocol.receivers.iu891a import WAKE_UP
from mbuscli.simulator.lora.network import Behaviour
from mbuscli.simulator.modems import opener
from tests.devices.modems.bench import (
    ABP,
    EVERY,
    OTAA,
    SIMULATED,
    Bench,
    driver,
    modem_bench,
    module,
    simulated,
)

NO_LINK_CHECK = ("rak811", "rak811-rui", "la66")
# Of modems that do not tell a failure, or go on by themselves.
LONG_S = 100.0
ALL = {"EU868", "US915", "AU915", "AS923-1", "AS923-2", "AS923-3", "AS923-4", "IN865", "KR920"}


@pytest.fixture(params=EVERY)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = modem_bench(request.param)
    with bench.port:
        yield bench


def downlinks(events: list[Event]) -> list[Downlink]:
    """Those that were queued, without what the fault `between` makes."""
    return [each for each in events if isinstance(each, Downlink) and each.payload == b"\xca\xfe"]


def queue(bench: Bench) -> None:
    assert bench.twin is not None
    session = bench.twin.device.session
    bench.twin.network.queue(session.dev_addr if session else ABP.dev_addr, 7, b"\xca\xfe")


def failure(bench: Bench, events: list[Event]) -> Failed:
    return bench.wait(Failed, events, LONG_S)


# -- also on a real modem --------------------------------------------------------------------------------


def test_who_is_there(bench: Bench) -> None:
    identity = bench.modem.identify()
    assert identity.family == bench.modem.family
    assert identity.model
    assert identity.firmware[-1:].isalnum()


def test_join_and_send(bench: Bench) -> None:
    bench.wait(Joined, bench.join())
    assert bench.wait(Sent, bench.modem.start_send(5, b"\1\2", confirmed=True)).acknowledged is True
    assert bench.wait(Sent, bench.modem.start_send(6, b"\3", confirmed=False)).acknowledged is None
    if bench.twin is not None:
        network = bench.twin.network
        assert [(each.f_port, each.payload, each.confirmed) for each in network.uplinks] == [
            (5, b"\1\2", True),
            (6, b"\3", False),
        ]


def test_link_check(bench: Bench) -> None:
    bench.wait(Joined, bench.join())
    try:
        events = bench.modem.start_link_check()
    except RefusedError as error:
        assert bench.twin is None or bench.modem.family in NO_LINK_CHECK
        assert error.name == "device.unsupported"
        return
    events += bench.modem.start_send(5, b"\1", confirmed=False)
    answer = bench.wait(LinkCheck, events)
    assert answer == (20, 2) or bench.twin is None
    bench.wait(Sent, events)
    events = bench.modem.start_send(5, b"\1", confirmed=False)
    bench.wait(Sent, events)
    assert not [each for each in events + bench.listen(1) if isinstance(each, LinkCheck)], "asked once"


# -- simulated -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIMULATED)
def test_personalised(name: str) -> None:
    bench = simulated(name)
    assert bench.wait(Joined, bench.join(ABP)).dev_addr == ABP.dev_addr
    queue(bench)
    events = bench.modem.start_send(5, b"\1\2", confirmed=True)
    assert bench.wait(Downlink, events)[:2] == (7, b"\xca\xfe")
    assert bench.wait(Sent, events).acknowledged


@pytest.mark.parametrize("name", SIMULATED)
def test_the_address_is_told(name: str) -> None:
    bench = simulated(name)
    joined = bench.wait(Joined, bench.join())
    assert bench.twin is not None
    assert bench.twin.device.session is not None
    assert joined.dev_addr == (None if name == "rak811-rui" else bench.twin.device.session.dev_addr)


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize(
    "faults",
    ["", "between", "receive-first", "noise", "split", "late", "echo", "between,noise,split,late,echo"],
)
@pytest.mark.parametrize("name", SIMULATED)
def test_downlink_through_a_bad_line(name: str, faults: str, window: int) -> None:
    bench = simulated(name, faults, Behaviour(window=window))
    bench.wait(Joined, bench.join())
    for confirmed in (True, False):
        queue(bench)
        events = bench.modem.start_send(5, b"\1\2", confirmed=confirmed)
        assert bench.wait(Sent, events).acknowledged is (confirmed or None)
        events += bench.listen(3)
        assert downlinks(events) == [(7, b"\xca\xfe", -60.0, 9.0)]
        assert not [each for each in events if isinstance(each, Failed)]


@pytest.mark.parametrize("name", SIMULATED)
def test_a_downlink_out_of_turn(name: str) -> None:
    bench = simulated(name)
    bench.wait(Joined, bench.join())
    assert bench.twin is not None
    bench.twin.hear_class_c(9, b"\xbe\xef", bench.port.now() + 1)
    assert bench.wait(Downlink, [])[:2] == (9, b"\xbe\xef")
    assert bench.listen(2) == []


@pytest.mark.parametrize("name", SIMULATED)
@pytest.mark.parametrize(
    ("behaviour", "nonces"),
    [(Behaviour(silent=True), 0), (Behaviour(bad_mic=True), 0), (Behaviour(loss=1.0), 0), (Behaviour(), 3)],
)
def test_a_join_in_vain(name: str, behaviour: Behaviour, nonces: int) -> None:
    bench = simulated(name, behaviour=behaviour)
    assert bench.twin is not None
    opener.use_up_nonces(bench.twin.network, nonces)
    if nonces and name == "la66":
        bench.wait(Joined, bench.join(), LONG_S)  # it tries again by itself
        return
    failed = failure(bench, bench.join())
    heard = name == "la66" and behaviour.bad_mic
    silence = "denied" if bench.modem.family == "rn2483" else "no-answer"
    assert failed.cause == ("bad-accept" if heard else silence)
    assert failed.text
    assert 5 < bench.port.now() < (60 if name == "la66" else 20)
    if nonces:
        assert "was used" in bench.twin.network.log[-1]
        for _ in range(nonces):
            events = bench.modem.start_join()
            bench.wait(Failed if len(bench.twin.network.log) < 2 * nonces + 1 else Joined, events)


@pytest.mark.parametrize("name", SIMULATED)
def test_another_key(name: str) -> None:
    bench = simulated(name)
    wrong = OTAA._replace(app_key=opener.NWK_S_KEY)
    failed = failure(bench, bench.join(wrong))
    assert failed.cause in ("no-answer", "denied")
    assert bench.twin is not None
    assert "wrong MIC" in bench.twin.network.log[-1]


@pytest.mark.parametrize("name", SIMULATED)
def test_no_acknowledgement(name: str) -> None:
    bench = simulated(name)
    bench.wait(Joined, bench.join())
    assert bench.twin is not None
    bench.twin.network.behaviour = Behaviour(silent=True)
    events = bench.modem.start_send(5, b"\1\2", confirmed=True)
    assert failure(bench, events).cause == "not-acknowledged"
    events = bench.modem.start_send(5, b"\1\2", confirmed=False)
    assert bench.wait(Sent, events).acknowledged is None


@pytest.mark.parametrize("name", SIMULATED)
def test_a_link_check_in_vain(name: str) -> None:
    if name in NO_LINK_CHECK:
        pytest.skip("has none")
    bench = simulated(name)
    bench.wait(Joined, bench.join())
    assert bench.twin is not None
    bench.twin.network.behaviour = Behaviour(silent=True)
    events = bench.modem.start_link_check() + bench.modem.start_send(5, b"\1", confirmed=False)
    assert bench.wait(LinkCheck, events) == (None, None)


@pytest.mark.parametrize("name", SIMULATED)
def test_not_joined_and_too_long(name: str) -> None:
    bench = simulated(name)
    bench.modem.configure(bench.settings._replace(data_rate=0), OTAA)
    assert failure(bench, bench.modem.start_send(5, b"\1", confirmed=False)).cause == "not-joined"
    bench.wait(Joined, bench.modem.start_join())
    failed = failure(bench, bench.modem.start_send(5, bytes(200), confirmed=False))
    assert failed.cause == "payload-length"
    assert bench.wait(Sent, bench.modem.start_send(5, b"\1", confirmed=False))


@pytest.mark.parametrize(
    ("fault", "causes"), [("busy", {"busy"}), ("duty", {"duty-cycle", "no-channel", "modem"})]
)
@pytest.mark.parametrize("name", SIMULATED)
def test_refusals_at_once(name: str, fault: str, causes: set[str]) -> None:
    bench = simulated(name, fault)
    failed = failure(bench, bench.join())
    assert failed.cause in causes | ({"busy"} if name == "la66" else set())
    # Those that tell how long.
    wait_s = 13.469 if name in ("rak3172", "lora_e5", "murata_abz", "imst") and fault == "duty" else None
    assert failed.wait_s == wait_s
    assert bench.twin is not None
    assert bench.twin.network.log == []


@pytest.mark.parametrize("name", SIMULATED)
def test_an_uplink_while_another_is_on_its_way(name: str) -> None:
    bench = simulated(name)
    bench.wait(Joined, bench.join())
    bench.modem.start_send(5, b"\1", confirmed=True)
    events = bench.modem.start_send(5, b"\2", confirmed=True)
    assert failure(bench, events).cause in ("busy", "parameter")


@pytest.mark.parametrize("name", SIMULATED)
def test_unplugged_in_a_join(name: str) -> None:
    bench = simulated(name, "unplug-join")
    with pytest.raises(PortError) as caught:
        bench.wait(Joined, bench.join())
    assert caught.value.reason is Reason.UNPLUGGED


@pytest.mark.parametrize("faults", ["mute", "wrong-baud"])
@pytest.mark.parametrize("name", SIMULATED)
def test_nobody_answers(name: str, faults: str) -> None:
    bench = simulated(name, faults)
    with pytest.raises(DeviceError) as caught:
        bench.modem.identify()
    assert caught.value.name == "device.no-answer"
    before = bench.port.now()
    _, loaded = module(SIMULATED[name][0])
    assert loaded.probe(bench.port) is None  # type: ignore[attr-defined]
    assert bench.port.now() - before < 2


@pytest.mark.parametrize("name", SIMULATED)
def test_only_the_family_is_recognised(name: str) -> None:
    family, _ = SIMULATED[name]
    for other, (other_family, _) in SIMULATED.items():
        bench = simulated(other)
        bench.port.set_baud(module(family)[0])
        if bench.twin is not None:
            bench.twin.baud = module(family)[0]
        found = module(family)[1].probe(bench.port)  # type: ignore[attr-defined]
        assert (found is not None) == (other_family == family), other


@pytest.mark.parametrize("name", SIMULATED)
def test_regions(name: str) -> None:
    family, region = SIMULATED[name]
    bench = simulated(name)
    modem = driver(family, bench.port)
    if name == "la66":
        modem.identify()  # its region is that of its firmware
    modem.plan(bench.settings, OTAA)
    with pytest.raises(RefusedError) as caught:
        modem.plan(
            Settings(parse_region("AS923-4" if name != "rak3172" else "EU868")._replace(name="XX1")), OTAA
        )
    assert caught.value.name == "device.unsupported"
    planned = set()
    for each in ALL:
        try:
            modem.plan(Settings(parse_region(each)), OTAA)
            planned.add(each)
        except RefusedError:
            pass
    assert region in planned
    assert planned == ALL or name != "rak3172"


@pytest.mark.parametrize("name", SIMULATED)
def test_what_it_cannot_be(name: str) -> None:
    bench = simulated(name)
    modem = bench.modem
    modem.plan(bench.settings._replace(device_class=modem.classes[-1]), OTAA)
    every: tuple[DeviceClass, ...] = ("A", "B", "C")
    for each in [each for each in every if each not in modem.classes]:
        with pytest.raises(RefusedError, match=f"class {each}"):
            modem.plan(bench.settings._replace(device_class=each), OTAA)
    if modem.family in ("rn2483", "rak3172", "rak811", "lora_e5"):
        with pytest.raises(RefusedError, match=r"1\.1"):
            modem.plan(bench.settings, OTAA._replace(nwk_key=opener.APP_KEY))
    with pytest.raises(KeyProblemError, match="NwkSKey is missing"):
        modem.plan(bench.settings, ABP._replace(keys=SessionKeys.v1_0(None, opener.APP_S_KEY)))


@pytest.mark.parametrize("name", SIMULATED)
def test_keys_are_never_shown(name: str) -> None:
    bench = simulated(name, "echo")
    shown: list[str] = []
    bench.modem.trace = lambda direction, text: shown.append(f"{direction} {text}")  # type: ignore[attr-defined]
    keys = [opener.APP_KEY, opener.NWK_S_KEY, opener.APP_S_KEY]
    for activation in (OTAA, ABP):
        shown += [f"{each.shown} {each.meaning}" for each in bench.modem.plan(bench.settings, activation)]
        events = bench.join(activation)
        bench.wait(Joined, events)
        shown += map(repr, events)
    text = "".join(filter(str.isalnum, "\n".join(shown))).upper()
    assert "APPKEY" in text
    for key in keys:
        assert key.octets.hex().upper() not in text
        assert any(f"<{role}>" in line for line in shown for role in ("AppKey", "NwkSKey"))


@pytest.mark.parametrize("name", SIMULATED)
def test_the_plan_is_what_is_sent(name: str) -> None:
    bench = simulated(name)
    full = bench.settings._replace(data_rate=3, adr=False, device_class="C")
    if full.region.has_sub_bands:
        full = full._replace(sub_band=2)
    bench.modem.identify()
    planned = [each.octets for each in bench.modem.plan(full, OTAA)]
    sent: list[bytes] = []
    write = bench.port.write
    bench.port.write = lambda data: (sent.append(data), write(data))[1]  # type: ignore[method-assign, func-returns-value]
    bench.modem.configure(full, OTAA)
    bench.modem.start_join()
    # Some ask before, or once more behind a noise that wakes them; a class may be changed after the join only.
    if name == "st_at_slave":
        del planned[-1]
    assert b"".join(sent).replace(WAKE_UP, b"").endswith(b"".join(planned))

"""Device and network agree on keys, counters and contents; what is wrong meets silence."""

from __future__ import annotations

import pytest

from mbuscli.protocol.lorawan.join import encode_frequency_list
from mbuscli.protocol.lorawan.session import SessionKeys
from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.device import Device, Session
from mbuscli.simulator.lora.network import Behaviour, Network, Registration

DEV_EUI, JOIN_EUI = bytes.fromhex("0004A30B001A2B3C"), bytes.fromhex("70B3D57ED0000001")
APP_KEY, NWK_KEY = Key(bytes(range(16))), Key(bytes(range(16, 32)))


def pair(*, v1_1: bool = False, behaviour: Behaviour = Behaviour()) -> tuple[Device, Network]:  # noqa: B008
    nwk_key = NWK_KEY if v1_1 else None
    network = Network((Registration(DEV_EUI, JOIN_EUI, APP_KEY, nwk_key),), behaviour=behaviour)
    return Device(DEV_EUI, JOIN_EUI, APP_KEY, nwk_key=nwk_key), network


def joined(*, v1_1: bool = False, behaviour: Behaviour = Behaviour()) -> tuple[Device, Network]:  # noqa: B008
    device, network = pair(v1_1=v1_1, behaviour=behaviour)
    answer = network.hear(device.join_request())
    assert answer is not None
    assert device.accept(answer.raw) is not None
    return device, network


@pytest.mark.parametrize("v1_1", [False, True])
def test_join_and_talk(v1_1: bool) -> None:
    device, network = joined(v1_1=v1_1)
    assert device.session is not None
    network.queue(device.session.dev_addr, 7, b"\xca\xfe")
    for number in range(3):
        answer = network.hear(device.uplink(5, b"hello", confirmed=True, f_opts=b"\x02"))
        assert answer is not None
        received = device.receive(answer.raw)
        assert received is not None
        assert received.ack
        assert b"\x02\x14\x02" in received.commands
        assert received.payload == (b"\xca\xfe" if number == 0 else b"")
    assert [(each.f_cnt, each.payload) for each in network.uplinks] == [(n, b"hello") for n in range(3)]
    assert network.hear(device.uplink(5, b"unconfirmed")) is None


def test_channel_list() -> None:
    cf_list = encode_frequency_list((867_100_000, 867_300_000))
    device, network = pair(behaviour=Behaviour(cf_list=cf_list))
    answer = network.hear(device.join_request())
    assert answer is not None
    accept = device.accept(answer.raw)
    assert accept is not None
    assert accept.cf_list is not None
    assert accept.cf_list.frequencies_hz[:2] == (867_100_000, 867_300_000)


@pytest.mark.parametrize(
    ("device", "log"),
    [
        (Device(DEV_EUI[::-1], JOIN_EUI, APP_KEY), "unknown DevEUI"),
        (Device(DEV_EUI, JOIN_EUI[::-1], APP_KEY), "wrong JoinEUI"),
        (Device(DEV_EUI, JOIN_EUI, NWK_KEY), "wrong MIC"),
    ],
)
def test_wrong_join(device: Device, log: str) -> None:
    _, network = pair()
    assert network.hear(device.join_request()) is None
    assert log in network.log[-1]


def test_a_nonce_is_good_once() -> None:
    device, network = joined()
    device.dev_nonce = 0
    assert network.hear(device.join_request()) is None
    assert "was used" in network.log[-1]
    assert network.hear(device.join_request()) is not None


@pytest.mark.parametrize("v1_1", [False, True])
def test_an_accept_that_is_not_authentic_changes_nothing(v1_1: bool) -> None:
    device, network = pair(v1_1=v1_1, behaviour=Behaviour(bad_mic=True))
    answer = network.hear(device.join_request())
    assert answer is not None
    assert device.accept(answer.raw) is None
    assert device.session is None


def test_replays_are_silent_both_ways() -> None:
    device, network = joined()
    raw = device.uplink(1, b"x", confirmed=True)
    answer = network.hear(raw)
    assert answer is not None
    assert network.hear(raw) is None
    assert device.receive(answer.raw) is not None
    assert device.receive(answer.raw) is None


def test_confirmed_downlink_is_acknowledged_by_the_next_uplink() -> None:
    device, network = joined()
    assert device.session is not None
    network.queue(device.session.dev_addr, 9, b"now", confirmed=True)
    answer = network.hear(device.uplink(1, b"a"))
    assert answer is not None
    received = device.receive(answer.raw)
    assert received is not None
    assert received.confirmed
    device.uplink(1, b"b")
    assert network.hear(device.uplink(1, b"c")) is None


def test_personalised_device() -> None:
    device, network = pair()
    session = Session(bytes.fromhex("00112233"), SessionKeys.v1_0(NWK_KEY, APP_KEY))
    device.activate(session)
    assert network.hear(device.uplink(1, b"x")) is None
    assert "unknown DevAddr" in network.log[-1]
    network.activate(DEV_EUI, session)
    assert network.hear(device.uplink(1, b"x", confirmed=True)) is not None


def test_silence_and_loss() -> None:
    device, network = pair(behaviour=Behaviour(silent=True))
    assert network.hear(device.join_request()) is None
    device, network = pair(behaviour=Behaviour(loss=1.0))
    assert network.hear(device.join_request()) is None
    assert network.log == ["lost on air"]


def test_counter_beyond_16_bits() -> None:
    device, network = joined()
    device.f_cnt_up = 0xFFFF
    for _ in range(3):
        assert network.hear(device.uplink(1, b"x", confirmed=True)) is not None
    assert network.uplinks[-1].f_cnt == 0x10001

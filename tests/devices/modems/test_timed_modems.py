"""ST AT_Slave, Murata ABZ, LA66 and IMST: every error has its own cause, and what only these modems do."""

from __future__ import annotations

import pytest

from mbuscli.devices.modems.base import (
    DeviceClass,
    Downlink,
    Event,
    Failed,
    FailureCause,
    Joined,
    Joining,
    Remark,
    Sent,
    Settings,
)
from mbuscli.errors import RefusedError
from mbuscli.protocol.lorawan.region import parse_region
from mbuscli.protocol.receivers import wimod_lorawan as hci
from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.network import Behaviour, Network, Registration
from mbuscli.simulator.modems import opener
from mbuscli.simulator.modems.faults import ModemFaults
from mbuscli.simulator.port import SimPort
from tests.devices.modems.bench import ABP, OTAA, Bench, driver, module, simulated

MODEM: FailureCause = "modem"
ST: dict[str, FailureCause] = {
    "AT_ERROR": "modem",
    "AT_PARAM_ERROR": "parameter",
    "AT_BUSY_ERROR": "busy",
    "AT_TEST_PARAM_OVERFLOW": "parameter",
    "AT_NO_NETWORK_JOINED": "not-joined",
    "AT_RX_ERROR": "modem",
    "AT_NO_CLASS_B_ENABLE": "parameter",
    "AT_DUTYCYCLE_RESTRICTED": "duty-cycle",
    "AT_CRYPTO_ERROR": "modem",
    "error unknown": "modem",
}
MURATA: dict[int, FailureCause] = dict.fromkeys((1, 4, 6, 8, 9, 10, 11, 13, 14, 20, 50, 51, 99), MODEM) | {
    2: "parameter",
    3: "parameter",
    5: "not-joined",
    7: "busy",
    12: "payload-length",
    15: "region",
    16: "parameter",
    17: "region",
    18: "duty-cycle",
    19: "no-channel",
}
IMST: dict[str, FailureCause] = dict.fromkeys(("01", "02", "04", "09", "7F"), MODEM) | {
    "03": "parameter",
    "05": "not-joined",
    "06": "busy",
    "07": "busy",
    "08": "payload-length",
    "0A": "duty-cycle",
    "0B": "no-channel",
}
LA66: dict[str, FailureCause] = {
    "AT_ERROR": "modem",
    "AT_PARAM_ERROR": "parameter",
    "AT_BUSY_ERROR": "busy",
    "AT_NO_NET_JOINED": "not-joined",
}
ERRORS = [
    *(("st_at_slave", word, word, cause) for word, cause in ST.items()),
    *(("murata_abz", f"-{n}", f"+ERR=-{n}", cause) for n, cause in MURATA.items()),
    *(("imst", status, f"(status {status})", cause) for status, cause in IMST.items()),
    *(("la66", word, word, cause) for word, cause in LA66.items()),
]


def twin_of(bench: Bench, **values: object) -> object:
    assert bench.twin is not None
    for name, value in values.items():
        setattr(bench.twin, name, value)
    return bench.twin


def of_kind(events: list[Event], kind: type) -> list[Event]:
    return [each for each in events if isinstance(each, kind)]


@pytest.mark.parametrize("faults", ["", "between,noise"])
@pytest.mark.parametrize(("name", "refuse", "word", "cause"), ERRORS)
def test_every_error_has_its_cause(
    name: str, refuse: str, word: str, cause: FailureCause, faults: str
) -> None:
    bench = simulated(name, faults)
    bench.modem.configure(bench.settings, OTAA)
    twin_of(bench, refuse=refuse)
    of_join = bench.wait(Failed, bench.modem.start_join())
    assert of_join.cause == cause
    assert word in of_join.text
    bench.wait(Joined, bench.modem.start_join(), 100)
    twin_of(bench, refuse=refuse)
    failed = bench.wait(Failed, bench.modem.start_send(5, b"\1", confirmed=False))
    too_long = name == "st_at_slave" and refuse == "AT_ERROR"
    assert failed.cause == ("payload-length" if too_long else cause)
    assert word in failed.text
    assert failed.wait_s is None or cause == "duty-cycle"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("st_at_slave", "AT_PARAM_ERROR"),
        ("murata_abz", "+ERR=-3"),
        ("la66", "AT_PARAM_ERROR"),
        ("imst", "wrong parameter (data rate)"),
    ],
)
def test_a_refused_setting(name: str, word: str) -> None:
    bench = simulated(name)
    with pytest.raises(RefusedError) as caught:
        bench.modem.configure(bench.settings._replace(data_rate=16), OTAA)
    assert caught.value.name == "device.refused"
    assert word in caught.value.text


@pytest.mark.parametrize("name", ["st_at_slave", "murata_abz", "la66"])
def test_a_counter_that_cannot_be_set_is_told(name: str) -> None:
    bench = simulated(name)
    events = bench.join(ABP._replace(f_cnt_up=40))
    assert "not from 40" in bench.wait(Remark, events).text


# -- ST --------------------------------------------------------------------------------------------------


def test_st_signs_the_join_of_1_0_with_the_key_for_both() -> None:
    other = Key(bytes(range(16)))
    bench = simulated("st_at_slave")
    twin_of(bench, network=Network((Registration(opener.DEV_EUI, opener.JOIN_EUI, other),)))
    bench.wait(Joined, bench.join(OTAA._replace(app_key=other)))
    assert bench.twin is not None
    assert bench.twin.values["NWKKEY"] == bench.twin.values["APPKEY"] == other.octets.hex(":").upper()  # type: ignore[attr-defined]


def test_st_joins_1_1() -> None:
    nwk_key = Key(bytes(range(16)))
    bench = simulated("st_at_slave")
    twin_of(bench, network=opener.default_network(Behaviour(), nwk_key=nwk_key))
    bench.wait(Joined, bench.join(OTAA._replace(nwk_key=nwk_key)))


def test_st_is_started_anew_when_it_is_joined() -> None:
    bench = simulated("st_at_slave")
    bench.wait(Joined, bench.join())
    bench.wait(Joined, bench.join())


@pytest.mark.parametrize(("device_class", "words"), [("C", ""), ("B", "AT_NO_CLASS_B_ENABLE")])
def test_st_changes_its_class_after_the_join(device_class: DeviceClass, words: str) -> None:
    bench = simulated("st_at_slave")
    bench.modem.configure(bench.settings._replace(device_class=device_class), OTAA)
    events = bench.modem.start_join()
    bench.wait(Joined, events)
    events += bench.listen(1)
    assert bench.twin is not None
    assert bench.twin.values["CLASS"] == ("A" if words else device_class)  # type: ignore[attr-defined]
    assert any(words in each.text for each in events if isinstance(each, Remark))


def test_st_explains_a_wrong_port() -> None:
    bench = simulated("st_at_slave")
    bench.wait(Joined, bench.join())
    failed = bench.wait(Failed, bench.modem.start_send(224, b"\1", confirmed=False))
    assert failed.cause == "parameter"
    assert "AT+SEND without the application port" in failed.text


# -- Murata ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"", b"\r\n", b"+EVENT=1,0\r\n\r\n", b"+OK\r", bytes(range(40))])
def test_murata_payloads_may_be_anything(payload: bytes) -> None:
    bench = simulated("murata_abz", "split")
    bench.wait(Joined, bench.join())
    assert bench.twin is not None
    assert bench.twin.device.session is not None
    bench.twin.network.queue(bench.twin.device.session.dev_addr, 7, payload)
    events = bench.modem.start_send(5, payload, confirmed=True)
    assert bench.wait(Sent, events).acknowledged
    assert bench.wait(Downlink, events) == (7, payload, -60, 9)
    assert bench.twin.network.uplinks[-1].payload == payload
    assert not of_kind(events + bench.listen(1), Failed)


def test_murata_is_not_driven_into_its_trap() -> None:
    bench = simulated("murata_abz")
    bench.wait(Joined, bench.join())
    twin = twin_of(bench, faults=ModemFaults(duty=True))
    failed = bench.wait(Failed, bench.modem.start_send(5, b"\1", confirmed=False))
    assert (failed.cause, failed.wait_s) == ("duty-cycle", 13.469)
    bench.listen(5)
    again = bench.wait(Failed, bench.modem.start_send(5, b"\1", confirmed=False))
    assert again.cause == "duty-cycle"
    assert again.wait_s == pytest.approx(8.4, abs=0.2)
    bench.listen(9)
    twin_of(bench, faults=ModemFaults(), blocked=False)
    assert bench.wait(Sent, bench.modem.start_send(5, b"\1", confirmed=False))
    assert twin is bench.twin


def test_murata_that_is_stuck_already() -> None:
    bench = simulated("murata_abz")
    bench.wait(Joined, bench.join())
    twin_of(bench, faults=ModemFaults(duty=True))
    bench.wait(Failed, bench.modem.start_send(5, b"\1", confirmed=False))
    bench.listen(15)
    failed = bench.wait(Failed, bench.modem.start_send(5, b"\1", confirmed=False))
    assert failed.cause == "busy"
    assert "AT+REBOOT" in failed.text


def test_murata_waits_until_it_has_changed_its_region() -> None:
    twin = opener.open_twin("murata_abz", opener.default_network(Behaviour(), "US915"))
    port = SimPort(twin, baud=module("murata_abz")[0])
    bench = Bench(driver("murata_abz", port), port, Settings(parse_region("US915"), sub_band=2), OTAA, twin)
    events = bench.join()
    bench.wait(Joined, events)
    assert twin.values["BAND"] == "8"  # type: ignore[attr-defined]
    assert twin.values["CHMASK"] == "00FF00000000000002000000"  # type: ignore[attr-defined]
    assert [each.text for each in events if isinstance(each, Remark)] == [
        "+EVENT=0,1: the modem has reset its settings",
        "+EVENT=0,0: the modem has started",
    ]


# -- LA66 ------------------------------------------------------------------------------------------------


def test_la66_tells_every_try_and_joins_in_the_end() -> None:
    bench = simulated("la66")
    assert bench.twin is not None
    opener.use_up_nonces(bench.twin.network, 2)
    events = bench.join()
    bench.wait(Joined, events, 60)
    assert of_kind(events, Joining) == [Joining(5, 868_100_000)] * 3


def test_la66_is_polled_where_it_says_nothing() -> None:
    bench = simulated("la66")
    assert bench.twin is not None
    bench.twin._joined = lambda end, at: None  # type: ignore[attr-defined]
    events = bench.join()
    bench.wait(Joined, events, 15)
    assert 10 < bench.port.now() < 12


def test_la66_takes_another_sub_band_by_starting_anew() -> None:
    twin = opener.open_twin("la66", opener.default_network(Behaviour(), "US915"))
    port = SimPort(twin, baud=module("la66")[0])
    bench = Bench(driver("la66", port), port, Settings(parse_region("US915"), sub_band=2), OTAA, twin)
    bench.wait(Joined, bench.join(), 60)
    assert twin.values["CHE"] == "2"  # type: ignore[attr-defined]
    assert "ATZ" in [each.shown for each in bench.modem.plan(bench.settings, OTAA)]


def test_la66_with_firmware_for_another_region() -> None:
    bench = simulated("la66")
    with pytest.raises(RefusedError, match="firmware is for EU868, not for US915") as caught:
        bench.modem.configure(Settings(parse_region("US915")), OTAA)
    assert caught.value.name == "device.unsupported"


# -- IMST ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "cause"), [("tx 02", "not-acknowledged"), ("tx 04", "payload-length"), ("tx 09", "modem")]
)
def test_imst_that_cannot_send(status: str, cause: str) -> None:
    bench = simulated("imst")
    bench.wait(Joined, bench.join())
    twin_of(bench, refuse=status)
    assert bench.wait(Failed, bench.modem.start_send(5, b"\1", confirmed=True)).cause == cause


def test_imst_sets_the_dev_eui_in_customer_mode_only() -> None:
    bench = simulated("imst")
    shown = [each.shown for each in bench.modem.plan(bench.settings, OTAA)]
    assert shown[:3] == ["01 09 03", "10 25 0004A30B001A2B3C", "01 09 00"]
    assert shown[3] == "10 05 70B3D57ED0000001 <AppKey>"
    port = bench.port
    port.write(hci.encode_request(hci.LORAWAN, hci.SET_EUI, bytes(8)))
    assert port.read(port.now() + 1).data == hci.encode_request(hci.LORAWAN, hci.SET_EUI + 1, b"\4")


@pytest.mark.parametrize(
    ("change", "words"),
    [({"sub_band": 2}, "sub-bands"), ({"region": parse_region("KR920")}, "the region KR920")],
)
def test_imst_says_what_it_cannot_do(change: dict[str, object], words: str) -> None:
    bench = simulated("imst")
    with pytest.raises(RefusedError, match=words):
        bench.modem.plan(bench.settings._replace(**change), OTAA)  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match=r"LoRaWAN 1\.1"):
        bench.modem.plan(bench.settings, OTAA._replace(nwk_key=opener.APP_KEY))

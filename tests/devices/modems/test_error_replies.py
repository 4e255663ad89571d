"""Every error reply of every modem ends in its own cause, with the modem's own word in the text."""

from __future__ import annotations

import pytest

from mbuscli.devices.modems.base import Failed, FailureCause, Joined
from mbuscli.errors import RefusedError
from tests.devices.modems.bench import OTAA, simulated

MODEM: FailureCause = "modem"
PARAMETER: FailureCause = "parameter"
RUI: list[tuple[int, FailureCause]] = [
    *[(each, MODEM) for each in (1, 3, 4, 5, 41, 81, 88, 93, 94, 97, 98, 100, 103, 999)],
    *[(each, PARAMETER) for each in (2, 82, 83, 84, 85)],
    (80, "busy"),
    (86, "not-joined"),
    (87, "payload-length"),
    (89, "region"),
    (90, "duty-cycle"),
    (91, "no-channel"),
    (92, "no-channel"),
    (95, "no-answer"),
    (96, "no-answer"),
    (99, "no-answer"),
    (101, "payload-length"),
    (102, "counter"),
    (104, "bad-accept"),
]
# Family, what the modem says, and the cause. Those of a join end a join, all others an uplink.
JOIN: list[tuple[str, str, FailureCause]] = [
    ("rn2483", "invalid_param", "parameter"),
    ("rn2483", "keys_not_init", "parameter"),
    ("rn2483", "no_free_ch", "no-channel"),
    ("rn2483", "silent", "modem"),
    ("rn2483", "busy", "busy"),
    ("rn2483", "mac_paused", "modem"),
    ("rak3172", "AT_ERROR", "modem"),
    ("rak3172", "AT_PARAM_ERROR", "parameter"),
    ("rak3172", "AT_BUSY_ERROR", "busy"),
    ("rak3172", "AT_UNSUPPORTED_BAND", "region"),
    ("rak3172", "AT_MODE_NO_SUPPORT", "modem"),
    ("rak3172", "AT_COMMAND_NOT_FOUND", "modem"),
    ("rak3172", "AT_SOMETHING_NEW", "modem"),
    ("rak3172", "+EVT:JOIN_FAILED_RX_TIMEOUT", "no-answer"),
    ("rak3172", "+EVT:JOIN_FAILED_TX_TIMEOUT", "modem"),
    ("rak3172", "+EVT:JOIN_FAILED_7", "modem"),
    ("rak811", "ERROR-1", "parameter"),
    ("rak811", "ERROR-3", "parameter"),
    ("rak811", "ERROR-4", "parameter"),
    ("rak811", "ERROR-6", "busy"),
    ("rak811", "at+recv=4,0,0", "no-answer"),
    ("rak811", "at+recv=5,0,0", "modem"),
    ("rak811", "at+recv=6,0,0", "no-answer"),
    *[("rak811-rui", f"ERROR: {number}", cause) for number, cause in RUI],
    ("lora_e5", "LoRaWAN modem is busy", "busy"),
    ("lora_e5", "Not in OTAA mode", "parameter"),
    ("lora_e5", "No free channel", "no-channel"),
    ("lora_e5", "No band in 13469ms", "duty-cycle"),
    *(("lora_e5", f"ERROR(-{number})", PARAMETER) for number in (1, 20, 21)),
    *(("lora_e5", f"ERROR(-{number})", MODEM) for number in (10, 11, 12, 22, 23, 24, 99)),
]
UPLINK: list[tuple[str, str, FailureCause]] = [
    ("rn2483", "invalid_param", "parameter"),
    ("rn2483", "not_joined", "not-joined"),
    ("rn2483", "no_free_ch", "no-channel"),
    ("rn2483", "silent", "modem"),
    ("rn2483", "frame_counter_err_rejoin_needed", "counter"),
    ("rn2483", "fram_counter_err_rejoin_needed", "counter"),
    ("rn2483", "busy", "busy"),
    ("rn2483", "mac_paused", "modem"),
    ("rn2483", "invalid_data_len", "payload-length"),
    ("rn2483", "then mac_err", "not-acknowledged"),
    ("rn2483", "then invalid_data_len", "payload-length"),
    ("rn2483", "then radio_err", "modem"),
    ("rak3172", "AT_ERROR", "modem"),
    ("rak3172", "AT_PARAM_ERROR", "payload-length"),
    ("rak3172", "AT_TEST_PARAM_OVERFLOW", "payload-length"),
    ("rak3172", "AT_NO_CLASSB_ENABLE", "modem"),
    ("rak3172", "AT_NO_NETWORK_JOINED", "not-joined"),
    ("rak3172", "AT_RX_ERROR", "modem"),
    ("rak811", "ERROR-1", "parameter"),
    ("rak811", "ERROR-5", "not-joined"),
    ("rak811", "ERROR-6", "busy"),
    *(("rak811", f"ERROR-{number}", MODEM) for number in (2, 7, 8, 11, 12, 20, 77)),
    ("rak811", "ERROR-13", "payload-length"),
    ("rak811", "at+recv=5,0,0", "modem"),
    ("rak811", "at+recv=6,0,0", "not-acknowledged"),
    ("rak811-rui", "ERROR: 86", "not-joined"),
    ("rak811-rui", "ERROR: 95", "not-acknowledged"),
    ("rak811-rui", "ERROR: 96", "not-acknowledged"),
    ("rak811-rui", "ERROR: 87", "payload-length"),
    ("lora_e5", "Please join network first", "not-joined"),
    ("lora_e5", "LoRaWAN modem is busy", "busy"),
    ("lora_e5", "DR error", "parameter"),
    ("lora_e5", "Length error 51", "payload-length"),
    ("lora_e5", "No free channel", "no-channel"),
    ("lora_e5", "No band in 13469ms", "duty-cycle"),
    ("lora_e5", "ERROR(-12)", "modem"),
]


def word_of(said: str) -> str:
    return said.removeprefix("then ").removeprefix("+EVT:")


@pytest.mark.parametrize("faults", ["", "between,noise"])
@pytest.mark.parametrize(("name", "said", "cause"), JOIN)
def test_of_a_join(name: str, said: str, cause: FailureCause, faults: str) -> None:
    bench = simulated(name, faults)
    bench.modem.configure(bench.settings, OTAA)
    assert bench.twin is not None
    bench.twin.refuse = said
    events = bench.modem.start_join()
    failed = bench.wait(Failed, events)
    assert failed.cause == cause
    assert word_of(said) in failed.text
    assert failed.wait_s == (13.469 if "13469" in said else None)
    assert bench.wait(Joined, bench.modem.start_join()), "the next one goes well"


@pytest.mark.parametrize("faults", ["", "between,noise"])
@pytest.mark.parametrize(("name", "said", "cause"), UPLINK)
def test_of_an_uplink(name: str, said: str, cause: FailureCause, faults: str) -> None:
    bench = simulated(name, faults)
    bench.wait(Joined, bench.join())
    assert bench.twin is not None
    bench.twin.refuse = said
    events = bench.modem.start_send(5, b"\1", confirmed=True)
    failed = bench.wait(Failed, events)
    assert failed.cause == cause
    assert word_of(said) in failed.text
    assert len([each for each in events if isinstance(each, Failed)]) == 1


@pytest.mark.parametrize(
    ("name", "data_rate", "word"),
    [
        ("rn2483", 9, "invalid_param"),
        ("rak3172", 9, "AT_PARAM_ERROR"),
        ("rak811", 9, "ERROR-1"),
        ("rak811-rui", 9, "ERROR: 2"),
        ("lora_e5", 9, "ERROR(-1)"),
    ],
)
def test_a_refused_setting(name: str, data_rate: int, word: str) -> None:
    bench = simulated(name)
    with pytest.raises(RefusedError) as caught:
        bench.modem.configure(bench.settings._replace(data_rate=data_rate), OTAA)
    assert caught.value.name == "device.refused"
    assert "data rate" in caught.value.text
    assert word in caught.value.text
    assert any(str(data_rate) in hint for hint in caught.value.hint)


def test_a_mode_changed_by_hand() -> None:
    bench = simulated("lora_e5")
    bench.modem.configure(bench.settings, OTAA)
    assert bench.twin is not None
    bench.twin.values["MODE"] = "TEST"  # type: ignore[attr-defined]
    assert bench.wait(Failed, bench.modem.start_join()).text == "Not in OTAA mode"

"""What only simulated sticks can show: exact telegrams, faults, settings before and after."""

from __future__ import annotations

import json
import random
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.devices.sticks.serial_stick import SerialStick
from mbuscli.errors import DeviceError, PortError
from mbuscli.ports.tap import Tap, Transfer
from mbuscli.simulator.sticks.air import Air
from mbuscli.simulator.sticks.amber import Amb8465Twin
from mbuscli.simulator.sticks.im871a import Im871aTwin
from mbuscli.simulator.sticks.iu891a import Iu891aTwin
from mbuscli.simulator.sticks.rc1180 import Rc1180Twin
from mbuscli.simulator.sticks.twin import StickFaults
from tests.capture.telegrams import TELEGRAMS
from tests.corpus import FOLDER, lines, needs_corpus
from tests.devices.sticks.sticks import SIMULATED, Bench, driver, make_twin, on_twin, simulated
from tests.simulator.sticks.scenarios import TELEGRAM, sending

names = pytest.mark.parametrize("name", SIMULATED)


def heard_by(name: str, telegrams: list[bytes], faults: str = "", interval_s: float = 1.0) -> list[bytes]:
    """What the stick hands over of these telegrams, damage left out."""
    scenario = sending(telegrams, mode=min(SIMULATED[name][1] & {"T1", "N1a"}), interval_s=interval_s)
    bench = on_twin(name, make_twin(name, scenario, StickFaults.parse(faults)))
    bench.stick.listen(bench.wanted)
    heard = bench.hear(len(telegrams) * interval_s + 10)
    return [each.data for each in heard if each.error is None]


@names
@settings(max_examples=20, deadline=None)
@given(st.lists(TELEGRAMS.filter(lambda telegram: telegram[0] < 255), min_size=1, max_size=5))
def test_telegrams_arrive_as_they_were_sent(name: str, telegrams: list[bytes]) -> None:
    assert heard_by(name, telegrams, "split") == telegrams


@names
@needs_corpus
def test_real_telegrams_arrive_as_they_were_sent(name: str) -> None:
    rows = [bytes.fromhex(row["telegram"]) for row in lines("wireless.jsonl") if row["link"] == "wmbus"]
    telegrams = [row for row in rows if len(row) == row[0] + 1]
    assert telegrams, json.dumps(str(FOLDER))
    assert heard_by(name, telegrams) == telegrams


@names
@pytest.mark.parametrize("faults", ["noise", "half", "noise,split,half"])
def test_damage_costs_only_what_was_damaged(name: str, faults: str) -> None:
    telegrams = [TELEGRAM[:11] + bytes((number,)) + TELEGRAM[12:] for number in range(100)]
    heard = heard_by(name, telegrams, faults, interval_s=3.0)
    assert set(heard) <= set(telegrams)
    assert len(heard) == len(set(heard))
    assert len(heard) >= (100 if faults == "noise" else 65)


def test_strength_is_told() -> None:
    for name, expected in (("im871a", -84), ("iu891a", -84), ("amb8465", -84), ("rc1180", -84)):
        bench = on_twin(name, make_twin(name, sending([TELEGRAM])))
        bench.stick.listen(bench.wanted)
        (heard,) = bench.hear(20)
        assert heard.rssi_dbm == expected
        assert 5 < heard.time < 5.1


def test_a_stick_that_tells_no_strength() -> None:
    twin = make_twin("amb8465", sending([TELEGRAM]))
    assert isinstance(twin, Amb8465Twin)
    twin.memory[0x45] = 0
    bench = on_twin("amb8465", twin)
    bench.stick.listen(bench.wanted)
    (heard,) = bench.hear(20)
    assert (heard.data, heard.rssi_dbm) == (TELEGRAM, None)


def test_half_a_telegram_is_reported_when_nothing_follows() -> None:
    for name in ("im871a", "amb8465", "rc1180"):
        twin = make_twin(name, sending([TELEGRAM]))
        bench = on_twin(name, twin)
        bench.stick.listen(bench.wanted)
        whole = twin.frame(twin.air.take(10)[0])
        assert whole is not None
        twin._put(whole[:-5], 20.0)
        (heard,) = bench.hear(30)
        assert heard.error is not None
        assert heard.error.name == "link.too-short"
        assert heard.raw == whole[:-5]


@names
def test_telegrams_between_command_and_answer_are_kept(name: str) -> None:
    telegrams = [TELEGRAM[:11] + bytes((number,)) + TELEGRAM[12:] for number in range(200)]
    mode = min(SIMULATED[name][1] & {"T1", "N1a"})
    twin = make_twin(name, sending(telegrams, mode=mode, phase_s=0.0, interval_s=0.05))
    bench = on_twin(name, twin)
    if isinstance(twin, Amb8465Twin):
        twin.link_mode = next(number for number in (0x09, 0x02) if number)
    bench.stick.identify()
    bench.stick.listen(bench.wanted)
    assert bench.stick.is_alive()
    heard = [each.data for each in bench.hear(20) if each.error is None]
    assert heard == sorted(set(heard), key=telegrams.index)
    # All but those that came while the module was being asked, or was set to another mode.
    lost = len(telegrams) - len(heard)
    assert lost <= (25 if name == "rc1180" else 5), lost
    if name in ("im871a", "iu891a"):
        assert lost == 0


@names
def test_a_telegram_in_front_of_an_answer_is_kept(name: str) -> None:
    scenario = sending([TELEGRAM], mode=min(SIMULATED[name][1] & {"T1", "N1a"}))
    bench = on_twin(name, make_twin(name, scenario, StickFaults(between=True)))
    bench.stick.listen(bench.wanted)
    assert bench.port.now() < 2
    heard = bench.stick.receive(bench.port.now())
    assert heard
    assert {each.data for each in heard} == {TELEGRAM}
    assert {each.rssi_dbm for each in heard} == {-84.0}


SAID = {
    "im871a": ["A5010F00", "A5010500", "A501030600020A300100", "A5010500"],
    "iu891a": [
        "C0" * 30,
        "C001030424C0",
        "C00901D6C9C0",
        "C009030306000000000000000000A176C0",
        "C00901D6C9C0",
    ],
    "amb8465": ["FF0A02008077", "FF0B00F4", "FF040109F3"],
    "rc1180": ["00", "30", "58"],
}


@pytest.mark.parametrize("name", SAID)
def test_what_the_drivers_say_octet_for_octet(name: str) -> None:
    bench = simulated(name)
    said: list[str] = []

    def note(transfer: Transfer) -> None:
        if transfer.direction == "tx":
            said.append(transfer.data.hex().upper())

    stick = driver(bench.family, Tap(bench.port, note))
    stick.listen(bench.wanted)
    assert said == SAID[name]


class Forgetful(Im871aTwin):
    """Says yes to C1 and T1 together, and does not do it."""

    def _configure(self, data: bytes) -> int:
        return 0 if b"\x02\x0a" in data else super()._configure(data)


def test_a_stick_that_only_says_yes_is_not_believed() -> None:
    twin = Forgetful(Air(sending([TELEGRAM])))
    twin.settings["link mode"] = 0
    bench = on_twin("im871a", twin)
    assert bench.stick.listen(frozenset(("C1", "T1"))) == {"T1"}
    assert twin.listening == {"T1"}


@names
def test_a_storm_of_garbage_is_survived(name: str) -> None:
    """100,000 stray octets without a pause: what is held stays small, and telegrams come through again."""
    mode = min(SIMULATED[name][1] & {"T1", "N1a"})
    twin = make_twin(name, sending([TELEGRAM] * 20, mode=mode, phase_s=200.0))
    bench = on_twin(name, twin)
    bench.stick.listen(bench.wanted)
    twin._put(random.Random(1).randbytes(100_000), bench.port.now())
    assert isinstance(bench.stick, SerialStick)
    damage = 0
    while bench.port.now() < 199:
        for each in bench.stick.receive(199):
            damage += len(each.raw)
            assert bench.stick._line.held < 4096
    assert damage > 95_000
    assert [each.data for each in bench.hear(30)] == [TELEGRAM] * 20


def test_settings_are_volatile_and_put_back() -> None:
    twin = make_twin("im871a", sending([TELEGRAM]))
    assert isinstance(twin, Im871aTwin)
    twin.settings |= {"link mode": 0, "RSSI attached": 0, "time stamp attached": 1}
    before = dict(twin.settings)
    bench = on_twin("im871a", twin)
    bench.stick.listen(frozenset(("T1",)))
    assert (twin.listening, twin.settings["RSSI attached"]) == ({"T1"}, 1)
    bench.stick.listen(frozenset(("C1", "T1")))
    bench.stick.restore()
    assert twin.settings == before

    twin_2 = make_twin("iu891a", sending([TELEGRAM]))
    assert isinstance(twin_2, Iu891aTwin)
    configuration = twin_2.configuration._replace(link_mode=0, options=1)
    twin_2.configuration = configuration
    bench = on_twin("iu891a", twin_2)
    bench.stick.listen(frozenset(("C1", "T1")))
    assert twin_2.listening == {"C1", "T1"}
    bench.stick.restore()
    assert twin_2.configuration == configuration

    twin_3 = make_twin("amb8465", sending([TELEGRAM]))
    assert isinstance(twin_3, Amb8465Twin)
    memory = bytes(twin_3.memory)
    bench = on_twin("amb8465", twin_3)
    bench.stick.listen(frozenset(("C1", "T1")))
    bench.stick.restore()
    assert (bytes(twin_3.memory), twin_3.link_mode) == (memory, 0x03)

    twin_4 = make_twin("rc1180", sending([TELEGRAM]))
    assert isinstance(twin_4, Rc1180Twin)
    bench = on_twin("rc1180", twin_4)
    assert bench.stick.listen(frozenset(("T1", "C1"))) == {"T1"}
    assert not twin_4.configuring


@pytest.mark.parametrize("name", ["im871a", "iu891a", "amb8465"])
def test_old_firmware_says_what_it_hears_at_once(name: str) -> None:
    bench = simulated(name, "old-firmware")
    both = frozenset(("C1", "T1"))
    listening = bench.stick.listen(both)
    assert listening in (frozenset(("T1",)), frozenset(("C1",)))
    assert both not in bench.stick.hears
    assert bench.hear(60)


@pytest.mark.parametrize(
    ("wanted", "listening"),
    [("T1", "T1"), ("C1", "C1"), ("S1 T1 C1", "C1 T1"), ("S1", "S1"), ("S1-m", "S1-m"), ("N1a T1", "T1")],
)
def test_the_modes_that_fit_best(wanted: str, listening: str) -> None:
    assert simulated("im871a").stick.listen(frozenset(wanted.split())) == frozenset(listening.split())


@pytest.mark.parametrize(
    ("name", "wanted"), [("im871a", "N1a"), ("im170a", "T1"), ("amb3665", "C1"), ("rc1180", "S1")]
)
def test_a_mode_that_it_cannot_hear_is_refused(name: str, wanted: str) -> None:
    with pytest.raises(DeviceError, match=f"does not hear {wanted}") as caught:
        simulated(name).stick.listen(frozenset((wanted,)))
    assert caught.value.name == "device.unsupported"
    assert "it hears" in caught.value.hint[0]


def silent(name: str, faults: str) -> Bench:
    bench = simulated(name, faults)
    with pytest.raises(DeviceError) as caught:
        bench.stick.identify()
    assert caught.value.name == "device.no-answer"
    assert caught.value.hint
    return bench


@names
@pytest.mark.parametrize("faults", ["mute", "wrong-baud"])
def test_a_silent_stick_is_told(name: str, faults: str) -> None:
    bench = silent(name, faults)
    assert bench.port.now() < (8 if name == "rc1180" else 5)
    assert not bench.stick.is_alive()
    bench.stick.restore()


@names
def test_probing_finds_it_and_nothing_else(name: str) -> None:
    family, _ = SIMULATED[name]
    for asked in ("im871a", "iu891a", "amber", "rc1180"):
        module = import_module(f"mbuscli.devices.sticks.{asked}")
        port = simulated(name).port
        port.set_baud(module.BAUD)
        assert (module.probe(port) is not None) is (asked == family)


@names
def test_a_stick_that_is_pulled_out(name: str) -> None:
    bench = simulated(name, "unplug=30")
    bench.stick.listen(bench.wanted)
    before = bench.hear(25)
    assert len(before) >= 1
    with pytest.raises(PortError, match="unplugged"):
        bench.hear(60)
    bench.stick.restore()


def test_after_57600_baud_the_amber_is_found_all_the_same() -> None:
    bench = simulated("amb8465")
    bench.port.set_baud(57600)
    bench.port.write(bytes.fromhex("A5010F00"))
    bench.port.set_baud(9600)
    assert bench.stick.identify().model == "AMB8465"

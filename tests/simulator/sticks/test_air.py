"""The simulated air: what is sent when, and that it opens with its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mbuscli.errors import InputError
from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.security.keys import Candidate, FixedKeys, parse_key
from mbuscli.protocol.wireless.frame_format import strip_crcs
from mbuscli.simulator.sticks.air import Air, Transmission
from mbuscli.simulator.sticks.radio_scenario import load_radio_scenario, radio_scenario
from mbuscli.telegram import Telegram, decode
from tests.simulator.sticks.scenarios import KEY, TELEGRAM, sending

METER = {
    "id": "12345678",
    "manufacturer": "KAM",
    "version": 0x1B,
    "device_type": 0x16,
    "records": ["0413 = 6.408", "4413 = 6.318"],
    "interval_s": 10,
}
ENCRYPTED = ("mode5", "mode7", "ell")


def air(**options: Any) -> Air:
    return Air(radio_scenario({"meter": [{**METER, **options}]}))


def opened(sent: Transmission, key: str | None = KEY, formats: Formats | None = None) -> Telegram:
    keys = FixedKeys([Candidate("test", parse_key(key))]) if key else None
    return decode(sent.telegram, keys=keys, formats=formats or Formats())


def values(telegram: Telegram) -> list[str]:
    return [str(record.value) for record in telegram.records]


def test_times_follow_phase_and_interval() -> None:
    sky = air(phase_s=3)
    assert [sent.time_s for sent in sky.take(33)] == [3, 13, 23, 33]
    assert sky.next_time() == 43
    assert sky.take(42.9) == []


def test_a_limit_ends_it() -> None:
    sky = Air(sending([TELEGRAM, TELEGRAM]))
    assert [sent.telegram for sent in sky.take(1000)] == [TELEGRAM, TELEGRAM]
    assert sky.next_time() is None


@pytest.mark.parametrize("security", ["none", *ENCRYPTED])
def test_every_security_opens_with_its_key_and_counts_up(security: str) -> None:
    options = {} if security == "none" else {"security": security, "key": KEY}
    sent = air(acc=254, **options).take(30)
    telegrams = [opened(each) for each in sent]
    assert [values(telegram) for telegram in telegrams] == [["6.408", "6.318"]] * 4
    assert all(not telegram.problems for telegram in telegrams)
    assert [telegram.meter for telegram in telegrams] == [telegrams[0].meter] * 4
    assert len({each.telegram for each in sent}) == 4
    place = 12 if security in ("mode7", "ell") else 11
    assert [each.telegram[place] for each in sent] == [254, 255, 0, 1]


@pytest.mark.parametrize("security", ENCRYPTED)
def test_no_security_opens_without_its_key(security: str) -> None:
    (sent, *_) = air(security=security, key=KEY).take(0)
    for key in (None, KEY[::-1]):
        assert opened(sent, key).records == []


@pytest.mark.parametrize("options", [{}, {"security": "ell", "key": KEY}])
def test_compact_frames_are_taught_by_full_ones(options: dict[str, Any]) -> None:
    full, *compact, again = air(full_every=3, **options).take(30)
    formats = Formats()
    assert values(opened(full, formats=formats)) == ["6.408", "6.318"]
    for each in compact:
        assert (b"\x04\x13\x08" in each.telegram, b"\x79" in each.telegram) == (False, not options)
        assert values(opened(each, formats=formats)) == ["6.408", "6.318"]
    assert values(opened(again)) == ["6.408", "6.318"]


@pytest.mark.parametrize("security", ["none", "mode5", "ell"])
def test_a_repeater_marks_its_copy(security: str) -> None:
    options = {} if security == "none" else {"security": security, "key": KEY}
    first, copy = air(repeated_after_s=2.5, repeated_rssi_dbm=-50, rssi_dbm=-90, **options).take(5)
    assert (copy.time_s, copy.rssi_dbm, first.rssi_dbm) == (2.5, -50, -90)
    assert copy.telegram != first.telegram
    assert values(opened(copy)) == values(opened(first))


def test_damage_shows_in_the_crcs() -> None:
    broken = [sent for sent in air(broken=0.5).take(1000) if not sent.intact]
    assert 20 < len(broken) < 80
    for sent in broken:
        assert strip_crcs(sent.on_air, frame_format="A", salvage=True).crc == "bad"
    (sent, *_) = air(frame_format="B").take(0)
    assert strip_crcs(sent.on_air, frame_format="B").telegram == sent.telegram


def test_the_same_scenario_gives_the_same_air() -> None:
    scenario = load_radio_scenario()
    assert Air(scenario).take(300) == Air(scenario).take(300)


def test_the_built_in_scenario_opens_with_the_keys_that_it_tells() -> None:
    formats = Formats()
    keys = FixedKeys([Candidate("told", parse_key(KEY)), Candidate("factory", parse_key("00" * 16))])
    states: dict[str, set[str]] = {}
    for sent in Air(load_radio_scenario()).take(60):
        telegram = decode(sent.telegram, keys=keys, formats=formats)
        assert telegram.meter is not None
        states.setdefault(str(telegram.meter), set()).add(telegram.security.state)
        assert telegram.security.state == "key_wrong" or telegram.records
    assert len(states) == 13
    assert [meter for meter, seen in states.items() if seen == {"key_wrong"}] == ["27001968.ELS.21.03"]


@pytest.mark.parametrize(
    ("meter", "complaint"),
    [
        ({"telegrams": ["1844"]}, "cannot be sent"),
        ({"telegrams": ["zz"]}, "cannot be sent"),
        ({"telegrams": []}, "telegrams"),
        ({**METER, "security": "mode5"}, "key is missing"),
        ({**METER, "security": "mode5", "key": "00" * 8}, "8 bytes"),
        ({**METER, "security": "mode5", "key": "FEEDC0DE"}, "8 hexadecimal digits"),
        ({**METER, "key": KEY}, "for a meter with security"),
        ({**METER, "mode": "Z9"}, "mode"),
        ({**METER, "records": ["0413 = 1"] * 42}, "cannot be sent"),
        ({**METER, "records": ["hex:04130000000004130000"]}, "not one record"),
        ({**METER, "intervall_s": 3}, "unknown key"),
    ],
)
def test_unusable_meters_are_refused(meter: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        radio_scenario({"meter": [meter]})
    assert "FEEDC0DE" not in str(caught.value)


def test_a_scenario_file(tmp_path: Path) -> None:
    path = tmp_path / "air.toml"
    path.write_text(f'[[meter]]\nname = "one"\ntelegrams = ["{TELEGRAM.hex()}"]\n')
    assert load_radio_scenario(str(path)).meters[0].telegrams == (TELEGRAM,)
    with pytest.raises(InputError, match="cannot read"):
        load_radio_scenario(str(tmp_path / "none.toml"))

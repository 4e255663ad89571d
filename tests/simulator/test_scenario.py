"""Scenario files: what they mean, and what is said about mistakes in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mbuscli.errors import InputError
from mbuscli.protocol.wired.frames import decode_frame, encode_short
from mbuscli.simulator.faults import Faults
from mbuscli.simulator.scenario import encode_words, load_scenario, parse_scenario
from mbuscli.simulator.slave import Slave
from mbuscli.telegram import decode

METER = """
[[meter]]
name = "kitchen"
address = 5
id = "12345678"
manufacturer = "KAM"
version = 0x1B
device_type = 0x16
"""


def test_the_built_in_scenario_is_a_believable_house() -> None:
    scenario = load_scenario()
    addresses = Counter(spec.address for spec in scenario.meters)
    assert len(scenario.meters) >= 12
    assert min(addresses) == 0
    assert max(addresses) == 250
    assert sorted(addresses.values())[-2:] == [1, 2]  # one pair collides
    assert any(spec.baud == 300 for spec in scenario.meters)
    assert any(len(spec.telegrams) > 1 for spec in scenario.meters)
    assert any(spec.fixed for spec in scenario.meters)
    assert len({spec.meter for spec in scenario.meters}) == len(scenario.meters)
    assert len({spec.meter[4:6] for spec in scenario.meters}) >= 6
    assert scenario.faults == Faults()


def test_every_built_in_telegram_decodes_without_a_problem() -> None:
    for spec in load_scenario().meters:
        slave = Slave(spec)
        for number in range(len(spec.telegrams)):
            raw = slave.receive(decode_frame(encode_short(0x4B, spec.address)))
            assert raw is not None
            telegram = decode(raw)
            assert telegram.problems == []
            assert telegram.records
            assert all(record.error is None and record.value is not None for record in telegram.records)
            assert telegram.more_follows == (number + 1 < len(spec.telegrams))


def test_a_meter_in_words() -> None:
    text = (
        METER
        + 'baud = 9600\nreply_delay_ms = 40\nstatus = 4\nfabrication = "87654321"\nunknown_ci = "silence"\n'
    )
    spec = parse_scenario(text + 'records = ["0C13 = 1234.567", "046D = 2026-01-31T10:00"]').meters[0]
    assert spec.meter.hex() == "785634122d2c1b16"
    assert (spec.name, spec.address, spec.baud, spec.reply_delay_s, spec.status) == (
        "kitchen",
        5,
        9600,
        0.04,
        4,
    )
    assert (spec.fabrication, spec.unknown_ci_error) == ("87654321", False)
    assert spec.telegrams == ((bytes.fromhex("0c1367452301"), bytes.fromhex("046d002a5f31")),)


def test_several_telegrams_and_the_fixed_structure() -> None:
    assert parse_scenario(METER + 'telegrams = [["0113 = 0.003"], []]').meters[0].telegrams == (
        (b"\x01\x13\x03",),
        (),
    )
    text = (
        METER.replace("0x16", "0x07")
        + "fixed = { unit1 = 0x29, counter1 = 1234, unit2 = 0x3E, counter2 = 56 }"
    )
    assert (parse_scenario(text).meters[0].fixed or b"").hex() == "e97e3412000056000000"
    binary = text.replace("}", ", binary = true, stored = true }")
    assert (parse_scenario(binary).meters[0].fixed or b"").hex() == "e97ed204000038000000"
    assert parse_scenario(binary).meters[0].status == 0x03


def test_faults() -> None:
    text = (
        '[faults]\nnoise = 0.1\necho = true\ndead = ["12345678"]\nunplug_after_octets = 9\nseed = 3\n' + METER
    )
    assert parse_scenario(text).faults == Faults(
        noise=0.1, echo=True, dead=("12345678",), unplug_after_octets=9, seed=3
    )


@pytest.mark.parametrize(
    ("words", "octets"),
    [
        ("0C13 = 1234.567", "0c1367452301"),
        ("046D = 2026-01-31T10:00", "046d002a5f31"),
        ("0DFD11 = text", "0dfd110474786574"),
        ('0DFD11 = "42"', "0dfd11023234"),
        ("0A5A = -4.9", "0a5a49f0"),
        ("0C13", "0c13ffffffff"),
        ("hex: 0C13 67452301", "0c1367452301"),
    ],
)
def test_records_in_words(words: str, octets: str) -> None:
    assert encode_words(words).hex() == octets


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["meter is missing", "[[meter]]"]),
        ("meter = 3", ["meter = 3"]),
        ("x = \n", ["no valid TOML", "line 1"]),
        (METER + "adress = 3", ["meter 1 (kitchen)", "unknown key 'adress'", "did you mean address?"]),
        (METER + "colour = 3", ["unknown key 'colour'", "known are: name, address"]),
        ("[faults]\nnoize = 1\n" + METER, ["faults", "'noize'", "did you mean noise?"]),
        ("[faults]\nnoise = 2\n" + METER, ["noise = 2", "a number 0..1"]),
        ("[faults]\necho = 1\n" + METER, ["echo = 1", "true or false"]),
        ("[faults]\ndead = 1\n" + METER, ["dead = 1", "a list of texts"]),
        ("faults = 1\n" + METER, ["faults = 1", "a table"]),
        (METER.replace("= 5", "= 251"), ["address = 251", "0..250"]),
        (METER.replace("= 5", "= true"), ["address = True", "0..250"]),
        (METER.replace("address = 5", ""), ["address is missing", "0..250"]),
        (METER.replace('"12345678"', "12345678"), ["id = 12345678", "eight digits in quotes"]),
        (METER.replace("12345678", "1234567F"), ["id = '1234567F'"]),
        (METER.replace("KAM", "KAMSTRUP"), ["manufacturer = 'KAMSTRUP'", "three letters"]),
        (METER.replace("KAM", "XYZW"), ["manufacturer = 'XYZW'"]),
        (METER.replace('"KAM"', "1"), ["manufacturer = 1"]),
        (METER.replace("0x1B", "0xFF"), ["version = 255", "0..254"]),
        (METER + "baud = 2401", ["baud = 2401", "one of 300, 600"]),
        (METER + 'unknown_ci = "panic"', ["unknown_ci = 'panic'", '"error", "silence"']),
        (METER + "reply_delay_ms = -1", ["reply_delay_ms = -1"]),
        (METER + 'records = "0C13 = 1"', ["records = '0C13 = 1'", "a list of texts"]),
        (METER + 'records = ["0C13 = abc"]', ["meter 1 (kitchen)", "'0C13 = abc'"]),
        (METER + 'records = ["0C = 1"]', ["'0C = 1'"]),
        (METER + 'records = ["hex:0C1"]', ["'hex:0C1'", "hex:0C1367452301"]),
        (METER + 'records = ["volume = 1"]', ["'volume = 1'"]),
        (METER + "telegrams = []", ["telegrams = []", "one list for each telegram"]),
        (METER + 'records = []\ntelegrams = [["0113 = 1"]]', ["telegrams", "instead of records"]),
        (METER + "records = [" + '"0C13 = 1",' * 41 + "]", ["telegram 1 has 246 bytes", "room for 240"]),
        (METER + "fixed = { unit1 = 1 }", ["device_type = 22", "0..15"]),
        (METER + "records = []\nfixed = { unit1 = 1 }", ["records", "fixed structure"]),
        (METER.replace("0x16", "7") + "fixed = { unit1 = 64 }", ["fixed: unit1 = 64", "0..63"]),
    ],
)
def test_mistakes_are_named(text: str, parts: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse_scenario(text, "house.toml")
    said = "\n".join((caught.value.text, *caught.value.hint))
    assert said.startswith("house.toml")
    for part in parts:
        assert part in said


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "house.toml"
    path.write_text('name = "Häuschen"\n' + METER, encoding="utf-8")
    assert load_scenario(str(path)).name == "Häuschen"
    with pytest.raises(InputError) as caught:
        load_scenario(str(tmp_path / "none.toml"))
    assert caught.value.name == "input.unreadable"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        load_scenario(str(path))
    with pytest.raises(InputError):
        load_scenario(str(tmp_path))

"""Meter payloads in LoRaWAN frames: examples of makers' manuals and of the device repository of TTN."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mbuscli.protocol.lorawan.payloads import Bridge, BridgedTelegram
from mbuscli.protocol.security.keys import parse_key
from mbuscli.services.decrypt import Decoded
from mbuscli.services.readings import readings_of
from mbuscli.telegram.lorawan import LorawanTelegram
from tests.services.lorawan_frames import TEXT_1_0, events, frame, opened
from tests.telegram.samples import SHOWN

ELVACO: dict[str, tuple[str, list[str | None]]] = {
    "000C06526761020C14978999000B2D0000000B3B0000000A5A33060A5E41050C782911036602FD170000": (
        "Elvaco CMi4110, standard",
        ["2616752000", "9989.97", "0", "0.000", "63.3", "54.1", "66031129", "0"],
    ),
    "0504065A2600000414F0140A00022D0B00023B2600025A7B02025E7C010C787135496904FD1700000800": (
        "Elvaco CMi4111, standard",
        ["9818000", "6607.20", "1100", "0.038", "63.5", "38.0", "69493571", "524288"],
    ),
    "1E04068FA10100041384B71E00022BCF0F023B5D00025A1003025E9801077982253269A511400401FD1700": (
        "Elvaco CMi4160, standard",
        ["106895000", "2013.060", "4047", "0.093", "78.4", "40.8", None, "0"],
    ),
}
W1_DAILY = (
    "01AEAC986A0032170000"
    + (sum(delta << 14 * n for n, delta in enumerate((0, 0, 14, 8, 21)))).to_bytes(41, "little").hex()
)
EPOCH = (1_700_000_000).to_bytes(4, "little")
W1_EXTENDED = (
    EPOCH
    + b"\x30"
    + (5000).to_bytes(4, "little")
    + (1_699_996_400).to_bytes(4, "little")
    + (4000).to_bytes(4, "little")
    + b"".join(n.to_bytes(2, "little") for n in range(15))
    + b"\x2f"
)


def of(payload: bytes | str, f_port: int) -> LorawanTelegram:
    octets = bytes.fromhex(payload) if isinstance(payload, str) else payload
    (telegram,) = opened(frame(octets, f_port), text=TEXT_1_0)
    assert telegram.payload == octets
    return telegram


@pytest.mark.parametrize("payload", ELVACO)
def test_elvaco(payload: str) -> None:
    title, expected = ELVACO[payload]
    telegram = of(payload, 2)
    assert telegram.meter_payload.title == title
    values = [record.value for record in telegram.records]
    for value, told in zip(values, expected, strict=True):
        if told is not None:
            assert isinstance(value, int | Decimal)
            assert Decimal(value) == Decimal(told)
    assert of(payload, 3).meter_payload.name != "elvaco_cmi"


def test_elvaco_clock_and_json() -> None:
    assert str(of("FA046D00331837", 2).records[0].value) == "2024-07-24T19:00"
    text = '{"E":12345678,"U":"kWh","ID":87654321}'
    (reading,) = readings_of(of(b"\x02" + text.encode(), 2)).values
    assert reading.value == text


def test_kamstrup_without_header() -> None:
    """Increments backwards in time from the newest value on, one an hour."""
    telegram = of("78446D00331837441303000000" + "4D9313226101" + "00000003" + "00" * 28, 1)
    history = [record for record in telegram.records if record.time is not None]
    assert [(str(each.value), each.time) for each in history[:5]] == [
        ("0.003", "2024-07-24T18:00"),
        ("0.003", "2024-07-24T17:00"),
        ("0.003", "2024-07-24T16:00"),
        ("0.000", "2024-07-24T15:00"),
        ("0.000", "2024-07-24T14:00"),
    ]
    assert len(history) == 32


def test_kamstrup_with_short_header() -> None:
    telegram = of(
        "7A08000000446D002CFD284413C1AA77004D931318620127012201220126012201220121012701220122012701" + "2F", 1
    )
    history = [str(record.value) for record in telegram.records if record.time is not None]
    assert " ".join(history) == (
        "7842.202 7841.912 7841.622 7841.328 7841.038 7840.748 7840.459 7840.164 7839.874 7839.584 7839.289"
    )
    assert telegram.acc == 8


def test_kamstrup_with_long_header() -> None:
    telegram = of("7258578853372C3C16D610080004FF16BF587000", 1)
    assert telegram.meter is not None
    assert telegram.meter.id == "53885758"
    assert telegram.status == 0x10
    assert telegram.records[0].value == 7362751


def test_encrypted_inside_too() -> None:
    """M-Bus security inside needs the meter's key and address, whatever LoRaWAN did."""
    sample = SHOWN["mode_5"]
    octets = bytes.fromhex(sample.telegram)
    sealed = octets[11:]
    long_header = b"\x72" + octets[4:8] + octets[2:4] + octets[8:10] + sealed
    telegram = of(long_header, 1)
    assert telegram.seal.state == "decrypted"
    assert (telegram.security.mode, telegram.security.state) == (5, "key_missing")
    (telegram,) = opened(frame(long_header, 1), text=TEXT_1_0, keys=(parse_key(sample.key or ""),))
    assert telegram.security.state == "decrypted"
    assert telegram.records
    assert of(b"\x7a" + sealed, 1).security.state == "unsupported"


def test_a_ci_octet_alone_makes_no_m_bus() -> None:
    telegram = of("7A0102030405060708", 1)
    assert telegram.meter_payload.name == ""
    assert not telegram.records
    assert not telegram.problems


def test_axioma() -> None:
    daily = {reading.name: reading.value for reading in readings_of(of(W1_DAILY, 100)).values}
    assert daily["time"] == "2026-09-02T23:09:34+00:00"
    assert daily["log_volume_m3"] == Decimal("5.938")
    assert daily["total_m3"] == Decimal("5.981")
    assert str(daily["deltas_l"]).startswith("0,0,14,8,21,0")
    extended = {reading.name: reading.value for reading in readings_of(of(W1_EXTENDED, 100)).values}
    assert extended["status"] == "leakage"
    assert extended["total_m3"] == Decimal("5.000")
    alarm = {reading.name: reading.value for reading in readings_of(of(EPOCH + b"\xa4", 103)).values}
    assert alarm == {"time": "2023-11-14T22:13:20+00:00", "status": "low battery, burst"}


def test_axioma_that_does_not_agree_in_itself_stays_octets() -> None:
    backwards = W1_EXTENDED[:13] + (6000).to_bytes(4, "little") + W1_EXTENDED[17:]
    for payload in (backwards, W1_EXTENDED[:-3] + b"\x2f\x2f\x2f", bytes(48)):
        assert of(payload, 100).meter_payload.name == ""
    assert of(W1_EXTENDED, 99).meter_payload.name == ""


def test_b_meters() -> None:
    readings = {
        reading.name: reading.value for reading in readings_of(of("2C4A2001002201000000000D02", 1)).values
    }
    assert readings["total_m3"] == Decimal("73.802")
    assert readings["reverse_m3"] == Decimal("0.290")
    assert of("2C4A2001002201000001000D02", 1).meter_payload.name == ""


def test_text_and_octets() -> None:
    assert of(b"hello", 5).meter_payload.title == "text"
    unknown = of("CAFE", 7)
    assert unknown.meter_payload.name == ""
    assert unknown.payload == b"\xca\xfe"


# -- Lobaro bridge ---------------------------------------------------------------------------------------

TELEGRAM = bytes.fromhex(SHOWN["mode_5"].telegram)


def bridged(*parts: tuple[bytes, int, int]) -> list[Decoded]:
    found = events(*(frame(payload, port, f_cnt) for payload, port, f_cnt in parts), text=TEXT_1_0)
    assert all(isinstance(event, Decoded) for event in found)
    return [e for e in found if isinstance(e, Decoded) and e.telegram.link.layer != "lorawan"]


def test_parts_by_port() -> None:
    half = len(TELEGRAM) // 2
    (event,) = bridged((TELEGRAM[:half], 12, 4), (TELEGRAM[half:], 22, 5))
    assert event.telegram.received == TELEGRAM
    assert event.telegram.link.layer == "wireless"
    assert event.dialect == "lobaro"


@pytest.mark.parametrize("counters", [(4, 6), (4, 4), (5, 4)])
def test_parts_with_a_gap_are_dropped(counters: tuple[int, int]) -> None:
    assert not bridged((TELEGRAM[:20], 12, counters[0]), (TELEGRAM[20:], 22, counters[1]))


def test_parts_with_a_time() -> None:
    stamp = (1582560026).to_bytes(5, "big")
    (event,) = bridged((b"\x01" + stamp + b"\x47" + TELEGRAM[:9], 102, 1), (b"\x02" + TELEGRAM[9:], 102, 2))
    assert event.time == "2020-02-24T16:00:26+00:00"
    assert event.rssi_dbm == -71
    (event,) = bridged((b"\x03" + stamp + TELEGRAM, 101, 1))
    assert event.rssi_dbm is None


def test_published_example_of_one_part() -> None:
    message = bytes.fromhex("03005e53f31a0102030405060708090a0b0c0d0e0f")
    assert Bridge().add(message, 101, 0) == BridgedTelegram(bytes(range(1, 16)), 1582560026)


def test_other_devices_on_these_ports_are_no_bridges() -> None:
    assert not bridged((b"hello world", 11, 1), (b"\x03\x00\x01", 101, 2), (b"", 102, 3))

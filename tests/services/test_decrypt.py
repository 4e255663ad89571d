"""Telegrams of receivers' logs through all layers, with what the log tells of them."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import Candidate, FixedKeys, parse_key
from mbuscli.protocol.security.sealed import Sealed
from mbuscli.protocol.security.sealing import fill_blocks, seal_payload
from mbuscli.services.decrypt import Decoded, DecryptEvent, Undecodable, decrypt
from mbuscli.services.input import pieces_of_stream
from mbuscli.telegram import Telegram, decode
from tests.capture import telegrams as lines
from tests.capture.telegrams import ISO

KEY = parse_key("000102030405060708090A0B0C0D0E0F")
PLAIN = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")
METER = MeterAddress.parse("33225544.SEN.68.07")


def sealed(*, clear: bool = False) -> bytes:
    """Security mode 5; `clear`: as a receiver writes it that has decrypted it already."""
    body = fill_blocks(PLAIN[15:])
    octets = METER.octets()
    configuration = 0x0500 | len(body) // 16 << 4
    if not clear:
        body = seal_payload(Sealed(configuration, body, lla=octets, acc=0x55), KEY)
    header = PLAIN[1:10] + b"\x7a\x55\x00" + configuration.to_bytes(2, "little")
    return bytes((len(header) + len(body),)) + header + body


def events(*rows: str, keyed: bool = True, received_on: date | None = None) -> list[DecryptEvent]:
    pieces = pieces_of_stream(io.BytesIO("\n".join(rows).encode()), "log")
    return list(
        decrypt(pieces, keys=FixedKeys([Candidate("mine", KEY)]) if keyed else None, received_on=received_on)
    )


def one(row: str, *, keyed: bool = True) -> Decoded:
    (event,) = events(row, keyed=keyed)
    assert isinstance(event, Decoded)
    return event


ROWS = [
    sealed().hex(),
    lines.rtl_wmbus(sealed()),
    lines.rtl_433_json(sealed(), "T"),
    lines.wmbusmeters(sealed()),
    lines.cul(sealed(), "A"),
    lines.cul(sealed(), "B"),
    lines.im871a(sealed(), stamp=True, rssi=76, crc=True).hex(),
    lines.amber(sealed(), None).hex(),
    lines.amber(sealed(), 0x12).hex(),
]


@pytest.mark.parametrize("row", ROWS)
def test_every_format_opens(row: str) -> None:
    telegram = one(row).telegram
    assert (telegram.meter, telegram.security.state) == (METER, "decrypted")
    assert not telegram.problems
    assert [str(record.value) for record in telegram.records][:2] == ["123.529", "0.000"]


def test_a_payload_that_wmbusmeters_has_decrypted() -> None:
    telegram = one(lines.wmbusmeters(sealed(clear=True)), keyed=False).telegram
    assert not telegram.is_damaged
    assert str(telegram.records[0].value) == "123.529"


def test_what_the_line_tells_stays_with_the_telegram() -> None:
    event = one(lines.rtl_wmbus(PLAIN))
    assert (event.time, event.rssi_dbm, event.mode, event.dialect, event.line) == (
        ISO,
        -71.0,
        "T1",
        "rtl_wmbus",
        1,
    )


@pytest.mark.parametrize("telegram", [PLAIN, sealed()])
def test_the_rssi_behind_a_telegram_of_an_amber_stick(telegram: bytes) -> None:
    for keyed in (True, False):
        for rssi, dbm in ((None, None), (0x12, -65.0), (0xA0, -122.0)):
            event = one(lines.amber(telegram, rssi).hex(), keyed=keyed)
            assert (event.telegram.raw, event.rssi_dbm) == (telegram, dbm)


def test_one_telegram_tells_the_setting_of_the_amber_stick() -> None:
    # Manufacturer data may end with any byte.
    body = PLAIN[1:10] + bytes.fromhex("780F010203040506")
    open_end = bytes((len(body),)) + body
    rows = [lines.amber(data, 0x12).hex() for data in (open_end, PLAIN, open_end)]
    found = [event for event in events(*rows) if isinstance(event, Decoded)]
    assert [event.rssi_dbm for event in found] == [None, -65.0, -65.0]
    assert [[problem.text[:13] for problem in event.telegram.problems] for event in found] == [
        ["the last byte"],
        [],
        [],
    ]
    assert found[2].telegram.raw == open_end


def test_damage_is_told_by_line() -> None:
    found = events(
        "words", PLAIN.hex(), lines.rtl_wmbus(PLAIN, crc_ok=0), lines.cul(PLAIN, "A")[:-9], PLAIN.hex()
    )
    assert [event.line for event in found] == [1, 2, 3, 4, 5]
    assert [type(event) for event in found] == [Undecodable, Decoded, Undecodable, Undecodable, Decoded]


def test_a_damaged_radio_telegram_is_not_taken_for_anything_else() -> None:
    line = lines.cul(PLAIN, "A")
    (event,) = events(line[:31] + ("0" if line[31] != "0" else "1") + line[32:])
    assert isinstance(event, Decoded)
    assert [problem.reason.value for problem in event.telegram.problems] == ["crc"]
    assert not event.telegram.records


def test_fragments_within_their_time() -> None:
    def fragment(number: int, body: bytes, *, more: bool) -> bytes:
        afl = bytes((0x90, 2)) + (number | 0x4000 * more).to_bytes(2, "little")
        data = PLAIN[1:10] + afl + body
        return bytes((len(data),)) + data

    message = PLAIN[10:]
    halves = [fragment(1, message[:9], more=True), fragment(2, message[9:], more=False)]
    rows = [
        lines.rtl_wmbus(half).replace("10:00", clock)
        for half, clock in zip(halves, ("10:00", "10:00"), strict=True)
    ]
    found = [event.telegram for event in events(*rows) if isinstance(event, Decoded)]
    assert [len(telegram.records) for telegram in found] == [0, 2]
    late = [rows[0], rows[1].replace("10:00", "11:00")]
    found = [event.telegram for event in events(*late) if isinstance(event, Decoded)]
    assert [len(telegram.records) for telegram in found] == [0, 0]


def test_the_day_of_reception(monkeypatch: pytest.MonkeyPatch) -> None:
    days = []

    def noting(data: bytes, **options: Any) -> Telegram:
        days.append(options["received_on"])
        return decode(data, **options)

    monkeypatch.setattr("mbuscli.services.decrypt.decode", noting)
    events(lines.rtl_wmbus(PLAIN), PLAIN.hex(), received_on=date(2025, 12, 24))
    assert days == [date(2026, 1, 31), date(2025, 12, 24)]

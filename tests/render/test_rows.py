"""The public schema."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mbuscli.errors import UsageError
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.render.columns import SCAN_COLUMNS, TELEGRAM_COLUMNS, choose
from mbuscli.render.rows import Origin, scan_row, telegram_row
from mbuscli.telegram import decode

HEADER = bytes.fromhex("785634122D2C1B162A040000")
ROW_KEYS = [
    "schema", "event", "time", "raw", "port", "link", "meter", "acc", "status", "security", "records",
    "driver", "readings", "problems",
]  # fmt: skip


def test_a_telegram() -> None:
    telegram = decode(encode_long(0x08, 5, 0x72, HEADER + bytes.fromhex("0C1367452301")))
    row = telegram_row(telegram, Origin("2026-01-31T10:00:00.123+01:00", "sim:"))
    assert list(row) == ROW_KEYS
    assert row["link"] == {"layer": "wired", "c_field": 8, "a_field": 5, "ci_field": 0x72, "checksum": "ok"}
    assert row["meter"] == {
        "address": "12345678.KAM.1B.16",
        "id": "12345678",
        "manufacturer": "KAM",
        "version": 27,
        "device_type": 22,
        "device_type_name": "cold water",
        "primary_address": 5,
    }
    assert row["status"] == {"raw": 4, "flags": ["power low"]}
    assert row["security"] == {"mode": 0, "state": "none", "key": None, "checks": [], "proof": "none"}
    assert row["records"] == [
        {
            "offset": 19,
            "header": "0C13",
            "raw": "67452301",
            "function": "instantaneous",
            "storage": 0,
            "tariff": 0,
            "subunit": 0,
            "quantity": "volume",
            "value": Decimal("1234.567"),
            "unit": "m³",
            "qualifiers": [],
            "error": None,
        }
    ]


def test_an_application_error_and_an_alarm() -> None:
    refused = telegram_row(decode(encode_long(0x08, 5, 0x70, b"\x08")))
    assert refused["application_error"]["code"] == 8
    assert telegram_row(decode(encode_long(0x08, 5, 0x71, b"\x05")))["alarm"] == 5


def test_fixed_data_claims_no_more_than_it_says() -> None:
    fixed = bytes.fromhex("78563412 0A 01 E9 7E 01000000 35010000".replace(" ", ""))
    row = telegram_row(decode(encode_long(0x08, 5, 0x73, fixed)))
    assert row["meter"]["id"] == "12345678"
    assert row["meter"]["manufacturer"] is row["meter"]["version"] is row["meter"]["device_type"] is None
    assert row["status"]["flags"] == []


def test_every_column_can_be_had() -> None:
    telegram = telegram_row(decode(encode_long(0x08, 5, 0x72, HEADER + bytes.fromhex("0C1367452301"))))
    cells = {name: column.get(telegram, telegram["records"][0]) for name, column in TELEGRAM_COLUMNS.items()}
    assert (cells["address"], cells["value"], cells["data"]) == (
        "12345678.KAM.1B.16",
        Decimal("1234.567"),
        "67452301",
    )
    hit = scan_row(7, "collision", None, "why")
    assert {
        name: column.get(hit, {}) for name, column in SCAN_COLUMNS.items() if column.get(hit, {}) is not None
    } == {
        "address": 7,
        "state": "collision",
        "note": "why",
    }


def test_a_misspelt_column_is_named_with_its_neighbour() -> None:
    assert choose(TELEGRAM_COLUMNS, "value, unit") == ("value", "unit")
    with pytest.raises(UsageError) as caught:
        choose(TELEGRAM_COLUMNS, "value,unnit")
    assert "did you mean unit?" in caught.value.hint
    with pytest.raises(UsageError):
        choose(TELEGRAM_COLUMNS, " , ")
